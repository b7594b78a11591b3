"""What all visitors of one dashboard share: the mirror of the fleet, its picture, and the last repairs."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator
from typing import Final, NamedTuple

from ..errors import MonitorUnreachable
from ..frames import EventKind, TurbineState
from ..mirror import Mirror
from ..settings import DashboardSettings
from ..storage import Repair
from .archive import Archive
from .wording import State, power, state_of, wind

SMALL_FLEET: Final = 60
"""Up to here each turbine is a card of text, beyond a cell of the canvas."""
REPAIRS_SHOWN: Final = 300_000
"""ms of repairs shown as bars."""
REPAIRS_EVERY: Final = 2.0
REPAIRS_LATE: Final = 20_000
"""ms by which each look goes further back than the last one: rows reach the table a moment late."""
MOST_REPAIRS: Final = 2_000
AVAILABILITY_EVERY: Final = 15.0
IDLE: Final = 0.5
"""Seconds until somebody may look, or the monitor may be back."""
LONGEST_DAY: Final = 25 * 3_600_000
"""ms after which a midnight is nobody's last one any more: the day when the clocks go back."""

_OUTCOMES: Final = {
    EventKind.repaired: "repaired",
    EventKind.withdrawn: "timed_out",
    EventKind.engineer_back: "disconnected",
}
"""The events that end a repair."""

_log = logging.getLogger(__name__)

Card = tuple[int, str, str, str]
"""A turbine's number, the letter of its state, wind and power with their units."""


class Picture(NamedTuple):
    """The fleet as the map draws it; each letter of `states` belongs to one of `numbers`."""

    numbers: list[int]
    states: str
    cards: list[Card] | None


class ControlRoom:
    """Follows one monitor for as long as `run` runs."""

    def __init__(self, settings: DashboardSettings) -> None:
        token, ca_file = settings.token, settings.ca_file
        self.mirror = Mirror(settings.monitor, token=token, ca_file=ca_file)
        self.archive = Archive(settings.monitor, token=token, ca_file=ca_file)
        self.visited: Callable[[], bool] = lambda: True
        """Whether anybody looks; while nobody does, nothing is asked for."""
        self._availability: dict[int, float | None] = {}
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
            self._picture = (self.mirror.version, _picture_of(self.mirror.turbines))
        return self._picture[1]

    @property
    def repairs(self) -> list[Repair]:
        """The assignments of the last minutes, oldest first."""
        begin = self.now - REPAIRS_SHOWN
        repairs = _as_the_monitor_says(self._repairs.values(), self.mirror)
        recent = (each for each in repairs if (each.ended_at or self.now) >= begin)
        return sorted(recent, key=lambda repair: repair.assigned_at)

    def availability(self, midnight: int) -> float | None:
        """Return the fleet's availability since a midnight (ms UTC), None until the monitor has said it."""
        return self._availability.setdefault(midnight, None)

    async def run(self) -> None:
        """Follow the monitor until cancelled."""
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self.mirror.run())
                tasks.create_task(self._every(REPAIRS_EVERY, self._take_repairs))
                tasks.create_task(self._every(AVAILABILITY_EVERY, self._take_availability))
        finally:
            await self.archive.close()

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

    async def _take_availability(self) -> None:
        now = self.now
        for midnight in [*self._availability]:
            if now - midnight > LONGEST_DAY:
                del self._availability[midnight]
            else:
                self._availability[midnight] = await self.archive.availability(midnight, now)


def _as_the_monitor_says(repairs: Iterable[Repair], mirror: Mirror) -> Iterator[Repair]:
    """Yield the repairs with the ends of those that the table still has as running and the monitor has not.

    One whose end is not known any more is left out.
    """
    running = {each.assignment_id for each in mirror.engineers}
    ends = {event.assignment_id: event for event in mirror.events if event.kind in _OUTCOMES}
    for repair in repairs:
        if repair.ended_at is not None or repair.id in running:
            yield repair
        elif event := ends.get(repair.id):
            yield repair._replace(ended_at=event.at, outcome=_OUTCOMES[event.kind])


def _picture_of(turbines: dict[int, TurbineState]) -> Picture:
    numbers = sorted(turbines)
    states = "".join(state_of(turbines[number]).letter for number in numbers)
    small = len(numbers) <= SMALL_FLEET
    return Picture(numbers, states, [_card(turbines[number]) for number in numbers] if small else None)


def _card(turbine: TurbineState) -> Card:
    state = state_of(turbine)
    if state is State.offline:
        return (turbine.turbine_number, state.letter, "", "")
    return (
        turbine.turbine_number,
        state.letter,
        wind(turbine.wind_speed),
        power(turbine.power_output_in_kwh),
    )
