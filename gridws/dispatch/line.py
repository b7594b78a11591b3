"""The line of the waiting turbines, and the places in it.

A place is a number of its own: the lowest one that waits goes first. A turbine keeps its place while it is not in
the line, since it is offline, held or under repair, and comes back to where it was.
"""

from __future__ import annotations

from bisect import bisect_left, insort


class Line:
    """Who waits, in order; pure, like the dispatcher that it belongs to."""

    def __init__(self) -> None:
        self.first_place = 0
        """The lowest place that was ever given, 0 before one went before the others."""
        self.last_place = 0
        """The highest one, 0 before the first."""
        # Sorted: an event costs a binary search and a short move of memory.
        self._waiting: list[tuple[int, int]] = []  # (place, turbine)

    def __len__(self) -> int:
        return len(self._waiting)

    def numbers(self) -> list[int]:
        """Return the numbers of those who wait, the next one first."""
        return [number for _, number in self._waiting]

    def give_last_place(self) -> int:
        """Return a place behind all that were ever given."""
        self.last_place += 1
        return self.last_place

    def give_first_place(self) -> int:
        """Return a place before all that were ever given."""
        self.first_place -= 1
        return self.first_place

    def join(self, place: int, turbine_number: int) -> None:
        """Let a turbine wait at its place."""
        insort(self._waiting, (place, turbine_number))

    def leave(self, place: int, turbine_number: int) -> None:
        """Let a turbine that waits wait no longer."""
        del self._waiting[bisect_left(self._waiting, (place, turbine_number))]

    def position(self, place: int, turbine_number: int) -> int:
        """Return as which one a turbine that waits will be served, 1 for the next."""
        return bisect_left(self._waiting, (place, turbine_number)) + 1

    def take(self, count: int) -> list[int]:
        """Let so many go, or all where fewer wait; return their numbers."""
        served = self._waiting[:count]
        del self._waiting[:count]
        return [number for _, number in served]
