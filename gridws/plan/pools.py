"""Pools of engineers compared: the same runs for each, as many as it takes to be sure.

What is compared shares its misfortune run by run, so a difference is known much better than either value.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from .intervals import Mean, mean_of, quantile
from .play import Played
from .theory import Theory

FEWEST_RUNS: Final = 3
"""Below that an interval says little of itself; one that is given up has this many, too."""
MOST_RUNS: Final = 100_000
HOURS: Final = 3_600.0

PlayOne = Callable[[int, int], Played]
"""Plays the run of this number with so many engineers."""


class Prices(NamedTuple):
    """What things cost, None where nobody said it: `power` in kW, `energy` a kWh, `engineer` an hour."""

    power: float | None = None
    energy: float | None = None
    engineer: float | None = None


@dataclass(slots=True)
class Pool:
    """So many engineers, and what came of their runs; `theory` where one holds. Times are in s."""

    engineers: int
    prices: Prices
    theory: Theory | None = None
    runs: list[Played] = field(default_factory=list)

    @property
    def availability(self) -> Mean:
        """The share of all turbines' time in which they were ok."""
        return mean_of([run.availability for run in self.runs])

    @property
    def utilisation(self) -> float | None:
        """Work, travel included, ÷ rostered time."""
        return _ratio(self._sum("worked"), self._sum("rostered"))

    @property
    def waiting_share(self) -> float:
        """The share of all turbines' time in which they were broken and nobody was on the way."""
        return self._sum("waited") / sum(run.seconds * run.turbines for run in self.runs)

    @property
    def waits(self) -> list[float]:
        """How long each turbine waited for its engineer, in order of length."""
        return sorted(wait for run in self.runs for wait in run.waits)

    def mean(self, name: str) -> float:
        """Return the mean of a sum that each run has, of one period."""
        return self._sum(name) / len(self.runs)

    def lost_energy(self, run: Played) -> float | None:
        """Return the energy (kWh) that broken turbines did not deliver in a run."""
        return None if self.prices.power is None else run.down / HOURS * self.prices.power

    def cost(self, run: Played) -> float | None:
        """Return what engineers and lost energy cost in a run; None where it takes a price that nobody said."""
        lost, price, wage = self.lost_energy(run), self.prices.energy, self.prices.engineer
        if wage is None or price is None or lost is None:
            return None
        return (run.rostered + run.overtime) / HOURS * wage + lost * price

    def wait_within(self) -> Mean:
        """Return what 95 % of the waits of a run do not exceed, over the runs that had any."""
        return mean_of([quantile(sorted(run.waits), 0.95) or 0.0 for run in self.runs if run.waits])

    def _sum(self, name: str) -> float:
        return float(sum(getattr(run, name) for run in self.runs))


def one_more(fewer: Pool, more: Pool) -> Mean:
    """Return the gain in availability of the larger pool, run by run."""
    pairs = zip(fewer.runs, more.runs, strict=False)
    return mean_of([b.availability - a.availability for a, b in pairs])


def cost_of_one_more(fewer: Pool, more: Pool) -> Mean | None:
    """Return what the larger pool costs more, run by run; None where costs are not known."""
    differences = []
    for a, b in zip(fewer.runs, more.runs, strict=False):
        less, cost = fewer.cost(a), more.cost(b)
        if less is None or cost is None:
            return None
        differences.append(cost - less)
    return mean_of(differences)


def compare(
    pools: Sequence[Pool],
    play: PlayOne,
    *,
    enough: Callable[[Sequence[Pool]], bool],
    gives_up: Callable[[], bool],
) -> Iterator[int]:
    """Play run after run with every pool until that is enough, or whoever asked gives up; yield how many there are."""
    for number in range(MOST_RUNS):
        for pool in pools:
            pool.runs.append(play(number, pool.engineers))
        yield number + 1
        if number + 1 >= FEWEST_RUNS and (enough(pools) or gives_up()):
            return


def _ratio(part: float, whole: float) -> float | None:
    return part / whole if whole else None
