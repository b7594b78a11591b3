"""The finite-source model M/M/c//N: N turbines of failure rate λ, c engineers of repair rate μ, in the long run.

With r = λ/μ the chance that n turbines are broken is p_n = p_0 C(N, n) r^n for n ≤ c, and for n > c p_n = p_0 C(N, n)
r^n n! / (c! c^(n-c)). Source: D. Gross, C. M. Harris, Fundamentals of Queueing Theory, section on finite-source
queues. Lives may have any law while repairs are exponential (only their mean counts), and so may both where there is
an engineer for every turbine.
"""

from __future__ import annotations

import math
from itertools import accumulate
from typing import Final, NamedTuple

SURE: Final = 0.95


class Theory(NamedTuple):
    """Shares between 0 and 1, times in the unit of the means that it was made from; None without an engineer."""

    availability: float
    utilisation: float | None
    wait_mean: float | None
    wait_p95: float | None


def finite_source(turbines: int, engineers: int, life: float, repair: float) -> Theory:
    """Return the long run of `turbines` with `engineers`, by the mean life and the mean repair."""
    if engineers == 0:
        return Theory(0.0, None, None, None)
    chances = _chances(turbines, engineers, repair / life)
    broken = sum(n * p for n, p in enumerate(chances))
    waiting = sum((n - engineers) * p for n, p in enumerate(chances) if n > engineers)
    failures = (turbines - broken) / life
    return Theory(
        availability=1 - broken / turbines,
        utilisation=(broken - waiting) / engineers,
        wait_mean=waiting / failures,
        wait_p95=_wait_quantile(_seen_at_failure(chances), engineers, repair),
    )


def _chances(turbines: int, engineers: int, ratio: float) -> list[float]:
    """Return p_0 … p_N, from logarithms: factorials of a large fleet are beyond a float."""

    def step(log_p: float, n: int) -> float:
        return log_p + math.log((turbines - n + 1) / min(n, engineers) * ratio)

    logs = list(accumulate(range(1, turbines + 1), step, initial=0.0))
    largest = max(logs)
    weights = [math.exp(each - largest) for each in logs]
    total = math.fsum(weights)
    return [weight / total for weight in weights]


def _seen_at_failure(chances: list[float]) -> list[float]:
    """Return how many others are broken when a turbine breaks, as chances: those that run break, so they weigh."""
    turbines = len(chances) - 1
    weights = [(turbines - n) * p for n, p in enumerate(chances)]
    total = math.fsum(weights)
    return [weight / total for weight in weights]


def _wait_quantile(seen: list[float], engineers: int, repair: float) -> float:
    """Return what 95 % of the waits do not exceed: behind n broken, n - c + 1 repairs at c times the rate."""
    if 1 - _waits_longer(0.0, seen, engineers, repair) >= SURE:
        return 0.0
    low, high = 0.0, repair
    while _waits_longer(high, seen, engineers, repair) > 1 - SURE:
        low, high = high, 2 * high
    for _ in range(60):
        middle = (low + high) / 2
        longer = _waits_longer(middle, seen, engineers, repair) > 1 - SURE
        low, high = (middle, high) if longer else (low, middle)
    return high


def _waits_longer(wait: float, seen: list[float], engineers: int, repair: float) -> float:
    """Return the chance of a wait above `wait`: by then fewer repairs have ended than stand before the turbine."""
    pace = engineers * wait / repair
    log_pace = math.log(pace) if pace else -math.inf
    longer = total = 0.0
    for before, chance in enumerate(seen[engineers:]):
        longer += math.exp(before * log_pace - pace - math.lgamma(before + 1)) if pace else float(not before)
        total += chance * min(1.0, longer)
    return total
