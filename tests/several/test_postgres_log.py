"""The log in PostgreSQL, where it can go wrong: connections that die, a pool that comes late, sessions that hang."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from typing import TypeVar

import pytest
from asyncpg import Connection

from gridws.dispatch import Naming
from gridws.errors import StoreFailed, StoreUnusable
from gridws.settings import MonitorSettings
from gridws.several.entries import Draft
from gridws.several.postgres_log import PostgresLog
from gridws.several.replica import Earlier, LogSplit
from gridws.storage.batches import Batch
from gridws.storage.postgres.connections import connect
from gridws.storage.postgres.store import PostgresStore
from gridws.storage.postgres.writers import is_alive
from gridws.storage.rows import Event, Hold, LinkRow, Repair, StatusChange
from gridws.words import Deed

T = TypeVar("T")

NOW = 1_700_000_000_000


@pytest.fixture
async def outside(postgres_url: str) -> AsyncIterator[Connection]:
    connection = await connect(postgres_url, name="the test")
    yield connection
    connection.terminate()


@pytest.fixture
async def log(postgres_url: str) -> AsyncIterator[PostgresLog]:
    made = PostgresLog(postgres_url, lease=10.0)
    await made.load(lambda _: "born", 1)
    yield made
    await made.close()


@pytest.fixture
async def store(postgres_url: str) -> AsyncIterator[PostgresStore]:
    made = PostgresStore(postgres_url, settings=MonitorSettings())
    await made.open(now=NOW)
    yield made
    await made.close()


async def in_the_end(call: Callable[[], Awaitable[T]]) -> T:
    """Call until it does not fail: that a session was ended is noticed before the next call, or by it."""
    async with asyncio.timeout(10):
        while True:
            with suppress(StoreFailed):
                return await call()


async def test_a_pool_is_born_with_what_the_tables_know(store: PostgresStore, postgres_url: str) -> None:
    said = [
        Event(NOW, Deed.roster, engineers=5),
        Event(NOW, Deed.hold, 9, until=NOW + 60_000, text="works", by="ann"),
        Event(NOW, Deed.name, 7, name="West 3", site="Westermarsch"),
        Event(NOW, Deed.name, engineer_id=2, name="Lin"),
    ]
    await store.write(Batch(repairs=[Repair(41, 7, 1, NOW, NOW, NOW, "repaired")], events=said))
    found = list[Earlier]()

    def birth(earlier: Earlier) -> str:
        found.append(earlier)
        return "born"

    log = PostgresLog(postgres_url, lease=10.0)
    await log.load(birth, 1)
    await log.close()

    assert found == [
        Earlier(
            41,
            5,
            {9: Hold(NOW, NOW + 60_000, "works", "ann")},
            (Naming(7, None, "West 3", "Westermarsch"), Naming(None, 2, "Lin", None)),
        )
    ]


async def test_connections_that_are_ended_are_made_anew(log: PostgresLog, outside: Connection) -> None:
    await log.append(Draft(1, 0.0, NOW, "[1]"))
    await log.beat(None, 0.0)
    await outside.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'gridws%'"
    )

    found, beats = await in_the_end(lambda: log.read(0)), await in_the_end(lambda: log.beat(None, 0.0))

    assert [entry.events for entry in found.entries] == ["[1]"]
    assert beats == {}


async def test_a_pool_that_is_gone_is_another_history(log: PostgresLog, outside: Connection) -> None:
    await outside.execute("DELETE FROM pools")

    with pytest.raises(LogSplit, match="no pool any more"):
        await log.read(0)
    with pytest.raises(LogSplit, match="no pool any more"):
        await log.append(Draft(1, 0.0, NOW, "[1]"))


async def test_another_schema_is_refused_at_the_start_and_a_database_that_is_away_is_not(
    postgres_url: str, outside: Connection
) -> None:
    await outside.execute("UPDATE gridws_schema SET version = 99")
    log = PostgresLog(postgres_url, lease=10.0)
    with pytest.raises(StoreUnusable, match="schema 99"):
        await log.load(lambda _: "born", 1)

    away = PostgresLog("postgresql://gridws@127.0.0.1:1/gridws", lease=10.0)
    with pytest.raises(StoreFailed):
        await away.load(lambda _: "born", 1)


async def test_the_session_of_a_lost_monitor_ends_with_the_rows_that_it_holds(
    store: PostgresStore, log: PostgresLog, outside: Connection
) -> None:
    await store.write(Batch(wanted=[(7, "s")]))
    connection = store._connection
    assert connection is not None
    frozen = connection.transaction()
    await frozen.start()
    await connection.execute("UPDATE cursors SET last_sequence = 5")

    await log.settle(store.writer_id, NOW)

    async with asyncio.timeout(10):
        await outside.execute("UPDATE cursors SET owner = 0")


async def test_open_repairs_are_those_without_an_end(store: PostgresStore, log: PostgresLog) -> None:
    rows = [
        Repair(1, 7, 1, NOW, NOW, NOW + 5, "repaired"),
        Repair(2, 8, 1, NOW, NOW + 10),
    ]
    await store.write(Batch(repairs=rows))

    found = await log.open_repairs()

    assert [(each.id, each.turbine_number, each.assigned_at) for each in found] == [(2, 8, NOW + 10)]


async def test_a_late_beginning_takes_no_end_back(store: PostgresStore) -> None:
    """A monitor that was lost still writes that an engineer was sent, when another one has written how it ended."""
    begun = Repair(2, 8, 1, NOW, NOW + 10)
    await store.write(Batch(repairs=[begun._replace(ended_at=NOW + 50, outcome="disconnected")]))

    await store.write(Batch(repairs=[begun]))

    assert [row.ended_at for row in await store.repairs(limit=5)] == [NOW + 50]


async def test_appends_whose_text_is_no_ascii_cannot_be(log: PostgresLog) -> None:
    """The database makes the chain of bytes in its encoding, so the text has to be the same in all."""
    entry = await log.append(Draft(1, 0.0, NOW, '[1,["noted","\\u00e9\\u0000\\ud800",null,null]]'))

    assert (await log.read(0)).entries[0] == entry


async def test_what_a_lost_monitor_cannot_write_of_its_turbines_is_written(
    store: PostgresStore, postgres_url: str, log: PostgresLog, outside: Connection
) -> None:
    other = PostgresStore(postgres_url, settings=MonitorSettings())
    await other.open(now=NOW)
    lost, kept = other.writer_id << 32, store.writer_id << 32
    await other.write(Batch(links=[LinkRow(lost + 1, 7, NOW)], statuses=[StatusChange(7, NOW, "ok", 40.0)]))
    await store.write(Batch(links=[LinkRow(kept + 1, 8, NOW)], statuses=[StatusChange(8, NOW, "ok", 40.0)]))

    await log.settle(store.writer_id, NOW + 500)  # it lives, and writes for itself
    other._throw_away()
    await until_nobody_holds_the_lock_of(other.writer_id, outside)
    await log.settle(other.writer_id, NOW + 500)

    links = await outside.fetch("SELECT turbine_number, disconnected_at, reason FROM links ORDER BY 1")
    statuses = await outside.fetch(
        "SELECT turbine_number, at, operational_status FROM statuses ORDER BY 1, 2"
    )
    assert list(map(tuple, links)) == [(7, NOW + 500, "monitor_stopped"), (8, None, None)]
    assert list(map(tuple, statuses)) == [(7, NOW, "ok"), (7, NOW + 500, None), (8, NOW, "ok")]


async def until_nobody_holds_the_lock_of(writer: int, outside: Connection) -> None:
    async with asyncio.timeout(10):
        while await is_alive(outside, writer):
            pass


async def test_what_an_older_monitor_of_a_turbine_learns_late_is_not_kept(
    store: PostgresStore, postgres_url: str, outside: Connection
) -> None:
    newer = PostgresStore(postgres_url, settings=MonitorSettings())
    await newer.open(now=NOW)
    old, new = LinkRow((store.writer_id << 32) + 1, 7, NOW), LinkRow((newer.writer_id << 32) + 1, 7, NOW + 20)
    await store.write(Batch(links=[old], statuses=[StatusChange(7, NOW, "ok", 40.0)]))
    await newer.write(Batch(links=[new], statuses=[StatusChange(7, NOW + 20, "broken", 40.0)]))

    ended = old._replace(disconnected_at=NOW + 90, reason="superseded")
    await store.write(Batch(links=[ended], statuses=[StatusChange(7, NOW + 90, None, 40.0)]))
    await newer.write(Batch(statuses=[StatusChange(7, NOW + 99, "ok", 40.0)]))

    kept = await outside.fetch("SELECT at, operational_status FROM statuses ORDER BY id")
    assert list(map(tuple, kept)) == [(NOW, "ok"), (NOW + 20, "broken"), (NOW + 99, "ok")]
    await newer.close()
