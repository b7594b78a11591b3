"""A disk that outlives the monitor: it can be slow, hang, fail, and commit without being able to say so."""

from __future__ import annotations

import asyncio
import random
from collections import Counter

from gridws.errors import StoreFailed
from gridws.settings import MonitorSettings
from gridws.storage import Batch, FleetMinute, Minute, Opened, Reading, Repair, Written
from gridws.storage.memory import MemoryStore

Identity = tuple[int, float]
"""Turbine number and wind speed: no wind is measured twice here, so that every reading can be told apart."""


class Disk:
    """What is really stored, and how the hardware behaves at the moment."""

    def __init__(self, chance: random.Random) -> None:
        self.store = MemoryStore(settings=MonitorSettings(retain_readings=None))
        self.stored: Counter[Identity] = Counter()
        self.chance = chance
        self.longest_commit = 0.01
        self.fails = 0.0
        self.forgets_to_say = 0.0

    def heal(self) -> None:
        self.longest_commit, self.fails, self.forgets_to_say = 0.01, 0.0, 0.0

    async def commit(self, batch: Batch) -> Written:
        written = await self.store.write(batch)
        self.stored.update((row.turbine_number, row.wind_speed) for row in map(Reading._make, batch.readings))
        return written


class Handle:
    """One process's `Store` on the disk; after `dead` nothing of that process reaches it any more."""

    def __init__(self, disk: Disk) -> None:
        self.dead = False
        self.complete = True
        self._disk = disk
        self._failing = False
        self.low_space: str | None = None

    async def open(self, *, now: int) -> Opened:
        return await self._disk.store.open(now=now)

    async def write(self, batch: Batch) -> Written:
        await self._take_time()
        chance = self._disk.chance.random()
        if self.dead or chance < self._disk.fails:
            self._fail("the disk is full")
        written = await self._disk.commit(batch)
        await self._take_time()
        if self.dead or chance < self._disk.fails + self._disk.forgets_to_say:
            self._fail("disk I/O error")
        self._failing = False
        return written

    async def maintain(self, *, now: int) -> None:
        """Nothing to do."""

    async def close(self, *, complete: bool = True) -> None:
        self.complete = complete and not self._failing
        if not self.dead:
            await self._disk.store.close(complete=self.complete)
        # A commit that still hangs ends with the process.
        self.dead = True

    async def readings(self, turbine_number: int, *, since: int, until: int, limit: int) -> list[Reading]:
        return await self._disk.store.readings(turbine_number, since=since, until=until, limit=limit)

    async def repairs(self, *, turbine_number: int | None = None, since: int = 0, limit: int) -> list[Repair]:
        return await self._disk.store.repairs(turbine_number=turbine_number, since=since, limit=limit)

    async def minutes(self, turbine_number: int, *, since: int, until: int) -> list[Minute]:
        return await self._disk.store.minutes(turbine_number, since=since, until=until)

    async def fleet_minutes(self, *, since: int, until: int) -> list[FleetMinute]:
        return await self._disk.store.fleet_minutes(since=since, until=until)

    async def _take_time(self) -> None:
        await asyncio.sleep(self._disk.chance.uniform(0.0, self._disk.longest_commit / 2))

    def _fail(self, reason: str) -> None:
        self._failing = True
        raise StoreFailed("grid.db", reason)
