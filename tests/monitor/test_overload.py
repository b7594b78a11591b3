"""More readings than a slow or starved writer can store: a whole monitor in virtual time, offered twice as much."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest
from doubles import ListLink, LoopClock, frame, metrics
from virtual_time import run

from gridws.monitor.monitor import GridMonitor
from gridws.monitor.pace import QUEUE_SHORT, QUEUE_WANTED
from gridws.settings import WINDOW, MonitorSettings
from gridws.storage import Written
from gridws.storage.batches import Batch
from gridws.storage.memory import MemoryStore

pytestmark = pytest.mark.slow

STORED_A_SECOND = 1_000
TURBINES = 100
OFFERED_EACH = 2 * STORED_A_SECOND / TURBINES
STEP = 0.05
UNTIL_HELD_BACK = 32.0
"""Seconds after which the queue is as long as it may be, and links wait."""


class Disk(MemoryStore):
    """A store whose writer gets `STORED_A_SECOND` rows done, and nothing at all for `starved` seconds in ten."""

    def __init__(self, starved: float) -> None:
        super().__init__()
        self.stored: Counter[int] = Counter()
        self._starved = starved

    async def write(self, batch: Batch) -> Written:
        if asyncio.get_running_loop().time() % 10 < self._starved:
            await asyncio.sleep(self._starved)
        for _ in range(len(batch.readings) // 100):
            await asyncio.sleep(100 / STORED_A_SECOND)
            self.progress += 1
        written = await super().write(batch)
        self.stored.update(reading[0] for reading in batch.readings)
        return written


class Wire(ListLink):
    """A link with a turbine at its end that sends on as soon as it is read from again."""

    def __init__(self, send_on: Callable[[], None]) -> None:
        super().__init__()
        self._send_on = send_on

    def resume_reading(self) -> None:
        super().resume_reading()
        asyncio.get_running_loop().call_soon(self._send_on)


@dataclass
class Turbine:
    """A numbered stream that sends what it has made, as far as its window and the monitor's reading allow."""

    number: int
    monitor: GridMonitor
    made: float = 0.0
    sent: int = 0

    def __post_init__(self) -> None:
        self.link = Wire(self.send)
        self.session = self.monitor.connect(self.number, self.link)
        self.session.receive(frame("hello", self.number, stream="a"))

    @property
    def acked(self) -> int:
        return max((sent["sequence"] for sent in self.link.sent if sent["type"] == "ack"), default=0)

    def make(self, readings: float) -> None:
        self.made += readings
        self.send()

    def send(self) -> None:
        until = min(int(self.made), self.acked + WINDOW) if "welcome" in self.link.types[:1] else 0
        while self.sent < until and self.link.reading:
            self.sent += 1
            self.session.receive(metrics("ok", self.number, sequence=self.sent))


class Fleet:
    """A monitor on such a disk, and its turbines."""

    def __init__(self, starved: float) -> None:
        self.disk = Disk(starved)
        self.monitor: GridMonitor
        self.turbines: list[Turbine] = []
        self.said: set[str | None] = set()
        self.longest_queue = 0

    @asynccontextmanager
    async def living(self) -> AsyncIterator[None]:
        settings = MonitorSettings(frames_per_second=1_000.0, frames_burst=10_000.0)
        self.monitor = GridMonitor(1, self.disk, settings=settings, clock=LoopClock())
        await self.monitor.start()
        life = asyncio.create_task(self.monitor.run())
        self.turbines = [Turbine(number, self.monitor) for number in range(1, TURBINES + 1)]
        await asyncio.sleep(1.0)
        yield
        life.cancel()
        await asyncio.wait([life])

    async def offer(self, each: float, seconds: float) -> None:
        """Have each turbine make so many readings a second."""
        for _ in range(round(seconds / STEP)):
            for turbine in self.turbines:
                turbine.make(each * STEP)
            self.longest_queue = max(self.longest_queue, self.monitor.queue.rows)
            self.said.add(self.monitor.queue.degraded)
            await asyncio.sleep(STEP)

    def load_falls(self) -> None:
        for turbine in self.turbines:
            turbine.made = turbine.sent


@pytest.fixture(params=[0.0, 4.0], ids=["slow", "starved"])
def fleet(request: pytest.FixtureRequest) -> Fleet:
    return Fleet(request.param)


def test_what_cannot_be_stored_stays_with_the_turbines_and_nothing_acknowledged_is_lost(fleet: Fleet) -> None:
    async def story() -> None:
        async with fleet.living():
            await fleet.offer(OFFERED_EACH, UNTIL_HELD_BACK + 10)
            assert fleet.monitor.overloaded is not None
            acked = {turbine.number: turbine.acked for turbine in fleet.turbines}
            assert all(acked.values())
            assert all(fleet.disk.stored[number] >= sequence for number, sequence in acked.items())

    run(story())
    assert fleet.longest_queue <= QUEUE_WANTED + OFFERED_EACH * TURBINES * STEP * 10
    assert fleet.monitor.counters.resyncs == 0
    assert fleet.said == {None}  # it is no trouble of the disk


def test_turbines_have_equal_shares(fleet: Fleet) -> None:
    async def story() -> None:
        async with fleet.living():
            await fleet.offer(OFFERED_EACH, UNTIL_HELD_BACK)
            before = {turbine.number: turbine.sent for turbine in fleet.turbines}
            await fleet.offer(OFFERED_EACH, 20)
            shares = [turbine.sent - before[turbine.number] for turbine in fleet.turbines]
            assert max(shares) <= 1.2 * min(shares)

    run(story())


def test_an_engineer_is_sent_in_the_same_step_to_a_turbine_that_is_not_held_back(fleet: Fleet) -> None:
    async def story() -> None:
        async with fleet.living():
            await fleet.offer(OFFERED_EACH, UNTIL_HELD_BACK)
            link = ListLink()
            fleet.monitor.connect(99, link).receive(frame("status", 99, operational_status="broken"))
            assert link.types == ["engineer_assigned"]

    run(story())


def test_ten_seconds_after_what_waits_is_half_done_all_is_well(fleet: Fleet) -> None:
    async def story() -> None:
        async with fleet.living():
            await fleet.offer(OFFERED_EACH, UNTIL_HELD_BACK + 10)
            fleet.load_falls()
            await fleet.offer(1.0, 10 + (QUEUE_WANTED - QUEUE_SHORT) / STORED_A_SECOND)
            assert fleet.monitor.overloaded is None
            assert all(turbine.link.reading for turbine in fleet.turbines)
            await asyncio.sleep(2 * QUEUE_WANTED / STORED_A_SECOND)
            assert all(fleet.disk.stored[turbine.number] == turbine.sent for turbine in fleet.turbines)
            assert fleet.monitor.queue.degraded is None

    run(story())


def test_links_wait_also_within_the_step_that_reads_them_all() -> None:
    """What sockets hold comes at once when a monitor had no time for them, before any round of the pace."""

    async def story() -> None:
        fleet = Fleet(0.0)
        async with fleet.living():
            for turbine in fleet.turbines:
                turbine.make(WINDOW)

            assert fleet.monitor.pace.holds_back
            assert fleet.monitor.queue.rows <= QUEUE_WANTED + fleet.monitor.settings.batch_rows + TURBINES

    run(story())
