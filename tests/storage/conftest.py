"""A store of each kind, opened and closed for the test."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from gridws.settings import MonitorSettings
from gridws.storage.memory import MemoryStore
from gridws.storage.postgres.store import PostgresStore
from gridws.storage.sqlite.store import SqliteStore

NOW = 1_700_000_000_000

AnyStore = SqliteStore | MemoryStore | PostgresStore
Restart = Callable[[], AnyStore]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "gridws.db"


@pytest.fixture(params=["sqlite", "memory", pytest.param("postgres", marks=pytest.mark.needs("postgres"))])
def new_store(request: pytest.FixtureRequest, path: Path) -> Restart:
    """Return a function that makes a store over the same data."""
    settings = MonitorSettings()
    if request.param == "postgres":
        url = request.getfixturevalue("postgres_url")
        return lambda: PostgresStore(url, settings=settings)
    memory = MemoryStore(settings=settings)
    return lambda: SqliteStore(path, settings=settings) if request.param == "sqlite" else memory


@pytest.fixture
async def again(new_store: Restart) -> AsyncIterator[Restart]:
    """Return a function that makes a store over the same data; what it made is closed at the end."""
    made = list[AnyStore]()

    def make() -> AnyStore:
        made.append(new_store())
        return made[-1]

    yield make
    for store in made:
        await store.close()


@pytest.fixture
async def store(again: Restart) -> AsyncIterator[AnyStore]:
    opened = again()
    await opened.open(now=NOW)
    yield opened
    await opened.close()


@pytest.fixture
async def sqlite(path: Path) -> AsyncIterator[SqliteStore]:
    opened = SqliteStore(path, settings=MonitorSettings())
    await opened.open(now=NOW)
    yield opened
    await opened.close()
