"""The one connection that writes, its transactions, and the numbers that `meta` keeps.

Everything here runs in the store's writer thread. Rule 1: what `meta` says is committed in the same
transaction as the rows it speaks of. Rule 2: a transaction that failed leaves the numbers as they were, and
the next one finds a connection again by itself. Rule 3: a COMMIT that failed is looked up: `transactions`
tells whether it is in the file. Rule 4: a file or a log that is no longer ours is noticed before each transaction.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from ..errors import StoreError, StoreFailed, StoreUnusable
from . import files, schema
from .minute_tables import FRESH_TABLE
from .rows import Insert, insert

_BUSY_TIMEOUT: Final = 1_000
"""Wait so long (ms) for another process's lock; then the batch fails, and is tried again by whoever sent it."""

_LARGEST_LOG: Final = 64 * 1024 * 1024
"""An emptied log is cut down to this size (bytes): the roll-up of 10,000 turbines makes 40 MiB a minute."""

_KEEP_CONNECTION: Final = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_FULL)
"""Troubles that a new connection would not cure."""

_REASONS: Final = {
    sqlite3.SQLITE_BUSY: "locked by another process",
    sqlite3.SQLITE_LOCKED: "locked by another process",
    sqlite3.SQLITE_FULL: "the disk is full",
    sqlite3.SQLITE_READONLY: "the file or its folder is read-only",
    sqlite3.SQLITE_IOERR: "the disk reports an input/output error",
    sqlite3.SQLITE_CORRUPT: "the file is damaged",
    sqlite3.SQLITE_NOTADB: "the file is damaged",
    sqlite3.SQLITE_CANTOPEN: "the file cannot be opened",
}

_SET_META: Final = Insert(
    "INSERT INTO meta (key, value) SELECT column1, column2",
    2,
    "ON CONFLICT (key) DO UPDATE SET value = excluded.value",
)


class Database:
    """The write connection to the database at `path`; `meta` holds its numbers by name.

    `notes` collects sentences for the operator about what was found and done. `generation` counts the
    connections: what was remembered of an earlier one's file may not be so in this one's. `is_suspected` says that
    SQLite met damage: the next connection looks at every page.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.meta: dict[str, int] = {}
        self.notes: list[str] = []
        self.generation = 0
        self._stored: dict[str, int] = {}
        self._connection: sqlite3.Connection | None = None
        self._identity: tuple[tuple[int, int] | None, ...] = ()
        self.is_suspected = False

    def connect(self) -> None:
        """Connect to our file, a fresh one if need be; raise `StoreUnusable` and leave any other file untouched."""
        files.refuse_foreign(self.path)
        if files.is_corrupt(self.path, suspected=self.is_suspected):
            aside = files.set_aside(self.path)
            self.notes.append(f"The database was damaged and is now {aside}; a fresh one was begun.")
        self.is_suspected = False
        files.create_private(self.path)
        try:
            self._connection = self._connected()
        except sqlite3.Error as error:
            raise StoreUnusable(str(self.path), _reason(error)) from error
        self.generation += 1
        self._identity = self._identities()

    def close(self) -> None:
        """Close the connection; SQLite then moves the rest of its log into the file, if it can."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(sqlite3.Error):  # closing is all that can be done, and the log outlives it
                connection.close()

    def hurry(self) -> None:
        """Wait only briefly for other processes from now on: the monitor wants to end."""
        if self._connection is not None:
            self._connection.execute("PRAGMA busy_timeout = 300")

    def connection(self) -> sqlite3.Connection:
        """Return the connection for a read in the writer's thread, outside of a transaction."""
        return self._usable()

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Commit what is done within, or raise `StoreFailed`, with `meta` and the file as they were."""
        before = self.meta
        try:
            connection = self._usable()
            before = dict(self.meta)  # a new connection brings what its file says
            connection.execute("BEGIN IMMEDIATE")
            yield connection
            self._commit(connection)
        except (sqlite3.Error, OSError, StoreError) as error:
            self._recover(before, error)
            raise StoreFailed(str(self.path), _reason(error)) from error
        except BaseException as error:
            self._recover(before, error)
            raise

    def _commit(self, connection: sqlite3.Connection) -> None:
        self.meta["transactions"] = self.meta.get("transactions", 0) + 1
        changed = [item for item in self.meta.items() if self._stored.get(item[0]) != item[1]]
        insert(connection, _SET_META, changed)
        try:
            connection.execute("COMMIT")
        except sqlite3.Error:
            if connection.in_transaction or not self._is_committed(connection):
                raise
        self._stored = dict(self.meta)

    def _is_committed(self, connection: sqlite3.Connection) -> bool:
        row = connection.execute("SELECT value FROM meta WHERE key = 'transactions'").fetchone()
        return row is not None and row[0] == self.meta["transactions"]

    def _recover(self, before: dict[str, int], error: BaseException) -> None:
        self.meta = before
        connection = self._connection
        if connection is None:
            return
        try:
            connection.rollback()
        except sqlite3.Error:
            self.close()
        code = getattr(error, "sqlite_errorcode", None)
        if code is not None and code & 0xFF not in _KEEP_CONNECTION:
            self.close()
        self.is_suspected = isinstance(error, sqlite3.Error) and files.is_damage(error)

    def _usable(self) -> sqlite3.Connection:
        if self._connection is not None and self._identity != (found := self._identities()):
            if self._identity[0] == found[0]:
                self.notes.append(f"The log of the database {self.path} was deleted; what it held was saved.")
                with suppress(sqlite3.Error):  # it is still there for us, until it is closed
                    self._connection.execute("PRAGMA wal_checkpoint")
            else:
                self.notes.append(f"The database {self.path} was moved or deleted; a fresh one was begun.")
                self._stored = {}
            self.close()
        if self._connection is None:
            self.connect()
        assert self._connection is not None  # noqa: S101 - connect raises when there is none
        return self._connection

    def _identities(self) -> tuple[tuple[int, int] | None, ...]:
        """Tell which files the database and its log are."""
        return _identity(str(self.path)), _identity(f"{self.path}-wal")

    def _connected(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self.path, isolation_level=None, timeout=_BUSY_TIMEOUT / 1000, check_same_thread=False
        )
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("PRAGMA temp_store = MEMORY")
            connection.execute(f"PRAGMA journal_size_limit = {_LARGEST_LOG}")
            # The last pages of 10,000 turbines' minutes are written once a minute; 64 MiB keep them at hand.
            connection.execute("PRAGMA cache_size = -65536")
            schema.migrate(connection)
            connection.execute(FRESH_TABLE)
            self._stored = dict(connection.execute("SELECT key, value FROM meta"))
        except BaseException:
            connection.close()
            raise
        self.meta |= self._stored
        return connection


def _identity(path: str) -> tuple[int, int] | None:
    try:
        found = os.stat(path)  # noqa: PTH116 - before each batch, and pathlib's costs three times as much
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _reason(error: Exception) -> str:
    if isinstance(error, StoreError):
        return error.reason
    if isinstance(error, OSError):
        return files.why_not(error)
    code = getattr(error, "sqlite_errorcode", None)
    return _REASONS.get(code & 0xFF if code is not None else -1, str(error))
