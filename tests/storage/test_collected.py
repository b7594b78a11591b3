"""What a report reads from a real database, while the store is open and after it was closed."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from an_hour import BEGIN, COLLECTED, HOUR, MINUTE, REPAIRS, ROWS, STATUSES, at, readings
from hypothesis import given, settings
from hypothesis import strategies as st

from gridws.errors import StoreUnusable
from gridws.reporting import Collected, Report, TurbineRows, make_report
from gridws.settings import MonitorSettings
from gridws.spans import Span
from gridws.storage import Batch, LinkRow, Repair, StatusChange
from gridws.storage import collected as storage_collected
from gridws.storage.collected import read_report
from gridws.storage.sqlite import SqliteStore

FIRST_LINK = LinkRow(1, 7, at(-30))


async def opened(path: Path, *, now: int = at(-40)) -> SqliteStore:
    store = SqliteStore(path, settings=MonitorSettings(retain_readings=None))
    await store.open(now=now)
    return store


async def write_the_hour(store: SqliteStore) -> None:
    await store.write(
        Batch(
            links=[FIRST_LINK],
            statuses=[*STATUSES[7], *STATUSES[8]],
            repairs=[*REPAIRS[7], *REPAIRS[8]],
        )
    )
    await store.maintain(now=at(60))


def figures_without_energy(report: Report) -> list[object]:
    return [
        (
            row.turbine_number,
            row.availability,
            row.lost_energy_in_kwh,
            row.mean_waiting_in_seconds,
            row.outcomes,
        )
        for row in (report.fleet, *report.turbines)
    ]


async def test_the_hour_reads_as_it_was_worked_out(path: Path) -> None:
    store = await opened(path)
    await write_the_hour(store)

    report = read_report(path, HOUR, now=at(60))

    expected = make_report(ROWS, HOUR, COLLECTED)
    assert figures_without_energy(report) == figures_without_energy(expected)
    assert report.engineers == expected.engineers
    await store.close()


async def test_a_closed_database_reads_like_an_open_one(path: Path) -> None:
    store = await opened(path)
    await write_the_hour(store)
    while_open = read_report(path, HOUR, now=at(60))
    await store.close()

    assert read_report(path, HOUR, now=at(60)) == while_open


async def test_one_turbine_can_be_asked_for(path: Path) -> None:
    store = await opened(path)
    await write_the_hour(store)

    report = read_report(path, HOUR, now=at(60), turbine_number=8)

    assert [row.turbine_number for row in report.turbines] == [8]
    assert report.fleet.repaired == 1
    assert [row.engineer_id for row in report.engineers] == [3]
    await store.close()


async def test_energy_is_the_same_before_and_after_it_is_rolled_up(path: Path) -> None:
    store = await opened(path)
    await store.write(Batch(links=[FIRST_LINK], readings=readings(7, 0, 0.5, 1, 1.5, power=1200.0)))
    before = read_report(path, HOUR, now=at(2))
    await store.close()

    after = read_report(path, HOUR, now=at(2))

    assert before.fleet.energy_in_kwh == pytest.approx(30.0)
    assert after.fleet.energy_in_kwh == pytest.approx(30.0)


async def test_energy_is_that_of_the_minutes_that_begin_in_the_range(path: Path) -> None:
    store = await opened(path)
    await store.write(Batch(links=[FIRST_LINK], readings=readings(7, 0, 0.5, 1, 1.5)))
    await store.close()
    store = await opened(path)
    await store.write(Batch(readings=readings(7, 2, 2.5, 3)))

    report = read_report(path, Span(BEGIN + 1, at(2) + 1), now=at(4))

    assert report.fleet.energy_in_kwh == pytest.approx(40.0)  # of minute 1, rolled up, and minute 2, not yet
    await store.close()


async def test_all_tries_at_a_failure_count_however_long_ago(path: Path) -> None:
    tries = [Repair(n, 7, 1, at(-40), at(-40 + 10 * n), at(-35 + 10 * n), "timed_out") for n in range(1, 4)]
    store = await opened(path)
    await store.write(
        Batch(
            links=[FIRST_LINK],
            repairs=[
                Repair(99, 8, 1, at(-40), at(-40), at(-39), "repaired"),
                *tries,
                Repair(100, 7, 1, at(-40), at(10), at(20), "repaired"),
            ],
        )
    )

    report = read_report(path, HOUR, now=at(60))

    assert report.fleet.mean_time_to_repair_in_seconds == 60 * 60
    assert report.fleet.mean_repairing_in_seconds == 25 * 60
    assert report.fleet.outcomes == {"repaired": 1}
    await store.close()


async def test_what_held_before_a_lost_link_is_remembered(path: Path) -> None:
    changes = [
        StatusChange(7, at(-20), "broken", 5.0),
        StatusChange(7, at(-10), None, 5.0),
        StatusChange(7, at(10), "broken", 5.0),
    ]
    store = await opened(path)
    await store.write(Batch(links=[FIRST_LINK], statuses=changes))

    report = read_report(path, Span(BEGIN, at(11)), now=at(11))

    assert report.fleet.failures == 0
    assert report.fleet.unknown_in_seconds == 10 * 60
    await store.close()


async def test_a_monitor_that_died_knows_nothing_any_more(path: Path) -> None:
    store = await opened(path)
    await store.write(Batch(links=[FIRST_LINK], statuses=[StatusChange(7, at(10), "ok", None)]))

    report = read_report(path, HOUR, now=at(10) + 3 * MINUTE)

    assert report.collected_until == at(10)
    assert report.fleet.ok_in_seconds == 0
    await store.close()


async def test_a_turbine_gone_for_weeks_is_left_out(path: Path) -> None:
    weeks_ago = at(-2 * 7 * 24 * 60)
    store = await opened(path, now=weeks_ago)
    gone = StatusChange(7, weeks_ago, None, None)
    link = LinkRow(1, 7, weeks_ago, weeks_ago, "silent")
    await store.write(Batch(links=[link], statuses=[gone, StatusChange(8, at(0), "ok", None)]))

    report = read_report(path, HOUR, now=at(1))

    assert [row.turbine_number for row in report.turbines] == [8]
    await store.close()


async def test_an_unused_database_has_nothing_to_tell(path: Path) -> None:
    store = await opened(path)

    report = read_report(path, HOUR, now=at(60))

    assert report.turbines == []
    assert report.collected_since is None
    await store.close()


numbers = st.integers(1, 3)
changes = st.builds(
    StatusChange,
    numbers,
    st.integers(-25, 70).map(at),
    st.sampled_from(["ok", "broken", None]),
    st.sampled_from([None, 0.0, 1200.5]),
)


@settings(max_examples=25, deadline=None)
@given(st.lists(changes, max_size=30), st.tuples(st.integers(-30, 60), st.integers(0, 60)))
def test_status_times_equal_those_of_all_rows_at_once(
    tmp_path_factory: pytest.TempPathFactory, rows: list[StatusChange], where: tuple[int, int]
) -> None:
    path = tmp_path_factory.mktemp("statuses") / "gridws.db"
    span = Span(at(where[0]), at(where[0] + where[1] + 1))
    known = Collected(at(-30), at(200))

    async def write() -> None:
        store = await opened(path)
        await store.write(Batch(links=[FIRST_LINK], statuses=rows))
        await store.maintain(now=at(200))
        await store.close()

    asyncio.run(write())

    report = read_report(path, span, now=at(200))

    in_order = sorted((row for row in rows if row.at < span.until), key=lambda row: row.at)
    of_each = [[row for row in in_order if row.turbine_number == number] for number in (1, 2, 3)]
    expected = make_report((TurbineRows(r[0].turbine_number, r, [], 0.0) for r in of_each if r), span, known)
    assert report.fleet == expected.fleet
    assert report.turbines == expected.turbines


async def test_a_report_can_be_given_up_while_it_is_read(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = await opened(path)
    await write_the_hour(store)
    monkeypatch.setattr(storage_collected, "_ASK_EVERY", 1)

    with pytest.raises(StoreUnusable, match="interrupted"):
        read_report(path, HOUR, now=at(60), given_up=lambda: True)
