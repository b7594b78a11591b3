"""Statuses and links past their age: they go, their sums stay, and reports say the same."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any, Final, NamedTuple

import pytest

from gridws.report.reporting import Report, report_of
from gridws.settings import MonitorSettings
from gridws.spans import Span
from gridws.storage.batches import Batch
from gridws.storage.days import DAY
from gridws.storage.postgres.connections import connect
from gridws.storage.postgres.retention import SWEEPING
from gridws.storage.postgres.store import PostgresStore
from gridws.storage.rows import Event, LinkRow, StatusChange
from gridws.storage.sqlite.store import SqliteStore
from gridws.words import Deed

pytestmark = pytest.mark.slow

HOUR = 3_600_000
BEGIN = 19_000 * DAY
END = BEGIN + 30 * DAY
LEFT: Final = "SELECT (SELECT sum(id) FROM statuses), sum(at), (SELECT count(*) FROM links) FROM statuses"


def month_of(turbine_number: int) -> list[StatusChange]:
    """Return what is known of a turbine that breaks every nine hours and loses its link now and then."""
    kinds = [("ok", 900.0), ("broken", 900.0), (None, 900.0), ("broken", 900.0), ("ok", 900.0)]
    moments = range(BEGIN + turbine_number, END, 9 * HOUR // len(kinds))
    return [StatusChange(turbine_number, at, *kinds[place % len(kinds)]) for place, at in enumerate(moments)]


class Asked(NamedTuple):
    """A store, and how to ask its database something in words that both of them know."""

    store: SqliteStore | PostgresStore
    query: Callable[[str], Awaitable[list[tuple[Any, ...]]]]


NewStore = Callable[[MonitorSettings], Asked]
KEPT_TEN_DAYS: Final = MonitorSettings(retain_history=10 * 24 * 3_600)
KINDS: Final = ["sqlite", pytest.param("postgres", marks=pytest.mark.needs("postgres"))]


@pytest.fixture(params=KINDS)
def new_store(request: pytest.FixtureRequest, path: Path) -> NewStore:
    """Return a function that makes a store of either kind."""

    if request.param == "sqlite":
        return lambda settings: Asked(SqliteStore(path, settings=settings), partial(in_file, path))
    url = request.getfixturevalue("postgres_url")
    return lambda settings: Asked(PostgresStore(url, settings=settings), partial(in_postgres, url))


async def in_file(path: Path, sql: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(sql).fetchall()


async def in_postgres(url: str, sql: str) -> list[tuple[Any, ...]]:
    connection = await connect(url)
    rows = await connection.fetch(sql)
    connection.terminate()
    return [tuple(row) for row in rows]


@pytest.fixture
async def asked(new_store: NewStore) -> AsyncIterator[Asked]:
    """Return a store with a month in it, of which ten days are kept."""
    made = new_store(KEPT_TEN_DAYS)
    await record_a_month(made.store)
    yield made
    await made.store.close()


async def record_a_month(store: SqliteStore | PostgresStore) -> None:
    await store.open(now=BEGIN)
    links = [
        LinkRow(number, number, BEGIN + number * HOUR, BEGIN + (number + 30) * HOUR, "disconnected")
        for number in range(1, 601)
    ]
    held = Event(BEGIN + 5 * DAY, Deed.hold, 3, until=BEGIN + 8 * DAY + HOUR)
    gone = StatusChange(900, BEGIN + DAY, None, None)
    changes = [change for number in (1, 2, 3) for change in month_of(number)]
    await store.write(Batch(links=[*links, LinkRow(601, 9, BEGIN)], statuses=[*changes, gone], events=[held]))
    await store.maintain(now=END)  # which writes down that it is so late


async def report(asked: Asked, since: int, until: int) -> Report:
    return await asked.store.read(
        lambda records: report_of(records, Span(BEGIN + since * DAY, BEGIN + until * DAY), now=END)
    )


async def let_go(asked: Asked, *, now: int = END) -> None:
    """Do upkeep until nothing more goes."""
    before = None
    while before != (before := await asked.query(LEFT)):
        for _ in range(10):
            await asked.store.maintain(now=now)


@pytest.mark.parametrize(("since", "until"), [(0, 30), (0, 10), (3, 7), (12, 25), (20, 30), (19, 21)])
async def test_reports_over_whole_days_say_the_same(asked: Asked, since: int, until: int) -> None:
    before = await report(asked, since, until)

    await let_go(asked)

    after = await report(asked, since, until)
    assert after == before
    assert before.fleet.failures > 0
    assert await asked.query(
        f"SELECT count(*) FROM statuses WHERE at < {END - 10 * DAY} AND turbine_number < 900"
    ) == [(0,)]


async def test_links_leave_their_sums_and_those_that_are_up_stay(asked: Asked) -> None:
    await let_go(asked)

    kept = await asked.query("SELECT min(id), count(*) FROM links WHERE disconnected_at IS NOT NULL")
    sums = await asked.query("SELECT sum(links), sum(linked_in_ms) FROM link_days")
    ((first, count),) = kept
    assert first > 1
    assert await asked.query("SELECT id FROM links WHERE disconnected_at IS NULL") == [(601,)]
    assert sums == [(600 - count, (600 - count) * 30 * HOUR)]
    assert (await report(asked, 0, 30)).collected_since == BEGIN + HOUR


async def test_a_day_later_the_next_day_goes(asked: Asked) -> None:
    before = await report(asked, 0, 30)
    await let_go(asked)

    await let_go(asked, now=END + DAY)

    after = await report(asked, 0, 30)
    assert after.fleet == before.fleet
    days = await asked.query("SELECT max(day) FROM status_days WHERE turbine_number = 1")
    assert days == [((END - 9 * DAY) // DAY - 1,)]


async def test_a_turbine_that_is_gone_costs_nothing_more(asked: Asked) -> None:
    await let_go(asked)

    assert await asked.query("SELECT count(*) FROM status_days WHERE turbine_number = 900") == [(0,)]
    assert await asked.query("SELECT at FROM statuses WHERE turbine_number = 900") == [(BEGIN + DAY,)]


async def test_a_failing_disk_loses_no_sum(path: Path) -> None:
    asked = Asked(SqliteStore(path, settings=KEPT_TEN_DAYS), partial(in_file, path))
    await record_a_month(asked.store)
    before = await report(asked, 0, 30)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        await asked.store.maintain(now=END)
        other.execute("ROLLBACK")

    await let_go(asked)

    assert (await report(asked, 0, 30)).fleet == before.fleet
    await asked.store.close()


async def test_while_another_process_is_at_it_nothing_is_summed_up_twice(postgres_url: str) -> None:
    asked = Asked(PostgresStore(postgres_url, settings=KEPT_TEN_DAYS), partial(in_postgres, postgres_url))
    await record_a_month(asked.store)
    before = await report(asked, 0, 30)
    other = await connect(postgres_url)
    await other.execute("SELECT pg_advisory_lock($1)", SWEEPING)
    await let_go(asked)
    untouched = await asked.query("SELECT count(*) FROM status_days")
    other.terminate()

    await let_go(asked)

    assert untouched == [(0,)]
    assert (await report(asked, 0, 30)).fleet == before.fleet
    await asked.store.close()


async def test_who_keeps_them_for_ever_keeps_them(new_store: NewStore) -> None:
    asked = new_store(MonitorSettings(retain_history=None))
    await asked.store.open(now=BEGIN)
    await asked.store.write(Batch(statuses=month_of(1)))

    await let_go(asked)

    assert await asked.query("SELECT count(*) FROM statuses") == [(len(month_of(1)),)]
    await asked.store.close()
