"""A database on PostgreSQL that an SQLite file is copied into, slice by slice, over any number of runs.

The table `copies` is there as long as the copy is not done, and no monitor begins on the database meanwhile. Each slice
and how far the copy is with it are one transaction. What the file left undone when its monitor died is left to do for
the next monitor: the copy is a writer, and one that ended or died as the file's did.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Final

from asyncpg import Connection, LockNotAvailableError

from ...errors import StoreFailed, StoreUnusable
from ..copying import READINGS, TEXTS, Kept, Progress, Row, is_same
from .connections import connect, failures
from .retention import DAY, make_partition
from .schema import COPYING, has_rows, is_being_copied, migrate
from .urls import without_password
from .writers import ID_BLOCK

_COPY: Final = 1
"""The writer that the copy is: the first."""
_ROLLED_UP: Final = 1
"""The batch of readings that are in the minutes already; the others have one each, in the order they came."""
_LAST_BATCH: Final = 2**31 - 1
_SERIAL: Final = ("stream_names", "statuses", "events")
_NOTED_ALIKE: Final = ("engineers", "purged_before", "minutes_kept_since", "collected_since")
_LOCKED_FOR: Final = 3_000
"""Time (ms) in which the server notices that a copy before this one was killed."""
_SOURCE: Final = "the file"

_WRITER: Final = """
INSERT INTO writers (writer_id, started_at, rolled_up_to, ended, batches, unrolled_from, first_assignment_id,
    committed_at, believed_at, doubted_since, doubted_by) VALUES ($1, $2, $3, $4, $5, $6, $7, $2, $8, $9, $10)
"""


@asynccontextmanager
async def open_target(url: str, meta: Mapping[str, int]) -> AsyncIterator[Target]:
    """Give the database at `url`, to copy a file of these notes into it, or to go on with that.

    Raise `StoreUnusable` where it holds anything else, `StoreFailed` for trouble with it, also while it is used.
    """
    connection = await connect(url, name="gridws copy")
    try:
        with failures(url):
            shown = without_password(url)
            await _begin(connection, shown, json.dumps(meta))
            yield Target(connection, shown, meta)
    finally:
        connection.terminate()


class Target:
    """The tables of a database that is being filled."""

    def __init__(self, connection: Connection, shown: str, meta: Mapping[str, int]) -> None:
        self._connection = connection
        self._shown = shown
        self._meta = meta
        self._days: set[int] = set()

    async def progress(self) -> dict[str, Progress]:
        """Return how far each table is that was begun."""
        rows = await self._connection.fetch("SELECT * FROM copies WHERE name <> $1", _SOURCE)
        return {row["name"]: Progress.of_text(row["state"]) for row in rows}

    async def expect(self, progress: Mapping[str, Progress]) -> None:
        """Note how many rows each table will have."""
        rows = [(name, each.as_text()) for name, each in progress.items()]
        await self._connection.executemany("INSERT INTO copies VALUES ($1, $2)", rows)

    async def take(self, table: Kept, rows: Sequence[Row], keys: Sequence[Row], progress: Progress) -> None:
        """Keep some rows, and how far the table is with them."""
        columns, records = table.columns, rows
        async with self._connection.transaction():
            if table is READINGS:
                await self._make_partitions(rows)
                columns = (*columns, "writer_id", "batch")
                records = [(*row, _COPY, self._batch(key[-1])) for row, key in zip(rows, keys, strict=True)]
            elif table.name == "cursors":
                columns, records = (*columns, "owner"), [(*row, _COPY) for row in rows]
            await self._connection.copy_records_to_table(table.name, records=records, columns=columns)
            await self._connection.execute(
                "UPDATE copies SET state = $2 WHERE name = $1", table.name, progress.as_text()
            )

    async def check(self, table: Kept, progress: Progress) -> None:
        """Raise `StoreFailed` unless what arrived is as many rows as were there, with the same sums."""
        sums = (f"sum({f'length({name})' if name in TEXTS else name})" for name in table.columns)
        count, *found = await self._connection.fetchrow(
            f"SELECT count(*), {', '.join(sums)} FROM {table.name}"
        ) or (0,)
        is_whole = count == progress.done == progress.expected
        if not is_whole or not is_same(progress.sums or [0] * len(found), [each or 0 for each in found]):
            raise StoreFailed(
                self._shown,
                f"the copy of {table.name} is not the same: {count} rows of {progress.expected}, or other values;"
                " drop the database and copy anew",
            )

    async def finish(self) -> None:
        """Let monitors begin on the database."""
        async with self._connection.transaction():
            await self._note()
            for name in _SERIAL:
                await self._connection.execute(
                    f"SELECT setval(pg_get_serial_sequence('{name}', 'id'), coalesce(max(id), 0) + 1, false)"
                    f" FROM {name}"
                )
            await self._connection.execute("DROP TABLE copies")
        await self._connection.execute("ANALYZE")

    async def _note(self) -> None:
        meta = self._meta
        noted = [(key, meta[key]) for key in _NOTED_ALIKE if key in meta]
        await self._connection.executemany("INSERT INTO meta VALUES ($1, $2)", noted)
        if "committed_at" not in meta:
            return
        is_clean = meta.get("clean", 1) == 1
        last_id = meta.get("last_assignment_id", 0)
        reserved = (
            meta.get("reserved_assignment_id", 0) - ID_BLOCK
        )  # whoever mends after a crash adds a block
        doubted = meta.get("doubted_since", -1)
        await self._connection.execute(
            _WRITER,
            _COPY,
            meta["committed_at"],
            _ROLLED_UP,
            is_clean,
            self._batch(meta.get("next_reading_id", 1)),
            self._unrolled_from,
            last_id if is_clean else max(last_id, reserved),
            meta.get("believed_at", meta["committed_at"]),
            None if doubted < 0 else doubted,
            meta.get("doubted_by", 0),
        )

    @property
    def _unrolled_from(self) -> int | None:
        """The first receipt (ms) among the readings that no minute holds yet."""
        received_from = self._meta.get("unrolled_from", -1)
        return None if received_from < 0 else received_from

    def _batch(self, reading_id: int) -> int:
        mark = self._meta.get("rolled_up_id", 0)
        if self._unrolled_from is None or reading_id < mark:
            return _ROLLED_UP
        return min(reading_id - mark + _ROLLED_UP + 1, _LAST_BATCH)

    async def _make_partitions(self, readings: Sequence[Row]) -> None:
        days = {received_at // DAY for *_, received_at in readings}
        for day in sorted(days - self._days):
            await make_partition(self._connection, day)
        self._days |= days


async def _begin(connection: Connection, shown: str, source: str) -> None:
    # A look at all rows takes minutes, whatever the database's owner lets a statement take.
    await connection.execute(f"SET statement_timeout = 0; SET lock_timeout = {_LOCKED_FOR}")
    try:
        await connection.execute("SELECT pg_advisory_lock($1)", COPYING)
    except LockNotAvailableError:
        raise StoreUnusable(shown, "another gridws copy is at it") from None
    if await is_being_copied(connection):
        if await connection.fetchval("SELECT state FROM copies WHERE name = $1", _SOURCE) != source:
            raise StoreUnusable(
                shown,
                "it holds the beginning of a copy of another file, or of this one before a monitor went on with it;"
                " drop the database and copy anew",
            )
        return
    async with connection.transaction():
        await migrate(connection, shown)
        if await has_rows(connection):
            raise StoreUnusable(shown, "it has rows already; a copy wants a database of its own")
        await connection.execute("CREATE TABLE copies (name text PRIMARY KEY, state text NOT NULL)")
        await connection.execute("INSERT INTO copies VALUES ($1, $2)", _SOURCE, source)
