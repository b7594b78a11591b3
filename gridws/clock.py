"""Where the monitor gets its time from: one object, so that tests and simulations bring their own."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic, time_ns
from typing import Final, NamedTuple, Protocol

from .moments import Moment

JUMP: Final = 24 * 3_600.0
"""Seconds by which a wall clock may be set and be believed at once by those who delete."""
BELIEVED_AFTER: Final = 24 * 3_600.0
"""Seconds after which it is believed all the same."""

_new = tuple.__new__


class Clock(Protocol):
    """Both clocks at once: durations go by the monotonic one, a jump of the wall clock moves no timer."""

    def now(self) -> Moment:
        """Return this instant."""


class SystemClock:
    """The machine's clocks."""

    def now(self) -> Moment:
        # Once for each frame: a named tuple's own constructor would take as long as both clocks.
        return _new(Moment, (monotonic(), time_ns() // 1_000_000))


def apart(clock: Clock) -> tuple[Callable[[], float], Callable[[], int]]:
    """Return two functions that say the seconds and the nanoseconds (UTC) of `now`.

    Who asks for every frame makes a moment of them only where somebody needs one: that costs as much as both clocks.
    """
    if type(clock) is SystemClock:
        return monotonic, time_ns
    return lambda: clock.now().seconds, lambda: clock.now().at * 1_000_000


KEPT_WITHIN: Final = 60_000
"""What happened last may lie so much (ms) behind the belief that was kept last; a small part of `JUMP`."""


class Belief(NamedTuple):
    """What outlives a run: the time that was believed (ms UTC), and the doubt of a clock that says otherwise.

    It has done so since `doubted_since`, in believed time; None: it does not. It then said so much more (ms).
    """

    at: int
    doubted_since: int | None = None
    doubted_by: int = 0


class Calendar:
    """The wall clock for those who delete by age: what a wrong clock made old is gone, and no right one brings it back.

    A clock set to another time, more than `JUMP` away, also since the run before, counts only when it has said so
    for `BELIEVED_AFTER`, all runs together; one that is set once more begins that day anew. While it is doubted, an age
    is counted up to the earlier of both times, and a receipt kept as the later one, so that nothing goes too soon.
    """

    def __init__(self) -> None:
        self.latest = 0
        """The latest time that counted so far (ms UTC): a wall clock that is not before it is a receipt by itself."""
        self._anchor: Moment | None = None
        self._doubted_since: int | None = None
        self._doubted_by = 0

    def go_on_from(self, belief: Belief, now: Moment) -> None:
        """Begin where an earlier run ended: who was away for long waits a day longer, nothing else."""
        self._anchor = Moment(now.seconds, belief.at)
        self.latest = belief.at
        self._doubted_since, self._doubted_by = belief.doubted_since, belief.doubted_by

    def belief(self, now: Moment) -> Belief:
        """Return what a later run shall go on from."""
        return Belief(self._steady(now), self._doubted_since, self._doubted_by)

    def receipt(self, now: Moment) -> int:
        """Return the time (ms UTC) to keep for what is received now, from which its age will be counted."""
        if now.at < self.latest:
            return max(now.at, self._steady(now))
        self.latest = now.at
        return now.at

    def at(self, now: Moment) -> int:
        """Return the time (ms UTC) to count ages from."""
        steady = self._steady(now)
        off = now.at - steady
        self.latest = max(self.latest, steady)
        if abs(off) > JUMP * 1000 and self._is_doubted(steady, off):
            return min(steady, now.at)
        self._anchor, self._doubted_since, self._doubted_by = now, None, 0
        self.latest = now.at
        return now.at

    def _steady(self, now: Moment) -> int:
        anchor = self._anchor
        return now.at if anchor is None else anchor.at + int((now.seconds - anchor.seconds) * 1000)

    def _is_doubted(self, steady: int, off: int) -> bool:
        if self._doubted_since is None or abs(off - self._doubted_by) > JUMP * 1000:
            self._doubted_since, self._doubted_by = steady, off
        return steady - self._doubted_since < BELIEVED_AFTER * 1000
