"""Roll-ups equal what the readings say, however they came in; history equals a plain filter."""

from __future__ import annotations

import asyncio
import math
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gridws.settings import MonitorSettings
from gridws.storage.batches import Batch
from gridws.storage.memory import MemoryStore
from gridws.storage.rows import FleetMinute, Minute, Reading
from gridws.storage.sqlite import rollup
from gridws.storage.sqlite.rollup import RollUp
from gridws.storage.sqlite.store import SqliteStore

from ..conftest import NOW
from ..rows import ALWAYS, reading

HOUR = 3_600_000
FOREVER = {"since": 0, "until": 2**53}
TURBINES = (1, 2, 3)

moments = st.one_of(
    st.integers(0, 200_000),  # live, some minutes
    st.integers(-3 * HOUR, 3 * HOUR),  # replays and wrong clocks
    st.integers(-NOW, NOW),
)
rows = st.builds(
    lambda number, measured, late, wind, power, status: Reading(
        number, NOW + measured, wind, power, status, NOW + late
    ),
    st.sampled_from(TURBINES),
    moments,
    st.integers(0, 200_000),
    st.floats(0, 40),
    st.floats(0, 5_000),
    st.sampled_from(["ok", "broken"]),
)
batches = st.lists(st.lists(rows, max_size=8), max_size=5)
steps = st.lists(st.sampled_from(["nothing", "upkeep", "restart", "crash"]), min_size=5, max_size=5)


class Life:
    """A store in a file that lives through upkeep, restarts and crashes, beside one in memory that does not."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._now = NOW
        self.store = self._make()
        self.plain = MemoryStore(settings=MonitorSettings(retain_readings=None))

    async def begin(self) -> None:
        await self.store.open(now=self._now)
        await self.plain.open(now=self._now)

    async def write(self, readings: list[Reading]) -> None:
        await self.store.write(Batch(readings=readings))
        await self.plain.write(Batch(readings=readings))

    async def nothing(self) -> None:
        """Go on."""

    async def upkeep(self) -> None:
        self._now += 60_000
        await self.store.maintain(now=self._now)

    async def restart(self) -> None:
        await self.store.close()
        self.store = self._make()
        await self.store.open(now=self._now)

    async def crash(self) -> None:
        self.abandon()
        self.store = self._make()
        await self.store.open(now=self._now)

    def abandon(self) -> None:
        """Drop connection and lock without a word, as the death of a process does."""
        self.store._writer.submit(self.store._database.let_go).result()

    def _make(self) -> SqliteStore:
        return SqliteStore(self._path, settings=MonitorSettings(retain_readings=None))


def live(written: list[list[Reading]], between: list[str], check: Callable[[Life], Awaitable[None]]) -> None:
    async def run() -> None:
        with tempfile.TemporaryDirectory() as folder:
            life = Life(Path(folder) / "gridws.db")
            await life.begin()
            for readings, step in zip(written, between, strict=False):
                await life.write(readings)
                await getattr(life, step)()
            await check(life)
            await life.store.close()

    asyncio.run(run())


def about(minute: Minute | FleetMinute) -> object:
    return pytest.approx(tuple(minute), rel=1e-9, abs=1e-9)


@given(batches, steps)
@settings(max_examples=20, deadline=None)
def test_minutes_equal_a_recomputation_from_all_readings(
    written: list[list[Reading]], between: list[str]
) -> None:
    async def check(life: Life) -> None:
        await life.restart()
        for number in TURBINES:
            found = await life.store.minutes(number, **FOREVER)
            assert found == [about(minute) for minute in await life.plain.minutes(number, **FOREVER)]
        fleet = await life.store.fleet_minutes(**FOREVER)
        assert fleet == [about(minute) for minute in await life.plain.fleet_minutes(**FOREVER)]

    live(written, between, check)


@given(batches, steps, moments, moments, st.integers(1, 20))
@settings(max_examples=20, deadline=None)
def test_history_equals_a_plain_filter(
    written: list[list[Reading]], between: list[str], since: int, until: int, limit: int
) -> None:
    async def check(life: Life) -> None:
        spans = [(0, 2**53, 1_000), (0, 2**53, limit), (NOW + since, NOW + until, limit)]
        for number in TURBINES:
            for begin, end, most in spans:
                found = await life.store.readings(number, since=begin, until=end, limit=most)
                assert found == await life.plain.readings(number, since=begin, until=end, limit=most)

    live(written, between, check)


@given(batches, steps)
@settings(max_examples=10, deadline=None)
def test_the_last_readings_are_known_after_whatever_happened(
    written: list[list[Reading]], between: list[str]
) -> None:
    async def check(life: Life) -> None:
        life.abandon()
        life.store = life._make()
        opened, plain = await life.store.open(now=NOW), await life.plain.open(now=NOW)
        assert opened.last_readings == plain.last_readings
        assert opened.last_seen_at.keys() == plain.last_seen_at.keys()

    live(written, between, check)


async def test_readings_are_found_before_and_after_they_are_rolled_up(sqlite: SqliteStore) -> None:
    await sqlite.write(Batch(readings=[reading(), reading(after=1_000)]))
    before = await sqlite.readings(7, **ALWAYS)

    await sqlite.maintain(now=NOW + 60_000)

    assert await sqlite.readings(7, **ALWAYS) == before == [reading(after=1_000), reading()]


async def test_a_reading_of_endless_power_does_not_stop_the_roll_up(sqlite: SqliteStore) -> None:
    endless = [reading(after=after, power_output_in_kwh=math.inf) for after in (0, 1_000)]
    huge = [reading(8, after, wind_speed=1.7e308) for after in (0, 1_000)]
    await sqlite.write(Batch(readings=[*endless, *huge, reading(9)]))
    await sqlite.maintain(now=NOW + 60_000)
    await sqlite.write(Batch(readings=[*endless, *huge, reading(9)]))

    await sqlite.maintain(now=NOW + 120_000)

    (minute,) = await sqlite.minutes(9, **FOREVER)
    assert minute.readings == 2


async def test_many_minutes_at_once_are_flushed_early(sqlite: SqliteStore) -> None:
    replay = [reading(number, -number * 60_000, received_at=NOW) for number in range(1, 20_001)]

    await sqlite.write(Batch(readings=replay))

    assert len(await sqlite.minutes(20_000, **FOREVER)) == 1
    assert await sqlite.readings(3, **ALWAYS) == [replay[2]]


def test_last_readings_are_kept_of_so_many_turbines_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rollup, "MOST_AWAY", 20)
    roll_up = RollUp()
    for first in range(0, 100, 10):
        roll_up.add([reading(number) for number in range(first, first + 10)])
        roll_up.clear()

    assert len(roll_up.last) <= 30
    assert 99 in roll_up.last
