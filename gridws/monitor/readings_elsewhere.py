"""The last readings of turbines that are linked to other monitors of the pool, from the database that all write to.

They are looked up once a second, and only while somebody wants to see them. Nothing is decided on them: how a turbine
is, the log of the pool says.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from math import inf
from typing import Final

from ..clock import Clock
from ..errors import StoreError
from ..storage.records import SharedReadings
from ..storage.rows import Reading
from .fan_out import FleetWatch
from .fleet_state import FleetState

LOOK_EVERY: Final = 1.0
SLOW_EVERY: Final = 10.0
"""Seconds between two looks at those also that send seldom, or whose clocks are wrong."""
AT_ONCE: Final = 1_000
"""Readings taken in before others have their turn, a millisecond or two."""


class ReadingsElsewhere:
    """Looks them up in `source`; where that is None, there are no other monitors."""

    def __init__(
        self, source: SharedReadings | None, fleet_state: FleetState, watch: FleetWatch, *, clock: Clock
    ) -> None:
        self._source = source
        self._fleet_state = fleet_state
        self._watch = watch
        self._clock = clock
        self._looked_at = self._looked_slowly_at = -inf
        self._one_look = asyncio.Lock()

    async def run(self) -> None:
        """Look while anybody watches, until cancelled."""
        while self._source is not None:
            if self._watch.watched:
                await self.look()
            await asyncio.sleep(LOOK_EVERY)

    async def look(self) -> None:
        """Know the newest ones, a second old at the most; where the database has trouble, those known before stay."""
        if self._source is None:
            return
        async with self._one_look:
            now = self._clock.now()
            if now.seconds - self._looked_at < LOOK_EVERY / 2:
                return
            is_slow = now.seconds - self._looked_slowly_at >= SLOW_EVERY
            try:
                readings = await self._source.newest_of_others(now=now.at, slow_ones=is_slow)
            except StoreError:
                return
            self._looked_at = now.seconds
            self._looked_slowly_at = now.seconds if is_slow else self._looked_slowly_at
            await self._take_all(readings)

    async def _take_all(self, readings: Sequence[Reading]) -> None:
        for first in range(0, len(readings), AT_ONCE):
            for reading in readings[first : first + AT_ONCE]:
                self._take(reading)
            await asyncio.sleep(0)

    def _take(self, reading: Reading) -> None:
        entry = self._fleet_state.get(reading.turbine_number)
        if entry is None or entry.monitor is None:
            return
        if entry.reading is None or Reading(*entry.reading).received_at < reading.received_at:
            entry.reading = reading
            self._watch.reading_taken(reading.turbine_number)
