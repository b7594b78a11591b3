"""Whole monitors that share a log in memory, in virtual time, and turbines with links to them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count

from doubles import ListLink, LoopClock, metrics
from memory_log import LogClient, SharedLog

from gridws.dispatch import check
from gridws.moments import Moment
from gridws.monitor.monitor import GridMonitor
from gridws.monitor.session import Session
from gridws.settings import MonitorSettings
from gridws.several.shared_dispatch import SharedDispatch
from gridws.storage.memory import MemoryStore
from gridws.storage.rows import Reading, Repair
from gridws.wire.frames import Event, Snapshot, parse_watch

LEASE = 6.0


class MachineClock(LoopClock):
    """The clocks of one machine: each booted at another time, and each with a wall clock of its own."""

    def __init__(self, booted: float, ahead: float) -> None:
        self.booted = booted
        self.ahead = ahead

    def now(self) -> Moment:
        return super().now()._replace(seconds=self.booted + asyncio.get_running_loop().time())


class Turbine:
    """One link, and what came down on it."""

    def __init__(self, monitor: Monitor, number: int) -> None:
        self.number = number
        self.link = ListLink()
        self.session: Session = monitor.grid.connect(number, self.link)

    def says(self, status: str) -> Turbine:
        self.session.receive(metrics(status, self.number))
        return self

    def lost(self) -> None:
        self.session.lost()

    @property
    def engineers(self) -> list[int]:
        return [f["engineer_id"] for f in self.link.sent if f["type"] == "engineer_assigned"]

    @property
    def withdrawals(self) -> list[str]:
        return [f["reason"] for f in self.link.sent if f["type"] == "engineer_withdrawn"]

    @property
    def engineer(self) -> int | None:
        """Who is there, as the turbine knows."""
        present = None
        for sent in self.link.sent:
            if sent["type"] == "engineer_assigned":
                present = sent["engineer_id"]
            elif sent["type"] == "engineer_withdrawn":
                present = None
        return present


class Monitor:
    """One monitor, its way to the log, and its life."""

    def __init__(self, place: Place, engineers: int = 1) -> None:
        writer = next(place.writers)
        self.settings = MonitorSettings(engineers=engineers, lease=LEASE, repair_timeout=place.repair_timeout)
        self.client = LogClient(place.log)
        self.store = MemoryStore()
        self.clock = MachineClock(booted=1000.0 * writer, ahead=7.0 * writer)
        self.port = SharedDispatch(
            self.client,
            settings=self.settings,
            clock=self.clock,
            url=f"http://monitor-{writer}",
            writer=lambda: writer,
        )
        self.database = Database(place, self)
        self.grid = GridMonitor(
            engineers,
            self.store,
            settings=self.settings,
            clock=self.clock,
            port=self.port,
            shared_readings=self.database,
        )
        self.grid._last_session_id = writer << 32
        self.told: list[Event] = []
        """What logs and webhooks are told."""
        self.grid.listen(self.told.append)
        self.life: asyncio.Task[None] | None = None

    async def start(self) -> Monitor:
        await self.grid.start()
        self.life = asyncio.create_task(self.grid.run())
        await asyncio.sleep(0)  # a task cancelled before it began would not end anything
        await self.joined()
        return self

    async def joined(self) -> None:
        while self.port.trouble is not None:  # noqa: ASYNC110 - it tells nobody
            await asyncio.sleep(0.05)

    async def stop(self) -> None:
        assert self.life is not None
        self.life.cancel()
        await asyncio.wait([self.life])

    def die(self) -> None:
        """End without a word, as after kill -9."""
        assert self.life is not None
        self.client.cut = True
        self.port._following.membership.end()
        assert self.port._life is not None
        self.port._life.cancel()
        self.life.cancel()

    def turbine(self, number: int) -> Turbine:
        return Turbine(self, number)

    async def snapshot(self) -> Snapshot:
        """Return what a viewer sees who comes now."""
        viewer = self.grid.watch.open()
        seen = parse_watch(await viewer.next())
        self.grid.watch.close(viewer)
        assert isinstance(seen, Snapshot)
        return seen

    async def story(self) -> list[str]:
        """Return what viewers were told."""
        return [event.text for event in (await self.snapshot()).events]

    @property
    def repairs(self) -> dict[int, Repair]:
        return self.store.repair_rows


class Database:
    """What the other monitors have written, as if all wrote to one database; `looks` are the questions for it."""

    def __init__(self, place: Place, monitor: Monitor) -> None:
        self.looks: list[bool] = []
        self._place = place
        self._monitor = monitor

    async def newest_of_others(self, *, now: int, slow_ones: bool) -> list[Reading]:
        self.looks.append(slow_ones)
        others = (each.store.kept for each in self._place.monitors if each is not self._monitor)
        return [reading for kept in others for reading in kept]


class Place:
    """A log and the monitors that share it."""

    def __init__(self, log: SharedLog | None = None, repair_timeout: float = 600.0) -> None:
        self.log = log or SharedLog()
        self.repair_timeout = repair_timeout
        self.writers = count(1)
        self.monitors: list[Monitor] = []

    async def monitor(self, engineers: int = 1) -> Monitor:
        monitor = Monitor(self, engineers)
        self.monitors.append(monitor)
        return await monitor.start()


@asynccontextmanager
async def place(**options: float) -> AsyncIterator[Place]:
    """Make a place; at its end no monitor's replica is broken, and all that have read as much are equal."""
    made = Place(**options)  # type: ignore[arg-type]
    try:
        yield made
        states: dict[int, str] = {}
        for monitor in made.monitors:
            replica = monitor.port._following.pool.replica
            if replica is not None:
                check(replica.dispatcher)
                assert states.setdefault(replica.position, replica.to_text()) == replica.to_text()
    finally:
        for monitor in made.monitors:
            if monitor.life is not None and not monitor.life.done():
                await monitor.stop()


async def settled() -> None:
    """Let what was told get into the log and back to everybody."""
    await asyncio.sleep(0.6)
