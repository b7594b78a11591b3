"""One seed from its first frame to the verdict."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from virtual_time import run

from .schedule import begin, calm_down, disturb
from .verdict import be_clumsy, judge, settle
from .world import World


@dataclass(frozen=True)
class Result:
    """What came of a seed; `digest` is the same whenever the same things happened in the same order."""

    failures: list[str]
    digest: int
    seconds: float
    frames: int
    stored: int
    acknowledged: int
    assignments: int
    crashes: int
    resyncs: int


def simulate(seed: int, tell: Callable[[str], None] | None = None) -> Result:
    """Play a seed; the same seed always plays the same."""
    logging.getLogger("gridws").setLevel(logging.CRITICAL)
    return run(_story(seed, tell), limit=7200.0)


async def _story(seed: int, tell: Callable[[str], None] | None) -> Result:
    world = World(seed, tell)
    try:
        return await _play(world)
    finally:
        world.disk.medium.close()


async def _play(world: World) -> Result:
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: _complain(world, context))
    await world.start()
    await begin(world)
    await disturb(world)
    await calm_down(world)
    await settle(world)
    if not world.witness.failures:
        await be_clumsy(world)
    for turbine in world.turbines:
        turbine.life.cancel()
    await asyncio.gather(*(turbine.life for turbine in world.turbines), return_exceptions=True)
    await asyncio.sleep(2.0)
    await world.stop()
    if not world.witness.failures:
        judge(world)
    return _result(world)


def _complain(world: World, context: dict[str, Any]) -> None:
    world.witness.wrong(f"{context['message']}: {context.get('exception')!r}")


def _result(world: World) -> Result:
    turbines = [*world.turbines, *world.retired]
    return Result(
        failures=world.witness.failures,
        digest=world.witness.digest,
        seconds=asyncio.get_running_loop().time(),
        frames=world.witness.frames,
        stored=len(world.disk.medium.readings()),
        acknowledged=sum(turbine.client.acknowledged for turbine in turbines),
        assignments=len(world.witness.jobs),
        crashes=sum(process.crashed for process in world.processes),
        resyncs=sum(process.monitor.counters.resyncs for process in world.processes),
    )
