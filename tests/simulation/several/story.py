"""One seed from its first frame to the verdict."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from gridws.several import chores

from .grid import Grid
from .machines import Universe
from .schedule import Kind, begin, calm_down, disturb, give_back
from .verdict import COMPARE_EVERY, compare_replicas, judge, settle

SNAPSHOT_EVERY = 40
"""Entries, so that there are some."""
LONGEST = 3600.0
"""Seconds of a story."""


@dataclass(frozen=True)
class Result:
    """What came of a seed; `digest` is the same whenever the same things happened in the same order."""

    failures: list[str]
    digest: int
    seconds: float
    frames: int
    stored: int
    acknowledged: int
    refused: int
    entries: int
    void: int
    evictions: int
    called_back: int
    superseded: int
    overlaps: int
    assignments: int
    crashes: int


def simulate(seed: int, tell: Callable[[str], None] | None = None, *, kinds: Sequence[Kind] = ()) -> Result:
    """Play a seed, with these `kinds` of trouble or those that it draws; the same seed always plays the same."""
    logging.getLogger("gridws").setLevel(logging.CRITICAL)
    universe = Universe()
    machine = universe.machine()
    chores.COMPARE_EVERY = COMPARE_EVERY  # type: ignore[misc]
    chores.SNAPSHOT_EVERY = SNAPSHOT_EVERY  # type: ignore[misc]
    try:
        return universe.play(machine, _story(universe, seed, tell, kinds), limit=LONGEST)
    finally:
        universe.close()


async def _story(
    universe: Universe, seed: int, tell: Callable[[str], None] | None, kinds: Sequence[Kind]
) -> Result:
    machine = asyncio.get_running_loop()
    grid = Grid(universe, machine, seed, tell)  # type: ignore[arg-type]
    universe.complain = lambda context: _complain(grid, context)
    begin(grid)
    comparing = asyncio.create_task(compare_replicas(grid))
    await disturb(grid, kinds)
    calm_down(grid)
    while not all(process.is_ready for process in grid.alive):  # noqa: ASYNC110 - it tells nobody
        await asyncio.sleep(0.5)
    give_back(grid)
    await settle(grid)
    for turbine in grid.turbines:
        turbine.life.cancel()
    await asyncio.sleep(2.0)
    for place in range(grid.places):
        await grid.stop(place)
    comparing.cancel()
    if not grid.witness.failures:
        judge(grid)
    return _result(grid)


def _complain(grid: Grid, context: dict[str, Any]) -> None:
    grid.witness.wrong(f"{context['message']}: {context.get('exception')!r}")


def _result(grid: Grid) -> Result:
    return Result(
        failures=grid.witness.failures,
        digest=grid.witness.digest,
        seconds=grid.universe.now,
        frames=grid.witness.frames,
        stored=len(grid.tables.store.kept),
        acknowledged=sum(turbine.client.acknowledged for turbine in [*grid.turbines, *grid.retired]),
        refused=grid.tables.refused_readings,
        entries=grid.log.position,
        void=grid.log.void,
        evictions=grid.log.evictions,
        called_back=grid.witness.called_back,
        superseded=grid.witness.superseded,
        overlaps=len(grid.witness.overlaps),
        assignments=len(grid.witness.assigned),
        crashes=sum(process.crashed for process in grid.processes),
    )
