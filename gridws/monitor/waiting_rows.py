"""Rows that wait for the disk: records, which go with the next commit, and chunks of readings, which go in order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Final, TypeVar, cast

from ..storage.batches import Batch
from ..storage.rows import Cursor, Event, LinkRow, ReadingRow, Repair, StatusChange
from .stream import Stream

RECORDS_KEPT: Final = 100_000
"""Repairs, links, status changes or events that may wait for a failing disk, each; beyond it the oldest go."""


@dataclass(slots=True)
class Records:
    """What goes with the next commit whatever waits before it: rows by their id, changes of status, and events."""

    repairs: dict[int, Repair] = field(default_factory=dict)
    links: dict[int, LinkRow] = field(default_factory=dict)
    statuses: list[StatusChange] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.repairs or self.links or self.statuses or self.events)

    def put_status(self, change: StatusChange) -> int:
        """Put a change last; return how many had to go for it."""
        return _put_last(self.statuses, change)

    def put_event(self, event: Event) -> int:
        """Put an event last; return how many had to go for it."""
        return _put_last(self.events, event)

    def put_repair(self, repair: Repair) -> int:
        """Put an assignment's row, in the place of an earlier one of its id; return how many had to go for it."""
        return _put(self.repairs, repair)

    def put_link(self, link: LinkRow) -> int:
        """Put a link's row, in the place of an earlier one of its id; return how many had to go for it."""
        return _put(self.links, link)

    def and_later(self, later: Records) -> Records:
        """Return both, of each kind the newest."""
        return Records(
            _newest(self.repairs | later.repairs),
            _newest(self.links | later.links),
            (self.statuses + later.statuses)[-RECORDS_KEPT:],
            (self.events + later.events)[-RECORDS_KEPT:],
        )


@dataclass(slots=True)
class Chunk:
    """Readings of one commit; numbered ones apart, since they are dropped when a commit fails."""

    readings: list[ReadingRow] = field(default_factory=list)
    numbered: list[ReadingRow] = field(default_factory=list)
    cursors: dict[Stream, int] = field(default_factory=dict)
    wanted: dict[Stream, None] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.readings or self.numbered or self.cursors or self.wanted)

    def __len__(self) -> int:
        return len(self.readings) + len(self.numbered)

    def batch(self, records: Records) -> Batch:
        return Batch(
            readings=self.readings + self.numbered,
            cursors=cast("Mapping[Cursor, int]", self.cursors),
            repairs=list(records.repairs.values()),
            links=list(records.links.values()),
            statuses=records.statuses,
            events=records.events,
            wanted=[stream.key for stream in self.wanted],
            numbered=len(self.numbered),
        )


RowT = TypeVar("RowT", Repair, LinkRow)
ChangeT = TypeVar("ChangeT", StatusChange, Event)


def _put_last(rows: list[ChangeT], row: ChangeT) -> int:
    """Put a row last; return how many had to go for it."""
    gone = RECORDS_KEPT // 10 if len(rows) >= RECORDS_KEPT else 0
    # A tenth at a time: to let the oldest go alone would move all others each time.
    del rows[:gone]
    rows.append(row)
    return gone


def _put(rows: dict[int, RowT], row: RowT) -> int:
    """Put a row in; return how many had to go for it, 0 or 1."""
    rows[row.id] = row
    if len(rows) <= RECORDS_KEPT:
        return 0
    del rows[next(iter(rows))]
    return 1


def _newest(rows: dict[int, RowT]) -> dict[int, RowT]:
    return dict(islice(rows.items(), max(0, len(rows) - RECORDS_KEPT), None))
