"""Viewers that never read, connections without end: only who asks too much is hurt."""

from __future__ import annotations

import asyncio
import json
import resource
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from itertools import count

import pytest
from live_monitor import raw_peer
from websockets.asyncio.client import connect

from .checker import Checker, at_work
from .programs import Monitor, Site, until

pytestmark = pytest.mark.slow

VIEWERS = 25
"""Of each kind: those that read, and those that never do."""
AT_ONCE = 3.0
"""Seconds: far above what an engineer's way takes here, far below what a hung viewer would make of it."""


class Reader:
    """A viewer that reads all it gets."""

    def __init__(self) -> None:
        self.frames = 0

    async def read(self, monitor: Monitor) -> None:
        async with connect(f"{monitor.url}/ws/frames", proxy=None, compression=None) as link:
            async for _ in link:
                self.frames += 1


@asynccontextmanager
async def reading(monitor: Monitor) -> AsyncIterator[list[Reader]]:
    readers = [Reader() for _ in range(VIEWERS)]
    async with asyncio.TaskGroup() as tasks:
        at_it = [tasks.create_task(reader.read(monitor)) for reader in readers]
        yield readers
        for task in at_it:
            task.cancel()


async def talk_at_length(monitor: Monitor) -> None:
    """Be a turbine whose frames fill every buffer between the monitor and a viewer."""
    values = {
        "wind_speed": 1.0,
        "power_output_in_kwh": 1.0,
        "operational_status": "ok",
        "padding": "x" * 60_000,
    }
    async with connect(f"{monitor.url}/ws/turbines/903", proxy=None, compression=None) as link:
        while True:
            await link.send(json.dumps({"type": "metrics", "turbine_number": 903, **values}))
            await asyncio.sleep(0.1)


async def an_engineer_comes_at_once(checker: Checker) -> None:
    """Have the turbine break, be served and be well again."""
    known = len(checker.assignments)
    checker.status = "broken"
    await until(lambda: len(checker.assignments) > known, within=AT_ONCE)
    checker.status = "ok"
    await checker.acknowledges(3)


async def test_viewers_that_never_read_are_cut_and_no_turbine_waits_for_them(here: Site) -> None:
    monitor = await here.monitor()
    checker = Checker(901, monitor.url)
    async with AsyncExitStack() as peers, at_work(checker), reading(monitor) as readers:
        for _ in range(VIEWERS):
            peer = await peers.enter_async_context(raw_peer(monitor.port))
            await peer.upgrade("/ws/frames")
        await until(lambda: all(reader.frames for reader in readers))
        talking = asyncio.create_task(talk_at_length(monitor))

        while await monitor.number("gridws_viewers_cut_total") < VIEWERS:
            await an_engineer_comes_at_once(checker)

        seen = [reader.frames for reader in readers]
        await until(lambda: all(reader.frames > before for reader, before in zip(readers, seen, strict=True)))
        assert await monitor.number("gridws_viewers_cut_total") == VIEWERS
        assert await monitor.number("gridws_viewers") == VIEWERS
        assert checker.connections == 1
        talking.cancel()
        await asyncio.gather(talking, return_exceptions=True)


async def lowest_free_descriptor(monitor: Monitor, turbine: Checker) -> int:
    """Return the first number that the monitor does not hold for good: a file read in passing leaves its own again."""
    held = {int(entry.name) for entry in (monitor.proc / "fd").iterdir()}
    for _ in range(10):
        await turbine.acknowledges(1)
        held &= {int(entry.name) for entry in (monitor.proc / "fd").iterdir()}
    return next(number for number in count() if number not in held)


async def test_a_monitor_out_of_file_descriptors_keeps_its_links_and_takes_new_ones_again(here: Site) -> None:
    monitor = await here.monitor()
    before, late = Checker(901, monitor.url), Checker(902, monitor.url)
    async with at_work(before):
        process = monitor.process.pid
        free = await lowest_free_descriptor(monitor, before)
        limits = resource.prlimit(process, resource.RLIMIT_NOFILE)
        resource.prlimit(process, resource.RLIMIT_NOFILE, (free, limits[1]))

        async with at_work(late):
            await before.acknowledges(15)
            assert late.acknowledged == 0
            assert before.connections == 1
            assert monitor.running
            resource.prlimit(process, resource.RLIMIT_NOFILE, limits)
            await late.acknowledges(5)

        assert before.connections == 1
        assert len(monitor.lines) < 50
