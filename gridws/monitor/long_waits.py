"""Tells of turbines that wait for an engineer for long, each failure once."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Final

from ..clock import Clock
from ..dispatch import Told
from ..words import OperationalStatus
from .chronicle import Chronicle
from .fleet_state import FleetState

LOOK_EVERY: Final = 1.0


class LongWaits:
    """Looks once a second; `limit` is in seconds since the turbine broke, None: nobody wants to know."""

    def __init__(
        self,
        fleet_state: FleetState,
        chronicles: Mapping[Told, Chronicle],
        *,
        limit: float | None,
        clock: Clock,
    ) -> None:
        self._fleet_state = fleet_state
        self._chronicles = chronicles
        self._limit = limit
        self._clock = clock
        self._told: set[int] = set()

    async def run(self) -> None:
        """Look until cancelled."""
        while self._limit is not None:
            self.look(self._limit)
            await asyncio.sleep(LOOK_EVERY)

    def look(self, limit: float) -> None:
        """Tell of those that have waited for so long by now; one that waits no more may be told of again."""
        now, long = self._clock.now(), set[int]()
        for entry in self._fleet_state:
            if entry.status is not OperationalStatus.broken:
                continue
            waited = self._fleet_state.waited(entry.turbine_number, now.at)
            if waited is not None and waited >= limit:
                long.add(entry.turbine_number)
                if entry.turbine_number not in self._told:
                    told = Told.everybody if entry.monitor is None else Told.viewers
                    self._chronicles[told].waits_long(entry.turbine_number, waited, now)
        self._told = long
