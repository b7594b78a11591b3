"""The embedded store: one SQLite file, one thread that writes, and a few that read.

Rule 1: everything that changes the file runs in the writer's thread, in the order it was asked for, each
batch in one transaction. Rule 2: a batch is answered only after its COMMIT returned. Rule 3: trouble with
the file raises `StoreFailed` and mends itself with a later `write`, also an empty one; trouble with a row
costs that row alone.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Final, TypeVar

from ...clock import Belief
from ...errors import StoreError, StoreFailed
from ...settings import MonitorSettings
from .. import Opened, Space, Written
from ..batches import Batch
from . import events, mending, opening
from .batches import insert_others, insert_readings
from .cursors import Cursors
from .database import Database
from .erasing import Erasing
from .ids import Ids
from .locks import Identity
from .lookups import SqliteHistory, in_threads
from .minute_tables import catch_up
from .retention import Retention
from .rollup import MOST_PENDING, RollUp
from .space import space_of
from .succession import take_over

_CLOSE_WITHIN: Final = 3.0
_GIVE_UP_WITHIN: Final = 0.5
"""Seconds for the last flush, and for a disk that already did not take the last batch."""

_FLUSH_EVERY: Final = 60_000
"""Sums of minutes stay in memory for so long (ms): each turbine's page is then written once a minute."""

_LONGEST_UNROLLED: Final = 600_000
"""Readings not rolled up are looked for second by second, so their receipts span no more than this (ms)."""

T = TypeVar("T")


class SqliteStore(SqliteHistory):
    """A `Store` in the file at `path`.

    `space` is what it takes of the disk, `low_space` a sentence while that is nearly full. `notes` has sentences for
    the operator about what the store found and did to its file since it was made. `is_hung` says that `close` was
    given up, and that a thread of this process still waits for the disk.
    """

    def __init__(self, path: Path, *, settings: MonitorSettings) -> None:
        super().__init__(path)
        self._settings = settings
        self._database = Database(path)
        self._erasing = Erasing(self._database)
        self._retention = Retention(self._database, settings)
        self._roll_up = RollUp()
        self._cursors = Cursors()
        self._assignment_ids = Ids(self._database, "assignment")
        self._link_ids = Ids(self._database, "link")
        self._generation = 0
        self._begun_on: Identity | None = None
        self._opened: Opened | None = None
        self.space: Space | None = None
        self._now = 0
        self._belief = Belief(0)
        self._flushed_at = 0
        self._missed_below: int | None = None
        self._is_failing = False
        self._is_open = False
        self.is_hung = False
        self._writer = ThreadPoolExecutor(max_workers=1, thread_name_prefix="gridws-store")

    @property
    def low_space(self) -> str | None:
        """Say that the disk is nearly full, None while it is not."""
        return self._retention.low_space

    @property
    def progress(self) -> int:
        """Return how many statements were begun so far."""
        return self._database.statements

    @property
    def notes(self) -> tuple[str, ...]:
        """Return what was found and done to the file, in sentences."""
        return tuple(self._database.notes)

    async def open(self, *, now: int) -> Opened:
        """Open, migrate and mend; raise `StoreUnusable` and leave a file that is not ours as it is."""
        return await in_threads(self._writer, lambda: self._open(now))

    async def write(self, batch: Batch) -> Written:
        """Commit the batch in one transaction, or raise `StoreFailed` and keep nothing of it."""
        return await in_threads(self._writer, lambda: self._write(batch))

    async def maintain(self, *, now: int, belief: Belief | None = None) -> Opened | None:
        """Roll up or delete one slice; what fails is tried again, and the next `write` tells why."""
        return await in_threads(self._writer, lambda: self._maintain(now, belief or Belief(now)))

    async def close(self, *, complete: bool = True) -> None:
        """Flush, mark the end as clean and close, in a bounded time; the next start mends what is missing."""
        if self._is_open:
            try:
                async with asyncio.timeout(_CLOSE_WITHIN if complete else _GIVE_UP_WITHIN):
                    await in_threads(self._writer, lambda: self._close(complete=complete))
            except TimeoutError:
                self.is_hung = True
        self._writer.shutdown(wait=False)
        self._end_lookups()

    def _open(self, now: int) -> Opened:
        self._now = self._flushed_at = now
        self._belief = Belief(now)
        try:
            self._begin_on_whole_file()
        except StoreFailed as error:
            self._database.close()
            opened = self._open_in_trouble(error.reason)
        except BaseException:
            self._database.let_go()
            raise
        else:
            opened = self._take_opened() or Opened(0, 0, {}, {})
        self._is_open = True
        self._measure()
        return opened

    def _measure(self) -> None:
        with suppress(OSError):  # what was known is shown on
            self.space = space_of(self._database.real)

    def _begin_on_whole_file(self) -> None:
        try:
            self._database.connect()
            self._look()
        except StoreFailed:
            if not self._database.is_suspected:
                raise
            # After a clean end not every page was looked at; now it is, and a damaged file is put aside.
            self._database.connect()
            self._look()

    def _open_in_trouble(self, reason: str) -> Opened:
        self._is_failing = True
        opened = opening.opened_in_trouble(self._path, now=self._now, oldest=self._oldest)
        self._assignment_ids.highest, self._link_ids.highest = (
            opened.last_assignment_id,
            opened.last_link_id,
        )
        return replace(opened, trouble=reason)

    @property
    def _oldest(self) -> int:
        return self._now - int(self._settings.turbines_shown_for * 1000)

    def _begin(self, connection: sqlite3.Connection) -> Opened:
        """Go on with what an earlier run left in a file that this one has not written to yet."""
        meta = self._database.meta
        crashed = meta.get("clean", 1) == 0
        belief = mending.belief_in(meta)
        self._belief = belief or self._belief
        self._retention.go_on_from(meta.get("committed_at", 0))
        mending.end_open_rows(connection, meta, self._now)
        self._take_over(connection, meta)
        ids = self._assignment_ids.begin(after_crash=crashed), self._link_ids.begin(after_crash=crashed)
        self._resume(connection)
        opened = opening.opened(connection, meta, ids=ids, oldest=self._oldest)
        meta |= {"clean": 0, "committed_at": self._now}
        mending.note_belief(meta, self._belief)
        return replace(opened, belief=belief)

    def _take_over(self, connection: sqlite3.Connection, meta: dict[str, int]) -> None:
        """Go on with what the file before left, if there was one."""
        estate = self._database.estate
        if estate is None:
            return
        take_over(connection, meta, estate, now=self._now)
        if self._begun_on is None:  # in use are ids of earlier runs alone, and nobody else knows of them
            reserved = estate.reserved or opening.ids_ahead(self._now)
            for ids, last in zip((self._assignment_ids, self._link_ids), reserved, strict=True):
                ids.highest = max(ids.highest, last)

    def _take_opened(self) -> Opened | None:
        opened, self._opened = self._opened, None
        return opened

    def _look(self) -> None:
        """See which file there is, and begin on it if it is another one."""
        with self._transaction():
            pass

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        opened = None
        with self._database.transaction() as connection:
            if self._begun_on != self._database.file:
                opened = self._begin(connection)
            elif self._generation != self._database.generation:
                self._resume(connection)
            yield connection
        if opened is not None:
            self._database.estate = None
            self._begun_on, self._opened = self._database.file, opened

    def _resume(self, connection: sqlite3.Connection) -> None:
        """Go by what the file says: it may be another one, or hold a COMMIT that seemed to fail.

        What no roll-up holds is summed up from the file, as after a crash.
        """
        meta = self._database.meta
        self._generation = self._database.generation
        self._cursors.forget()
        self._roll_up = RollUp(mending.last_readings(connection, meta))
        self._missed_below = meta["next_reading_id"] if meta.get("unrolled_from", -1) >= 0 else None

    def _write(self, batch: Batch) -> Written:
        try:
            with self._transaction() as connection:
                kept = insert_readings(connection, batch.readings, self._database.meta)
                rejected = len(batch.readings) - len(kept) + insert_others(connection, batch)
                rejected += events.insert_events(connection, batch.events, self._database.meta)
                rejected += self._cursors.advance(connection, batch.cursors)
                cursors = self._cursors.read(connection, batch.wanted)
                self._note(batch)
        except StoreFailed:
            self._cursors.forget()
            self._is_failing = True
            raise
        self._is_failing = False
        self._roll_up.add(kept)
        self._flush_early()
        return Written(cursors, rejected, self._take_opened())

    def _note(self, batch: Batch) -> None:
        self._assignment_ids.use(batch.repairs)
        self._link_ids.use(batch.links)
        # Receipts do not follow a clock that was put back, all that is told of does.
        is_behind = self._belief.doubted_by < 0
        self._database.meta["committed_at"] = self._now if is_behind else max(self._now, batch.latest_time)
        mending.note_belief(self._database.meta, self._belief)

    def _flush_early(self) -> None:
        """Flush before the sums grow large, or what is not rolled up spans too much to be searched."""
        meta = self._database.meta
        span = meta.get("unrolled_until", -1) - meta.get("unrolled_from", -1)
        if len(self._roll_up) >= MOST_PENDING or span > _LONGEST_UNROLLED:
            with suppress(StoreFailed):  # the batch itself is committed; the sums stay for the next try
                self._flush()

    def _maintain(self, now: int, belief: Belief) -> Opened | None:
        self._now, self._belief = now, belief
        self._measure()
        # Upkeep can wait, and the next batch reports what is wrong with the disk, or with the folder.
        with suppress(StoreError, OSError):
            if self._database.is_exchanged():
                self._look()  # and no more: by this file another time may be believed
            elif self._missed_below is not None:
                self._catch_up()
            elif abs(now - self._flushed_at) >= _FLUSH_EVERY:
                self._flush()
                self._flushed_at = now
            else:
                self._retention.sweep(now)
                self._erasing.sweep()
        return self._take_opened()

    def _catch_up(self) -> None:
        """Roll up what an earlier run committed and did not live to roll up."""
        if self._missed_below is None:
            return
        with self._transaction() as connection:
            self._sum_up_missed(connection)
        self._missed_below = None

    def _sum_up_missed(self, connection: sqlite3.Connection) -> None:
        if self._missed_below is None:  # it was committed after all
            return
        meta = self._database.meta
        mark, received_from = meta["rolled_up_id"], meta["unrolled_from"]
        catch_up(connection, mark=mark, end=self._missed_below, received_from=received_from)
        meta["rolled_up_id"] = self._missed_below

    def _flush(self) -> None:
        """Add the sums in memory to the tables, and say in the file how far they go."""
        self._catch_up()
        with self._transaction() as connection:
            if self._missed_below is not None:  # and nothing else: the connection is new
                return
            self._flush_into(connection)
        self._roll_up.clear()

    def _flush_into(self, connection: sqlite3.Connection) -> None:
        self._roll_up.flush(connection)
        meta = self._database.meta
        meta["rolled_up_id"] = meta.get("next_reading_id", 1)
        meta["unrolled_from"] = meta["unrolled_until"] = -1
        meta["committed_at"] = max(self._now, meta["committed_at"])
        mending.note_belief(meta, self._belief)

    def _close(self, *, complete: bool) -> None:
        if not self._is_open:
            return
        self._is_open = False
        # After a failed batch, or one that never came, ids may be in use that no row tells of: then the end does
        # not count as clean.
        with suppress(StoreFailed, sqlite3.Error):
            self._database.hurry()
            self._flush()
            if complete and not self._is_failing:
                self._mark_clean()
        self._database.let_go()

    def _mark_clean(self) -> None:
        with self._database.transaction():
            self._database.meta["clean"] = 1
