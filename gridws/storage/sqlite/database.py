"""The one connection that writes, its transactions, and the numbers that `meta` keeps.

Everything here runs in the store's writer thread. Rule 1: what `meta` says is committed in the same
transaction as the rows it speaks of. Rule 2: a transaction that failed leaves the numbers as they were, and
the next one finds a connection again by itself. Rule 3: a COMMIT that failed is looked up: `transactions`
tells whether it is in the file. Rule 4: a file or a log that is no longer ours is noticed before each transaction,
and neither is played into the other.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

from ...errors import StoreError, StoreFailed
from . import exchanged, files, schema
from .inserts import Insert, insert
from .locks import Identity, Lock, identity_of
from .minute_tables import FRESH_TABLE
from .succession import Estate, estate_at, estate_of, estate_of_damaged

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


_MOST_NOTES: Final = 1_000
"""Whoever exchanges files more often knows what he does."""


class Database:
    """The write connection to the database at `path`; `meta` holds its numbers by name.

    `real` is where the file really is, links followed. `notes` collects sentences for the operator about what was
    found and done. `generation` counts the
    connections: what was remembered of an earlier one's file may not be so in this one's. `is_suspected` says that
    SQLite met damage: the next connection looks at every page. `estate` is what the file before left to the one that is
    there now, until that holds it.
    """

    def __init__(self, path: Path) -> None:
        self.path = self.real = path
        self.meta: dict[str, int] = {}
        self.notes: list[str] = []
        self.estate: Estate | None = None
        self.generation = 0
        self.statements = 0
        """Begun so far; read by another thread, which sees by it whether the writer gets anywhere."""
        self._stored: dict[str, int] = {}
        self._connection: sqlite3.Connection | None = None
        self._lock = Lock()
        self._identity: tuple[Identity | None, Identity | None] = (None, None)
        self.is_suspected = False

    @property
    def file(self) -> Identity | None:
        """Which file the connection is to, or the last one was."""
        return self._identity[0]

    def connect(self) -> None:
        """Connect to our file, a fresh one if need be.

        Raise `StoreUnusable` and leave untouched what is not for us, `StoreFailed` where the disk is in trouble.
        """
        try:
            self._take_file()
            self._connection = self._connected()
        except sqlite3.Error as error:
            self.is_suspected = files.is_damage(error)
            raise StoreFailed(str(self.path), _reason(error)) from error
        except OSError as error:
            raise files.trouble(self.path, error) from error
        self.generation += 1
        self.meta = dict(self._stored)
        before, self._identity = self.file, self._identities()
        self._lock.remember_log(self._identity[1])
        if before not in {None, self.file}:
            begun = "the one that lies there now is used" if self._stored else "a fresh one was begun"
            kept = "engineers, holds, names and the ends of streams go on in it"
            if self.estate is None:
                kept = "the next start goes by the engineers, holds and names that are in it"
            self._note(f"The database {self.path} is another file than before: {begun}; {kept}.")

    def _take_file(self) -> None:
        self.real = files.real_path(self.path)
        files.refuse_foreign(self.real)
        if self.estate is None and self.file not in {None, identity_of(self.path)}:
            # It was moved while nothing could be read or written, and there was no connection to part from.
            place = self._lock.place()
            self.estate = None if place is None else estate_at(place)
        self._lock.acquire(self.real)
        if self._lock.has_log_of_another(self.real):
            self._note(exchanged.put_log_aside(self.real))
        if files.is_corrupt(self.real, suspected=self.is_suspected):
            aside = files.set_aside(self.real)
            self.estate = self.estate or estate_of_damaged(aside)
            self._note(f"The database was damaged and is now {aside}; a fresh one was begun.")
            self._identity = (None, None)
            self._lock.acquire(self.real)
        self.is_suspected = False

    def close(self) -> None:
        """Close the connection; SQLite then moves the rest of its log into the file, if it can."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(sqlite3.Error):  # closing is all that can be done, and the log outlives it
                connection.close()

    def let_go(self) -> None:
        """Close the connection, and let others use the file."""
        self.close()
        self._lock.release()

    def is_exchanged(self) -> bool:
        """Return whether the file, or its log, is another one than the one that is open."""
        return self._connection is None or self._identity != self._identities()

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
        if self._connection is not None and self.is_exchanged():
            self._part(self._connection)
        if self._connection is None:
            self.connect()
        assert self._connection is not None  # noqa: S101 - connect raises when there is none
        return self._connection

    def _part(self, connection: sqlite3.Connection) -> None:
        if self.file == identity_of(self.path):
            self._note(exchanged.part_from_log(connection, self.real))
        else:
            estate = self._left_behind(connection)
            self._note(exchanged.part_from_file(connection, self.real, self._lock, self._identity[1]))
            self.estate = self.estate or estate
        self._connection = None

    def _left_behind(self, connection: sqlite3.Connection) -> Estate | None:
        try:
            return estate_of(connection, self._stored)
        except sqlite3.Error:  # what cannot be read any more
            return None

    def _note(self, sentence: str) -> None:
        if len(self.notes) < _MOST_NOTES:
            self.notes.append(sentence)

    def _identities(self) -> tuple[Identity | None, Identity | None]:
        """Tell which files the database and its log are."""
        return identity_of(self.path), identity_of(f"{self.real}-wal")

    def _connected(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self.real,
            isolation_level=None,
            timeout=_BUSY_TIMEOUT / 1000,
            check_same_thread=False,
            factory=_Counting,
        )
        connection.database = self
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("PRAGMA temp_store = MEMORY")
            connection.execute(f"PRAGMA journal_size_limit = {_LARGEST_LOG}")
            # The last pages of 10,000 turbines' minutes are written once a minute; 64 MiB keep them at hand.
            connection.execute("PRAGMA cache_size = -65536")
            self._migrate(connection)
            connection.execute(FRESH_TABLE)
            self._stored = dict(connection.execute("SELECT key, value FROM meta"))
        except BaseException:
            connection.close()
            raise
        return connection

    def _migrate(self, connection: sqlite3.Connection) -> None:
        before = schema.migrate(connection)
        if 0 < before < schema.VERSION:
            self._note(
                f"The database {self.path} was brought from version {before} to {schema.VERSION}; an older gridws"
                " cannot use it any more."
            )


class _Counting(sqlite3.Connection):
    """A connection that counts its statements for the database that it belongs to."""

    database: Database

    def execute(self, *arguments: Any) -> sqlite3.Cursor:
        self.database.statements += 1
        return super().execute(*arguments)


def _reason(error: Exception) -> str:
    if isinstance(error, StoreError):
        return error.reason
    if isinstance(error, OSError):
        return files.why_not(error)
    code = getattr(error, "sqlite_errorcode", None)
    return _REASONS.get(code & 0xFF if code is not None else -1, str(error))
