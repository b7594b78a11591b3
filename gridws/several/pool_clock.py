"""Pool time: seconds that never go back and are about the same in every monitor, whatever their wall clocks say."""

from __future__ import annotations

from math import inf


class PoolClock:
    """A monitor's own monotonic clock and its largest known lag behind the pool's; by rule 5 of the log."""

    def __init__(self) -> None:
        self._lead: float | None = None
        self._first = -inf

    @property
    def is_set(self) -> bool:
        """Whether anything of the pool's time is known yet."""
        return self._lead is not None

    def learn(self, seconds: float, local: float) -> None:
        """Know that at the local second `local`, or before, pool time was `seconds`."""
        if self._lead is None:
            self._first = seconds
        lead = seconds - local
        self._lead = lead if self._lead is None else max(self._lead, lead)

    def skip(self, seconds: float) -> None:
        """Go forward by the time in which no monitor lived."""
        self._lead = (self._lead or 0.0) + max(0.0, seconds)

    def pool(self, local: float) -> float:
        """Return what pool time it is, or was, at a second of the local clock.

        Never earlier than what was known of it first: while no monitor lived it stood still, so what happened here
        meanwhile would seem to be older than what the dead ones said last.
        """
        return max(local + (self._lead or 0.0), self._first)

    def local(self, pool: float) -> float:
        """Return the second of the local clock at a pool time."""
        return pool - (self._lead or 0.0)
