"""How a database gets its tables, and which ones are refused."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from asyncpg import Connection

from gridws.errors import StoreUnusable
from gridws.settings import MonitorSettings
from gridws.storage.batches import Batch
from gridws.storage.postgres.connections import connect
from gridws.storage.postgres.records import open_records
from gridws.storage.postgres.store import PostgresStore

from ..conftest import NOW
from ..rows import reading


def store_at(url: str) -> PostgresStore:
    return PostgresStore(url, settings=MonitorSettings())


async def test_monitors_that_start_together_make_the_tables_once(empty_postgres_url: str) -> None:
    stores = [store_at(empty_postgres_url) for _ in range(4)]

    opened = await asyncio.gather(*(store.open(now=NOW) for store in stores))

    assert len({each.last_link_id for each in opened}) == 4
    assert [each.trouble for each in opened] == [None] * 4
    for store in stores:
        await store.close()


async def test_a_newer_schema_is_refused_in_a_sentence_and_left_as_it_is(
    postgres_url: str, outside: Connection
) -> None:
    await outside.execute("UPDATE gridws_schema SET version = 99")
    store = store_at(postgres_url)

    with pytest.raises(StoreUnusable, match=r"a newer gridws wrote it \(schema 99"):
        await store.open(now=NOW)

    assert await outside.fetchval("SELECT version FROM gridws_schema") == 99
    assert await outside.fetchval("SELECT count(*) FROM writers") == 0


async def test_tables_of_our_names_that_are_not_ours_are_refused(empty_postgres_url: str) -> None:
    connection = await connect(empty_postgres_url)
    await connection.execute("CREATE TABLE metrics (note text)")
    connection.terminate()

    with pytest.raises(StoreUnusable, match="it has a table metrics that is not ours"):
        await store_at(empty_postgres_url).open(now=NOW)


def test_a_report_of_an_empty_database_says_that_there_is_nothing(empty_postgres_url: str) -> None:
    with (
        pytest.raises(StoreUnusable, match="there is no gridws database in it"),
        open_records(empty_postgres_url),
    ):
        raise AssertionError


@pytest.mark.parametrize(
    ("version", "reason"),
    [(1, "an older gridws wrote it; start a monitor on it once"), (99, "a newer gridws wrote it")],
)
def test_a_reader_of_another_schema_is_told_what_to_do(postgres_url: str, version: int, reason: str) -> None:
    asyncio.run(set_version(postgres_url, version))

    with pytest.raises(StoreUnusable, match=reason), open_records(postgres_url):
        raise AssertionError


async def set_version(url: str, version: int) -> None:
    connection = await connect(url)
    await connection.execute("UPDATE gridws_schema SET version = $1", version)
    connection.terminate()


async def test_readings_lie_in_the_partition_of_the_day_they_were_received(
    ours: PostgresStore, outside: Connection
) -> None:
    days_on = NOW + 30 * 86_400_000
    await ours.write(Batch([reading(7), reading(8, received_at=days_on)]))

    found = await outside.fetch("SELECT tableoid::regclass::text FROM metrics ORDER BY turbine_number")

    assert [row[0] for row in found] == [f"metrics_{NOW // 86_400_000}", "metrics_default"]


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("postgresql://gridws:wr0ng@127.0.0.1:{port}/template_gridws", "password authentication failed"),
        ("postgresql://gridws:{password}@127.0.0.1:{port}/nothing", 'database "nothing" does not exist'),
    ],
)
async def test_a_mistake_in_the_url_is_told_without_its_password(
    postgres_server: object, url: str, reason: str, tmp_path: Path
) -> None:
    whole = url.format(port=postgres_server.port, password=postgres_server.password)  # type: ignore[attr-defined]

    with pytest.raises(StoreUnusable, match=reason) as raised:
        await store_at(whole).open(now=NOW)

    assert "wr0ng" not in str(raised.value)
    assert "tell-nobody" not in str(raised.value)
