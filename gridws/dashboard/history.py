"""What was measured in the range that a visitor chose: one turbine's readings and repairs, and the fleet's power."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import Final

from ..errors import MonitorUnreachable
from ..storage.rows import Repair
from ..wire.frames import TurbineState
from .charts import Frame, Point, points_of
from .ranges import LIVE, MINUTE, Range
from .visitor import Visitor

MOST_LIVE: Final = 2_000
"""Readings kept of the last minutes: five minutes of a turbine that sends some six a second."""
MOST_REPAIRS: Final = 2_000
SECOND: Final = 1_000
SHORT: Final = 10 * MINUTE
"""ms up to which a range of the visitor's own is made of readings; a longer one of minutes."""


class _Asked:
    """Whether to ask the monitor again: another question, or a minute later for a range that goes on."""

    def __init__(self) -> None:
        self._last: object = None
        self._at = 0

    def again(self, question: object, now: int, *, follows: bool) -> bool:
        if question == self._last and not (follows and not 0 <= now - self._at < MINUTE):
            return False
        self._last, self._at = question, now
        return True


class TurbineHistory:
    """One turbine's points and repairs, asked for when they are wanted; the last minutes follow what comes."""

    def __init__(self, view: Visitor) -> None:
        self._view = view
        self._turbine: int | None = None
        self._live: deque[Point] = deque(maxlen=MOST_LIVE)
        self._past: list[Point] = []
        self._asked = _Asked()
        self._asked_repairs = _Asked()
        self.repairs: list[Repair] = []
        self.trouble = ""

    @property
    def points(self) -> list[Point]:
        """The points, oldest first."""
        return [*self._live] if self._view.range == LIVE else self._past

    def take(self, turbine: TurbineState) -> None:
        """Take in what the turbine sent last."""
        at = turbine.measured_at
        if at is None or turbine.wind_speed is None or turbine.power_output_in_kwh is None:
            return
        if not self._live or at > self._live[-1].at:
            self._live.append(Point(at, turbine.wind_speed, turbine.power_output_in_kwh))

    async def refresh(self, turbine_number: int, news: object) -> None:
        """Ask for what is wanted and not known; `news` is what changes when a repair begins or ends."""
        view = self._view
        chosen, now = view.range, view.now
        if turbine_number != self._turbine:
            self._turbine = turbine_number
            self._live.clear()
        try:
            if self._asked.again((turbine_number, chosen), now, follows=chosen.follows and chosen != LIVE):
                await self._ask(turbine_number, chosen, now)
            if self._asked_repairs.again((turbine_number, chosen, news), now, follows=chosen.follows):
                since, _ = chosen.span(now)
                rows = await view.room.archive.repairs(
                    turbine_number=turbine_number, since=max(0, since), limit=MOST_REPAIRS
                )
                self.repairs = rows
        except MonitorUnreachable as error:
            self.trouble = f"No history: {error.reason}."
        else:
            self.trouble = ""

    async def _ask(self, turbine_number: int, chosen: Range, now: int) -> None:
        archive = self._view.room.archive
        since, until = chosen.span(now)
        self._past = []
        if chosen == LIVE or chosen.length <= SHORT:
            rows = await archive.readings(turbine_number, max(0, since), until + MINUTE, MOST_LIVE)
            points = [Point(row.measured_at, row.wind_speed, row.power_output_in_kwh) for row in rows]
            if chosen == LIVE:
                self._live.extend(points)
            self._past = points
        else:
            minutes = await archive.minutes(turbine_number, max(0, since), until, chosen.step)
            self._past = points_of(minutes, chosen.step)


class FleetHistory:
    """The fleet's power: minutes from the monitor, and behind them what the room saw since."""

    def __init__(self, view: Visitor) -> None:
        self._view = view
        self._past: list[Point] = []
        self._first_row_at: int | None = None
        self._asked = _Asked()
        self.trouble = ""

    @property
    def points(self) -> list[Point]:
        """The points, oldest first."""
        if not self._view.range.follows:
            return self._past
        seen = [*self._view.room.power]
        if self._view.range != LIVE:
            seen = seen[-1:]
        first = seen[0].at if seen else 0
        return [*(point for point in self._past if point.at < first or not seen), *seen]

    async def refresh(self) -> None:
        """Ask for what is wanted and not known."""
        view = self._view
        chosen, now = view.range, view.now
        if self._asked.again(chosen, now, follows=chosen.follows):
            await self._ask(chosen, now)
        view.first_at = self._first(chosen)

    async def _ask(self, chosen: Range, now: int) -> None:
        view = self._view
        since, until = chosen.span(now)
        # One row more: whether there was anything before the range tells where its axis begins.
        since = max(0, since - chosen.step * MINUTE)
        try:
            rows = await view.room.archive.fleet_minutes(since, until, chosen.step)
        except MonitorUnreachable as error:
            self.trouble, self._past, self._first_row_at = f"No history: {error.reason}.", [], None
        else:
            self.trouble = ""
            self._past = [
                Point(at, 0.0, row.power_output_in_kwh) for row in rows for at in _moments(row.at, chosen)
            ]
            self._first_row_at = rows[0].at if rows else None

    def _first(self, chosen: Range) -> int | None:
        """Return when the fleet's first reading in the range was taken, as exactly as it is known."""
        at, seen = self._first_row_at, self._view.room.power
        if self.trouble or not seen:
            return at
        # The first minutes are in no row yet, and a row says in which minute it was only.
        return seen[0].at if at is None or at <= seen[0].at < at + chosen.step * MINUTE else at


def _moments(at: int, chosen: Range) -> Iterable[int]:
    """Return at which moments (ms UTC) what a row says is drawn: in its middle, or all over its only minute."""
    if chosen == LIVE:
        return range(at, at + MINUTE, MINUTE // 6)
    return (at + chosen.step * MINUTE // 2,)


def frame_of(view: Visitor, chosen: Range) -> Frame:
    """Return how a chart of a range is drawn: from the first reading on where there was none before."""
    # In whole seconds or minutes: charts that are drawn a moment apart line up.
    grain = SECOND if chosen == LIVE else MINUTE
    begin, end = chosen.span(view.now // grain * grain)
    if chosen.follows and view.first_at is not None:
        begin = max(begin, min(view.first_at, end - MINUTE))
    step = 0 if chosen == LIVE else chosen.step * MINUTE
    return Frame(begin, end, view.palette, view.utc, step)
