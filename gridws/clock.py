"""Where the monitor gets its time from: one object, so that tests and simulations bring their own."""

from __future__ import annotations

from time import monotonic, time_ns
from typing import Protocol

from .dispatcher import Moment

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
