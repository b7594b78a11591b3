"""The shared store: one connection that writes, one whose session says that this process lives, and a few that read.

Rule 1: a batch is one transaction, under the number of the writer's commits, which is written with it. So where a
connection breaks within a COMMIT, the next one asks what became of it, and nothing is written twice. Rule 2: readings
of streams that another writer took over are left out, and the streams named as refused. Rule 3: trouble with the
database raises `StoreFailed`, throws the connection away and mends itself with a later `write`, also an empty one.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Final, TypeVar

from asyncpg import Connection, InsufficientPrivilegeError

from ...clock import Belief
from ...errors import StoreError, StoreFailed, StoreUnusable
from ...settings import MonitorSettings
from .. import Opened, Space, Written
from ..batches import Batch
from ..rows import Reading
from . import events, retention, rollup, writers
from .batches import BAD_ROW, copy_readings, first_receipt, insert_others, storable, without_streams
from .connections import TRY_AGAIN, connect, failures, session_of
from .cursors import Cursors
from .lookups import PostgresHistory
from .schema import migrate
from .upkeep import Upkeep
from .urls import without_password

_WITHIN: Final = 10.0
"""Seconds for a transaction; then its connection is thrown away."""
_CLOSE_WITHIN: Final = 2.0
_TRIES: Final = 5
"""Of a transaction that others deadlocked with."""
_IDS_A_MILLISECOND: Final = 1_000
_SCATTERED: Final = 1_000_000_000
"""For a start without a database: ids begin far ahead of all others, as far apart as chance will have it."""

T = TypeVar("T")


class PostgresStore(PostgresHistory):
    """A `Store` in the database at `url`.

    `notes` has sentences for the operator about what the store found since it was made; `low_space` is the database
    owner's matter.
    """

    low_space: str | None = None
    space: Space | None = None

    def __init__(self, url: str, *, settings: MonitorSettings) -> None:
        super().__init__(url)
        self.progress = 0
        self.notes: Sequence[str] = ()
        self._settings = settings
        self._cursors = Cursors()
        self._upkeep = Upkeep(settings)
        self._connection: Connection | None = None
        self._life: Connection | None = None
        self._writer: int | None = None
        self._batches = 0
        self._in_doubt: Batch | None = None  # its COMMIT was under way when the connection broke
        self._committed: Batch | None = None  # while its caller was not told so
        self._written = Written({})
        self._opened: Opened | None = None
        self._now = 0
        self._belief: Belief | None = None
        self._is_open = False
        self._is_failing = False

    @property
    def writer_id(self) -> int:
        """The id of the writer that this process is, 0 while it is none."""
        return self._writer or 0

    async def open(self, *, now: int) -> Opened:
        """Open, migrate and mend; raise `StoreUnusable` where trying again would not help."""
        self._now = now
        self._upkeep.begin(now)
        try:
            await self._use(self._nothing)
        except StoreFailed as error:
            if isinstance(error.__cause__, InsufficientPrivilegeError):  # nobody mends that but its owner
                raise StoreUnusable(error.path, error.reason) from error.__cause__
            self._is_open = self._is_failing = True
            ahead = max(now, 0) * _IDS_A_MILLISECOND + random.randrange(_SCATTERED)  # noqa: S311
            return Opened(ahead, ahead, {}, {}, trouble=error.reason)
        self._is_open = True
        return self._take_opened() or Opened(0, 0, {}, {})

    async def write(self, batch: Batch) -> Written:
        """Commit the batch in one transaction, or raise `StoreFailed` and keep nothing of it."""
        try:
            return await self._use(lambda connection: self._write(connection, batch))
        except StoreFailed:
            self._is_failing = True
            raise

    async def maintain(self, *, now: int, belief: Belief | None = None) -> Opened | None:
        """Roll up, or delete one slice; what fails is tried again, and the next `write` tells why."""
        self._now, self._belief = now, belief or Belief(now)
        with suppress(StoreError):
            await self._use(self._keep_up)
        return self._take_opened()

    async def newest_of_others(self, *, now: int, slow_ones: bool) -> list[Reading]:
        """Return the newest readings that other writers wrote: what `SharedReadings` says."""
        return await self._newest_of_others(now, self.writer_id, slow_ones=slow_ones)

    async def close(self, *, complete: bool = True) -> None:
        """Roll up, mark the end as clean and close, in a bounded time; the next start mends what is missing."""
        is_clean = complete and not self._is_failing
        if self._writer is not None and self._connection is not None:
            with suppress(StoreError, TimeoutError):
                async with asyncio.timeout(_CLOSE_WITHIN):
                    await self._use(lambda connection: self._end(connection, is_clean=is_clean))
        self._writer = None
        self._throw_away()
        self._drop_readers()

    async def _use(self, work: Callable[[Connection], Awaitable[T]]) -> T:
        """Do the work on the connection that writes; if anything goes wrong, throw it away."""
        try:
            with failures(self._url):
                async with asyncio.timeout(_WITHIN):
                    return await self._try(work)
        except StoreUnusable as error:
            self._throw_away()
            if not self._is_open:
                raise
            # What refuses a monitor at its start, such as another password, is trouble for one that runs.
            raise StoreFailed(error.path, error.reason) from error
        except BaseException:
            self._throw_away()
            raise

    async def _try(self, work: Callable[[Connection], Awaitable[T]]) -> T:
        for tries_left in reversed(range(_TRIES)):
            try:
                return await work(await self._ready())
            except TRY_AGAIN:
                self._cursors.forget()
                if not tries_left:
                    raise
        raise AssertionError

    async def _nothing(self, connection: Connection) -> None:
        """Only see that there is a connection."""

    def _throw_away(self) -> None:
        for connection in (self._connection, self._life):
            if connection is not None:
                connection.terminate()
        self._connection = self._life = None
        self._cursors.forget()

    async def _ready(self) -> Connection:
        """Return the connection, as the writer that this process was, if it still counts as living, or a new one."""
        if self._connection is not None and self._life is not None and not self._life.is_closed():
            return self._connection
        self._throw_away()
        self._connection = await connect(self._url, name="gridws")
        self._life = await connect(self._url, name="gridws alive")
        await migrate(self._connection, without_password(self._url))
        if self._writer is None or not await writers.hold_life(self._life, self._writer):
            await self._begin(self._connection, self._life)
        elif self._in_doubt is not None:
            await self._clear_doubt(self._connection)
        await self._connection.execute(
            "SELECT set_config('application_name', $1, false)", session_of(self.writer_id)
        )
        return self._connection

    async def _begin(self, connection: Connection, life: Connection) -> None:
        await self._clear_doubt(connection)
        oldest = self._now - int(self._settings.turbines_shown_for * 1000)
        self._writer, self._opened = await writers.begin(
            connection, life, now=self._now, oldest=oldest, belief=self._belief
        )
        self._belief = self._belief or self._opened.belief
        self._batches = 0
        await retention.make_partitions(connection, self._now)

    async def _clear_doubt(self, connection: Connection) -> None:
        """Find out whether the batch in doubt was committed; a transaction that still goes on is waited for."""
        batch, self._in_doubt = self._in_doubt, None
        if batch is None or self._writer is None:
            return
        sql = "SELECT batches FROM writers WHERE writer_id = $1 FOR UPDATE"
        if await connection.fetchval(sql, self._writer) > self._batches:
            self._batches += 1
            self._committed = batch

    def _take_opened(self) -> Opened | None:
        opened, self._opened = self._opened, None
        return opened

    async def _write(self, connection: Connection, batch: Batch) -> Written:
        if batch is not self._committed:
            self._written = await self._commit_storable(connection, self._without_committed(batch))
            self._committed = batch  # if the streams cannot be taken, the caller is told of a failure
        cursors = await self._cursors.take(connection, batch.wanted, self._writer or 0)
        self._committed = None
        self._is_failing = False
        return replace(self._written, cursors=cursors, opened=self._take_opened())

    async def _commit_storable(self, connection: Connection, batch: Batch) -> Written:
        try:
            return await self._commit(connection, batch)
        except BAD_ROW:
            self._cursors.forget()
            good = storable(batch)
            written = await self._commit(connection, good)
            return replace(written, rejected=written.rejected + len(batch.readings) - len(good.readings))

    def _without_committed(self, batch: Batch) -> Batch:
        """Return the batch without the rows of one that was committed although its caller was told of a failure."""
        if self._committed is None:
            return batch
        before = self._committed
        told = set(map(id, (*before.readings, *before.statuses, *before.events)))
        split = len(batch.readings) - batch.numbered
        own = [row for row in batch.readings[:split] if id(row) not in told]
        return replace(
            batch,
            readings=[*own, *batch.readings[split:]],
            statuses=[row for row in batch.statuses if id(row) not in told],
            events=[row for row in batch.events if id(row) not in told],
        )

    async def _commit(self, connection: Connection, batch: Batch) -> Written:
        transaction = connection.transaction()
        await transaction.start()
        try:
            written = await self._insert(connection, batch)
        except BaseException:
            with suppress(Exception):
                await transaction.rollback()
            raise
        self._in_doubt = batch
        await transaction.commit()
        self._in_doubt = None
        self._batches += 1
        self.progress += 1
        return written

    async def _insert(self, connection: Connection, batch: Batch) -> Written:
        writer, number = self._writer or 0, self._batches + 1
        await self._note(connection, batch, number)
        taken, rejected = await self._cursors.advance(connection, batch.cursors, writer)
        refused, kept = without_streams(batch, taken)
        self.progress += 1
        if kept:
            await copy_readings(connection, kept, writer=writer, batch=number)
        self.progress += 1
        rejected += await insert_others(connection, batch, writer=writer)
        rejected += await events.insert_events(connection, batch.events)
        return Written({}, rejected, refused=refused, refused_readings=len(batch.readings) - len(kept))

    async def _note(self, connection: Connection, batch: Batch, number: int) -> None:
        belief = self._belief or Belief(self._now)
        # Receipts do not follow a clock that was put back, all that is told of does.
        at = self._now if belief.doubted_by < 0 else max(self._now, batch.latest_time)
        sql = """
            UPDATE writers SET batches = $2, committed_at = $3, believed_at = $4, doubted_since = $5, doubted_by = $6,
                unrolled_from = least(unrolled_from, $7) WHERE writer_id = $1 AND NOT ended RETURNING writer_id
        """
        values = (number, at, *belief, first_receipt(batch.readings))
        if await connection.fetchval(sql, self._writer, *values) is None:
            raise StoreFailed(without_password(self._url), "another monitor took this one for dead")

    async def _keep_up(self, connection: Connection) -> None:
        await self._upkeep.do(connection, self.writer_id, self._now)
        self.progress += 1

    async def _end(self, connection: Connection, *, is_clean: bool) -> None:
        if self._writer is not None:
            async with connection.transaction():
                await rollup.flush_all(connection, self._writer)
            if is_clean:
                await connection.execute("UPDATE writers SET ended = true WHERE writer_id = $1", self._writer)
