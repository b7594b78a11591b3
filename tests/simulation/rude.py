"""Clients made by hand: some send nonsense, some too much, some nothing; one is clumsy but does its best."""

from __future__ import annotations

import asyncio
import json
import random
from contextlib import suppress

from doubles import frame, metrics

from gridws.errors import MonitorUnreachable
from gridws.words import OperationalStatus

from .network import Wire
from .witness import Client
from .world import World


def nonsense(chance: random.Random, number: int) -> str:
    """Return one frame that a client might send who read half of the description."""
    sequence = chance.randint(1, 9)
    return chance.choice(
        [
            "",
            "[]",
            '{"type": "metrics"',
            frame("metrics", number),
            frame("status", number, operational_status="tired"),
            metrics("ok", number, wind_speed="8", sequence=sequence),
            metrics("ok", number, wind_speed=float("nan"), sequence=sequence),
            metrics("ok", number + 1, sequence=sequence),
            metrics("broken", number),
            metrics("ok", number),
            metrics("broken", number, sequence=sequence, historical=True),
            metrics("ok", number, sequence=sequence + chance.choice([0, 50])),
            frame("status", number, operational_status="broken"),
            frame("status", number, operational_status="ok"),
            frame("hello", number, stream="used by everybody"),
            frame(
                "hello", number, stream="again", upload_frequency_in_seconds=chance.choice([0.001, 1, 1e9])
            ),
        ]
    )


async def say_nothing(world: World, number: int) -> Wire | None:
    """Connect, if that is possible, and leave it at that."""
    with suppress(MonitorUnreachable):
        return (await world.dial(number, lambda text: None, Client())).wire
    return None


async def talk_nonsense(world: World, number: int) -> None:
    """Send nonsense for some seconds, then close, vanish, or hold the link and say nothing."""
    wire = await say_nothing(world, number)
    if wire is None:
        return
    for _ in range(world.chance.randint(0, 30)):
        wire.up.put(nonsense(world.chance, number))
        await asyncio.sleep(world.chance.uniform(0.0, 0.5))
    await asyncio.sleep(world.chance.uniform(0.0, 5.0))
    wire.cut(monitor_after=world.notices(), client_after=0.0)


async def flood(world: World, number: int) -> None:
    """Send three times as much as is allowed, until the monitor has enough."""
    wire = await say_nothing(world, number)
    if wire is None:
        return
    statuses = [frame("status", number, operational_status=each.value) for each in OperationalStatus]
    while not wire.loss.done() and not wire.up.broken:
        for _ in range(60):
            wire.up.put(world.chance.choice(statuses))
        await asyncio.sleep(1.0)


class Clumsy:
    """Numbers its readings, gets some of them wrong, and wants to hear that they are dealt with all the same."""

    def __init__(self, world: World, number: int, readings: int) -> None:
        self._welcomed, self._done = asyncio.Event(), asyncio.Event()
        self._readings = readings
        self._world = world
        self._number = number

    async def live(self) -> None:
        end = await self._world.dial(self._number, self._receive, Client())
        end.wire.up.put(frame("hello", self._number, stream=f"clumsy-{self._number}"))
        await self._welcomed.wait()
        for sequence in range(1, self._readings + 1):
            wind = self._world.chance.choice([8.5, "8.5", None])
            end.wire.up.put(metrics("ok", self._number, sequence=sequence, wind_speed=wind))
        async with asyncio.timeout(10):
            await self._done.wait()
        await end.leave()

    def _receive(self, text: str) -> None:
        frame = json.loads(text)
        if frame["type"] == "welcome":
            self._welcomed.set()
        elif frame["type"] == "ack" and frame["sequence"] == self._readings:
            self._done.set()
