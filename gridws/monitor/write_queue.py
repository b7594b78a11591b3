"""The bounded queue between the monitor and the disk: group commits, and what happens when the disk fails.

Rules:
* The monitor appends and never waits. One commit at a time; the rows that arrive meanwhile make the next batch.
* A commit has at most `COMMIT_ROWS` readings, fewer where a commit of so many takes longer than `COMMIT_WITHIN`: what
  waits is cut into chunks, and the oldest goes next.
* Full: a reading is refused. Numbered ones can be had again from the turbine, unnumbered ones are lost.
* A failed commit drops all numbered readings that are queued, those of later batches too (one of them would move
  its cursor over the gap), and stalls their streams. Everything else is kept and tried again.
* A stream that another monitor took over meanwhile is refused by a store that is shared: it stalls, unacknowledged.
* While the disk fails no numbered reading is taken, and nobody is welcomed: the turbines keep their readings.
* Repairs, links and statuses never make way for readings; each has a bound of its own.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Protocol

from ..clock import Belief, Calendar, Clock
from ..errors import StoreFailed
from ..moments import Moment
from ..settings import MonitorSettings
from ..storage import Opened, Store, Written
from ..storage.rows import Event, LinkRow, ReadingRow, Repair, StatusChange
from .pace import Pace
from .stream import Stream
from .waiting_rows import Chunk, Records
from .writer_watch import WriterWatch

_log = logging.getLogger("gridws")

MAINTAIN_EVERY = 1.0
COMMIT_ROWS = 10_000
"""Readings of one commit at the most, some 100 ms of work: behind a larger one everybody's acks would wait, and the
more would pile up meanwhile."""
COMMIT_WITHIN = 0.5
"""Seconds that a commit should take at the most, so that no second is without one also on a slow machine."""
FINISH_WITHIN = 2.0
"""Seconds for the last commits of a monitor that stops."""


class Notice(Protocol):
    """Who is told what became of what was queued."""

    def committed(self, cursors: Mapping[Stream, int], *, readings: int, seconds: float, now: float) -> None:
        """These cursors were reached by a commit of so many readings that took so many seconds."""

    def welcomed(self, stream: Stream, last_sequence: int | None) -> None:
        """The cursor that `hello` asked for, read behind everything queued before it."""

    def lost(self, readings: int) -> None:
        """So many readings will never be stored."""

    def jumped(self, skipped: int) -> None:
        """A stream went on behind so many numbers that never came."""

    def stalled(self, streams: Iterable[Stream]) -> None:
        """Readings of these streams were dropped: they need a resync when there is room."""

    def degraded(self, reason: str | None) -> None:
        """Readings cannot be committed, for this reason; None: they can again."""


class WriteQueue:
    """Takes rows from the monitor's loop and commits them to `store` in batches.

    `rows_to_go` is how many more readings fit until stock is taken, 0 where there is no room for any.
    """

    def __init__(
        self, store: Store, notice: Notice, *, settings: MonitorSettings, clock: Clock, pace: Pace
    ) -> None:
        self.degraded: str | None = None
        self.records_lost = 0
        self.rejected = 0
        self.calendar = Calendar()
        self._store = store
        self._notice = notice
        self._settings = settings
        self._capacity = settings.queue_rows
        self.rows_to_go = min(settings.batch_rows, settings.queue_rows)
        self._chunk_rows = COMMIT_ROWS
        self._clock = clock
        self._pace = pace
        self._records = Records()
        self.chunk = self._in_hand = Chunk()
        self._full: deque[Chunk] = deque()  # chunks that take no more readings, the oldest first
        self._rows_in_hand = 0
        self._enough = asyncio.Event()
        self._commit: asyncio.Task[None] | None = None
        self._watch = WriterWatch(store)
        self._not_before = 0.0
        self._maintained_at = 0.0
        self._opened: Opened | None = None
        self._notes_told = 0
        self._awaited: list[asyncio.Future[None]] = []

    @property
    def rows(self) -> int:
        """How many readings wait, or are being committed."""
        return self._rows_in_hand + sum(map(len, self._full)) + len(self.chunk)

    @property
    def room(self) -> int:
        """How many more readings fit."""
        return self._capacity - self.rows

    def append(self, reading: ReadingRow, stream: Stream | None = None, sequence: int = 0) -> None:
        """Queue a reading, unnumbered or numbered `sequence` in `stream`, if that one takes any now."""
        if stream is not None and not stream.taking:
            return
        if self.rows_to_go <= 0 or (stream is not None and self.degraded):
            self._refuse(stream)
            return
        pending = self.chunk
        if stream is None:
            pending.readings.append(reading)
        else:
            pending.numbered.append(reading)
            pending.cursors[stream] = sequence
            skipped = stream.advance(sequence)
            if skipped:
                self._notice.jumped(skipped)
        self.rows_to_go -= 1
        if not self.rows_to_go:
            self.take_stock()

    def _refuse(self, stream: Stream | None) -> None:
        """A numbered reading comes again after the next `hello`, an unnumbered one never."""
        if stream is None:
            self._notice.lost(1)
        else:
            self._stall((stream,))

    def take_stock(self) -> None:
        """Have enough for a commit, and a chunk of its own for what comes when this one is full."""
        self._enough.set()
        self._pace.note(self.rows)
        if len(self.chunk) > self._chunk_rows - self._settings.batch_rows:
            self._full.append(self.chunk)
            self.chunk = Chunk()
        self._count_down()

    def _count_down(self) -> None:
        self.rows_to_go = min(self._settings.batch_rows, self.room)

    def pass_over(self, stream: Stream, sequence: int) -> None:
        """Move the cursor over a reading that will never be stored, if it is the stream's next."""
        if not stream.is_next(sequence):
            return
        if self.degraded:
            self._stall((stream,))
        else:
            self.chunk.cursors[stream] = sequence
            self._notice.lost(1)
            skipped = stream.advance(sequence)
            if skipped:
                self._notice.jumped(skipped)

    def want(self, stream: Stream) -> None:
        """Read the stream's cursor behind what is queued, and tell `welcomed`."""
        self.chunk.wanted[stream] = None

    def unwant(self, stream: Stream) -> None:
        """Forget a cursor wanted: its link is gone or opened another stream."""
        for chunk in (
            self.chunk,
            *self._full,
            self._in_hand,
        ):  # that in hand comes back where the commit fails
            chunk.wanted.pop(stream, None)

    def put_repair(self, repair: Repair) -> None:
        """Queue an assignment's row; a later one of the same id replaces it."""
        self.records_lost += self._records.put_repair(repair)

    def put_link(self, link: LinkRow) -> None:
        """Queue a link's row; a later one of the same id replaces it."""
        self.records_lost += self._records.put_link(link)

    def put_status(self, change: StatusChange) -> None:
        """Queue a change of what is known of a turbine."""
        self.records_lost += self._records.put_status(change)

    def put_event(self, event: Event) -> None:
        """Queue what a person did."""
        self.records_lost += self._records.put_event(event)

    async def committed(self) -> None:
        """Return when all records that were put before are committed; raise `StoreFailed` where that fails."""
        commit: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._awaited.append(commit)
        await commit

    async def run(self) -> None:
        """Commit until cancelled: soon after something is queued, at once when a batch is full."""
        while True:
            await self._wait()
            if self._has_work or self.degraded:
                self._commit = asyncio.create_task(self._write())
                await asyncio.shield(self._commit)
            await self._maintain()

    async def finish(self) -> bool:
        """Commit all that is queued, within a bounded time; return whether nothing was left behind.

        What a failing disk loses now was never acknowledged.
        """
        progress = self._store.progress
        try:
            async with asyncio.timeout(FINISH_WITHIN):
                if self._commit is not None:
                    await asyncio.shield(self._commit)
                while self._has_work and not self.degraded:
                    await self._write()
        except TimeoutError:
            is_hung = self._store.progress == progress
            self._degrade("the disk does not answer" if is_hung else "the monitor has no time left for it")
            return False
        return not self._has_work

    @property
    def _has_work(self) -> bool:
        return bool(self._full or self.chunk or self._records or self._awaited)

    def begin(self, opened: Opened, now: Moment) -> None:
        """Know how the store opened, before anything is queued; a fresh one has the time that it is now."""
        self._tell_notes()
        self.calendar.go_on_from(opened.belief or Belief(now.at), now)
        if opened.trouble is not None:
            self._degrade(opened.trouble)

    def _note_opened(self, opened: Opened | None) -> None:
        """Keep what was found for the monitor; its time counts at once, before anything is deleted."""
        if opened is None:
            return
        self._opened = opened
        if opened.belief is not None:
            self.calendar.go_on_from(opened.belief, self._clock.now())

    def take_opened(self) -> Opened | None:
        """Return what is in the database where it was opened only now, or is another one; once."""
        opened, self._opened = self._opened, None
        return opened

    def _tell_notes(self) -> None:
        notes = self._store.notes
        for note in notes[self._notes_told :]:
            _log.warning("%s", note)
        self._notes_told = len(notes)

    @property
    def is_writing(self) -> bool:
        """Whether a commit or upkeep is going on."""
        return self._watch.is_at_work

    def look_after(self, now: float) -> None:
        """Notice a writer that gets nowhere; one that is only slow, or has no CPU, does get somewhere."""
        if self._watch.finds_it_hung(now):
            self._degrade("the disk does not answer")

    async def _wait(self) -> None:
        if self.degraded:
            await asyncio.sleep(self._settings.retry_after)
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(self._settings.tick):
                await self._enough.wait()
                if not self._full:
                    await asyncio.sleep(self._not_before - self._clock.now().seconds)

    async def _write(self) -> None:
        self._in_hand = chunk = self._next_chunk()
        records, self._records = self._records, Records()
        awaited, self._awaited = self._awaited, []
        began = self._clock.now().seconds
        self._not_before = began + self._settings.tick
        try:
            with self._watch.over(began):
                written = await self._store.write(chunk.batch(records))
        except StoreFailed as error:
            self._put_back(chunk, records)
            self._degrade(error.reason)
            _answer(awaited, error)
        else:
            self._take_written(chunk, written, began)
            _answer(awaited)
        finally:
            self._in_hand = self.chunk
            self._tell_notes()

    def _next_chunk(self) -> Chunk:
        if self._full:
            chunk = self._full.popleft()
        else:
            chunk, self.chunk = self.chunk, Chunk()
        self._rows_in_hand = len(chunk)
        self._count_down()
        if not self._full and len(self.chunk) < self._settings.batch_rows:
            self._enough.clear()
        return chunk

    def _take_written(self, chunk: Chunk, written: Written, began: float) -> None:
        readings = len(chunk)
        now = self._clock.now().seconds
        if readings >= self._settings.batch_rows:
            self._chunk_rows = min(COMMIT_ROWS, int(readings * COMMIT_WITHIN / max(now - began, 0.001)))
        self._let_go()
        self.rejected += written.rejected
        if written.rejected:
            _log.error("%d rows that no database takes were passed over", written.rejected)
        self._note_opened(written.opened)
        if self.degraded:
            self.degraded = None
            self._notice.degraded(None)
        cursors = chunk.cursors
        if written.refused:
            cursors = {stream: at for stream, at in cursors.items() if stream.key not in written.refused}
            self._stall([stream for stream in chunk.cursors if stream not in cursors])
        stored = readings - written.rejected - written.refused_readings
        self._notice.committed(cursors, readings=stored, seconds=now - began, now=now)
        for stream in chunk.wanted:
            self._notice.welcomed(stream, written.cursors.get(stream.key))

    def _put_back(self, chunk: Chunk, records: Records) -> None:
        """Keep what cannot be had again; drop all numbered readings, also those queued meanwhile."""
        chunks = [chunk, *self._full, self.chunk]
        self._stall([stream for each in chunks for stream in each.cursors])
        self._full = deque(Chunk(readings=each.readings) for each in chunks[:-1] if each.readings)
        self.chunk = Chunk(
            readings=self.chunk.readings,
            wanted={stream: None for each in chunks for stream in each.wanted},
        )
        self._records = records.and_later(self._records)
        self._let_go()

    def _let_go(self) -> None:
        """Nothing is in hand any more: there may be room again."""
        self._rows_in_hand = 0
        if not self.rows_to_go:
            self._count_down()

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
        self._maintained_at = now.seconds
        try:
            at = self.calendar.at(now)
            with self._watch.over(now.seconds):
                self._note_opened(await self._store.maintain(now=at, belief=self.calendar.belief(now)))
        except StoreFailed as error:
            self._put_back(Chunk(), Records())
            self._degrade(error.reason)
        finally:
            self._tell_notes()


def _answer(awaited: list[asyncio.Future[None]], error: StoreFailed | None = None) -> None:
    """Tell those who still wait for a commit what came of it."""
    for commit in awaited:
        if commit.done():  # whoever waited gave up
            continue
        if error is None:
            commit.set_result(None)
        else:
            commit.set_exception(error)
