"""How sure a figure is: intervals of 95 %.

Means over runs have Student's t interval; rates of failures the exact Poisson interval of F. Garwood, Fiducial limits
for the Poisson distribution, Biometrika 28 (1936) 437-442.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from statistics import fmean, stdev
from typing import Final, NamedTuple

Z: Final = 1.959963984540054
"""The 97.5 % quantile of the normal distribution."""
_FEW: Final = (math.inf, 12.7062, 4.30265, 3.18245, 2.77645, 2.57058)
"""Student's 97.5 % quantiles for 0 to 5 degrees of freedom, for which the series below is too coarse."""


class Mean(NamedTuple):
    """A mean and half the width of its interval, infinite while one run cannot tell."""

    value: float
    half_width: float

    @property
    def low(self) -> float:
        """Return the lower end."""
        return self.value - self.half_width


def mean_of(values: Sequence[float]) -> Mean:
    """Return the mean of independent runs with its t interval."""
    if len(values) < 2:
        return Mean(fmean(values) if values else math.nan, math.inf)
    return Mean(fmean(values), student(len(values) - 1) * stdev(values) / math.sqrt(len(values)))


def student(degrees: int) -> float:
    """Return the 97.5 % quantile of Student's t: Abramowitz and Stegun 26.7.5, right to 0.1 % from 6 degrees on."""
    if degrees < len(_FEW):
        return _FEW[degrees]
    first = (Z**3 + Z) / 4
    second = (5 * Z**5 + 16 * Z**3 + 3 * Z) / 96
    third = (3 * Z**7 + 19 * Z**5 + 17 * Z**3 - 15 * Z) / 384
    return Z + first / degrees + second / degrees**2 + third / degrees**3


def poisson_interval(count: int) -> tuple[float, float]:
    """Return between which means a count of independent events is not surprising."""
    low = 0.0 if count == 0 else _solve(lambda mean: _at_most(count - 1, mean) > 0.975, count)
    return low, _solve(lambda mean: _at_most(count, mean) > 0.025, count + 1)


def quantile(ordered: Sequence[float], share: float) -> float | None:
    """Return the smallest of the ordered values that this share of them does not exceed; None of none."""
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)] if ordered else None


def _at_most(count: int, mean: float) -> float:
    """Return the chance of at most so many events."""
    log_mean = math.log(mean)
    return math.fsum(math.exp(n * log_mean - mean - math.lgamma(n + 1)) for n in range(count + 1))


def _solve(is_below: Callable[[float], bool], start: float) -> float:
    low, high = 1e-12, float(start)
    while is_below(high):
        low, high = high, 2 * high
    for _ in range(80):
        middle = (low + high) / 2
        low, high = (middle, high) if is_below(middle) else (low, middle)
    return high
