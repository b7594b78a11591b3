"""A database that the benchmark fills by SQL is one that a store has written."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from gridws.settings import MonitorSettings
from gridws.storage.batches import Batch
from gridws.storage.sqlite.store import SqliteStore
from scripts.benchmarks.filling import batches, fill

pytestmark = pytest.mark.slow

TURBINES, MINUTES = 100, 3
BEGIN = 28_000_000
NOW = (BEGIN + MINUTES) * 60_000
SINCE_THE_BEGINNING = {"since": 0, "until": 2**53}


@pytest.fixture
def filled(tmp_path: Path) -> Path:
    path = tmp_path / "filled.db"
    fill(path, turbines=TURBINES, begin=BEGIN, minutes=MINUTES)
    return path


@pytest.fixture
async def written(tmp_path: Path) -> Path:
    path = tmp_path / "written.db"
    store = SqliteStore(path, settings=MonitorSettings())
    await store.open(now=BEGIN * 60_000)
    for second in range(BEGIN * 60, (BEGIN + MINUTES) * 60):
        for readings in batches(TURBINES, second):
            await store.write(Batch(readings=readings))
    await store.close()
    return path


def rows(path: Path, table: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(f"SELECT * FROM {table} ORDER BY 1, 2").fetchall()


@pytest.mark.parametrize("table", ["metrics", "turbines"])
def test_its_readings_are_those_of_a_store(filled: Path, written: Path, table: str) -> None:
    wanted = rows(written, table)

    found = rows(filled, table)

    assert found == wanted != []


@pytest.mark.parametrize("table", ["minutes", "fleet_minutes"])
def test_its_sums_are_those_of_a_store(filled: Path, written: Path, table: str) -> None:
    wanted = rows(written, table)

    found = rows(filled, table)

    assert found == [pytest.approx(row, rel=1e-12) for row in wanted] != []


def test_its_numbers_are_those_of_a_store(filled: Path, written: Path) -> None:
    wanted = dict(rows_of_meta(written))

    found = dict(rows_of_meta(filled))

    assert found == {key: wanted[key] for key in found}
    assert found.keys() >= {"next_reading_id", "rolled_up_id", "unrolled_from", "clean"}


def rows_of_meta(path: Path) -> list[tuple[str, int]]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute("SELECT key, value FROM meta").fetchall()


async def test_a_store_answers_from_it_and_goes_on(filled: Path, written: Path) -> None:
    answers = [await answers_of(path) for path in (filled, written)]

    assert answers[0] == answers[1]


async def answers_of(path: Path) -> list[object]:
    store = SqliteStore(path, settings=MonitorSettings(retain_readings=None))
    opened = await store.open(now=NOW)
    for readings in batches(TURBINES, NOW // 1000):
        await store.write(Batch(readings=readings))
    answers: list[object] = [
        opened.last_readings,
        await store.readings(50, **SINCE_THE_BEGINNING, limit=10_000),
        [row.readings for row in await store.minutes(50, **SINCE_THE_BEGINNING)],
        [row.turbines for row in await store.fleet_minutes(**SINCE_THE_BEGINNING)],
    ]
    await store.close()
    return answers


def test_some_turbines_have_a_month_and_the_fleet_a_day_before(tmp_path: Path) -> None:
    path = tmp_path / "month.db"

    fill(path, turbines=8, begin=BEGIN, minutes=1, month_of=2)

    with closing(sqlite3.connect(path)) as connection:
        months = connection.execute("SELECT count(*) FROM minutes GROUP BY turbine_number").fetchall()
        (day,) = connection.execute("SELECT count(*) FROM fleet_minutes").fetchone()
    assert months == [(43_201,)] * 2 + [(1,)] * 6
    assert day == 1_441
