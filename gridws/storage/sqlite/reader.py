"""A look into a database file, whether a monitor is writing to it or not.

Rule 1: nothing is written, and a file that is not ours is refused in one sentence. Rule 2: a database in WAL
mode needs a small file beside it (`-shm`) even to be read. Where that cannot be made, on read-only media, and
no log is left behind, nobody can be writing either, so the file is read as one that never changes. Rule 3: only
SQLite opens the file. Whoever closes a file loses all locks of the whole process on it: a monitor that looked
into its own database by itself would seem to be gone, and the next `sqlite3` would delete its log.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

from ...errors import StoreUnusable
from . import files, schema

_NO_ROOM_BESIDE: Final = (
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_IOERR,
)
"""How SQLite says that it cannot make the small file."""


@contextmanager
def open_reader(path: Path) -> Iterator[sqlite3.Connection]:
    """Open the database at `path` for reading; raise `StoreUnusable` for what is none, or is damaged."""
    if not path.exists():
        raise StoreUnusable(str(path), "there is no such file")
    if not path.is_file():
        raise StoreUnusable(str(path), "is a directory" if path.is_dir() else "it is not a file")
    if not os.access(path, os.R_OK):
        raise StoreUnusable(str(path), "permission denied")
    try:
        with open_still(path) as connection:
            _refuse_other_schemas(path, connection)
            yield connection
    except sqlite3.Error as error:
        raise StoreUnusable(str(path), _reason(error)) from error


@contextmanager
def open_still(path: Path) -> Iterator[sqlite3.Connection]:
    """Open whatever is at `path` for reading, also where nothing can be written; raise `sqlite3.Error`."""
    with closing(_connect(path)) as connection:
        yield connection


def _reason(error: sqlite3.Error) -> str:
    if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_NOTADB:
        return "the file is not an SQLite database"
    return "the file is damaged" if files.is_damage(error) else str(error)


def _connect(path: Path) -> sqlite3.Connection:
    connection = files.open_for_reading(path)
    try:
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except sqlite3.Error as error:
        connection.close()
        if not _is_still(path, error):
            raise
        return _connect_to_still(path)
    return connection


def _is_still(path: Path, error: sqlite3.Error) -> bool:
    code = (error.sqlite_errorcode or 0) & 0xFF
    log = Path(f"{path}-wal")
    no_log = not log.exists() or log.stat().st_size == 0
    return no_log and code in _NO_ROOM_BESIDE


def _connect_to_still(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(
        f"{path.absolute().as_uri()}?mode=ro&immutable=1",
        uri=True,
        isolation_level=None,
        check_same_thread=False,
    )


def _refuse_other_schemas(path: Path, connection: sqlite3.Connection) -> None:
    version = schema.version_of(connection)
    if schema.is_foreign(connection):
        raise StoreUnusable(str(path), "it is a database of another program")
    if version > schema.VERSION:
        reason = f"a newer gridws wrote it (schema {version}, this one knows {schema.VERSION})"
        raise StoreUnusable(str(path), reason)
    if version == 0:
        raise StoreUnusable(str(path), "it is empty; no monitor has used it yet")
    if version < schema.VERSION:
        raise StoreUnusable(str(path), "an older gridws wrote it; start a monitor on it once")
