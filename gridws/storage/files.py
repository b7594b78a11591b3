"""The database as files: who may use it, whether it is one of ours, and putting a broken one aside.

Rule 1: a file that is not ours, or is newer than we are, is never changed. Rule 2: one monitor a database,
by a lock that the system drops with the process. Rule 3: only the owner may read what the fleet does.
"""

from __future__ import annotations

import errno
import fcntl
import os
import sqlite3
import struct
import time
from contextlib import closing
from pathlib import Path
from typing import Final

from ..errors import StoreUnusable, system_words
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


class Lock:
    """The right to be the one monitor of the database at `path`."""

    def __init__(self, path: Path) -> None:
        self._database = path
        self._descriptor: int | None = None

    def acquire(self) -> None:
        """Take the lock; raise `StoreUnusable` when another monitor has it, or the place cannot be written."""
        try:
            descriptor = os.open(f"{self._database}-lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise StoreUnusable(str(self._database), why_not(error)) from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(descriptor)
            raise StoreUnusable(str(self._database), "another monitor is using it") from error
        self._descriptor = descriptor

    def release(self) -> None:
        """Give the lock back. Its file stays: deleting it could take the lock of one who just opened it."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def why_not(error: OSError) -> str:
    """Return the cause of a failed system call as a clause."""
    if error.errno == errno.ENOENT:
        return "its folder does not exist"
    return system_words(error)


def refuse_foreign(path: Path) -> None:
    """Raise `StoreUnusable` unless there is nothing yet at `path`, or something that begins like a database of ours.

    It is read as bytes: SQLite would put files beside it, and so would the lock. What is only in the log yet, or
    in a damaged head, is for `is_corrupt` to judge.
    """
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD.size)
    except FileNotFoundError:
        return
    except OSError as error:
        raise StoreUnusable(str(path), why_not(error)) from error
    if head and head[: len(_MAGIC)] != _MAGIC:
        raise StoreUnusable(str(path), "the file is not an SQLite database")
    if len(head) == _HEAD.size:
        _, fixed, version, application, kind, tables = _HEAD.unpack(head)
        if fixed == _FIXED:
            is_empty = kind == _LEAF and not tables
            _refuse_others(path, is_foreign=schema.is_others(application, is_empty=is_empty), version=version)


def create_private(path: Path) -> None:
    """Make sure that the file exists and that its owner can write it; a new one is for its owner only."""
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    except OSError as error:
        raise StoreUnusable(str(path), why_not(error)) from error


def is_corrupt(path: Path, *, suspected: bool) -> bool:
    """Look at the file without changing it; raise `StoreUnusable` for one that is not for us.

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
        raise StoreUnusable(str(path), str(error)) from error


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
    return next(filter(_tells_of_damage, texts), None)


def set_aside(path: Path) -> Path:
    """Rename a broken database with what belongs to it, and return where it is now."""
    aside = path.with_name(f"{path.name}.corrupt.{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}")
    while aside.exists():
        aside = aside.with_name(f"{aside.name}+")
    for suffix in ("", "-wal", "-shm"):
        part = Path(f"{path}{suffix}")
        if part.exists():
            part.rename(f"{aside}{suffix}")
    return aside


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


def _has_damage(path: Path, connection: sqlite3.Connection) -> bool:
    if path.stat().st_size <= CHECKED_WHOLE:
        checks = ["PRAGMA quick_check(10)"]
    else:
        small = ("meta", "repairs", "links", "cursors", "turbines")
        checks = [f"PRAGMA quick_check('{table}')" for table in small]
    return any(_tells_of_damage(text) for check in checks for (text,) in connection.execute(check))


def _tells_of_damage(text: str) -> bool:
    # SQLite 3.40 looks for NULL in the wrong columns of a table WITHOUT ROWID whose key is in another order than
    # its columns, as ours is. Damaged pages are told of before any columns are looked at.
    return text != "ok" and not text.startswith("NULL value in ")
