"""How long an engineer takes, beside a bare echo in turn: what a turbine waits for that another one lets free.

The ways alternate, on a quiet monitor that logs as usual, so a machine that is slower for a while is so for all. An
echo is a frame up and the same one down; an engineer who is let free by a lost link is the end of one connection
and a frame on another, the same way through the kernel.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Final

import uvloop

from .figures import Figure, columns, percentile
from .processes import LOAD_CORE, bare, monitor
from .raw_links import STATUS, WebSocketLink

COLUMNS: Final = columns("ratio", "round_trip_ms_50", "round_trip_ms_99")
HOST: Final = "127.0.0.1"
FLEET: Final = 16
"""Turbines that take turns, so that none is over its rate of 20 frames a second for long."""
ROUNDS: Final = 20
A_ROUND: Final = 15
PAUSE: Final = 0.01
LATE: Final = 10.0
ASSIGNED: Final = b'{"type":"engineer_assigned"'


class Turbine:
    """A connection and what came down it."""

    def __init__(self, link: WebSocketLink) -> None:
        self._link = link
        self._came: asyncio.Queue[bytes] = asyncio.Queue()
        link.on_text = self._came.put_nowait

    def says(self, status: bytes) -> None:
        """Send its status."""
        self._link.send(STATUS % (self._link.number, status))

    async def hears(self, begin: bytes) -> None:
        """Wait for a frame that begins like this."""
        while not (await asyncio.wait_for(self._came.get(), LATE)).startswith(begin):
            pass

    def is_cut(self) -> None:
        """Lose the connection, without a word."""
        self._link.transport.abort()


async def connect(number: int, port: int) -> Turbine:
    loop = asyncio.get_running_loop()
    opened: asyncio.Future[None] = loop.create_future()
    _, link = await loop.create_connection(lambda: WebSocketLink(number, HOST, port, opened), HOST, port)
    await opened
    return Turbine(link)


class Ways:
    """The three ways; each call is one measurement, in seconds. The monitor has a single engineer."""

    def __init__(self, port: int, echo: Turbine, fleet: list[Turbine]) -> None:
        self._port, self._echo = port, echo
        self._in_turn = itertools.cycle(fleet)
        self._numbers = itertools.count(len(fleet) + 1)

    async def bare_echo(self) -> float:
        began = time.perf_counter()
        self._echo.says(b"ok")
        await self._echo.hears(b"{")
        return time.perf_counter() - began

    async def broken(self) -> float:
        turbine = next(self._in_turn)
        began = time.perf_counter()
        turbine.says(b"broken")
        await turbine.hears(ASSIGNED)
        took = time.perf_counter() - began
        turbine.says(b"ok")
        return took

    async def cut(self) -> float:
        """Cut a link whose turbine has the engineer, while another one waits: each is lost once only."""
        lost, waits = await connect(next(self._numbers), self._port), next(self._in_turn)
        lost.says(b"broken")
        await lost.hears(ASSIGNED)
        waits.says(b"broken")
        await asyncio.sleep(PAUSE)
        began = time.perf_counter()
        lost.is_cut()
        await waits.hears(ASSIGNED)
        took = time.perf_counter() - began
        waits.says(b"ok")
        return took


def dispatch(rounds: int = ROUNDS) -> Iterator[Figure]:
    """Yield the ways' figures, each with its ratio to the echo's."""
    with (
        tempfile.TemporaryDirectory(prefix="gridws-bench-") as folder,
        monitor(Path(folder) / "bench.db", "--engineers", "1", log=Path(folder) / "log") as (_, port),
    ):
        yield from ways_of_an_engineer(port, rounds)


def ways_of_an_engineer(port: int, rounds: int = ROUNDS) -> Iterator[Figure]:
    """Yield the same of the monitor at this port, which has a single engineer and nothing else to do."""
    with bare("echo") as (_, echo_port):
        before = os.sched_getaffinity(0)
        os.sched_setaffinity(0, {LOAD_CORE % (os.cpu_count() or 1)})
        try:
            times = uvloop.run(_measure(echo_port, port, rounds))
        finally:
            os.sched_setaffinity(0, before)
    figures = [
        Figure(what=what, round_trip_ms_50=percentile(each, 0.5), round_trip_ms_99=percentile(each, 0.99))
        for what, each in times.items()
    ]
    for figure in figures:
        figure.compare(figures[0])
        yield figure


async def _measure(echo_port: int, port: int, rounds: int) -> dict[str, list[float]]:
    fleet = [await connect(number, port) for number in range(1, FLEET + 1)]
    echo = await connect(1, echo_port)
    ways = Ways(port, echo, fleet)
    measured: dict[str, Callable[[], Awaitable[float]]] = {
        "bare echo": ways.bare_echo,
        "broken → engineer_assigned": ways.broken,
        "cut of a link → engineer_assigned elsewhere": ways.cut,
    }
    times: dict[str, list[float]] = {what: [] for what in measured}
    for _ in range(rounds):
        for what, way in measured.items():
            for _ in range(A_ROUND):
                times[what].append(await way())
                await asyncio.sleep(PAUSE)
    for turbine in (echo, *fleet):
        turbine.is_cut()
    await asyncio.sleep(PAUSE)  # a loop that is closed over open connections warns
    return times
