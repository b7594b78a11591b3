"""What must be true once all has calmed down: everything stored once, everybody served, nothing left over."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

from gridws.storage.rows import Repair

from .rude import Clumsy
from .schedule import HELD_ALL_THE_TIME, HOPELESS
from .witness import Job
from .world import Process, SimTurbine, World

PATIENCE = 400.0
"""Seconds: the longest delays one after the other: superseded 60, silence 60, refused 30, 30 between tries, repairs."""
STORED_WITHIN = 5.0
"""Seconds from a measurement to the disk when all is well."""


async def settle(world: World) -> None:
    """Wait until nothing is open any more; complain about what stays open."""
    loop = asyncio.get_running_loop()
    calm_since = loop.time()
    agreed: set[SimTurbine] = set()
    while True:
        await asyncio.sleep(1.0)
        agreed |= {turbine for turbine in world.turbines if _agree(world, turbine)}
        open_points = list(_open_points(world, calm_since, agreed))
        if not open_points or world.witness.failures:
            return
        if loop.time() - calm_since > PATIENCE:
            for sentence in open_points:
                world.witness.wrong(f"{sentence} after {PATIENCE:g} s of calm")


def _agree(world: World, turbine: SimTurbine) -> bool:
    process = world.process
    return process is not None and process.status_of(turbine.turbine_number) is turbine.operational_status


def _open_points(world: World, calm_since: float, agreed: set[SimTurbine]) -> Iterator[str]:
    now = asyncio.get_running_loop().time()
    for turbine in world.turbines:
        number = turbine.turbine_number
        missing = _missing(world, turbine, now - STORED_WITHIN)
        if missing > turbine.uplink.backlog.dropped:
            yield f"{missing} readings of turbine {number} are not stored, {turbine.uplink.backlog.dropped} dropped"
        hopeless = turbine.time_to_repair_in_seconds == HOPELESS > world.settings.repair_timeout
        if turbine.last_ok_at < calm_since and not hopeless:
            yield f"turbine {number} was not repaired"
        if turbine not in agreed:
            yield f"the monitor's status of turbine {number} is never right"
    if world.process is not None:
        yield from _left_over(world.process)


def _left_over(process: Process) -> Iterator[str]:
    monitor = process.monitor
    if monitor.queue.degraded:
        yield f"the monitor says {monitor.queue.degraded}"
    for session in monitor.sessions.values():
        if session.stream is not None and session.stream.stalled:
            yield f"the stream of turbine {session.turbine_number} is stalled"
    acks, rounds, pending = monitor._acks, monitor._rounds, monitor.queue.chunk
    live = {session.stream for session in monitor.sessions.values()}
    kept = {
        "streams to resync": len(acks._to_resync),
        "streams to acknowledge that are over": len(acks._to_acknowledge.keys() - live),
        "sessions paused": len(rounds._paused),
        "cursors wanted by nobody": len(pending.wanted.keys() - live),
        "rows beyond those queued": monitor.queue.rows - len(pending.readings) - len(pending.numbered),
    }
    if not monitor.queue.is_writing:
        yield from (f"{count} {what}" for what, count in kept.items() if count)


def _missing(world: World, turbine: SimTurbine, before: float) -> int:
    return sum(at < before and not world.disk.stored[identity] for at, identity, _ in turbine.taken)


async def be_clumsy(world: World) -> None:
    """Have a client with invalid readings among good ones: they must not block its stream."""
    try:
        await Clumsy(world, 911, readings=9).live()
    except TimeoutError:
        world.witness.wrong("invalid readings block their stream")


def judge(world: World) -> None:
    """Judge what is on the disk after the last run ended cleanly."""
    for sentence in [*_readings(world), *_repairs(world), *_ends(world), *_holds(world)]:
        world.witness.wrong(sentence)


def _readings(world: World) -> Iterator[str]:
    rows = {(row.turbine_number, row.wind_speed): row for row in world.disk.medium.readings()}
    for turbine in [*world.turbines, *world.retired]:
        for at, identity, status in turbine.taken:
            count = world.disk.stored[identity]
            if count > 1:
                yield f"reading {identity} is stored {count} times"
            row = rows.get(identity)
            if row is None and count:
                yield f"reading {identity} of {at:.3f} s was stored, and is gone"
            power = identity[1] / 10 if status.value == "ok" else 0.0
            if row is not None and (row.operational_status, row.power_output_in_kwh) != (status.value, power):
                yield f"reading {identity} of {at:.3f} s is stored with other values: {row}"


def _repairs(world: World) -> Iterator[str]:
    rows = world.disk.medium.repairs()
    crashed = {id(process) for process in world.processes if process.crashed}
    for job in world.witness.jobs.values():
        row = rows.get(job.id)
        # What a crash or a stop with a failing disk kept from being written.
        excused = id(job.wire.process) in crashed or not job.wire.process.handle.complete
        if row is None:
            if not excused:
                yield f"assignment {job.id} has no row"
            continue
        if _known(row) != (job.turbine_number, job.engineer_id, job.assigned_at):
            yield f"assignment {job.id} was {job}, its row is {row}"
        if row.outcome != job.outcome and not (excused and row.outcome == "monitor_stopped"):
            yield f"assignment {job.id} ended {job.outcome}, its row says {row.outcome}"
        yield from _times(job, row)
    for stranger in rows.keys() - world.witness.jobs.keys():
        yield f"row {stranger} of repairs was never on a wire"


def _times(job: Job, row: Repair) -> Iterator[str]:
    if row.ended_at is None or not row.broken_at <= row.assigned_at <= row.ended_at:
        yield f"the times of {row} make no sense"
    elif job.ended is not None and row.outcome == "repaired":
        length = row.ended_at - row.assigned_at
        if abs(length - (job.ended - job.began) * 1000) > 1:
            yield f"the repair of {job} lasted as long as that, its row says {length} ms"


def _known(row: Repair) -> tuple[int, int, int]:
    return row.turbine_number, row.engineer_id, row.assigned_at


def _ends(world: World) -> Iterator[str]:
    for process in world.processes:
        monitor = process.monitor
        if monitor.sessions and not process.crashed:
            yield "a session outlives its monitor"
        queue = monitor.queue
        if process.handle.complete and not process.crashed and (queue.rows or queue._has_work):
            yield f"{queue.rows} rows were left in the queue of a clean end"
    open_links = [row for row in world.disk.medium.links() if row.disconnected_at is None]
    if open_links:
        yield f"links are still open in the database: {open_links}"
    statuses = world.disk.medium.statuses()
    known = {row.turbine_number: row.operational_status for row in statuses}
    # Where the clock was put back, the last row by its time may be an older one, also for the product.
    by_time = {row.turbine_number: row.operational_status for row in sorted(statuses, key=lambda row: row.at)}
    for number, status in known.items():
        if status is not None and by_time[number] is not None:
            yield f"turbine {number} is {status} in the database, but has no link"


def _holds(world: World) -> Iterator[str]:
    last, kept = world.processes[-1], world.disk.medium.held()
    held = {number for number in range(1, 1_000) if last.dispatcher.hold_of(number) is not None}
    if HELD_ALL_THE_TIME not in held:
        yield f"turbine {HELD_ALL_THE_TIME} is not held any more"
    if last.handle.complete and not held <= kept:
        yield f"of the turbines {held} that are held, the next run knows only {kept}"
