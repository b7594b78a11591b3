"""What is played: so many turbines that break by a law, and how engineers work. Times are in seconds.

The first moment is local midnight. A turbine that is repaired begins a new life; one that breaks for one of several
reasons breaks for each as often as it says, independently of the others.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Final

from ..errors import OptionError
from ..spans import parse_duration
from .laws import Law, up_to

DAY: Final = 86_400.0
YEAR: Final = 365 * DAY
HOUR: Final = 3_600.0


@dataclass(frozen=True, slots=True)
class Shift:
    """When engineers begin work, from `begin` to `end` of each day (s after midnight), over midnight if it is later."""

    begin: float
    end: float

    period: ClassVar[float] = DAY
    """After so many s it is as it was."""
    off: ClassVar[str] = "the night"

    @property
    def length(self) -> float:
        """How long it lasts, in s."""
        return (self.end - self.begin) % DAY

    @property
    def share(self) -> float:
        """How much of the time lies within shifts."""
        return self.length / DAY

    @property
    def ends(self) -> float:
        """How often a shift ends, by the second."""
        return 1 / DAY

    def rostered(self, until: float) -> float:
        """Return how much of the time from 0 to `until` lies within shifts."""
        days, rest = divmod(until, DAY)
        return days * self.length + self._within_day(rest)

    def _within_day(self, second: float) -> float:
        if self.begin < self.end:
            return min(max(0.0, second - self.begin), self.length)
        return min(second, self.end) + max(0.0, second - self.begin)

    def is_on(self, at: float) -> bool:
        """Return whether a moment lies within a shift."""
        second = at % DAY
        if self.begin < self.end:
            return self.begin <= second < self.end
        return second >= self.begin or second < self.end

    def next_change(self, at: float) -> float:
        """Return the next moment after `at` at which a shift begins or ends."""
        second = at % DAY
        return at - second + min(edge + (0 if edge > second else DAY) for edge in (self.begin, self.end))


@dataclass(frozen=True, slots=True)
class RecordedShifts:
    """When anybody was on the roster at all, as recorded over `period` s, and so over and over.

    `without` has the times when nobody was, in order, none of them touching another.
    """

    period: float
    without: tuple[tuple[float, float], ...]
    off: ClassVar[str] = "the time in which there is nobody"

    @property
    def share(self) -> float:
        """How much of the time somebody was there."""
        return self._within(self.period) / self.period

    @property
    def ends(self) -> float:
        """How often the last one leaves, by the second."""
        return len(self.without) / self.period

    def rostered(self, until: float) -> float:
        """Return how much of the time from 0 to `until` somebody is there."""
        times, rest = divmod(until, self.period)
        return times * self._within(self.period) + self._within(rest)

    def _within(self, second: float) -> float:
        return second - sum(min(end, second) - min(begin, second) for begin, end in self.without)

    def is_on(self, at: float) -> bool:
        """Return whether somebody is there at a moment."""
        second = at % self.period
        return not any(begin <= second < end for begin, end in self.without)

    def next_change(self, at: float) -> float:
        """Return the next moment after `at` at which that may change."""
        second = at % self.period
        edges = (*(edge for both in self.without for edge in both), self.period)
        return at - second + min(edge for edge in edges if edge > second)


@dataclass(frozen=True, slots=True)
class Cause:
    """One reason to break: how long a turbine lives until then, and how long the repair takes."""

    life: Law
    repair: Law
    drawn_once: bool = False
    """Whether each turbine draws how long its repairs take, once for all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """A fleet: several causes have exponential lives, so that which comes first tells nothing of the others.

    What lies before `warm_up` is played and not counted. `power` is the mean of a running turbine in kW, None where
    nobody said it.
    """

    turbines: int
    causes: tuple[Cause, ...]
    horizon: float
    warm_up: float = 0.0
    travel: float = 0.0
    shift: Shift | RecordedShifts | None = None
    power: float | None = None

    @property
    def mean_life(self) -> float:
        """The mean time from a repair to the next failure, in s."""
        return 1 / sum(1 / cause.life.mean for cause in self.causes)

    @property
    def mean_repair(self) -> float:
        """The mean time that an engineer works on a failure, travel left out, in s."""
        return self.mean_life * sum(cause.repair.mean / cause.life.mean for cause in self.causes)

    @property
    def work_share(self) -> float:
        """How much of the time an engineer who always has work is at it: shifts, and what is finished after them."""
        if self.shift is None:
            return 1.0
        return min(1.0, self.shift.share + self.shift.ends * (self.mean_repair + self.travel))


DINWOODIE: Final = ((7.5, 3.0), (3.0, 7.5), (0.275, 22.0), (0.04, 26.0), (0.08, 52.0))
"""Failures a turbine-year and hours of repair: manual reset, minor and medium repair, major repair and replacement. I.
Dinwoodie and others, Reference cases for verification of operation and maintenance simulation models for offshore wind
farms, Wind Engineering 39 (2015) 1-14."""


def dinwoodie() -> tuple[Cause, ...]:
    """Return the causes of the reference wind farm."""
    return tuple(
        Cause(Law("exponential", YEAR / rate), Law("fixed", hours * HOUR)) for rate, hours in DINWOODIE
    )


def demo() -> tuple[Cause, ...]:
    """Return what `gridws turbines` draws: lives of up to 30 s, and for each turbine one repair time of up to 5 s."""
    return (Cause(up_to(30.0), up_to(5.0), drawn_once=True),)


def parse_shift(text: str) -> Shift | None:
    """Return the shift that `07-19` or `19:30-07` names, None for `00-24`; raise `OptionError`."""
    begin, dash, end = text.partition("-")
    edges = [_time_of_day(each) for each in (begin, end)]
    if edges == [0.0, 0.0] and end.strip().startswith("24"):
        return None
    if not dash or None in edges or edges[0] == edges[1]:
        raise OptionError(f"--shift {text!r} is no shift; write 07-19, or 19:30-07 for one over midnight")
    return Shift(edges[0] or 0.0, edges[1] or 0.0)


def _time_of_day(text: str) -> float | None:
    hours, _, minutes = text.strip().partition(":")
    if not (hours.isdecimal() and (minutes or "0").isdecimal()):
        return None
    seconds = int(hours) * HOUR + int(minutes or 0) * 60
    return seconds % DAY if seconds <= DAY and int(minutes or 0) < 60 else None


def seconds_of(text: str, *, option: str) -> float:
    """Return a duration with its unit, such as `20s`, `8h` or `365d`, in s; raise `OptionError`."""
    try:
        return parse_duration(text) / 1000
    except OptionError as error:
        raise OptionError(f"{option}: {error}") from None
