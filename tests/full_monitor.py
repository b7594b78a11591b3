"""A monitor of which every number is known, also those that are missing where there is nothing to tell."""

from __future__ import annotations

from collections.abc import Sequence

from memory_log import LogClient, SharedLog

from gridws.dispatch import Number
from gridws.monitor.forecast import Forecast
from gridws.monitor.monitor import GridMonitor
from gridws.several.shared_dispatch import SharedDispatch
from gridws.storage import Space
from gridws.storage.memory import MemoryStore


class FullMonitor(GridMonitor):
    """It shares its pool, its disk is full soon, a link was lost and one refused, and a turbine was repaired."""

    def __init__(self) -> None:
        store = MemoryStore()
        store.space = Space(1, 2, 3)
        super().__init__(store=store)
        self.counters.link_lost("silent")
        self.counters.link_refused(429)
        self.counters.assignment_ended("repaired")

    def pool_numbers(self) -> Sequence[Number]:
        """Return what a monitor that shares its pool tells of it."""
        log = LogClient(SharedLog())
        return SharedDispatch(
            log, settings=self.settings, clock=self.clock, url="http://here", writer=lambda: 1
        ).numbers()

    @property
    def forecast(self) -> Forecast:
        return Forecast(5e9, 1_790_000_000_000, "the disk is full soon")
