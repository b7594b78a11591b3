"""Two stores over one database, as two monitors have them, and a look at it from outside."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from asyncpg import Connection

from gridws.settings import MonitorSettings
from gridws.storage.postgres.connections import connect
from gridws.storage.postgres.store import PostgresStore

from ..conftest import NOW


@pytest.fixture
async def ours(postgres_url: str) -> AsyncIterator[PostgresStore]:
    store = PostgresStore(postgres_url, settings=MonitorSettings())
    await store.open(now=NOW)
    yield store
    await store.close()


@pytest.fixture
async def theirs(postgres_url: str) -> AsyncIterator[PostgresStore]:
    store = PostgresStore(postgres_url, settings=MonitorSettings())
    await store.open(now=NOW)
    yield store
    await store.close()


@pytest.fixture
async def outside(postgres_url: str) -> AsyncIterator[Connection]:
    connection = await connect(postgres_url, name="the test")
    yield connection
    connection.terminate()


async def until(outside: Connection, fact: str) -> None:
    """Wait until the database says so."""
    async with asyncio.timeout(20):
        while not await outside.fetchval(fact):
            pass


def waiting_for_locks(count: int) -> str:
    """Return how to ask whether so many sessions wait for one another."""
    return f"SELECT count(*) >= {count} FROM pg_locks WHERE NOT granted"
