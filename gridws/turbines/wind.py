"""The wind on a farm, and what a turbine makes of it.

A turbine asks for the wind of a moment, so nothing is computed for moments that nobody looks at, and the same
seed gives the same wind at the same moment, whenever it is asked for. Moments are seconds of any clock that
only goes forward; the farm's own time starts with the first question.
"""

from __future__ import annotations

import math
import random
from typing import Final, Protocol

CUT_IN: Final = 3.0
"""m/s below which the rotor stands; this and the next two are typical of turbines of 2 MW."""
RATED: Final = 12.0
"""m/s from which the generator gives all it can."""
CUT_OUT: Final = 25.0
"""m/s above which the blades are turned out of the wind."""
RATED_POWER: Final = 2_000.0
"""kW."""


class Wind(Protocol):
    """What blows at one turbine and what it is worth."""

    def speed(self, now: float) -> float:
        """Return the wind speed in m/s, never negative."""

    def power(self, wind_speed: float) -> float:
        """Return the power of a running turbine in kW."""


class StaticWind:
    """The constant values of the original assignment."""

    def speed(self, now: float) -> float:  # noqa: ARG002  # the same at every moment
        """Return 100 m/s."""
        return 100.0

    def power(self, wind_speed: float) -> float:  # noqa: ARG002  # and for every wind
        """Return 3,000 kW."""
        return 3_000.0


class FarmWind:
    """The wind that a whole farm shares: an Ornstein-Uhlenbeck process, drawn once a second.

    Over a step h it goes from x to m + (x - m) e^(-h/T) + s √(1 - e^(-2h/T)) N(0, 1), which is exact for any
    h: D. T. Gillespie, Exact numerical simulation of the Ornstein-Uhlenbeck process and its integral, Phys.
    Rev. E 54 (1996) 2084. Between two steps the value is interpolated, so that it is a function of time
    alone.
    """

    MEAN: Final = 9.0
    """m/s: below rated, where every change of the wind shows in the power."""
    DEVIATION: Final = 2.5
    """m/s, of the stationary distribution."""
    RELAXATION: Final = 120.0
    """T in seconds: far quicker than weather, so that a demonstration of minutes shows calm and storm."""
    STEP: Final = 1.0

    __slots__ = ("_before", "_began", "_random", "_step", "_value")

    def __init__(self, chance: random.Random) -> None:
        self._random = chance
        self._began: float | None = None
        self._step = 0
        self._before = self._value = chance.gauss(self.MEAN, self.DEVIATION)

    def speed(self, now: float) -> float:
        """Return the farm's wind in m/s at `now`; may be below zero, which a turbine cuts off."""
        if self._began is None:
            self._began = now
        steps = (now - self._began) / self.STEP
        while self._step <= steps:
            self._before, self._value = self._value, self.after(self._value, self.STEP)
            self._step += 1
        # A question about the past gets the oldest value known; clocks that only go forward never ask.
        share = max(0.0, steps - (self._step - 1))
        return self._before + (self._value - self._before) * share

    def after(self, value: float, seconds: float) -> float:
        """Draw the value that follows `value` after a step of any length."""
        decay = math.exp(-seconds / self.RELAXATION)
        noise = self._random.gauss(0.0, self.DEVIATION * math.sqrt(1.0 - decay * decay))
        return self.MEAN + (value - self.MEAN) * decay + noise


class TurbineWind:
    """The farm's wind at one turbine: a little stronger or weaker by its place, and with gusts of its own."""

    PLACE: Final = 0.05
    """Standard deviation of the factor between the farm's wind and a turbine's."""
    GUST: Final = 0.4
    """Amplitude in m/s."""

    __slots__ = ("_factor", "_farm", "_phase", "_pulse")

    def __init__(self, farm: FarmWind, chance: random.Random) -> None:
        self._farm = farm
        self._factor = max(0.0, chance.gauss(1.0, self.PLACE))
        self._pulse = math.tau / chance.uniform(10.0, 40.0)
        self._phase = chance.uniform(0.0, math.tau)

    def speed(self, now: float) -> float:
        """Return the wind speed in m/s, never negative."""
        gust = self.GUST * math.sin(now * self._pulse + self._phase)
        return max(0.0, self._farm.speed(now) * self._factor + gust)

    def power(self, wind_speed: float) -> float:
        """Return the power in kW by the cubic curve."""
        return cubic_power(wind_speed)


def cubic_power(wind_speed: float) -> float:
    """Return the power in kW of a turbine of 2 MW: P = Pr (v³ - vi³) / (vr³ - vi³) from cut-in to rated.

    The exponential power curve with exponent 3, scaled to reach the rated power at the rated wind: C.
    Carrillo et al., Review of power curve modelling for wind turbines, Renew. Sustain. Energy Rev. 21 (2013)
    572-581.
    """
    if wind_speed < CUT_IN or wind_speed > CUT_OUT:
        return 0.0
    if wind_speed >= RATED:
        return RATED_POWER
    return RATED_POWER * (wind_speed**3 - CUT_IN**3) / (RATED**3 - CUT_IN**3)


def chance_of(seed: int | None, owner: int | str) -> random.Random:
    """Return the random numbers of a turbine or the farm, the same in every process that has the seed."""
    return random.Random() if seed is None else random.Random(f"{seed}/{owner}")  # noqa: S311  # physics
