"""Looks at how the disk fills, once a minute, and tells the operator when it does not fit, once."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from typing import Final

from ..clock import Clock
from ..errors import StoreError
from ..settings import MonitorSettings
from ..spans import local_time
from ..storage import Store
from .forecast import Forecast, forecast, in_bytes, readings_a_day

LOOK_EVERY: Final = 60.0
RATE_OVER: Final = 3_600_000
"""ms of minutes from which the present rate is taken."""

_log = logging.getLogger("gridws")


class DiskWatch:
    """Keeps the last `forecast`, None while no rate is known or the data lies on no disk of this machine."""

    def __init__(self, store: Store, *, settings: MonitorSettings, clock: Clock) -> None:
        self.forecast: Forecast | None = None
        self._store = store
        self._retain = settings.retain_readings
        self._clock = clock
        self._warned = False

    async def run(self) -> None:
        """Say how it stands, then look again and again until cancelled."""
        if self._store.space is None:
            return
        await self.look()
        self.say()
        while True:
            self.warn()
            await asyncio.sleep(LOOK_EVERY)
            await self.look()

    async def look(self) -> None:
        """Take the present rate, and what comes of it."""
        now, space = self._clock.now().at, self._store.space
        with suppress(StoreError):  # a disk in trouble is told of elsewhere
            minutes = await self._store.fleet_minutes(since=now - RATE_OVER, until=now)
            readings = readings_a_day(minutes)
            if space is not None and readings is not None:
                self.forecast = forecast(space, readings, self._retain, now)

    def say(self) -> None:
        """Tell what the disk holds, in one line of the log."""
        found, space = self.forecast, self._store.space
        if space is None:
            return
        come = "" if found is None else f"; {in_bytes(found.bytes_a_day)} a day come, {_end(found)}"
        _log.info(
            "the database has %s, %s are free%s",
            in_bytes(space.database_bytes),
            in_bytes(space.free_bytes),
            come,
        )

    def warn(self) -> None:
        """Tell that not all fits, when that is new."""
        warning = self.forecast.warning if self.forecast else None
        if warning is not None and not self._warned:
            _log.warning("%s", warning)
        self._warned = warning is not None


def _end(found: Forecast) -> str:
    return (
        "and all fits" if found.full_at is None else f"the disk is full on {local_time(found.full_at)[:16]}"
    )
