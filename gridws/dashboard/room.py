"""What all visitors of one dashboard share: the mirror of the fleet, its picture, and the last repairs."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from typing import Any, Final, NamedTuple

from ..errors import MonitorUnreachable
from ..settings import DashboardSettings
from ..storage.rows import Repair
from ..viewers.mirror import Mirror
from ..viewers.staffing import HOUR, utilisation
from .archive import PAGE, Archive
from .charts import Point
from .finding import EVERYTHING
from .picture import Picture, picture_of

REPAIRS_SHOWN: Final = 300_000
"""ms of repairs shown as bars."""
REPAIRS_EVERY: Final = 2.0
REPAIRS_LATE: Final = 20_000
"""ms by which each look goes further back than the last one: rows reach the table a moment late."""
EACH: Final = 1_000
"""ms between two points of the fleet's power."""
POWER_KEPT: Final = 310
"""Points: the last five minutes."""
MOST_REPAIRS: Final = 2_000
FIGURES_EVERY: Final = 15.0
AVAILABILITIES_EVERY: Final = 60_000
"""ms"""
IDLE: Final = 0.5
"""Seconds until somebody may look, or the monitor may be back."""
LONGEST_DAY: Final = 25 * 3_600_000
"""ms after which a midnight is nobody's last one any more: the day when the clocks go back."""

_log = logging.getLogger("gridws.dashboard")


class Availability(NamedTuple):
    """The share of the known time that the fleet was ok, and of the energy it could deliver that it did."""

    by_time: float | None
    by_energy: float | None


class ControlRoom:
    """Follows one monitor for as long as `run` runs."""

    def __init__(self, settings: DashboardSettings) -> None:
        token, ca_file = settings.token, settings.ca_file
        self.mirror = Mirror(settings.monitor, token=token, ca_file=ca_file)
        self.archive = Archive(lambda: self.mirror.monitor_url, token=token, ca_file=ca_file)
        self.visited: Callable[[], bool] = lambda: True
        """Whether anybody looks; while nobody does, nothing is asked for."""
        self.power: deque[Point] = deque(maxlen=POWER_KEPT)
        """The fleet's power of the last minutes, once a second; its points have no wind."""
        self.utilisation: float | None = None
        """The share of the last hour that the engineers were at work, None while it is not known."""
        self.availabilities: dict[int, float] = {}
        """The share of the last day that each turbine was ok, of those of which it is known."""
        self._availabilities_at = 0
        self._availability: dict[int, Availability | None] = {}
        self._repairs: dict[int, Repair] = {}
        self._repairs_of: int | None = None
        self._repairs_at: int | None = None
        self._picture: tuple[int, Picture] | None = None

    @property
    def now(self) -> int:
        """The monitor's time, or this machine's until anything is known of that (ms UTC)."""
        return self.mirror.monitor_now or int(time.time() * 1000)

    @property
    def picture(self) -> Picture:
        """The fleet as it is; made once for all visitors."""
        if self._picture is None or self._picture[0] != self.mirror.version:
            turbines = EVERYTHING.of(self.mirror.turbines.values(), {})
            self._picture = (self.mirror.version, picture_of(turbines))
        return self._picture[1]

    @property
    def sites(self) -> list[str]:
        """Where turbines are, as far as that is known."""
        return sorted({each.site for each in self.mirror.turbines.values() if each.site})

    @property
    def repairs(self) -> list[Repair]:
        """The assignments of the last minutes, oldest first."""
        begin = self.now - REPAIRS_SHOWN
        repairs = _as_the_monitor_says(self._repairs.values(), self.mirror)
        recent = (each for each in repairs if (each.ended_at or self.now) >= begin)
        return sorted(recent, key=lambda repair: repair.assigned_at)

    def availability(self, midnight: int) -> Availability | None:
        """Return the fleet's availability since a midnight (ms UTC), None until the monitor has said it."""
        return self._availability.setdefault(midnight, None)

    async def refresh_availabilities(self) -> None:
        """Ask for each turbine's availability, unless that was done a minute ago: few visitors want to know."""
        now = self.now
        if 0 <= now - self._availabilities_at < AVAILABILITIES_EVERY:
            return
        self._availabilities_at = now
        try:
            report = await self.archive.report(max(0, now - 24 * HOUR), now, turbines=PAGE)
        except MonitorUnreachable as error:
            _log.debug("%s", error)
            return
        shares = ((each["turbine_number"], each["availability"]) for each in report["turbines"])
        self.availabilities = {number: share for number, share in shares if share is not None}

    async def run(self) -> None:
        """Follow the monitor until cancelled."""
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self.mirror.run())
                tasks.create_task(self._note_power())
                tasks.create_task(self._every(REPAIRS_EVERY, self._take_repairs))
                tasks.create_task(self._every(FIGURES_EVERY, self._take_figures))
        finally:
            await self.archive.close()

    async def _note_power(self) -> None:
        version = 0
        while True:
            version = await self.mirror.changed(version)
            at, totals = self.mirror.at, self.mirror.totals
            if at is None or self.mirror.stale or not totals.online:
                continue
            if not self.power or at - self.power[-1].at >= EACH:
                self.power.append(Point(at, 0.0, totals.power_output_in_kwh))

    async def _every(self, seconds: float, take: Callable[[], Awaitable[None]]) -> None:
        while True:
            wanted = self.mirror.connected and self.visited()
            if wanted:
                try:
                    await take()
                except MonitorUnreachable as error:
                    # The mirror says so on the page; the next round tries again.
                    _log.debug("%s", error)
            await asyncio.sleep(seconds if wanted else IDLE)

    async def _take_repairs(self) -> None:
        if self._repairs_of != self.mirror.started_at:
            self._repairs.clear()
            self._repairs_of, self._repairs_at = self.mirror.started_at, None
        now = self.now
        begin = now - REPAIRS_SHOWN
        if self._repairs_at is not None:
            # The last look may be long ago: nobody was there, or the link was lost.
            begin = max(begin, min(now, self._repairs_at) - REPAIRS_LATE)
        rows = await self.archive.repairs(since=begin, limit=MOST_REPAIRS)
        self._repairs_at = now
        self._repairs.update((row.id, row) for row in rows)
        self._repairs = {row.id: row for row in self.repairs[-MOST_REPAIRS:]}

    async def _take_figures(self) -> None:
        now = self.now
        report = await self.archive.report(now - HOUR, now)
        self.utilisation = utilisation(report, len(self.mirror.engineers))
        for midnight in [*self._availability]:
            if now - midnight > LONGEST_DAY:
                del self._availability[midnight]
            else:
                self._availability[midnight] = _availability_in(await self.archive.report(midnight, now))


def _as_the_monitor_says(repairs: Iterable[Repair], mirror: Mirror) -> Iterator[Repair]:
    """Yield the repairs with the ends of those that the table still has as running and the monitor has not.

    One whose end is not known any more is left out.
    """
    running = {each.assignment_id for each in mirror.engineers}
    ends = {event.assignment_id: event for event in mirror.events if event.outcome is not None}
    for repair in repairs:
        if repair.ended_at is not None or repair.id in running:
            yield repair
        elif event := ends.get(repair.id):
            yield repair._replace(ended_at=event.at, outcome=event.outcome)


def _availability_in(report: Mapping[str, Any]) -> Availability:
    fleet = report.get("fleet", {})
    return Availability(fleet.get("availability"), fleet.get("availability_by_energy"))
