"""A database file that is copied elsewhere, as a whole and as it is: no monitor writes to it meanwhile."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from ...errors import StoreUnusable
from ..copying import Kept, Row, Value
from . import files
from .locks import Lock
from .reader import open_reader


class Part(NamedTuple):
    """Some rows of a table, and the key of each."""

    rows: list[Row]
    keys: list[Row]


@contextmanager
def open_source(path: Path) -> Iterator[Source]:
    """Give the file's rows, and let no monitor begin on it meanwhile; raise `StoreUnusable`."""
    lock = Lock()
    try:
        _keep_monitors_off(path, lock)
        with open_reader(path) as connection:
            yield Source(connection)
    finally:
        lock.release()


class Source:
    """The rows of a file, and what it notes about itself; raises `sqlite3.Error`."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self.meta: dict[str, int] = dict(connection.execute("SELECT key, value FROM meta ORDER BY key"))

    def count(self, table: Kept) -> int:
        """Return how many rows a table has."""
        (count,) = self._connection.execute(f"SELECT count(*) FROM {table.name}").fetchone()
        return int(count)

    def part(self, table: Kept, after: Sequence[Value] | None, most: int) -> Part:
        """Return the next rows behind a key, or the first ones."""
        key, marks = ", ".join(table.key), ", ".join("?" * len(table.key))
        behind = "" if after is None else f"WHERE ({key}) > ({marks})"
        sql = f"SELECT {key}, {', '.join(table.columns)} FROM {table.name} {behind} ORDER BY {key} LIMIT ?"
        rows = self._connection.execute(sql, (*(after or ()), most)).fetchall()
        split = len(table.key)
        return Part([row[split:] for row in rows], [row[:split] for row in rows])


def _keep_monitors_off(path: Path, lock: Lock) -> None:
    if not path.is_file():
        return  # who reads it says so
    files.refuse_foreign(path)
    try:
        lock.acquire(files.real_path(path))
    except StoreUnusable:
        raise StoreUnusable(
            str(path), "a monitor is running on it; stop it, or what it stores meanwhile would be missing"
        ) from None
    except OSError:
        pass  # where nobody can write, no monitor can either
