"""Which pool to take, and why in a sentence.

The fewest engineers whose lower bound meets the targets; without targets the least cost, fewer where the difference
may as well be nothing; without prices the first pool to which one engineer more adds less than `WORTH_IT`.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Final, NamedTuple

from .pools import Pool, cost_of_one_more, one_more

WORTH_IT: Final = 0.001
"""Availability that an engineer has to add where nobody said what anything costs."""


class Targets(NamedTuple):
    """What shall be reached: a share between 0 and 1, and a wait (s) that 95 % do not exceed."""

    availability: float | None = None
    wait: float | None = None

    def __bool__(self) -> bool:
        return self.availability is not None or self.wait is not None


class Recommendation(NamedTuple):
    """The pool to take, None where none of those looked at will do, and the reason as a sentence."""

    engineers: int | None
    reason: str


def recommend(pools: Sequence[Pool], targets: Targets) -> Recommendation:
    """Return which of the pools, in order of their size, to take."""
    if targets:
        return _by_targets(pools, targets)
    count = pools[0].engineers
    if len(pools) == 1 and count < pools[0].runs[0].turbines:
        return Recommendation(
            None,
            f"with one pool there is nothing to compare; --engineers {max(0, count - 1)}-{count + 1} has more",
        )
    if all(pool.cost(run) is not None for pool in pools for run in pool.runs[:1]):
        return _by_cost(pools)
    return _by_gain(pools)


def meets(pool: Pool, targets: Targets) -> bool:
    """Return whether a pool meets the targets for all that is known of it."""
    if targets.availability is not None and not pool.availability.low >= targets.availability:
        return False
    if targets.wait is None:
        return True
    wait = pool.wait_within()
    return not pool.mean("still_waiting") >= 1 and wait.value + wait.half_width <= targets.wait


def _by_targets(pools: Sequence[Pool], targets: Targets) -> Recommendation:
    for pool in pools:
        if meets(pool, targets):
            return Recommendation(pool.engineers, "the fewest engineers that meet the target for sure")
    most = pools[-1].engineers
    return Recommendation(
        None, f"not even {most} engineer{'s meet' if most != 1 else ' meets'} the target for sure"
    )


def _by_cost(pools: Sequence[Pool]) -> Recommendation:
    best = min(range(len(pools)), key=lambda place: _mean_cost(pools[place]))
    while best and (difference := cost_of_one_more(pools[best - 1], pools[best])) is not None:
        if difference.value + difference.half_width < 0:
            break
        best -= 1
    return Recommendation(pools[best].engineers, "the least cost")


def _mean_cost(pool: Pool) -> float:
    return sum(pool.cost(run) or 0.0 for run in pool.runs) / len(pool.runs)


def _by_gain(pools: Sequence[Pool]) -> Recommendation:
    for fewer, more in pairwise(pools):
        if one_more(fewer, more).value < WORTH_IT:
            return Recommendation(
                fewer.engineers, f"one engineer more adds less than {WORTH_IT * 100:g} % of availability"
            )
    most, turbines = pools[-1].engineers, pools[-1].runs[0].turbines
    if most >= turbines:
        return Recommendation(most, "one for each turbine; more have nothing to do")
    gain = f"{WORTH_IT * 100:g} % of availability or more"
    return Recommendation(
        most, f"each one more adds {gain}; --engineers {most}-{min(most + 8, turbines)} looks further"
    )
