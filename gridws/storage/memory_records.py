"""`Records` of a store in memory, over a copy of its rows: plain loops that say what each row set is."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Final, TypeVar

from ..errors import StoreFailed
from ..spans import Span
from ..words import Deed
from .memory_minutes import steps
from .records import EVENTS_OF_HOLDS, KEPT_IN_MIND, SILENT_MONITOR, Collected, Slice, Table, TurbineRows
from .rows import Event, LinkRow, Names, Reading, Repair, StatusChange

_MS_PER_HOUR: Final = 3_600_000.0
_ROWS: Final = 1_000
"""Rows of a slice."""

T = TypeVar("T")


class MemoryRecords:
    """The records among these rows: readings, changes and events as they were received, repairs and links by id.

    `seen` says when each known turbine gave its last sign of life, `held` which ones are held now, `committed_at` when
    the store knew the time last, in ms, `energy_since` from when on it has all readings; `is_open` says that a monitor
    is at it.
    """

    def __init__(
        self,
        *,
        readings: Sequence[Reading],
        statuses: Sequence[StatusChange],
        repairs: Sequence[Repair],
        links: Sequence[LinkRow],
        events: Sequence[Event],
        names: Names,
        seen: dict[int, int],
        held: Collection[int],
        committed_at: int,
        energy_since: int,
        is_open: bool,
        given_up: Callable[[], bool],
    ) -> None:
        self._readings = readings
        self._statuses = sorted(statuses, key=lambda row: row.at)
        self._repairs = repairs
        self._links = links
        self._events = sorted((row for row in events if row.kind in EVENTS_OF_HOLDS), key=lambda row: row.at)
        self._roster = sorted((row for row in events if row.kind == Deed.roster), key=lambda row: row.at)
        self._names = names
        self._seen = seen
        self._held = held
        self._committed_at = committed_at
        self._energy_since = energy_since
        self._is_open = is_open
        self._given_up = given_up

    def report_rows(
        self, span: Span, *, now: int, turbine_number: int | None = None
    ) -> tuple[Collected, Iterator[TurbineRows]]:
        """Return the rows of a report."""
        return self._collected(now), self._while_wanted(self._turbines(span, turbine_number))

    def names(self) -> Names:
        """Return what people call turbines and engineers."""
        return self._names

    def roster(self) -> list[Event]:
        """Return the changes of the roster."""
        return self._roster

    def slices(self, table: Table, span: Span, turbine_number: int | None = None) -> Iterator[Slice]:
        """Yield the rows of a table."""
        rows = [
            row
            for row in self._table(table, span, turbine_number)
            if turbine_number in {None, row.turbine_number}
        ]
        cut = (
            Slice(rows[at : at + _ROWS], min(1.0, (at + _ROWS) / len(rows)))
            for at in range(0, len(rows), _ROWS)
        )
        return self._while_wanted(cut)

    def _collected(self, now: int) -> Collected:
        if not self._links:
            return Collected(None, None)
        is_running = self._is_open and now - self._committed_at <= SILENT_MONITOR
        until = now if is_running else self._committed_at
        return Collected(self._links[0].connected_at, until, self._energy_since)

    def _turbines(self, span: Span, turbine_number: int | None) -> Iterator[TurbineRows]:
        tries = _tries(self._repairs, span)
        recent = {number for number, at in self._seen.items() if at >= span.since - KEPT_IN_MIND}
        for number in sorted(recent.union(self._held, tries) & self._seen.keys()):
            if turbine_number in {None, number}:
                changes = _changes([row for row in self._statuses if row.turbine_number == number], span)
                energy = self._energy(number, span)
                events = [row for row in self._events if row.turbine_number == number and row.at < span.until]
                if changes or number in tries or energy:
                    yield TurbineRows(number, changes, tries.get(number, []), energy, events)

    def _energy(self, turbine_number: int, span: Span) -> float:
        """Return what the turbine delivered, by the part of each reading's time that lies in the range."""
        own = [row for row in self._readings if row.turbine_number == turbine_number]
        return sum(
            row.power_output_in_kwh * span.cut(row.measured_at - step, row.measured_at).length / _MS_PER_HOUR
            for row, step in steps(own)
        )

    def _table(
        self, table: Table, span: Span, turbine_number: int | None
    ) -> Sequence[Reading] | Sequence[Repair] | Sequence[LinkRow]:
        match table:
            case Table.metrics:
                found = [row for row in self._readings if span.holds(row.measured_at)]
                if turbine_number is not None:
                    return sorted(found, key=lambda row: row.measured_at)
                return sorted(found, key=lambda row: (row.measured_at // 1000, row.turbine_number))
            case Table.repairs:
                return [row for row in self._repairs if _overlaps(span, row.assigned_at, row.ended_at)]
            case Table.links:
                return [row for row in self._links if _overlaps(span, row.connected_at, row.disconnected_at)]

    def _while_wanted(self, rows: Iterator[T]) -> Iterator[T]:
        for row in rows:
            if self._given_up():
                raise StoreFailed("in memory", "interrupted")
            yield row


def _overlaps(span: Span, begin: int, end: int | None) -> bool:
    return begin < span.until and (end is None or end >= span.since)


def _changes(changes: Sequence[StatusChange], span: Span) -> list[StatusChange]:
    """Return the changes in the range, with the last one before it and the last one that said ok or broken."""
    before = [place for place, row in enumerate(changes) if row.at < span.since]
    known = [place for place in before if changes[place].operational_status is not None]
    held = sorted({*before[-1:], *known[-1:]})
    return [changes[place] for place in held] + [row for row in changes if span.holds(row.at)]


def _tries(repairs: Sequence[Repair], span: Span) -> dict[int, list[Repair]]:
    """Return by turbine the assignments that ran in the range, with the earlier tries at the same failures."""
    by_turbine: dict[int, list[Repair]] = {}
    for row in repairs:
        by_turbine.setdefault(row.turbine_number, []).append(row)
    wanted = {number: _tries_of(rows, span) for number, rows in by_turbine.items()}
    return {number: rows for number, rows in wanted.items() if rows}


def _tries_of(repairs: Sequence[Repair], span: Span) -> list[Repair]:
    wanted: list[Repair] = []
    failure = None  # that of the assignment after this one, where it is wanted and began before the range
    for row in reversed(repairs):
        if _overlaps(span, row.assigned_at, row.ended_at) or row.broken_at == failure:
            wanted.append(row)
            failure = row.broken_at if row.broken_at < span.since else None
        else:
            failure = None
    return wanted[::-1]
