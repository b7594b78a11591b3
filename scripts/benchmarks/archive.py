"""How quickly a full database answers, and is cleared of what is old, while a fleet goes on reporting to it.

The monitor is whole but for the network: frames go straight into its sessions, in this process, and it is held
on one core, event loop, writer and readers together. What is asked are the monitor's store and fleet state, as
its HTTP routes ask them.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Final

from gridws.monitor.monitor import GridMonitor
from gridws.process.lifetime import new_event_loop, spare_the_collector
from gridws.settings import MonitorSettings
from gridws.storage.sqlite.reader import open_reader
from gridws.storage.sqlite.store import SqliteStore

from .filling import DAY, MONTH, fill
from .processes import MEASURED_CORE
from .raw_links import READING
from .stages import NoLink

MINUTE: Final = 60_000
ASKED: Final = 7
"""The turbine whose history is asked for; its neighbours have a month too, so its pages are not all in a row."""
NEIGHBOURS: Final = 50
TIMES: Final = 15
STEP: Final = 0.01
PHASE: Final = 1.2
PHASES: Final = 5
RETENTION_LASTS: Final = 12.0
KEPT: Final = 600.0
"""Seconds for which readings are kept when retention is measured: all before the last ten minutes may go."""

Question = Callable[[], Awaitable[object]]


class Fleet:
    """Turbines that report to a monitor of this process; their frames cross no network."""

    def __init__(self, monitor: GridMonitor, count: int) -> None:
        self.monitor = monitor
        self.readings = 0
        self._sessions = [monitor.connect(number, NoLink()) for number in range(1, count + 1)]
        stream = f"bench-{time.time_ns()}"
        for number, session in enumerate(self._sessions, 1):
            session.receive(f'{{"type":"hello","turbine_number":{number},"stream":"{stream}"}}')

    def report(self, count: int) -> None:
        """Send the next `count` readings, turbine by turbine."""
        now, fleet = int(time.time() * 1000), len(self._sessions)
        for place in range(self.readings, self.readings + count):
            number = place % fleet + 1
            self._sessions[number - 1].receive((READING % (number, now, place // fleet + 1)).decode())
        self.readings += count

    async def go_on(self, rate: int) -> None:
        """Report at this rate (readings a second) until cancelled."""
        began, before = time.perf_counter(), self.readings
        while True:
            due = int((time.perf_counter() - began) * rate)
            self.report(due + before - self.readings)
            await asyncio.sleep(STEP)

    async def report_fast(self, seconds: float) -> float:
        """Report as fast as it is stored; return the seconds of CPU that the process took for a reading."""
        until, before, cpu = time.perf_counter() + seconds, self.readings, time.process_time()
        while time.perf_counter() < until:
            if self.monitor.queue.rows < self.monitor.settings.queue_rows // 4:
                self.report(500)
            await asyncio.sleep(0)
        return (time.process_time() - cpu) / (self.readings - before)


def history(*, turbines: int, minutes: int) -> Iterator[tuple[str, float]]:
    """Yield what is measured, most of it in milliseconds, of `minutes` of `turbines` at a reading a second."""
    with tempfile.TemporaryDirectory(prefix="gridws-bench-") as folder, _one_core():
        path = Path(folder) / "old.db"
        fill(
            path,
            turbines=turbines,
            begin=int(time.time()) // 60 - minutes,
            minutes=minutes,
            month_of=NEIGHBOURS,
        )
        size = f"{turbines * minutes * 60 / 1e6:g} M readings"
        with asyncio.Runner(loop_factory=new_event_loop) as runner:
            for what, value in runner.run(_questions(path, turbines)).items():
                yield f"{size}: {what}", value
            for what, value in runner.run(_retention(path, turbines)).items():
                yield f"{size}: {what}", value


@contextmanager
def _one_core() -> Iterator[None]:
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {MEASURED_CORE})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


@asynccontextmanager
async def _fleet(store: SqliteStore, settings: MonitorSettings, turbines: int) -> AsyncIterator[Fleet]:
    monitor = GridMonitor(3, store, settings=settings)
    await monitor.start()
    life = asyncio.create_task(monitor.run())
    fleet = Fleet(monitor, turbines)
    await asyncio.sleep(1.0)  # all are welcomed with the first commit
    spare_the_collector()
    yield fleet
    life.cancel()
    await asyncio.wait([life])


async def _questions(path: Path, turbines: int) -> dict[str, float]:
    settings = MonitorSettings()
    async with _fleet(SqliteStore(path, settings=settings), settings, turbines) as fleet:
        questions = _of(fleet.monitor)
        ingest = asyncio.create_task(fleet.go_on(turbines))
        await asyncio.sleep(1.0)
        answers = {what: await _median(question) for what, question in questions.items()}
        ingest.cancel()
        await asyncio.wait([ingest])
        await fleet.report_fast(PHASE)
        fleet_state, *store = questions.values()
        states = await _slower(fleet, [fleet_state], pause=1.0)
        every_second = await _slower(fleet, store, pause=0.5)
        charts = await _slower(fleet, _of_charts(fleet.monitor), pause=0.25)
    answers["ingest slower by last values each second (%)"] = states
    answers["by two of the others each second (%)"] = every_second
    answers["by four charts of a turbine each second (%)"] = charts
    return answers


def _of(monitor: GridMonitor) -> dict[str, Question]:
    store, fleet_state = monitor.store, monitor.fleet_state

    async def last_values() -> object:
        return fleet_state.states(fleet_state.numbers())

    def readings() -> Awaitable[object]:
        now = monitor.clock.now().at
        return store.readings(ASKED, since=now - 60 * MINUTE, until=now, limit=10_000)

    def minutes() -> Awaitable[object]:
        now = monitor.clock.now().at
        return store.minutes(ASKED, since=now - MONTH * MINUTE, until=now)

    def fleet_minutes() -> Awaitable[object]:
        now = monitor.clock.now().at
        return store.fleet_minutes(since=now - DAY * MINUTE, until=now)

    return {
        "last values of all turbines": last_values,
        "a turbine's last hour": readings,
        "a turbine's last month by the minute": minutes,
        "the fleet's last day by the minute": fleet_minutes,
    }


def _of_charts(monitor: GridMonitor) -> list[Question]:
    """Return what the dashboard asks when somebody looks at a turbine: its last minutes, or its day."""
    store, now = monitor.store, monitor.clock.now
    return [
        lambda: store.readings(ASKED, since=now().at - 10 * MINUTE, until=now().at, limit=10_000),
        lambda: store.minutes(ASKED, since=now().at - DAY * MINUTE, until=now().at),
    ]


async def _median(question: Question) -> float:
    times = []
    for _ in range(TIMES):
        began = time.perf_counter()
        answer = await question()
        times.append(time.perf_counter() - began)
        del answer
        await asyncio.sleep(0.1)
    return round(statistics.median(times) * 1000, 1)


async def _slower(fleet: Fleet, questions: list[Question], *, pause: float) -> float:
    """Return by how many per cent a reading takes more CPU while viewers ask, phase beside phase.

    The fleet reports as fast as one core takes it, so what a question costs is what ingest is slowed by.
    """
    ratios, in_turn = [], itertools.cycle(questions)
    for _ in range(PHASES):
        alone = await fleet.report_fast(PHASE)
        viewers = asyncio.create_task(_ask(in_turn, pause))
        ratios.append(await fleet.report_fast(PHASE) / alone)
        viewers.cancel()
        await asyncio.wait([viewers])
    return round((statistics.median(ratios) - 1) * 100, 1)


async def _ask(questions: Iterator[Question], pause: float) -> None:
    for question in questions:
        await question()
        await asyncio.sleep(pause)


class _TimedStore(SqliteStore):
    """A store that keeps how long each slice of retention held its writer (s)."""

    def __init__(self, path: Path, *, settings: MonitorSettings) -> None:
        super().__init__(path, settings=settings)
        self.held: list[float] = []
        sweep = self._retention.sweep

        def timed(now: int) -> None:
            began = time.perf_counter()
            sweep(now)
            self.held.append(time.perf_counter() - began)

        self._retention.sweep = timed  # type: ignore[method-assign]


async def _retention(path: Path, turbines: int) -> dict[str, float]:
    settings = MonitorSettings(retain_readings=KEPT)
    store = _TimedStore(path, settings=settings)
    async with _fleet(store, settings, turbines) as fleet:
        ingest = asyncio.create_task(fleet.go_on(turbines))
        store.held.clear()
        before, began = _first_second(path), time.monotonic()
        await asyncio.sleep(RETENTION_LASTS)
        deleted = (_first_second(path) - before) * turbines / (time.monotonic() - began)
        ingest.cancel()
        await asyncio.wait([ingest])
    return {
        "longest slice of retention": round(max(store.held) * 1000, 1),
        "a slice of retention": round(statistics.median(store.held) * 1000, 1),
        "deleted for each reading that comes in": round(deleted / turbines, 1),
    }


def _first_second(path: Path) -> int:
    with open_reader(path) as connection:
        row = connection.execute("SELECT second FROM metrics ORDER BY second LIMIT 1").fetchone()
    return int(row[0])
