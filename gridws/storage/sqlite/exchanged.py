"""The file at the path, or its log, is another one than the one that is open: moved, replaced or deleted under us.

SQLite finds a log by its name, and would play that of the one file into the other. So what is in the log is brought
into the file that is open, whatever its name is by now. The log goes where the next file would find it; one that is
not ours goes aside. A file that has no name any more would end with us, so it is copied.
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Final

from ...errors import StoreFailed
from . import files
from .locks import Identity, Lock, identity_of

_PAGES: Final = 4_096
"""Copied at a time, 16 MiB: each time the writer is seen to get somewhere."""

_MAY_MEND: Final = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_FULL, sqlite3.SQLITE_READONLY)


def part_from_file(connection: sqlite3.Connection, path: Path, lock: Lock, log: Identity | None) -> str:
    """Save what the open file and its `log` hold and close it; return what to tell the operator.

    Raise `sqlite3.Error`, `OSError` or `StoreFailed` where that is not possible yet, with all as it was.
    """
    try:
        _empty_log(connection, path)
    except sqlite3.Error as error:
        if error.sqlite_errorcode & 0xFF in _MAY_MEND:
            raise
        connection.close()
        return f"The database {path} is gone, and what was still in its log cannot be read any more: {error}."
    place = lock.place()
    if lock.is_deleted():
        place = _copy(connection, path)
        what = "deleted or replaced"
    else:
        what = "moved"
    connection.close()
    if log is not None and identity_of(f"{path}-wal") == log:
        for suffix in ("-wal", "-shm"):
            Path(f"{path}{suffix}").unlink(missing_ok=True)
    where = "are in it, wherever it is now" if place is None else f"are in {place}"
    return f"The database {path} was {what} while it was in use; all rows up to then {where}."


def part_from_log(connection: sqlite3.Connection, path: Path) -> str:
    """Save what is in the log that is open, put the one aside that lies there now, and close the file."""
    _empty_log(connection, path)
    log = Path(f"{path}-wal")
    note = f"The log of the database {path} was deleted; what it held was saved."
    if log.exists():
        aside = files.aside(path, "foreign-log")
        log.rename(aside)
        note = f"The log of the database {path} was replaced; what it held was saved, and the other one is now {aside}."
    connection.close()
    return note


def put_log_aside(path: Path) -> str:
    """Keep the log of another file from being played into this one; return what to tell the operator."""
    aside = files.aside(path, "foreign-log")
    Path(f"{path}-wal").rename(aside)
    return (
        f"The log beside the database {path} belongs to the file that was there before, and is now {aside}: beside that"
        " file, under its name and -wal, it is read again."
    )


def _empty_log(connection: sqlite3.Connection, path: Path) -> None:
    busy, *_ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    if busy:
        raise StoreFailed(str(path), "it was moved, replaced or deleted while somebody reads from it")


def _copy(connection: sqlite3.Connection, path: Path) -> Path:
    place = files.aside(path, "saved")
    part = place.with_name(f"{place.name}.part")
    os.close(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    try:
        with closing(sqlite3.connect(part, isolation_level=None)) as target:
            connection.backup(target, pages=_PAGES, progress=lambda *_: connection.execute("SELECT 1"))
            target.execute("PRAGMA journal_mode = DELETE")
        part.rename(place)
    finally:
        part.unlink(missing_ok=True)
    return place
