"""The database as files: where it really is, whether it is one of ours, and putting a broken one aside.

A file that is not ours, or is newer than we are, is never changed. Only the owner may read what the fleet does.
"""

from __future__ import annotations

import errno
import os
import sqlite3
import struct
import time
from contextlib import closing
from pathlib import Path
from typing import Final

from ...errors import StoreError, StoreFailed, StoreUnusable, system_words
from . import schema

_MAGIC: Final = b"SQLite format 3\0"
_FIXED: Final = b"\x40\x20\x20"
_HEAD: Final = struct.Struct(">16s5x3s36xi4xi28xBxxH")
"""The first bytes of a database: magic, bytes that never differ, `user_version`, `application_id`, and the kind
and number of entries of the page that lists the tables. https://www.sqlite.org/fileformat2.html"""
_LEAF: Final = 13
"""The kind of page that a list of no tables is."""
_CORRUPT: Final = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)

CHECKED_WHOLE: Final = 256 * 1024 * 1024
"""Up to this size (bytes) every page is looked at after an unclean end; of a larger file the small tables."""
SMALL_TABLE: Final = 500_000
"""Rows, with their indexes some 50 MB: less than a second, also from a slow disk."""


_WRONG_PATH: Final = (
    errno.ENOENT,
    errno.ENOTDIR,
    errno.EISDIR,
    errno.ELOOP,
    errno.ENAMETOOLONG,
    errno.EINVAL,
)
_DISK: Final = (errno.ENOSPC, errno.EDQUOT, errno.EIO)


def real_path(path: Path) -> Path:
    """Return where the file really is: there its log lies, and there it is put aside; raise `OSError`."""
    try:
        return path.resolve()
    except RuntimeError as error:  # what Python before 3.13 calls a link that leads to itself
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP)) from error


def trouble(path: Path, error: OSError) -> StoreError:
    """Return what a failed system call means: nothing that can be a database, or a disk that may mend by itself."""
    is_wrong = error.errno in _WRONG_PATH or (error.errno not in _DISK and not path.exists())
    return (StoreUnusable if is_wrong else StoreFailed)(str(path), why_not(error))


def why_not(error: OSError) -> str:
    """Return the cause of a failed system call as a clause."""
    if error.errno == errno.ENOENT:
        return "its folder does not exist"
    return system_words(error)


def refuse_foreign(path: Path) -> None:
    """Raise `StoreUnusable` unless there is nothing yet at `path`, or something that begins like a database of ours.

    `OSError` where it cannot be read. It is read as bytes: SQLite would put files beside it, and so would the lock.
    What is only in the log yet, or in a damaged head, is for `is_corrupt` to judge.
    """
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD.size)
    except FileNotFoundError:
        return
    if head and head[: len(_MAGIC)] != _MAGIC:
        raise StoreUnusable(str(path), "the file is not an SQLite database")
    if len(head) == _HEAD.size:
        _, fixed, version, application, kind, tables = _HEAD.unpack(head)
        if fixed == _FIXED:
            is_empty = kind == _LEAF and not tables
            _refuse_others(path, is_foreign=schema.is_others(application, is_empty=is_empty), version=version)


def is_corrupt(path: Path, *, suspected: bool) -> bool:
    """Look at the file without changing it; raise `StoreUnusable` for one that is not for us, or `sqlite3.Error`.

    Whether every page is looked at depends on `suspected` and on how the last run ended.
    """
    if not path.exists() or path.stat().st_size == 0:
        return False
    try:
        with closing(open_for_reading(path)) as connection:
            _refuse_foreign_tables(path, connection)
            return (suspected or not _ended_cleanly(connection)) and _has_damage(path, connection)
    except sqlite3.DatabaseError as error:
        if is_damage(error):
            return True
        raise


def is_damage(error: Exception) -> bool:
    """Return whether SQLite found the file itself to be broken."""
    code = getattr(error, "sqlite_errorcode", None)
    return code is not None and code & 0xFF in _CORRUPT


def open_for_reading(path: Path) -> sqlite3.Connection:
    """Open a connection that cannot write; only the writer's connection writes and checkpoints."""
    return sqlite3.connect(
        f"{path.absolute().as_uri()}?mode=ro",
        uri=True,
        isolation_level=None,
        timeout=1.0,
        check_same_thread=False,
    )


def damage_of(connection: sqlite3.Connection) -> str | None:
    """Look at every page and return what is wrong with the first bad one, None if nothing is."""
    texts = (text for (text,) in connection.execute("PRAGMA quick_check(10)"))
    return next((text for text in texts if text != "ok"), None)


def set_aside(path: Path) -> Path:
    """Rename a broken database with what belongs to it, and return where it is now."""
    broken = aside(path, "corrupt")
    for suffix in ("", "-wal", "-shm"):
        part = Path(f"{path}{suffix}")
        if part.exists():
            part.rename(f"{broken}{suffix}")
    return broken


def aside(path: Path, why: str) -> Path:
    """Return a name beside the database that nothing bears yet."""
    name = path.with_name(f"{path.name}.{why}.{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}")
    while name.exists():
        name = name.with_name(f"{name.name}+")
    return name


def _refuse_foreign_tables(path: Path, connection: sqlite3.Connection) -> None:
    is_foreign = schema.is_foreign(connection)
    _refuse_others(path, is_foreign=is_foreign, version=schema.version_of(connection))


def _refuse_others(path: Path, *, is_foreign: bool, version: int) -> None:
    if is_foreign:
        raise StoreUnusable(str(path), "it is a database of another program")
    if version > schema.VERSION:
        raise StoreUnusable(
            str(path), f"a newer gridws wrote it (schema {version}, this one knows {schema.VERSION})"
        )


def _ended_cleanly(connection: sqlite3.Connection) -> bool:
    if schema.version_of(connection) == 0:
        return True
    row = connection.execute("SELECT value FROM meta WHERE key = 'clean'").fetchone()
    return row is not None and row[0] == 1


def _small(connection: sqlite3.Connection) -> list[str]:
    """Return those tables that are read in no time; how far their numbers go costs a look at both ends."""
    tables = ("repairs", "links", "cursors", "turbines")
    size = "SELECT coalesce(max(rowid) - min(rowid), 0) FROM {}"
    return [each for each in tables if connection.execute(size.format(each)).fetchone()[0] < SMALL_TABLE]


def _has_damage(path: Path, connection: sqlite3.Connection) -> bool:
    if path.stat().st_size <= CHECKED_WHOLE:
        checks = ["PRAGMA quick_check(10)"]
    else:
        checks = [f"PRAGMA quick_check('{table}')" for table in ("meta", *_small(connection))]
    texts = [text for check in checks for (text,) in connection.execute(check)]
    # SQLite 3.40 looks for NULL in the wrong columns of a version 1's `metrics`. Damaged pages are told of before any
    # columns are looked at.
    is_of_1 = schema.version_of(connection) == 1
    return any(text != "ok" and not (is_of_1 and text.startswith("NULL value in ")) for text in texts)
