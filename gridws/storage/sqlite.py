"""The embedded store: one SQLite file, one thread that writes, and a few that read.

Rule 1: everything that changes the file runs in the writer's thread, in the order it was asked for, each
batch in one transaction. Rule 2: a batch is answered only after its COMMIT returned. Rule 3: trouble with
the file raises `StoreFailed` and mends itself with a later `write`, also an empty one; trouble with a row
costs that row alone.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Final, TypeVar

from ..errors import StoreError, StoreFailed, StoreUnusable
from ..settings import MonitorSettings
from . import (
    Batch,
    FleetMinute,
    Minute,
    Opened,
    Reading,
    Repair,
    StatusChange,
    Written,
    files,
    history,
    mending,
)
from .batches import insert_others, insert_readings, latest_time
from .database import Database
from .mending import Ids
from .minute_tables import catch_up
from .retention import Retention
from .rollup import MOST_PENDING, RollUp
from .streams import Streams

_CLOSE_WITHIN: Final = 3.0
_GIVE_UP_WITHIN: Final = 0.5
"""Seconds for the last flush, and for a disk that already did not take the last batch."""

_FLUSH_EVERY: Final = 60_000
"""Sums of minutes stay in memory for so long (ms): each turbine's page is then written once a minute."""

_LONGEST_UNROLLED: Final = 600_000
"""Readings not rolled up are looked for second by second, so their receipts span no more than this (ms)."""

T = TypeVar("T")


class SqliteStore:
    """A `Store` in the file at `path`.

    `low_space` is a sentence while the disk is nearly full. `notes` has sentences for the operator about what
    the store found and did to its file since it was made. `is_hung` says that `close` was given up, and that
    a thread of this process still waits for the disk.
    """

    def __init__(self, path: Path, *, settings: MonitorSettings) -> None:
        self._path = path
        self._settings = settings
        self._lock = files.Lock(path)
        self._database = Database(path)
        self._retention = Retention(self._database, settings)
        self._roll_up = RollUp()
        self._streams = Streams()
        self._assignment_ids = Ids(self._database, "assignment")
        self._link_ids = Ids(self._database, "link")
        self._generation = 0
        self._now = 0
        self._flushed_at = 0
        self._missed_below: int | None = None
        self._is_failing = False
        self._is_open = False
        self.is_hung = False
        self._writer = ThreadPoolExecutor(max_workers=1, thread_name_prefix="gridws-store")
        self._readers = ThreadPoolExecutor(max_workers=2, thread_name_prefix="gridws-history")

    @property
    def path(self) -> Path:
        """The file, for those who read it by themselves."""
        return self._path

    @property
    def low_space(self) -> str | None:
        """Say that the disk is nearly full, None while it is not."""
        return self._retention.low_space

    @property
    def notes(self) -> tuple[str, ...]:
        """Return what was found and done to the file, in sentences."""
        return tuple(self._database.notes)

    async def open(self, *, now: int) -> Opened:
        """Open, migrate and mend; raise `StoreUnusable` and leave a file that is not ours as it is."""
        return await self._in(self._writer, lambda: self._open(now))

    async def write(self, batch: Batch) -> Written:
        """Commit the batch in one transaction, or raise `StoreFailed` and keep nothing of it."""
        return await self._in(self._writer, lambda: self._write(batch))

    async def maintain(self, *, now: int) -> None:
        """Roll up or delete one slice; what fails is tried again, and the next `write` tells why."""
        await self._in(self._writer, lambda: self._maintain(now))

    async def close(self, *, complete: bool = True) -> None:
        """Flush, mark the end as clean and close, in a bounded time; the next start mends what is missing."""
        if self._is_open:
            try:
                async with asyncio.timeout(_CLOSE_WITHIN if complete else _GIVE_UP_WITHIN):
                    await self._in(self._writer, lambda: self._close(complete=complete))
            except TimeoutError:
                self.is_hung = True
        self._writer.shutdown(wait=False)
        self._readers.shutdown(wait=False)

    async def readings(self, turbine_number: int, *, since: int, until: int, limit: int) -> list[Reading]:
        """Return readings with since ≤ measured_at < until, newest first."""
        return await self._read(lambda reader: history.readings(reader, turbine_number, since, until, limit))

    async def repairs(self, *, turbine_number: int | None = None, since: int = 0, limit: int) -> list[Repair]:
        """Return assignments that were running at or after `since`, newest first."""
        return await self._read(lambda reader: history.repairs(reader, turbine_number, since, limit))

    async def minutes(self, turbine_number: int, *, since: int, until: int) -> list[Minute]:
        """Return the turbine's minutes with since ≤ at < until, oldest first; the last may still be missing."""
        return await self._read(lambda reader: history.minutes(reader, turbine_number, since, until))

    async def fleet_minutes(self, *, since: int, until: int) -> list[FleetMinute]:
        """Return the fleet's minutes with since ≤ at < until, oldest first; the last may still be missing."""
        return await self._read(lambda reader: history.fleet_minutes(reader, since, until))

    async def statuses(self, *, since: int, until: int) -> list[StatusChange]:
        """Return status changes with since ≤ at < until, in the order they were written."""
        return await self._read(lambda reader: history.statuses(reader, since, until))

    async def _in(self, threads: ThreadPoolExecutor, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(threads, work)

    async def _read(self, query: Callable[[sqlite3.Connection], list[T]]) -> list[T]:
        def work() -> list[T]:
            try:
                with closing(files.open_for_reading(self._path)) as reader:
                    return query(reader)
            except sqlite3.Error as error:
                raise StoreFailed(str(self._path), str(error)) from error

        return await self._in(self._readers, work)

    def _open(self, now: int) -> Opened:
        # Before the lock, which would put a file beside one that is not ours.
        files.refuse_foreign(self._path)
        self._lock.acquire()
        try:
            self._database.connect()
            opened = self._begin_on_whole_file(now)
        except BaseException as error:
            self._database.close()
            self._lock.release()
            if isinstance(error, StoreFailed):
                raise StoreUnusable(error.path, error.reason) from error
            raise
        self._is_open = True
        return opened

    def _begin_on_whole_file(self, now: int) -> Opened:
        try:
            return self._begin(now)
        except StoreFailed:
            if not self._database.is_suspected:
                raise
        # After a clean end not every page was looked at; now it is, and a damaged file is put aside.
        self._database.connect()
        return self._begin(now)

    def _begin(self, now: int) -> Opened:
        meta = self._database.meta
        crashed = meta.get("clean", 1) == 0
        committed_at = meta.get("committed_at")
        self._retention.go_on_from(committed_at or 0)
        with self._database.transaction() as connection:
            mending.end_open_rows(connection, meta.get("committed_at", now))
            last_assignment_id = self._assignment_ids.begin(after_crash=crashed)
            last_link_id = self._link_ids.begin(after_crash=crashed)
            meta |= {"clean": 0, "committed_at": now}
            last = self._resume(connection)
            seen = mending.last_seen(connection, last)
        self._now = self._flushed_at = now
        oldest = now - int(self._settings.turbines_shown_for * 1000)
        shown = {number: at for number, at in seen.items() if at >= oldest}
        last = {number: reading for number, reading in last.items() if number in shown}
        return Opened(last_assignment_id, last_link_id, last, shown, committed_at, self.notes)

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._database.transaction() as connection:
            if self._generation != self._database.generation:
                self._resume(connection)
            yield connection

    def _resume(self, connection: sqlite3.Connection) -> dict[int, Reading]:
        """Go by what the file says: it may be another one, or hold a COMMIT that seemed to fail.

        Returns each turbine's last reading. What no roll-up holds is summed up from the file, as after a crash.
        """
        meta = self._database.meta
        self._generation = self._database.generation
        self._streams.forget()
        last = mending.last_readings(connection, meta)
        self._roll_up = RollUp(last)
        self._missed_below = meta["next_reading_id"] if meta.get("unrolled_from", -1) >= 0 else None
        return last

    def _write(self, batch: Batch) -> Written:
        try:
            with self._transaction() as connection:
                kept = insert_readings(connection, batch.readings, self._database.meta)
                rejected = len(batch.readings) - len(kept) + insert_others(connection, batch)
                rejected += self._streams.advance(connection, batch.cursors)
                cursors = self._streams.read(connection, batch.wanted)
                self._note(batch)
        except StoreFailed:
            self._streams.forget()
            self._is_failing = True
            raise
        self._is_failing = False
        self._roll_up.add(kept)
        self._flush_early()
        return Written(cursors, rejected)

    def _note(self, batch: Batch) -> None:
        self._assignment_ids.use(batch.repairs)
        self._link_ids.use(batch.links)
        self._database.meta["committed_at"] = max(self._now, latest_time(batch))

    def _flush_early(self) -> None:
        """Flush before the sums grow large, or what is not rolled up spans too much to be searched."""
        meta = self._database.meta
        span = meta.get("unrolled_until", -1) - meta.get("unrolled_from", -1)
        if len(self._roll_up) >= MOST_PENDING or span > _LONGEST_UNROLLED:
            with suppress(StoreFailed):  # the batch itself is committed; the sums stay for the next try
                self._flush()

    def _maintain(self, now: int) -> None:
        self._now = now
        # Upkeep can wait, and the next batch reports what is wrong with the disk, or with the folder.
        with suppress(StoreError, OSError):
            if self._missed_below is not None:
                self._catch_up()
            elif abs(now - self._flushed_at) >= _FLUSH_EVERY:
                self._flush()
                self._flushed_at = now
            else:
                self._retention.sweep(now)

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
        self._database.close()
        self._lock.release()

    def _mark_clean(self) -> None:
        with self._database.transaction():
            self._database.meta["clean"] = 1
