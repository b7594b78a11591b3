"""Rows that come packed are the rows that come one by one, to the last bit."""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from gridws.storage.batches import Batch
from gridws.storage.sqlite import files
from gridws.storage.sqlite.packed import Query, fetch_reversed
from gridws.storage.sqlite.store import SqliteStore

from ..conftest import NOW
from ..rows import reading

QUERY = Query(whole=("n", "m"), real=("x", "x / 3"), source="FROM numbers WHERE n < ? ORDER BY n")
VALUES = [0.0, -0.0, 8.0, 0.1 + 0.2, -1e-300, 1.7e308, math.inf, -math.inf]


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    path = tmp_path / "numbers.db"
    with closing(sqlite3.connect(path)) as writing, writing:
        writing.execute("CREATE TABLE numbers (n INTEGER PRIMARY KEY, m INTEGER, x REAL NOT NULL) STRICT")
        rows = ((n, 2**32 - 1 - n, VALUES[n % len(VALUES)]) for n in range(50_000))
        writing.executemany("INSERT INTO numbers VALUES (?, ?, ?)", rows)
    with closing(files.open_for_reading(path)) as reading_only:
        yield reading_only


@pytest.mark.parametrize("count", [0, 1, 2_000, 50_000], ids=["none", "one", "some pages", "many pages"])
def test_packed_rows_are_those_that_come_one_by_one(connection: sqlite3.Connection, count: int) -> None:
    plain = connection.execute(f"SELECT n, m, x, x / 3 {QUERY.source} DESC", (count,)).fetchall()

    packed = list(fetch_reversed(connection, QUERY, (count,)))

    assert list(map(repr, packed)) == list(map(repr, plain))


def test_nothing_is_left_on_the_connection(connection: sqlite3.Connection) -> None:
    first = list(fetch_reversed(connection, QUERY, (10,)))

    again = list(fetch_reversed(connection, QUERY, (10,)))

    assert again == first
    assert len(connection.execute("PRAGMA database_list").fetchall()) == 1


def test_a_value_that_is_not_there_fails_the_query(connection: sqlite3.Connection) -> None:
    query = Query(whole=("n",), real=("nullif(x, 8.0)",), source="FROM numbers WHERE n < ?")

    with pytest.raises(sqlite3.IntegrityError):
        fetch_reversed(connection, query, (10,))

    assert len(list(fetch_reversed(connection, QUERY, (10,)))) == 10


async def test_a_minute_comes_back_to_the_last_bit(sqlite: SqliteStore) -> None:
    least, most = 0.1 + 0.2, 0.1 + 0.7
    await sqlite.write(Batch(readings=[reading(wind_speed=wind) for wind in (least, most)]))
    await sqlite.maintain(now=NOW + 60_000)

    (minute,) = await sqlite.minutes(7, since=0, until=2**53)

    assert minute[4:7] == ((least + most) / 2, least, most)
