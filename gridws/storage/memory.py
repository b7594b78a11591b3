"""A store in memory with the same contract: for tests, simulations, and a monitor that shall keep nothing.

The object outlives the monitor, so `close` and `open` of the same object are a restart, and `open` without
`close` is one after a crash. `failure` and `delay` make it fail or dawdle, as a full disk or a slow one
would.
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Final, TypeVar

from ..errors import StoreFailed, StoreUnusable
from ..settings import MonitorSettings
from . import Batch, FleetMinute, LinkRow, Minute, Opened, Reading, Repair, StatusChange, StreamKey, Written

_MINUTE: Final = 60_000
_ID_BLOCK: Final = 1_000_000
_PATH: Final = "in memory"
_STORABLE: Final = range(-(2**63), 2**63)

Row = TypeVar("Row", Reading, Repair, LinkRow, StatusChange)


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
        self.notes: tuple[str, ...] = ()
        self.kept: list[Reading] = []
        self.cursors: dict[StreamKey, int] = {}
        self.repair_rows: dict[int, Repair] = {}
        self.link_rows: dict[int, LinkRow] = {}
        self.status_rows: list[StatusChange] = []
        self.writes = 0
        self._seen: dict[int, int] = {}
        self._last: dict[int, Reading] = {}
        self._committed_at = 0
        self._ids_given_back = True
        self._first_ids = (0, 0)

    async def open(self, *, now: int) -> Opened:
        """End what an earlier run left open; raise `StoreUnusable` while `unusable` says so."""
        if self.unusable is not None:
            raise StoreUnusable(_PATH, self.unusable)
        self._end_open_rows(self._committed_at)
        skipped = 0 if self._ids_given_back else _ID_BLOCK
        assignment, link = self._first_ids
        self._first_ids = (
            max([assignment + skipped, *self.repair_rows]),
            max([link + skipped, *self.link_rows]),
        )
        before, self._committed_at = self._committed_at or None, now
        self._ids_given_back = False
        return replace(self._opened(now), committed_at=before)

    async def write(self, batch: Batch) -> Written:
        """Keep the batch, or raise `StoreFailed` and keep nothing of it."""
        if self.delay is not None:
            await self.delay()
        if self.failure is not None:
            raise StoreFailed(_PATH, self.failure)
        self.writes += 1
        rejected = self._keep(batch)
        for key, sequence in batch.cursors.items():
            self.cursors[key] = max(sequence, self.cursors.get(key, 0))
        return Written({key: self.cursors.get(key) for key in batch.wanted}, rejected)

    async def maintain(self, *, now: int) -> None:
        """Delete readings past their age."""
        self._committed_at = max(self._committed_at, now)
        if self.settings.retain_readings is not None:
            cutoff = now - int(self.settings.retain_readings * 1000)
            self.kept = [reading for reading in self.kept if reading.received_at >= cutoff]

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

    async def minutes(self, turbine_number: int, *, since: int, until: int) -> list[Minute]:
        """Return the turbine's minutes with since ≤ at < until, oldest first."""
        return [
            row for row in self._minutes() if row.turbine_number == turbine_number and since <= row.at < until
        ]

    async def fleet_minutes(self, *, since: int, until: int) -> list[FleetMinute]:
        """Return the fleet's minutes with since ≤ at < until, oldest first."""
        groups: dict[int, list[Minute]] = {}
        for row in self._minutes():
            groups.setdefault(row.at, []).append(row)
        return [_fleet_minute(at, groups[at]) for at in sorted(groups) if since <= at < until]

    async def statuses(self, *, since: int, until: int) -> list[StatusChange]:
        """Return status changes with since ≤ at < until, in the order they were written."""
        return [row for row in self.status_rows if since <= row.at < until]

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
            self._seen[number] = max(at, self._seen.get(number, 0))
            self._committed_at = max(at, self._committed_at)
        offered = len(batch.readings) + len(batch.repairs) + len(batch.links) + len(batch.statuses)
        return offered - len(readings) - len(repairs) - len(links) - len(statuses)

    def _opened(self, now: int) -> Opened:
        oldest = now - int(self.settings.turbines_shown_for * 1000)
        seen = {number: at for number, at in self._seen.items() if at >= oldest}
        last = {number: reading for number, reading in self._last.items() if number in seen}
        return Opened(*self._first_ids, last, seen)

    def _end_open_rows(self, at: int) -> None:
        for row in [row for row in self.repair_rows.values() if row.ended_at is None]:
            ended = row._replace(ended_at=max(row.assigned_at, at), outcome="monitor_stopped")
            self.repair_rows[row.id] = ended
        for link in [row for row in self.link_rows.values() if row.disconnected_at is None]:
            lost = link._replace(disconnected_at=max(link.connected_at, at), reason="monitor_stopped")
            self.link_rows[link.id] = lost
            self._seen[link.turbine_number] = max(at, self._seen.get(link.turbine_number, 0))
        last = {row.turbine_number: row for row in self.status_rows}
        self.status_rows += [
            row._replace(at=max(row.at, at), operational_status=None)
            for row in last.values()
            if row.operational_status is not None
        ]

    def _minutes(self) -> list[Minute]:
        groups: dict[tuple[int, int], list[tuple[Reading, float]]] = {}
        before: dict[int, int] = {}
        for reading in self.kept:
            number, measured_at = reading.turbine_number, reading.measured_at
            step = min(_MINUTE, max(0, measured_at - before.get(number, measured_at)))
            before[number] = measured_at
            energy = reading.power_output_in_kwh * step / 3_600_000
            groups.setdefault((number, measured_at // _MINUTE), []).append((reading, energy))
        return [_minute(number, minute, groups[number, minute]) for number, minute in sorted(groups)]


def _minute(turbine_number: int, minute: int, rows: Sequence[tuple[Reading, float]]) -> Minute:
    wind = [reading.wind_speed for reading, _ in rows]
    power = [reading.power_output_in_kwh for reading, _ in rows]
    return Minute(
        turbine_number,
        minute * _MINUTE,
        len(rows),
        sum(reading.operational_status == "ok" for reading, _ in rows),
        sum(wind) / len(rows),
        min(wind),
        max(wind),
        sum(power) / len(rows),
        min(power),
        max(power),
        sum(energy for _, energy in rows),
    )


def _fleet_minute(at: int, rows: Sequence[Minute]) -> FleetMinute:
    return FleetMinute(
        at,
        len(rows),
        sum(row.readings for row in rows),
        sum(row.power_output_in_kwh for row in rows),
        sum(row.energy_in_kwh for row in rows),
    )


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
