"""The pool as one monitor shows it: what its replica knows, and deadlines by the monitor's own clock."""

from __future__ import annotations

from typing import Final

from ..dispatch import Assignment, Dispatcher, Engineer, Hold
from .pool_clock import PoolClock
from .replica import Replica

LOOKS_LATER: Final = 0.5
"""Seconds by which each member looks at deadlines after the one before it: one of them is enough."""


class SharedPool:
    """What can be shown of the pool; nothing before the log was read."""

    def __init__(self, clock: PoolClock) -> None:
        self.replica: Replica | None = None
        self.rank = 0
        """How many members look at deadlines before this monitor."""
        self._clock = clock
        self._nobody = Dispatcher(0, repair_timeout=0.0, place_kept_for=0.0)

    @property
    def _dispatcher(self) -> Dispatcher:
        return self.replica.dispatcher if self.replica else self._nobody

    @property
    def engineer_count(self) -> int:
        return self._dispatcher.engineer_count

    @property
    def free_count(self) -> int:
        return self._dispatcher.free_count

    @property
    def waiting_count(self) -> int:
        return self._dispatcher.waiting_count

    def engineers(self) -> list[Engineer]:
        return self._dispatcher.engineers()

    def assignment_of(self, turbine_number: int) -> Assignment | None:
        return self._dispatcher.assignment_of(turbine_number)

    def waiting_place(self, turbine_number: int) -> int | None:
        return self._dispatcher.waiting_place(turbine_number)

    def broken_at(self, turbine_number: int) -> int | None:
        return self._dispatcher.broken_at(turbine_number)

    def hold_of(self, turbine_number: int) -> Hold | None:
        return self._dispatcher.hold_of(turbine_number)

    def next_deadline(self) -> float | None:
        deadline = self._dispatcher.next_deadline()
        return None if deadline is None else self._clock.local(deadline) + self.rank * LOOKS_LATER
