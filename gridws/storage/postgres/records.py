"""`Records` of the shared database: the rows of a report from one moment, a table in slices.

They are read in a thread, so each has an event loop and a connection of its own, and asks between answers, and while
it waits for one, whether the rows are still wanted.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, Final, TypeVar

from asyncpg import Connection, Record

from ...errors import StoreFailed, StoreUnusable
from ...spans import Span
from ..records import BEGIN_AND_END, COLUMNS, Collected, Slice, Table, TurbineRows
from ..rows import Event, Names
from . import events
from .collected import collected, numbers, turbine_rows
from .connections import connect, failures
from .energy import energy_in
from .schema import check_version
from .urls import without_password

_ASK_EVERY: Final = 0.1
"""Seconds between two looks at whether an answer is still wanted."""
_AT_A_TIME: Final = 64
"""Turbines asked for at once."""
_ROWS: Final = 20_000
"""Rows of a slice, more or less."""
_LONGEST: Final = 86_400
"""Seconds of readings looked for at once, however few there are."""

_METRICS: Final = f"""
SELECT {", ".join(COLUMNS[Table.metrics])} FROM metrics
WHERE measured_at / 1000 >= $1 AND measured_at / 1000 < $2 AND measured_at >= $3 AND measured_at < $4
    AND ($5::integer IS NULL OR turbine_number = $5)
ORDER BY CASE WHEN $5::integer IS NULL THEN measured_at / 1000 ELSE measured_at END, turbine_number,
    received_at, batch, tableoid, ctid
"""
_NEXT_SECOND: Final = "SELECT min(measured_at / 1000) FROM metrics WHERE measured_at / 1000 >= $1"
_LAST_SECOND: Final = "SELECT max(measured_at / 1000) FROM metrics WHERE measured_at / 1000 <= $1"

T = TypeVar("T")


@contextmanager
def open_records(url: str, given_up: Callable[[], bool] = lambda: False) -> Iterator[PostgresRecords]:
    """Give the records of the database at `url`; raise `StoreUnusable`, also out of their iterators."""
    with _for_readers(), asyncio.Runner() as runner:
        connection = runner.run(connect(url, name="gridws report"))
        try:
            with failures(url):
                runner.run(check_version(connection, without_password(url)))
            yield PostgresRecords(url, connection, runner, given_up)
        finally:
            connection.terminate()


@contextmanager
def _for_readers() -> Iterator[None]:
    """Say of whatever fails that the database cannot be used: nobody wanted to write to it."""
    try:
        yield
    except StoreFailed as error:
        raise StoreUnusable(error.path, error.reason) from error


class PostgresRecords:
    """The `Records` that a connection reads, until `given_up` says that nobody wants them any more."""

    def __init__(
        self, url: str, connection: Connection, runner: asyncio.Runner, given_up: Callable[[], bool]
    ) -> None:
        self._url = url
        self._connection = connection
        self._runner = runner
        self._given_up = given_up

    def report_rows(
        self, span: Span, *, now: int, turbine_number: int | None = None
    ) -> tuple[Collected, Iterator[TurbineRows]]:
        """Return the rows of a report, all of one moment."""
        self._do("ROLLBACK")
        self._do("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        known = self._run(collected(self._connection, now=now))
        return known, self._turbines(span, turbine_number)

    def names(self) -> Names:
        """Return what people call turbines and engineers."""
        return self._run(events.names(self._connection))

    def roster(self) -> list[Event]:
        """Return the changes of the roster."""
        return self._run(events.roster(self._connection))

    def slices(self, table: Table, span: Span, turbine_number: int | None = None) -> Iterator[Slice]:
        """Yield the rows of a table, each slice as of a moment of its own."""
        self._do("ROLLBACK")
        if table is Table.metrics:
            return self._metrics(span, turbine_number)
        return self._by_id(table, span, turbine_number)

    def _turbines(self, span: Span, turbine_number: int | None) -> Iterator[TurbineRows]:
        energy = self._run(energy_in(self._connection, span))
        found = self._run(numbers(self._connection, span, turbine_number, energy))
        for start in range(0, len(found), _AT_A_TIME):
            some = found[start : start + _AT_A_TIME]
            yield from self._run(turbine_rows(self._connection, span, some, energy))

    def _metrics(self, span: Span, turbine_number: int | None) -> Iterator[Slice]:
        first = self._value(_NEXT_SECOND, span.since // 1000)
        last = self._value(_LAST_SECOND, (span.until - 1) // 1000)
        if first is None or last is None:
            return
        at, width = first, 60
        while at is not None and at <= last:
            rows = self._fetch(_METRICS, at, at + width, *span, turbine_number)
            at += width
            if rows:
                yield Slice([tuple(row) for row in rows], min(1.0, (at - first) / (last - first + 1)))
            else:
                at = self._value(_NEXT_SECOND, at)
            width = max(1, min(_LONGEST, width * 2 if len(rows) < _ROWS // 2 else width * _ROWS // len(rows)))

    def _by_id(self, table: Table, span: Span, turbine_number: int | None) -> Iterator[Slice]:
        begin, end = BEGIN_AND_END[table]
        last_id = self._value(f"SELECT max(id) FROM {table.value}") or 1
        sql = f"""
            SELECT {", ".join(COLUMNS[table])} FROM {table.value}
            WHERE id > $1 AND {begin} < $2 AND ({end} IS NULL OR {end} >= $3)
                AND ($4::integer IS NULL OR turbine_number = $4) ORDER BY id LIMIT {_ROWS}
        """
        key = -1
        while rows := self._fetch(sql, key, span.until, span.since, turbine_number):
            key = rows[-1][0]
            yield Slice([tuple(row) for row in rows], key / max(last_id, key, 1))

    def _fetch(self, sql: str, *values: object) -> list[Record]:
        return self._run(self._connection.fetch(sql, *values))

    def _value(self, sql: str, *values: object) -> Any:
        return self._run(self._connection.fetchval(sql, *values))

    def _do(self, sql: str) -> None:
        self._run(self._connection.execute(sql))

    def _run(self, question: Coroutine[Any, Any, T]) -> T:
        with failures(self._url):
            return self._runner.run(self._while_wanted(question))

    async def _while_wanted(self, question: Coroutine[Any, Any, T]) -> T:
        task = asyncio.ensure_future(question)
        while not task.done():
            if self._given_up():
                task.cancel()
                await asyncio.wait((task,))
                raise StoreFailed(without_password(self._url), "interrupted")
            await asyncio.wait((task,), timeout=_ASK_EVERY)
        return task.result()
