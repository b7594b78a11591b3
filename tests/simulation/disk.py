"""A disk that outlives the monitor: it can be slow, hang, fail, and commit without being able to say so."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

from gridws.clock import Belief
from gridws.errors import StoreFailed
from gridws.settings import MAX_INTEGER
from gridws.storage import Opened, Space, Written
from gridws.storage.batches import Batch
from gridws.storage.records import Records
from gridws.storage.rows import Event, FleetMinute, Hold, Minute, Reading, Repair

from .media import Medium

T = TypeVar("T")

Identity = tuple[int, float]
"""Turbine number and wind speed: no wind is measured twice here, so that every reading can be told apart."""


class Disk:
    """What is really stored, and how the hardware behaves at the moment."""

    def __init__(self, chance: random.Random, medium: Medium) -> None:
        self.medium = medium
        self.stored: Counter[Identity] = Counter()
        self.chance = chance
        self.longest_commit = 0.01
        self.fails = 0.0
        self.forgets_to_say = 0.0
        self.starts_in_trouble = 0

    def heal(self) -> None:
        self.longest_commit, self.fails, self.forgets_to_say = 0.01, 0.0, 0.0

    def opened_in_trouble(self) -> Opened:
        """Return what can be read where nothing can be written, and ids far ahead that no other start has."""
        self.starts_in_trouble += 1
        ahead = self.starts_in_trouble * 10**12
        holds = {number: Hold(0, None, None, None) for number in self.medium.held()}
        engineers = self.medium.engineers()
        return Opened(ahead, ahead, {}, {}, engineers=engineers, holds=holds, trouble="the disk is full")


class Handle:
    """One process's `Store` on the disk; after `dead` nothing of that process reaches it any more."""

    def __init__(self, disk: Disk) -> None:
        self.dead = False
        self.complete = True
        self._disk = disk
        self._store = disk.medium.new_store()
        self._opened: Opened | None = None
        self._begins_at: int | None = None
        """When it was opened on a disk in trouble: the first write that works begins on what is there."""
        self._failing = False
        self.low_space: str | None = None
        self.space: Space | None = None
        self.notes: tuple[str, ...] = ()
        self.progress = 0

    @property
    def has_noticed(self) -> bool:
        """Whether it knows of all that was done to its file."""
        return self._begins_at is None and self._disk.medium.is_noticed(self._store)

    def die(self) -> None:
        """End with its process; a commit that hangs is none."""
        if not self.dead:
            self.dead = True
            self._disk.medium.kill(self._store)

    async def open(self, *, now: int) -> Opened:
        if self._disk.chance.random() < self._disk.fails:
            self._begins_at, self._failing = now, True
            return self._disk.opened_in_trouble()
        return await self._store.open(now=now)

    async def write(self, batch: Batch) -> Written:
        await self._take_time()
        chance = self._disk.chance.random()
        if self.dead or chance < self._disk.fails:
            self._fail("the disk is full")
        if self._begins_at is not None:
            self._opened, self._begins_at = await self._store.open(now=self._begins_at), None
        written = await self._store.write(batch)
        self._disk.stored.update((row[0], row[2]) for row in batch.readings)
        self._opened = written.opened or self._opened
        await self._take_time()
        if self.dead or chance < self._disk.fails + self._disk.forgets_to_say:
            self._fail("disk I/O error")
        self._failing = False
        opened, self._opened = self._opened, None
        return replace(written, opened=opened)

    async def maintain(self, *, now: int, belief: Belief | None = None) -> Opened | None:
        if self.dead or self._begins_at is not None:
            return None
        return await self._store.maintain(now=now, belief=belief)

    async def close(self, *, complete: bool = True) -> None:
        self.complete = complete and not self._failing
        # A commit that still hangs ends with the process.
        is_dead, self.dead = self.dead, True
        if not is_dead:
            await self._store.close(complete=self.complete)

    async def readings(self, turbine_number: int, *, since: int, until: int, limit: int) -> list[Reading]:
        return await self._store.readings(turbine_number, since=since, until=until, limit=limit)

    async def repairs(self, *, turbine_number: int | None = None, since: int = 0, limit: int) -> list[Repair]:
        return await self._store.repairs(turbine_number=turbine_number, since=since, limit=limit)

    async def events(
        self, *, turbine_number: int | None = None, since: int = 0, until: int = MAX_INTEGER, limit: int
    ) -> list[Event]:
        return await self._store.events(turbine_number=turbine_number, since=since, until=until, limit=limit)

    async def minutes(self, turbine_number: int, *, since: int, until: int) -> list[Minute]:
        return await self._store.minutes(turbine_number, since=since, until=until)

    async def fleet_minutes(self, *, since: int, until: int) -> list[FleetMinute]:
        return await self._store.fleet_minutes(since=since, until=until)

    async def read(self, work: Callable[[Records], T]) -> T:
        return await self._store.read(work)

    async def _take_time(self) -> None:
        await asyncio.sleep(self._disk.chance.uniform(0.0, self._disk.longest_commit / 2))

    def _fail(self, reason: str) -> None:
        self._failing = True
        raise StoreFailed("grid.db", reason)
