"""Where the monitor gets its time from: one object, so that tests and simulations bring their own."""

from __future__ import annotations

import time
from typing import Protocol

from .dispatcher import Moment


class Clock(Protocol):
    """Both clocks at once: durations go by the monotonic one, a jump of the wall clock moves no timer."""

    def now(self) -> Moment:
        """Return this instant."""


class SystemClock:
    """The machine's clocks."""

    def now(self) -> Moment:
        return Moment(time.monotonic(), time.time_ns() // 1_000_000)
