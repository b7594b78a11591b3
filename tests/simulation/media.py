"""What a disk of the simulation keeps: rows in memory, or in real files, which people move about under the monitor."""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from contextlib import closing
from itertools import count
from pathlib import Path
from typing import Any, Protocol, TypeVar

from gridws.settings import MonitorSettings
from gridws.storage import Store
from gridws.storage.memory import MemoryStore
from gridws.storage.rows import LinkRow, Reading, Repair, StatusChange
from gridws.storage.sqlite.backup import back_up
from gridws.storage.sqlite.locks import identity_of
from gridws.storage.sqlite.store import SqliteStore

SETTINGS = MonitorSettings(retain_readings=7 * 24 * 3600.0)

FAST = "/dev/shm" if Path("/dev/shm").is_dir() else None
"""A folder in memory, where there is one: it is no disk's speed that is played here."""

T = TypeVar("T")


class Medium(Protocol):
    """What outlives the monitor."""

    def new_store(self) -> Store:
        """Return the store of a process that starts."""

    def kill(self, store: Store) -> None:
        """Have the store's process end in the middle of whatever it does."""

    def is_noticed(self, store: Store) -> bool:
        """Return whether the store has seen all that people did to its file."""

    def engineers(self) -> int | None:
        """Return how many engineers the next run will have."""

    def held(self) -> set[int]:
        """Return the turbines that the next run must hold."""

    def readings(self) -> list[Reading]:
        """Return all that were ever stored."""

    def repairs(self) -> dict[int, Repair]:
        """Return what is known of each assignment."""

    def links(self) -> list[LinkRow]:
        """Return those that the next run knows of."""

    def statuses(self) -> list[StatusChange]:
        """Return those that the next run knows of, in the order in which they came."""

    def close(self) -> None:
        """Clean up."""


class Memory:
    """Rows in memory."""

    def __init__(self) -> None:
        self.store = MemoryStore(settings=SETTINGS)

    def new_store(self) -> Store:
        return self.store

    def kill(self, store: Store) -> None:
        """Nothing is left half done in memory."""

    def is_noticed(self, store: Store) -> bool:
        return True

    def engineers(self) -> int | None:
        return self.store._engineers

    def held(self) -> set[int]:
        return set(self.store._holds)

    def readings(self) -> list[Reading]:
        return self.store.kept

    def repairs(self) -> dict[int, Repair]:
        return self.store.repair_rows

    def links(self) -> list[LinkRow]:
        return list(self.store.link_rows.values())

    def statuses(self) -> list[StatusChange]:
        return self.store.status_rows

    def close(self) -> None:
        """Nothing to clean up."""


class Files:
    """A real database, and the files that it was before."""

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="gridws-simulation-", dir=FAST))
        self._numbers = count(1)
        self.path = self._folder / "grid.db"

    def new_store(self) -> Store:
        store = SqliteStore(self.path, settings=SETTINGS)
        store._writer = store._readers = store._reports = AtOnce()  # type: ignore[assignment]
        return store

    def kill(self, store: Store) -> None:
        assert isinstance(store, SqliteStore)
        store._database.let_go()

    def is_noticed(self, store: Store) -> bool:
        assert isinstance(store, SqliteStore)
        return store._database.file is not None and store._database.file == identity_of(self.path)

    # What people do.

    def move_away(self) -> None:
        self.path.rename(self._folder / f"moved-{next(self._numbers)}.db")

    def delete(self) -> None:
        self.path.unlink()

    def copy(self) -> Path:
        copy = self._folder / f"copy-{next(self._numbers)}"
        back_up(self.path, copy, lambda done, pages: None)
        return copy

    def move_in(self, copy: Path) -> None:
        copy.replace(self.path)

    # What there is.

    def engineers(self) -> int | None:
        found = _rows(self.path, "SELECT value FROM meta WHERE key = 'engineers'")
        return found[0][0] if found else None

    def held(self) -> set[int]:
        held = _rows(self.path, "SELECT turbine_number FROM turbines WHERE held_since IS NOT NULL")
        return {number for (number,) in held}

    def readings(self) -> list[Reading]:
        columns = ", ".join(Reading._fields)
        found = {row for path in self._all() for row in _rows(path, f"SELECT {columns} FROM metrics")}
        return [Reading._make(row) for row in found]

    def repairs(self) -> dict[int, Repair]:
        """Of each assignment what the file says that knows most: others know less, or only that their run was over.

        A file that was put aside has no end of what ran when its monitor crashed, and nobody will write one.
        """
        rows = [
            repair
            for path in self._all()
            for repair in map(Repair._make, _rows(path, "SELECT * FROM repairs"))
            if repair.outcome is not None or path == self.path
        ]
        rows.sort(key=lambda row: (row.outcome is not None, row.outcome != "monitor_stopped"))
        return {row.id: row for row in rows}

    def links(self) -> list[LinkRow]:
        return [LinkRow._make(row) for row in _rows(self.path, "SELECT * FROM links")]

    def statuses(self) -> list[StatusChange]:
        columns = ", ".join(StatusChange._fields)
        return [
            StatusChange._make(row) for row in _rows(self.path, f"SELECT {columns} FROM statuses ORDER BY id")
        ]

    def close(self) -> None:
        shutil.rmtree(self._folder)

    def _all(self) -> Iterator[Path]:
        yield from sorted(self._folder.glob("*.db"))
        yield from sorted(self._folder.glob("*.saved.*"))


class AtOnce(Executor):
    """Does the work in the loop's own thread, so that each run plays the same."""

    def submit(self, work: Callable[..., T], /, *arguments: Any, **named: Any) -> Future[T]:
        done: Future[T] = Future()
        try:
            done.set_result(work(*arguments, **named))
        except BaseException as error:  # noqa: BLE001 - whoever waits for it gets it
            done.set_exception(error)
        return done


def _rows(path: Path, query: str) -> list[Any]:
    if not path.exists():
        return []
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(query).fetchall()
