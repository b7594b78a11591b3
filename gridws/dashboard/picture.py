"""The fleet as the map draws it: cards of text while there are few turbines, a letter for each when there are many."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from ..printable import printable
from ..wire.frames import TurbineState
from .wording import State, name_of, power, state_of, wind

SMALL_FLEET: Final = 60
"""Up to here each turbine is a card of text, beyond a cell of the canvas."""

Card = tuple[int, str, str, str, str, str]
"""Number, letter of the state, wind (or what the cards are in order of) and power with units, name, site."""


class Picture(NamedTuple):
    """The fleet as the map draws it; each letter of `states` belongs to one of `numbers`."""

    numbers: list[int]
    states: str
    cards: list[Card] | None
    names: dict[int, str]
    """What people call those that are no cards, as far as they have names."""


def picture_of(
    turbines: Sequence[TurbineState], detail: Callable[[TurbineState], str] | None = None
) -> Picture:
    """Return these turbines in this order; `detail` says on a card what stands there instead of the wind."""
    numbers = [each.turbine_number for each in turbines]
    states = "".join(state_of(each).letter for each in turbines)
    if len(numbers) <= SMALL_FLEET:
        return Picture(numbers, states, [_card(each, detail) for each in turbines], {})
    named = ((each.turbine_number, name_of(each)) for each in turbines)
    return Picture(numbers, states, None, {number: name for number, name in named if name})


def _card(turbine: TurbineState, detail: Callable[[TurbineState], str] | None) -> Card:
    state, offline = state_of(turbine), state_of(turbine) is State.offline
    first = detail(turbine) if detail else "" if offline else wind(turbine.wind_speed)
    second = "" if offline else power(turbine.power_output_in_kwh)
    called = printable(turbine.name or ""), printable(turbine.site or "")
    return turbine.turbine_number, state.letter, first, second, *called
