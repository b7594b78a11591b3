"""Where the monitor gets its time from: one object, so that tests and simulations bring their own."""

from __future__ import annotations

from time import monotonic, time_ns
from typing import Final, Protocol

from .dispatcher import Moment

JUMP: Final = 24 * 3_600.0
"""Seconds by which a wall clock may be put forward at once and be believed by those who delete."""
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


class Calendar:
    """The wall clock for those who delete by age: what a wrong clock made old is gone, and no right one brings it back.

    A clock put forward by more than `JUMP`, also since the run before, counts only when it has said so for
    `BELIEVED_AFTER`; one put back counts at once.
    """

    def __init__(self) -> None:
        self._last: Moment | None = None
        self._ahead_since: float | None = None

    def go_on_from(self, at: int, now: Moment) -> None:
        """Begin where an earlier run ended (ms UTC): who was away for long waits a day longer, nothing else."""
        self._last = Moment(now.seconds, at)

    def at(self, now: Moment) -> int:
        """Return the time (ms UTC) to count ages from."""
        last = self._last or now
        steady = last.at + int((now.seconds - last.seconds) * 1000)
        if now.at - steady > JUMP * 1000:
            self._ahead_since = now.seconds if self._ahead_since is None else self._ahead_since
            if now.seconds - self._ahead_since < BELIEVED_AFTER:
                return steady
        self._last, self._ahead_since = now, None
        return now.at
