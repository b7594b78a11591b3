"""A store in memory with the same contract: for tests, simulations, and a monitor that shall keep nothing.

The object outlives the monitor, so `close` and `open` of the same object are a restart, and `open` without
`close` is one after a crash. `failure` and `delay` make it fail or dawdle, as a full disk or a slow one
would.
"""

from __future__ import annotations

import asyncio
import math
import threading
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Final, TypeVar

from ..clock import KEPT_WITHIN, Belief
from ..errors import StoreFailed, StoreUnusable
from ..settings import MAX_INTEGER, MonitorSettings
from ..words import Deed
from . import Opened, Space, Written, memory_minutes
from .batches import Batch
from .memory_records import MemoryRecords
from .records import Records
from .rows import (
    Event,
    FleetMinute,
    Hold,
    LinkRow,
    Minute,
    Name,
    Names,
    Reading,
    Repair,
    StatusChange,
    StreamKey,
)

_ID_BLOCK: Final = 1_000_000
_PATH: Final = "in memory"
_STORABLE: Final = range(-(2**63), 2**63)

T = TypeVar("T")
Row = TypeVar("Row", Reading, Repair, LinkRow, StatusChange, Event)


class MemoryStore:
    """A `Store` without a file.

    While `failure` is a reason, `write` raises `StoreFailed` with it. `delay` is awaited before each write:
    give it an event to wait for. `unusable` is a reason for `open` to raise `StoreUnusable`.
    """

    def __init__(
        self,
        *,
        settings: MonitorSettings | None = None,
        failure: str | None = None,
        delay: Callable[[], Awaitable[object]] | None = None,
        unusable: str | None = None,
    ) -> None:
        self.settings = settings or MonitorSettings()
        self.failure = failure
        self.delay = delay
        self.unusable = unusable
        self.low_space: str | None = None
        self.space: Space | None = None
        self.progress = 0
        self.notes: tuple[str, ...] = ()
        self.kept: list[Reading] = []
        self.cursors: dict[StreamKey, int] = {}
        self.repair_rows: dict[int, Repair] = {}
        self.link_rows: dict[int, LinkRow] = {}
        self.status_rows: list[StatusChange] = []
        self.event_rows: list[Event] = []
        self._seen: dict[int, int] = {}
        self._last: dict[int, Reading] = {}
        self._engineers: int | None = None
        self._energy_since = 0
        self._forgotten: dict[int, int] = {}
        self._holds: dict[int, Hold] = {}
        self._turbine_names: dict[int, Name] = {}
        self._engineer_names: dict[int, Name] = {}
        self._committed_at = 0
        self._belief: Belief | None = None
        self._ids_given_back = True
        self._first_ids = (0, 0)

    async def open(self, *, now: int) -> Opened:
        """End what an earlier run left open; raise `StoreUnusable` while `unusable` says so."""
        if self.unusable is not None:
            raise StoreUnusable(_PATH, self.unusable)
        self._end_open_rows()
        skipped = 0 if self._ids_given_back else _ID_BLOCK
        assignment, link = self._first_ids
        self._first_ids = (
            max([assignment, *self.repair_rows]) + skipped,
            max([link, *self.link_rows]) + skipped,
        )
        self._committed_at = now
        self._ids_given_back = False
        before, self._belief = self._belief, self._belief or Belief(now)
        return replace(self._opened(now), belief=before)

    async def write(self, batch: Batch) -> Written:
        """Keep the batch, or raise `StoreFailed` and keep nothing of it."""
        if self.delay is not None:
            await self.delay()
        if self.failure is not None:
            raise StoreFailed(_PATH, self.failure)
        rejected = self._keep(batch)
        for cursor, sequence in batch.cursors.items():
            self.cursors[cursor.key] = max(sequence, self.cursors.get(cursor.key, 0))
        return Written({key: self.cursors.get(key) for key in batch.wanted}, rejected)

    async def maintain(self, *, now: int, belief: Belief | None = None) -> Opened | None:
        """Delete readings past their age."""
        self._committed_at = max(self._committed_at, now)
        self._belief = belief or Belief(now)
        if self.settings.retain_readings is not None:
            cutoff = now - int(self.settings.retain_readings * 1000)
            self.kept = [reading for reading in self.kept if reading.received_at >= cutoff]
            self._energy_since = cutoff
        return None

    async def close(self, *, complete: bool = True) -> None:
        """End the run cleanly: the next one goes on with the next ids."""
        self._ids_given_back = complete and self.failure is None

    async def readings(self, turbine_number: int, *, since: int, until: int, limit: int) -> list[Reading]:
        """Return readings with since ≤ measured_at < until, newest first."""
        found = [
            row
            for row in self.kept
            if row.turbine_number == turbine_number and since <= row.measured_at < until
        ]
        found.reverse()
        return sorted(found, key=lambda reading: reading.measured_at, reverse=True)[: max(limit, 0)]

    async def repairs(self, *, turbine_number: int | None = None, since: int = 0, limit: int) -> list[Repair]:
        """Return assignments that were running at or after `since`, newest first."""
        found = [
            row
            for _, row in sorted(self.repair_rows.items(), reverse=True)
            if turbine_number in {None, row.turbine_number}
            and (row.ended_at is None or row.ended_at >= since)
        ]
        return found[: max(limit, 0)]

    async def events(
        self, *, turbine_number: int | None = None, since: int = 0, until: int = MAX_INTEGER, limit: int
    ) -> list[Event]:
        """Return events with since ≤ at < until, newest first."""
        found = [
            row
            for row in self.event_rows
            if turbine_number in {None, row.turbine_number} and since <= row.at < until
        ]
        return sorted(found, key=lambda row: (row.at, row.id), reverse=True)[: max(limit, 0)]

    async def minutes(self, turbine_number: int, *, since: int, until: int) -> list[Minute]:
        """Return the turbine's minutes with since ≤ at < until, oldest first."""
        own = (row for row in self.kept if row.turbine_number == turbine_number)
        return [row for row in memory_minutes.minutes(own) if since <= row.at < until]

    async def fleet_minutes(self, *, since: int, until: int) -> list[FleetMinute]:
        """Return the fleet's minutes with since ≤ at < until, oldest first."""
        rows = memory_minutes.fleet_minutes(memory_minutes.minutes(self.kept))
        return [row for row in rows if since <= row.at < until]

    async def statuses(self, *, since: int, until: int) -> list[StatusChange]:
        """Return status changes with since ≤ at < until, in the order they were written."""
        return [row for row in self.status_rows if since <= row.at < until]

    async def read(self, work: Callable[[Records], T]) -> T:
        """Return what `work` makes of the records as they are now."""
        given_up = threading.Event()
        records = MemoryRecords(
            readings=tuple(self.kept),
            statuses=tuple(self.status_rows),
            repairs=[row for _, row in sorted(self.repair_rows.items())],
            links=[row for _, row in sorted(self.link_rows.items())],
            events=tuple(self.event_rows),
            names=self._known_names(),
            seen=dict(self._seen),
            held=frozenset(self._holds),
            committed_at=self._committed_at,
            energy_since=self._energy_since,
            is_open=not self._ids_given_back,
            given_up=given_up.is_set,
        )
        try:
            return await asyncio.to_thread(work, records)
        finally:
            given_up.set()

    def _keep(self, batch: Batch) -> int:
        readings = [row for row in _storable(list(map(Reading._make, batch.readings))) if None not in row]
        repairs = _storable(batch.repairs)
        links, statuses = _storable(batch.links), _storable(batch.statuses)
        self.kept += readings
        self._last |= {reading.turbine_number: reading for reading in readings}
        self.repair_rows |= {row.id: row for row in repairs}
        self.link_rows |= {row.id: row for row in links}
        self.status_rows += statuses
        signs = [(row.turbine_number, row.received_at) for row in readings]
        signs += [(row.turbine_number, row.disconnected_at or row.connected_at) for row in links]
        signs += [(row.turbine_number, row.at) for row in statuses]
        for number, at in signs:
            if at > self._forgotten.get(number, 0):
                self._seen[number] = max(at, self._seen.get(number, 0))
            self._committed_at = max(at, self._committed_at)
        events = _storable(batch.events)
        for event in events:
            self._do(event)
        offered = len(batch.readings) + len(batch.repairs) + len(batch.links) + len(batch.statuses)
        kept = len(readings) + len(repairs) + len(links) + len(statuses)
        return offered + len(batch.events) - kept - len(events)

    def _do(self, event: Event) -> None:
        self.event_rows.append(event._replace(id=len(self.event_rows) + 1))
        self._committed_at = max(event.at, self._committed_at)
        name = Name(event.name, event.site)
        match event.kind:
            case Deed.roster:
                self._engineers = event.engineers
            case Deed.hold if event.turbine_number is not None:
                self._holds[event.turbine_number] = Hold(event.at, event.until, event.text, event.by)
            case Deed.hold_ended if event.turbine_number is not None:
                self._holds.pop(event.turbine_number, None)
            case Deed.name if event.turbine_number is not None:
                self._turbine_names[event.turbine_number] = name
            case Deed.name if event.engineer_id is not None:
                self._engineer_names[event.engineer_id] = name
            case Deed.forgotten if event.turbine_number is not None:
                self._forget(event.turbine_number, event.at)
            case Deed.erased if event.turbine_number is not None:
                self._erase(event.turbine_number, event.at)

    def _forget(self, turbine_number: int, at: int) -> None:
        self._forgotten[turbine_number] = at
        for known in (self._seen, self._last, self._holds, self._turbine_names):
            known.pop(turbine_number, None)

    def _erase(self, turbine_number: int, until: int) -> None:
        self.kept = [
            row for row in self.kept if row.turbine_number != turbine_number or row.received_at > until
        ]

    def _opened(self, now: int) -> Opened:
        oldest = now - int(self.settings.turbines_shown_for * 1000)
        seen = {number: at for number, at in self._seen.items() if at >= oldest}
        last = {number: reading for number, reading in self._last.items() if number in seen}
        return Opened(
            *self._first_ids,
            last,
            seen,
            engineers=self._engineers,
            holds=dict(self._holds),
            names=self._known_names(),
        )

    def _known_names(self) -> Names:
        return Names(_known(self._turbine_names), _known(self._engineer_names))

    def _end_open_rows(self) -> None:
        for row in [row for row in self.repair_rows.values() if row.ended_at is None]:
            ended = row._replace(ended_at=self._ended(row.assigned_at), outcome="monitor_stopped")
            self.repair_rows[row.id] = ended
        for link in [row for row in self.link_rows.values() if row.disconnected_at is None]:
            lost = link._replace(disconnected_at=self._ended(link.connected_at), reason="monitor_stopped")
            self.link_rows[link.id] = lost
            self._seen[link.turbine_number] = max(
                lost.disconnected_at or 0, self._seen.get(link.turbine_number, 0)
            )
        last = {row.turbine_number: row for row in self.status_rows}
        self.status_rows += [
            row._replace(at=self._ended(row.at), operational_status=None)
            for row in last.values()
            if row.operational_status is not None
        ]

    def _ended(self, began_at: int) -> int:
        """Return the last commit by the clock by which a row began: it may have been set in between."""
        at, belief = self._committed_at, self._belief
        steady = at if belief is None or belief.doubted_since is None else belief.at
        latest = steady + KEPT_WITHIN
        is_from_before = (began_at <= latest and steady < at) or at < began_at <= latest
        return max(began_at, steady if is_from_before else at)


def _known(names: dict[int, Name]) -> dict[int, Name]:
    return {number: name for number, name in names.items() if any(name)}


def _storable(rows: Sequence[Row]) -> list[Row]:
    return [row for row in rows if all(map(_is_storable, row))]


def _is_storable(value: object) -> bool:
    """Return whether a database takes the value: no NaN, no integer beyond 64 bits, no half of a character."""
    match value:
        case float():
            return not math.isnan(value)
        case int():
            return value in _STORABLE
        case str():
            return value.isprintable() or not any("\ud800" <= letter <= "\udfff" for letter in value)
        case _:
            return value is None
