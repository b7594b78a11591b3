"""What is deleted from the file itself, and what a failed batch leaves behind."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from itertools import pairwise
from pathlib import Path

import pytest

from gridws.errors import StoreFailed
from gridws.settings import MonitorSettings
from gridws.storage.batches import Batch
from gridws.storage.sqlite import retention
from gridws.storage.sqlite.retention import steps
from gridws.storage.sqlite.store import SqliteStore

from ..conftest import NOW
from ..rows import ALWAYS, moved, reading

HOUR = 3_600_000


def stored(path: Path, table: str) -> set[int]:
    """Return the turbines that have rows in the table."""
    with closing(sqlite3.connect(path)) as connection:
        return {number for (number,) in connection.execute(f"SELECT turbine_number FROM {table}")}


async def test_normal_and_stray_readings_leave_the_file_when_they_are_old(path: Path) -> None:
    store = SqliteStore(path, settings=MonitorSettings(retain_readings=3_600, retain_minutes=3_600))
    await store.open(now=NOW)
    later = NOW + 2 * HOUR
    ahead = reading(2, measured_at=NOW + 100 * HOUR)
    past_but_just_received = reading(3, received_at=later)
    await store.write(Batch(readings=[reading(1), ahead, past_but_just_received, reading(4, 2 * HOUR)]))
    await store.maintain(now=later)

    await store.maintain(now=later + 1)
    await store.maintain(now=later + 2)

    assert stored(path, "metrics") == {3, 4}
    assert stored(path, "minutes") >= {3, 4}
    assert await store.readings(3, **ALWAYS) == [past_but_just_received]
    await store.close()


async def test_minutes_leave_the_file_when_they_are_old(path: Path) -> None:
    store = SqliteStore(path, settings=MonitorSettings(retain_readings=3_600, retain_minutes=3_600))
    await store.open(now=NOW)
    await store.write(Batch(readings=[reading(1), reading(4, 2 * HOUR)]))
    await store.maintain(now=NOW + 2 * HOUR)

    await store.maintain(now=NOW + 2 * HOUR + 1)

    assert stored(path, "minutes") == {4}
    await store.close()


async def test_minutes_of_a_clock_that_is_ahead_leave_as_well(path: Path) -> None:
    store = SqliteStore(path, settings=MonitorSettings(retain_readings=3_600, retain_minutes=3_600))
    await store.open(now=NOW)
    ahead = reading(1, measured_at=NOW + 1_000_000 * HOUR)
    await store.write(Batch(readings=[ahead, reading(4, 50 * 60_000)]))
    await store.maintain(now=NOW + 1)  # the roll-up
    await store.maintain(now=NOW + HOUR // 2)
    young = stored(path, "minutes")

    await store.maintain(now=NOW + 100 * 60_000)
    await store.maintain(now=NOW + 100 * 60_000 + 1)

    assert (young, stored(path, "minutes")) == ({1, 4}, {4})
    minutes = await store.fleet_minutes(since=0, until=2**53)
    assert [minute.at for minute in minutes] == [NOW // 60_000 * 60_000 + 50 * 60_000]
    await store.close()


async def test_a_clock_that_is_behind_makes_no_minute_one_of_the_future(path: Path) -> None:
    settings = MonitorSettings(retain_readings=3_600, retain_minutes=3_600)
    store = SqliteStore(path, settings=settings)
    await store.open(now=NOW)
    await store.write(Batch(readings=[reading(1)]))
    await store.close()
    behind = NOW - 1_000 * HOUR
    again = SqliteStore(path, settings=settings)
    await again.open(now=behind)

    await again.maintain(now=behind)
    await again.maintain(now=behind + 1)

    assert len(await again.fleet_minutes(since=0, until=2**53)) == 1
    assert stored(path, "minutes") == {1}
    await again.close()


class Work:
    """A clock that deleting moves on: so many seconds for each row."""

    def __init__(self, seconds_a_row: Callable[[int], float]) -> None:
        self.now = 100.0
        self.done: list[int] = []
        self._seconds_a_row = seconds_a_row

    def do(self, *, within: float, fewest: int = 10, most: int = 10**9) -> None:
        for rows in steps(within, fewest=fewest, most=most, clock=lambda: self.now):
            self.done.append(rows)
            self.now += rows * self._seconds_a_row(sum(self.done))


@pytest.mark.parametrize("seconds_a_row", [1e-7, 1e-6, 1e-5, 1e-4])
def test_a_slice_takes_about_the_time_it_has_at_whatever_speed(seconds_a_row: float) -> None:
    work = Work(lambda _: seconds_a_row)

    work.do(within=0.02)

    assert 0.01 < work.now - 100.0 <= 0.02 + 1e-9
    assert work.done[0] == 10
    assert all(after <= 2 * before for before, after in pairwise(work.done))


def test_a_slice_that_meets_slow_pages_ends_with_the_step_that_met_them() -> None:
    work = Work(lambda done: 1e-6 if done < 1_000 else 1e-4)

    work.do(within=0.02)

    before_last = sum(work.done[:-1])
    assert before_last < 1_000 <= sum(work.done)


def test_a_slice_too_slow_for_its_first_step_does_just_this() -> None:
    work = Work(lambda _: 1.0)

    work.do(within=0.02)

    assert work.done == [10]


@pytest.mark.parametrize("most", [1, 9, 10, 1_000])
def test_a_slice_deletes_no_more_than_there_is_room_for(most: int) -> None:
    work = Work(lambda _: 1e-9)

    work.do(within=1.0, most=most)

    assert sum(work.done) == most


async def test_slices_go_on_where_the_last_one_ended_within_one_second(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "_SLICE", 0.0)  # one step of each slice
    monkeypatch.setattr(retention, "_FEWEST", 3)
    store = SqliteStore(path, settings=MonitorSettings(retain_readings=3_600))
    await store.open(now=NOW)
    replayed = reading(4, received_at=NOW + 3 * HOUR)
    await store.write(Batch(readings=[*(reading(number) for number in range(1, 8)), replayed]))
    await store.maintain(now=NOW + 2 * HOUR)
    left = []
    for after in range(1, 4):
        await store.maintain(now=NOW + 2 * HOUR + after)
        left.append(sorted(stored(path, "metrics")))

    assert left == [[4, 5, 6, 7], [4, 6, 7], [4]]
    assert await store.readings(4, **ALWAYS) == [replayed]
    await store.close()


async def test_stray_readings_leave_beside_a_fleet_that_never_rests(path: Path) -> None:
    store = SqliteStore(path, settings=MonitorSettings(retain_readings=60))
    await store.open(now=NOW)
    for second in range(180):
        stray = reading(2, second * 1_000, measured_at=1_000_000_000_000 + second)
        await store.write(Batch(readings=[reading(1, second * 1_000), stray]))
        await store.maintain(now=NOW + second * 1_000)

    with closing(sqlite3.connect(path)) as connection:
        ((oldest,),) = connection.execute("SELECT min(received_at) FROM metrics WHERE turbine_number = 2")

    assert NOW + 110_000 < oldest <= NOW + 120_000
    await store.close()


async def test_a_clock_that_was_ahead_stops_nothing(path: Path) -> None:
    store = SqliteStore(path, settings=MonitorSettings(retain_readings=3_600))
    await store.open(now=NOW)
    await store.write(Batch(readings=[reading(1)]))
    await store.maintain(now=NOW + 1)
    await store.maintain(now=NOW + 1_000 * HOUR)
    await store.maintain(now=NOW + 1_000 * HOUR + 1)
    await store.write(Batch(readings=[reading(2)]))
    before = stored(path, "metrics")

    for after in (0, 1, 2):
        await store.maintain(now=NOW + 3 * HOUR + after)

    assert (before, stored(path, "metrics")) == ({2}, set())
    await store.close()


@pytest.mark.parametrize("kept", [400 * 24 * 3_600.0, None])
async def test_minutes_that_stay_for_the_sake_of_their_readings_are_not_searched(
    path: Path, kept: float | None
) -> None:
    settings = MonitorSettings(retain_readings=kept, retain_minutes=3_600)
    store = SqliteStore(path, settings=settings)
    await store.open(now=NOW)
    old = [reading(number, minute * 60_000) for number in range(1, 11) for minute in range(1_000)]
    await store.write(Batch(readings=old))
    later = NOW + 100 * HOUR
    await store.maintain(now=later)  # the roll-up
    thousands = 0

    def count() -> None:
        nonlocal thousands
        thousands += 1

    store._database.connection().set_progress_handler(count, 1_000)
    await store.maintain(now=later + 1)

    assert thousands < 10
    assert stored(path, "minutes") == set(range(1, 11))
    await store.close()


async def test_minutes_of_many_turbines_leave_in_slices(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "_SLICE", 0.0)
    monkeypatch.setattr(retention, "_FEWEST_SCATTERED", 4)
    store = SqliteStore(path, settings=MonitorSettings(retain_readings=3_600, retain_minutes=3_600))
    await store.open(now=NOW)
    fleet = [reading(number, minute * 60_000) for number in (1, 2, 3) for minute in range(3)]
    await store.write(Batch(readings=[*fleet, reading(2, 2 * HOUR)]))
    await store.maintain(now=NOW + 2 * HOUR)
    left = []
    for after in range(1, 5):
        await store.maintain(now=NOW + 2 * HOUR + after)
        with closing(sqlite3.connect(path)) as connection:
            left.append(connection.execute("SELECT turbine_number FROM minutes").fetchall())

    assert left == [[(2,)] * 3 + [(3,)] * 3, [(2,), (3,)], [(2,)], [(2,)]]
    await store.close()


async def test_a_batch_that_fails_at_its_end_leaves_no_trace(sqlite: SqliteStore) -> None:
    connection, before = sqlite._database.connection(), dict(sqlite._database.meta)
    denied = {(sqlite3.SQLITE_INSERT, "meta")}
    connection.set_authorizer(
        lambda action, table, *_: sqlite3.SQLITE_DENY if (action, table) in denied else sqlite3.SQLITE_OK
    )

    with pytest.raises(StoreFailed):
        await sqlite.write(Batch([reading()], moved({(7, "s"): 9})))

    assert sqlite._database.meta == before
    written = await sqlite.write(Batch(cursors=moved({(8, "t"): 5}), wanted=[(7, "s"), (8, "t")]))
    assert written.cursors == {(7, "s"): None, (8, "t"): 5}
    assert await sqlite.readings(7, **ALWAYS) == []
