"""The bounded queue between the monitor and the disk: group commits, and what happens when the disk fails.

Rules:
* The monitor appends and never waits. One commit at a time; the rows that arrive meanwhile make the next batch.
* Full: a reading is refused. Numbered ones can be had again from the turbine, unnumbered ones are lost.
* A failed commit drops all numbered readings that are queued, those of later batches too (one of them would move
  its cursor over the gap), and stalls their streams. Everything else is kept and tried again.
* While the disk fails no numbered reading is taken, and nobody is welcomed: the turbines keep their readings.
* Repairs, links and statuses never make way for readings; each has a bound of its own.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice
from typing import Protocol, TypeVar

from ..clock import Calendar, Clock
from ..errors import StoreFailed
from ..settings import MonitorSettings
from ..stream import Stream
from . import Batch, LinkRow, ReadingRow, Repair, StatusChange, Store, Written

RECORDS_KEPT = 100_000
"""Repairs, links or status changes that may wait for a failing disk, each; beyond it the oldest go."""
MAINTAIN_EVERY = 1.0
HUNG_AFTER = 10.0
"""Seconds after which a commit, or upkeep, that does not return is called a failing disk."""
FINISH_WITHIN = 2.0
"""Seconds for the last commits of a monitor that stops."""


class Notice(Protocol):
    """Who is told what became of what was queued."""

    def committed(self, cursors: Mapping[Stream, int], *, readings: int, seconds: float, now: float) -> None:
        """These cursors were reached by a commit of so many readings that took so many seconds."""

    def welcomed(self, stream: Stream, last_sequence: int | None) -> None:
        """The cursor that `hello` asked for, read behind everything queued before it."""

    def stalled(self, streams: Iterable[Stream]) -> None:
        """Readings of these streams were dropped: they need a resync when there is room."""

    def degraded(self, reason: str | None) -> None:
        """Readings cannot be committed, for this reason; None: they can again."""


@dataclass(slots=True)
class _Pending:
    """What the next batch is made of; numbered readings apart, since they are dropped when a commit fails."""

    readings: list[ReadingRow] = field(default_factory=list)
    numbered: list[ReadingRow] = field(default_factory=list)
    cursors: dict[Stream, int] = field(default_factory=dict)
    repairs: dict[int, Repair] = field(default_factory=dict)
    links: dict[int, LinkRow] = field(default_factory=dict)
    statuses: list[StatusChange] = field(default_factory=list)
    wanted: dict[Stream, None] = field(default_factory=dict)

    def __bool__(self) -> bool:
        records = self.repairs or self.links or self.statuses
        return bool(self.readings or self.numbered or self.cursors or records or self.wanted)

    def batch(self) -> Batch:
        return Batch(
            readings=self.readings + self.numbered,
            cursors={stream.key: sequence for stream, sequence in self.cursors.items()},
            repairs=list(self.repairs.values()),
            links=list(self.links.values()),
            statuses=self.statuses,
            wanted=[stream.key for stream in self.wanted],
        )


class WriteQueue:
    """Takes rows from the monitor's loop and commits them to `store` in batches."""

    def __init__(self, store: Store, notice: Notice, *, settings: MonitorSettings, clock: Clock) -> None:
        self.degraded: str | None = None
        self.rows = 0
        self.records_lost = 0
        self.rejected = 0
        self.calendar = Calendar()
        self._store = store
        self._notice = notice
        self._settings = settings
        self._capacity = settings.queue_rows
        self._rows_to_go = settings.batch_rows
        self._clock = clock
        self._pending = self._in_hand = _Pending()
        self._enough = asyncio.Event()
        self._commit: asyncio.Task[None] | None = None
        self._commit_began: float | None = None
        self._not_before = 0.0
        self._maintained_at = 0.0

    @property
    def room(self) -> int:
        """How many more readings fit."""
        return self._capacity - self.rows

    def append(self, reading: ReadingRow, stream: Stream | None = None, sequence: int = 0) -> bool:
        """Queue a reading, numbered `sequence` in `stream` or unnumbered; False: refused, and the stream stalls."""
        if self.rows >= self._capacity or (stream is not None and self.degraded):
            if stream is not None:
                self._stall((stream,))
            return False
        pending = self._pending
        if stream is None:
            pending.readings.append(reading)
        else:
            pending.numbered.append(reading)
            pending.cursors[stream] = sequence
        self.rows += 1
        self._rows_to_go -= 1
        if not self._rows_to_go:
            self._enough.set()
        return True

    def pass_over(self, stream: Stream, sequence: int) -> None:
        """Move the cursor over a reading that will never be stored."""
        if self.degraded:
            self._stall((stream,))
        else:
            self._pending.cursors[stream] = sequence

    def want(self, stream: Stream) -> None:
        """Read the stream's cursor behind what is queued, and tell `welcomed`."""
        self._pending.wanted[stream] = None

    def unwant(self, stream: Stream) -> None:
        """Forget a cursor wanted: its link is gone or opened another stream."""
        self._pending.wanted.pop(stream, None)
        self._in_hand.wanted.pop(stream, None)  # it comes back where the commit fails

    def put_repair(self, repair: Repair) -> None:
        """Queue an assignment's row; a later one of the same id replaces it."""
        self.records_lost += _put(self._pending.repairs, repair)

    def put_link(self, link: LinkRow) -> None:
        """Queue a link's row; a later one of the same id replaces it."""
        self.records_lost += _put(self._pending.links, link)

    def put_status(self, change: StatusChange) -> None:
        """Queue a change of what is known of a turbine."""
        statuses = self._pending.statuses
        if len(statuses) >= RECORDS_KEPT:
            # A tenth at a time: to let the oldest go alone would move all others each time.
            del statuses[: RECORDS_KEPT // 10]
            self.records_lost += RECORDS_KEPT // 10
        statuses.append(change)

    async def run(self) -> None:
        """Commit until cancelled: soon after something is queued, at once when a batch is full."""
        while True:
            await self._wait()
            if self._pending or self.degraded:
                self._commit = asyncio.create_task(self._write())
                await asyncio.shield(self._commit)
            await self._maintain()

    async def finish(self) -> bool:
        """Commit all that is queued, within a bounded time; return whether nothing was left behind.

        What a failing disk loses now was never acknowledged.
        """
        try:
            async with asyncio.timeout(FINISH_WITHIN):
                if self._commit is not None:
                    await asyncio.shield(self._commit)
                while self._pending and not self.degraded:
                    await self._write()
        except TimeoutError:
            self._degrade("the disk does not answer")
            return False
        return not self._pending

    def look_after(self, now: float) -> None:
        """Notice a commit that does not return."""
        if self._commit_began is not None and now - self._commit_began > HUNG_AFTER:
            self._degrade("the disk does not answer")

    async def _wait(self) -> None:
        if self.degraded:
            await asyncio.sleep(self._settings.retry_after)
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(self._settings.tick):
                await self._enough.wait()
                await asyncio.sleep(self._not_before - self._clock.now().seconds)

    async def _write(self) -> None:
        pending, self._pending = self._pending, _Pending()
        self._in_hand = pending
        self._enough.clear()
        self._rows_to_go = self._settings.batch_rows
        began = self._commit_began = self._clock.now().seconds
        self._not_before = began + self._settings.tick
        try:
            written = await self._store.write(pending.batch())
        except StoreFailed as error:
            self._put_back(pending)
            self._degrade(error.reason)
        else:
            self._take_written(pending, written, began)
        finally:
            self._commit_began = None
            self._in_hand = self._pending

    def _take_written(self, pending: _Pending, written: Written, began: float) -> None:
        readings = len(pending.readings) + len(pending.numbered)
        now = self._clock.now().seconds
        self.rows -= readings
        self.rejected += written.rejected
        if self.degraded:
            self.degraded = None
            self._notice.degraded(None)
        self._notice.committed(
            pending.cursors, readings=readings - written.rejected, seconds=now - began, now=now
        )
        for stream in pending.wanted:
            self._notice.welcomed(stream, written.cursors.get(stream.key))

    def _put_back(self, pending: _Pending) -> None:
        """Keep what cannot be had again; drop all numbered readings, also those queued meanwhile."""
        later = self._pending
        self._stall([*pending.cursors, *later.cursors])
        self.rows -= len(pending.numbered) + len(later.numbered)
        self._pending = _Pending(
            readings=pending.readings + later.readings,
            repairs=_newest(pending.repairs, later.repairs),
            links=_newest(pending.links, later.links),
            statuses=(pending.statuses + later.statuses)[-RECORDS_KEPT:],
            wanted=pending.wanted | later.wanted,
        )

    def _stall(self, streams: Iterable[Stream]) -> None:
        for stream in streams:
            stream.stall()
        self._notice.stalled(streams)

    def _degrade(self, reason: str) -> None:
        if self.degraded != reason:
            self.degraded = reason
            self._notice.degraded(reason)

    async def _maintain(self) -> None:
        now = self._clock.now()
        if now.seconds - self._maintained_at < MAINTAIN_EVERY or self.degraded:
            return
        self._maintained_at = self._commit_began = now.seconds
        try:
            await self._store.maintain(now=self.calendar.at(now))
        except StoreFailed as error:
            self._put_back(_Pending())
            self._degrade(error.reason)
        finally:
            self._commit_began = None


RowT = TypeVar("RowT", Repair, LinkRow)


def _put(rows: dict[int, RowT], row: RowT) -> int:
    """Put a row in; return how many had to go for it, 0 or 1."""
    rows[row.id] = row
    if len(rows) <= RECORDS_KEPT:
        return 0
    del rows[next(iter(rows))]
    return 1


def _newest(earlier: dict[int, RowT], later: dict[int, RowT]) -> dict[int, RowT]:
    merged = earlier | later
    return dict(islice(merged.items(), max(0, len(merged) - RECORDS_KEPT), None))
