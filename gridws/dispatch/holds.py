"""The holds: to which turbines nobody is sent, and until when.

A person holds a turbine, known or not, online or not. A later hold of the same turbine takes the place of the one
before. It ends by hand or when its time has come.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterator
from operator import itemgetter

from .events import Hold


class Holds:
    """The turbines that are held; pure, like the dispatcher that it belongs to."""

    def __init__(self) -> None:
        self._holds: dict[int, Hold] = {}
        self._ends: list[tuple[float, int]] = []  # (until, turbine), sorted

    def __contains__(self, turbine_number: int) -> bool:
        return turbine_number in self._holds

    def __iter__(self) -> Iterator[Hold]:
        return iter(self._holds.values())

    @property
    def next_end(self) -> float | None:
        """The monotonic second at which the next one ends by itself."""
        return self._ends[0][0] if self._ends else None

    def of(self, turbine_number: int) -> Hold | None:
        """Return the hold of a turbine, None where it is not held."""
        return self._holds.get(turbine_number)

    def begin(self, hold: Hold) -> None:
        """Hold a turbine."""
        self.end(hold.turbine_number)
        self._holds[hold.turbine_number] = hold
        if hold.until is not None:
            insort(self._ends, (hold.until.seconds, hold.turbine_number))

    def end(self, turbine_number: int) -> None:
        """Hold a turbine no longer, if it was held."""
        hold = self._holds.pop(turbine_number, None)
        if hold is not None and hold.until is not None:
            del self._ends[bisect_left(self._ends, (hold.until.seconds, turbine_number))]

    def over(self, seconds: float) -> list[int]:
        """Return the turbines whose time has come, the earliest first."""
        return [number for _, number in self._ends[: bisect_right(self._ends, seconds, key=itemgetter(0))]]
