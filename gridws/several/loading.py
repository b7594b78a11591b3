"""How a monitor comes to the state of its pool: it is born, loaded, or taken over from monitors of older rules."""

from __future__ import annotations

import asyncio

from ..clock import Clock
from ..errors import StoreFailed, StoreUnusable
from ..moments import Moment
from ..settings import MonitorSettings
from .lease import BEATS, Standstill, Still
from .log import DispatchLog, Loaded
from .replica import RULES, Earlier, Replica


async def load(log: DispatchLog, settings: MonitorSettings, clock: Clock) -> Loaded:
    """Return the pool, born where there was none; raise `StoreUnusable` where it decides by other rules than ours.

    A pool of older rules goes on by ours when it is seen, within a lease, that nobody lives in it any more.
    """

    def birth(earlier: Earlier) -> str:
        return Replica.born(
            settings.engineers,
            earlier,
            Moment(0.0, clock.now().at),
            repair_timeout=settings.repair_timeout,
            place_kept_for=settings.place_kept_for,
        ).to_text()

    loaded = await log.load(birth, RULES)
    if loaded.rules > RULES:
        raise _refused(loaded, "which are newer than those of this gridws")
    if loaded.rules < RULES:
        lifeless = await _nobody_alive(log, loaded, settings.lease, clock)
        if not await log.change_rules(loaded.rules, RULES, lifeless):
            raise StoreFailed("of the pool", "another monitor begins at this moment")
        loaded = await log.load(birth, RULES)
    return loaded


async def _nobody_alive(log: DispatchLog, loaded: Loaded, lease: float, clock: Clock) -> dict[int, int]:
    """Return the beats of the members with a row, all of which stand still; raise `StoreUnusable` where one moves."""
    standstill, lifeless, found = Standstill(lease), dict[int, int](), loaded.lives
    while found.keys() - lifeless.keys():
        await asyncio.sleep(lease / BEATS)
        sent, before = clock.now().seconds, found
        found = await log.beat(None, 0.0)
        if any(member in before and before[member].beat != life.beat for member, life in found.items()):
            raise _refused(
                loaded, "as others that are in it; stop them before a gridws of other rules starts"
            )
        beats = {member: Still(life.beat, life.lease) for member, life in found.items()}
        lifeless = standstill.look(beats, sent=sent, received=clock.now().seconds)
    return lifeless


def _refused(loaded: Loaded, why: str) -> StoreUnusable:
    return StoreUnusable("of the pool", f"engineers are sent by rules {loaded.rules}, {why} ({RULES})")
