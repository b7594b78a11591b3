"""What must be true once all has calmed down: everything stored once, everybody served, all monitors of one mind."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

from gridws.storage.rows import Repair
from gridws.words import Outcome

from .grid import Grid
from .monitors import Process
from .replay import digest
from .schedule import HOPELESS
from .tables import LINKS_OF_WRITER
from .turbines import HoppingTurbine

COMPARE_EVERY = 15.0
"""Seconds between two comparisons of open rows with the pool: a minute would be the longest part of a story."""
PATIENCE = 400.0
"""Seconds: the longest delays in a row: superseded 60, silence 60, no answer 40, 30 between tries, repairs."""
STORED_WITHIN = 5.0
"""Seconds from a measurement to the tables when all is well."""
COMPARED_WITHIN = 3 * COMPARE_EVERY
"""Seconds after which rows that are open without need have their ends."""


async def compare_replicas(grid: Grid) -> None:
    """See for ever that each monitor has the state that follows from the log up to where it is."""
    seen: dict[Process, int] = {}
    while True:
        await asyncio.sleep(0.5)
        for process in grid.alive:
            replica = process.replica
            if replica is None or seen.get(process) == replica.position:
                continue
            seen[process] = replica.position
            if digest(replica) != grid.log.digests.get(replica.position):
                grid.witness.wrong(f"monitor {process.place} has another state at {replica.position}")


async def settle(grid: Grid) -> None:
    """Wait until nothing is open any more; complain about what stays open."""
    calm_since = grid.universe.now
    agreed: set[tuple[Process, HoppingTurbine]] = set()
    while not grid.witness.failures:
        await asyncio.sleep(1.0)
        agreed |= {(p, t) for p in grid.alive for t in grid.turbines if _agree(p, t)}
        open_points = list(_open_points(grid, calm_since, agreed))
        passed = grid.universe.now - calm_since
        if not open_points and passed > COMPARED_WITHIN:
            return
        if passed > PATIENCE:
            for sentence in open_points:
                grid.witness.wrong(f"{sentence} after {PATIENCE:g} s of calm")


def _agree(process: Process, turbine: HoppingTurbine) -> bool:
    entry = process.monitor.fleet_state.get(turbine.turbine_number)
    return entry is not None and entry.online and entry.status is turbine.operational_status


def _open_points(grid: Grid, calm_since: float, agreed: set[tuple[Process, HoppingTurbine]]) -> Iterator[str]:
    for turbine in grid.turbines:
        number, dropped = turbine.turbine_number, turbine.uplink.backlog.dropped
        missing = _missing(grid, turbine, grid.universe.now - STORED_WITHIN)
        if missing > dropped:
            yield f"{missing} readings of turbine {number} are not stored, {dropped} dropped"
        hopeless = turbine.time_to_repair_in_seconds == HOPELESS > grid.settings.repair_timeout
        if turbine.last_ok_at < calm_since and not hopeless:
            yield f"turbine {number} was not repaired"
        for process in grid.alive:
            if (process, turbine) not in agreed:
                yield f"monitor {process.place} is never right about turbine {number}"
    for process in grid.alive:
        yield from _left_over(grid, process)
    yield from _members(grid)
    open_rows = {row.id for row in grid.tables.store.repair_rows.values() if row.outcome is None}
    yield from (f"repair {id_} is over, and its row is open" for id_ in open_rows & grid.log.released.keys())


def _left_over(grid: Grid, process: Process) -> Iterator[str]:
    monitor = process.monitor
    if monitor.queue.degraded or monitor.undispatched:
        yield f"monitor {process.place} says {monitor.queue.degraded or monitor.undispatched}"
    for session in monitor.sessions.values():
        if session.stream is not None and session.stream.stalled:
            yield f"the stream of turbine {session.turbine_number} is stalled"
    if len(process.port._pending) > len(grid.turbines):
        yield f"{len(process.port._pending)} events wait at monitor {process.place}"


def _members(grid: Grid) -> Iterator[str]:
    replica = grid.log.replica
    members = set(replica.members) if replica else set()
    if members != {process.member for process in grid.alive}:
        yield f"the pool has the members {members}"


def _missing(grid: Grid, turbine: HoppingTurbine, before: float) -> int:
    return sum(at < before and not grid.tables.stored[identity] for at, identity, _ in turbine.taken)


def judge(grid: Grid) -> None:
    """Judge what is in the tables after the last monitor ended cleanly."""
    for sentence in [*_readings(grid), *_repairs(grid), *_ends(grid)]:
        grid.witness.wrong(sentence)


def _readings(grid: Grid) -> Iterator[str]:
    rows = {(row.turbine_number, row.wind_speed): row for row in grid.tables.store.kept}
    for turbine in [*grid.turbines, *grid.retired]:
        for at, identity, status in turbine.taken:
            count = grid.tables.stored[identity]
            if count > 1:
                yield f"reading {identity} of {at:.3f} s is stored {count} times"
            row = rows.get(identity)
            if row is not None and row.operational_status != status.value:
                yield f"reading {identity} of {at:.3f} s is stored with other values: {row}"


def _repairs(grid: Grid) -> Iterator[str]:
    rows = grid.tables.store.repair_rows
    for id_ in grid.witness.assigned.keys() - rows.keys():
        if grid.witness.sent_by[id_].handle.complete:  # else it could not write all that it had to
            yield f"assignment {id_} was seen at a turbine and has no row"
    for row in rows.values():
        assignment, release = grid.log.assigned.get(row.id), grid.log.released.get(row.id)
        if assignment is None:
            yield f"the log knows nothing of {row}"
            continue
        known = (
            assignment.turbine_number,
            assignment.engineer_id,
            assignment.broken_at,
            assignment.assigned_at,
        )
        if row[1:5] != known:
            yield f"the log has {assignment}, its row is {row}"
        if release is None:
            yield f"the log has no end of {row}"
        elif (row.outcome, row.ended_at) != (release.outcome.value, release.ended_at) and not _was_mended(
            grid, row
        ):
            yield f"the log has {release}, its row is {row}"


def _was_mended(grid: Grid, row: Repair) -> bool:
    """See whether the end of a row is a guess: who knew it could not write it, and nobody else heard it.

    One that stopped while answers were lost may never have heard that the log took what it had said.
    """
    sent_by = grid.witness.sent_by.get(row.id)
    guesses = {Outcome.monitor_stopped, Outcome.disconnected}
    if row.outcome not in guesses or sent_by is None:
        return row.outcome in guesses
    return not sent_by.handle.complete or sent_by.stopped_hampered


def _ends(grid: Grid) -> Iterator[str]:
    for process in grid.processes:
        if process.monitor.sessions and not process.crashed:
            yield f"a session outlives monitor {process.place}"
    # Those of a monitor that could not write their ends wait for the next one that starts.
    ended = {
        writer for process in grid.processes if process.handle.complete for writer in process.handle.writers
    }
    rows = grid.tables.store.link_rows.values()
    still = [row for row in rows if row.disconnected_at is None and row.id // LINKS_OF_WRITER in ended]
    if still:
        yield f"links are still open in the tables: {still}"
    replica = grid.log.replica
    if replica is not None and (replica.members or list(replica.links())):
        yield f"the pool has the members {list(replica.members)} and the links {list(replica.links())}"
