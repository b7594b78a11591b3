"""`Records` of a database file: the rows of a report from one moment, a table in slices."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, TypeVar

from ...spans import Span
from ..records import Collected, Slice, Table, TurbineRows
from ..rows import Event, Names
from . import events
from .collected import collected, turbine_rows
from .reader import open_reader
from .slices import slices

_ASK_EVERY: Final = 1_000_000
"""Steps of SQLite, some 20 ms, between two looks at whether the rows are still wanted."""

T = TypeVar("T")


@contextmanager
def open_records(path: Path, given_up: Callable[[], bool] = lambda: False) -> Iterator[SqliteRecords]:
    """Give the records of the database at `path`; raise `StoreUnusable`, also out of their iterators."""
    with open_reader(path) as connection:
        connection.set_progress_handler(given_up, _ASK_EVERY)
        yield SqliteRecords(connection, given_up)


class SqliteRecords:
    """The `Records` that a connection reads, until `given_up` says that nobody wants them any more."""

    def __init__(self, connection: sqlite3.Connection, given_up: Callable[[], bool]) -> None:
        self._connection = connection
        self._given_up = given_up

    def report_rows(
        self, span: Span, *, now: int, turbine_number: int | None = None
    ) -> tuple[Collected, Iterator[TurbineRows]]:
        """Return the rows of a report. The log of a database that is written to grows until they are read."""
        self._connection.rollback()
        self._connection.execute("BEGIN")
        known = collected(self._connection, now=now)
        return known, self._while_wanted(turbine_rows(self._connection, span, turbine_number))

    def names(self) -> Names:
        """Return what people call turbines and engineers."""
        return events.names(self._connection)

    def roster(self) -> list[Event]:
        """Return the changes of the roster."""
        return events.roster(self._connection)

    def slices(self, table: Table, span: Span, turbine_number: int | None = None) -> Iterator[Slice]:
        """Yield the rows of a table, each slice as of a moment of its own."""
        self._connection.rollback()
        return self._while_wanted(slices(self._connection, table, span, turbine_number))

    def _while_wanted(self, rows: Iterator[T]) -> Iterator[T]:
        for row in rows:
            if self._given_up():
                raise sqlite3.OperationalError("interrupted")
            yield row
