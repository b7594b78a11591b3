"""Which turbines the map shows, and in what order: what a visitor looks for, in numbers and words.

Every word of the text has to fit: a number's first digits, a range of numbers (20-39), or how a word begins that
tells of the turbine.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from enum import StrEnum
from typing import Final, NamedTuple

from ..wire.frames import TurbineState
from ..words import OperationalStatus
from .wording import State, state_of


class Order(StrEnum):
    """What the first turbine of the map is the first by."""

    number = "number"
    waiting = "waiting"
    availability = "availability"


ORDERS: Final = {
    Order.number: "sort: number",
    Order.waiting: "sort: longest wait",
    Order.availability: "sort: availability",
}
_RANGE: Final = re.compile(r"(\d{1,10})\s*[-\N{EN DASH}]\s*(\d{1,10})")
_URGENT: Final = (State.waiting, State.repair)


class Search(NamedTuple):
    """What a visitor looks for; the availabilities are shares, by turbine."""

    text: str = ""
    order: Order = Order.number
    site: str | None = None
    """Where the turbines are; None: anywhere."""

    def of(self, turbines: Iterable[TurbineState], available: Mapping[int, float]) -> list[TurbineState]:
        """Return the turbines that fit, in order; those of unknown availability come last."""
        fits = _fits(self.text)
        here = (each for each in turbines if self.site is None or each.site == self.site)
        found = sorted((each for each in here if fits(each)), key=lambda each: each.turbine_number)
        match self.order:
            case Order.waiting:
                found.sort(key=_by_waiting)
            case Order.availability:
                found.sort(key=lambda each: available.get(each.turbine_number, 2.0))
            case Order.number:
                pass
        return found


EVERYTHING: Final = Search()
"""What somebody looks for who looks for nothing."""


def words_about(turbine: TurbineState) -> list[str]:
    """Return the words that find a turbine, in small letters: of its state, its name and its site."""
    words = state_of(turbine).word.split()
    if turbine.online:
        words.append("online")
    if turbine.operational_status is OperationalStatus.broken:
        words.append("broken")
    if turbine.hold is not None:
        words.append("held")
    return [*words, *f"{turbine.name or ''} {turbine.site or ''}".casefold().split()]


def _fits(text: str) -> Callable[[TurbineState], bool]:
    tests = [_test(word) for word in _RANGE.sub(r"\1-\2", text.casefold()).split()]
    return lambda turbine: all(test(turbine) for test in tests)


def _test(word: str) -> Callable[[TurbineState], bool]:
    if between := _RANGE.fullmatch(word):
        first, last = int(between[1]), int(between[2])
        return lambda turbine: first <= turbine.turbine_number <= last
    return lambda turbine: (
        str(turbine.turbine_number).startswith(word)
        or any(each.startswith(word) for each in words_about(turbine))
    )


def _by_waiting(turbine: TurbineState) -> tuple[int, int]:
    state = state_of(turbine)
    rank = _URGENT.index(state) if state in _URGENT else len(_URGENT)
    return rank, (turbine.broken_at or 0) if rank < len(_URGENT) else 0
