"""One instant on both clocks, as everything inside the monitor is told it."""

from __future__ import annotations

from typing import Final, NamedTuple


class Moment(NamedTuple):
    """One instant on both clocks: monotonic seconds for durations, ms since 1970 UTC for what is stored."""

    seconds: float
    at: int


START: Final = Moment(0.0, 0)


def ms_between(earlier: float, later: float) -> int:
    """Return the ms from one monotonic second to a later one, each rounded by itself: so parts add up to the whole."""
    return round(later * 1000) - round(earlier * 1000)
