"""How long a life or a repair lasts: laws with a mean, drawn from a stream of chance.

Times are in seconds of any clock that only goes forward.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Final

from ..errors import OptionError

Draw = Callable[[Random], float]

SHAPES: Final = (0.2, 20.0)
"""Shapes of Weibull laws that occur: below, nearly all lives are over at once; above, all have one length."""
MOST_STAGES: Final = 100


@dataclass(frozen=True, slots=True)
class Law:
    """A law of durations with this mean (s); `shape` is Weibull's exponent or Erlang's number of stages."""

    name: str
    mean: float
    shape: float = 1.0

    @property
    def is_exponential(self) -> bool:
        """Whether how long it has lasted says nothing of how long it will."""
        return self.name == "exponential" or (self.shape == 1.0 and self.name in {"weibull", "erlang"})

    def draw(self) -> Draw:
        """Return the function that draws from it; each has its own to spare a look-up for each failure."""
        mean, shape = self.mean, self.shape
        match self.name:
            case "fixed":
                return lambda _chance: mean
            case "up_to":
                return lambda chance: max(chance.random() * shape, 1.0)
            case "weibull":
                scale = mean / math.gamma(1 + 1 / shape)
                return lambda chance: chance.weibullvariate(scale, shape)
            case "erlang":
                return lambda chance: chance.gammavariate(shape, mean / shape)
            case _:
                # As `expovariate`, but of one draw however it is asked for, and without its look at the rate.
                return lambda chance: -math.log(1.0 - chance.random()) * mean


def up_to(most: float) -> Law:
    """Return the law of `gridws turbines`: any length up to `most` seconds, but a second at least."""
    return Law("up_to", (1 + most**2) / (2 * most), most)


def parse_law(text: str, mean: float, *, option: str) -> Law:
    """Return the law that `exponential`, `fixed`, `weibull:1.5` or `erlang:2` names; raise `OptionError`."""
    name, colon, number = text.strip().lower().partition(":")
    if name in {"exponential", "fixed"} and not colon:
        return Law(name, mean)
    try:
        shape = float(number)
    except ValueError:
        shape = math.nan
    if name == "weibull" and SHAPES[0] <= shape <= SHAPES[1]:
        return Law(name, mean, shape)
    if name == "erlang" and shape in range(1, MOST_STAGES + 1):
        return Law(name, mean, shape)
    raise OptionError(
        f"{option} {text!r} is no law; write exponential, fixed, weibull:SHAPE ({SHAPES[0]} to {SHAPES[1]:g}) "
        f"or erlang:STAGES (1 to {MOST_STAGES})"
    )


def stream(seed: int, *owner: object) -> Random:
    """Return the chance of one owner and purpose: the same for the same seed, whatever anybody else draws."""
    return Random("/".join(map(str, (seed, *owner))))  # noqa: S311 - a simulation, no secret
