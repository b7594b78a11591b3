"""The roster: which engineers there are, who is free, who is at work, and who goes next.

Of the free engineers the one idle longest goes next; at the start that is the lowest id. A new engineer takes
the lowest id that nobody bears. When there are too many, the free ones leave, highest id first, so that 1 to
n stay where that can be; then whoever finishes first leaves. One who is at work is never called off.
"""

from __future__ import annotations

from collections import OrderedDict
from itertools import count
from operator import attrgetter

from ..moments import Moment
from .events import Assignment, Engineer


class Roster:
    """The engineers; pure, like the dispatcher that it belongs to."""

    def __init__(self, engineer_count: int, since: Moment) -> None:
        self.engineer_count = 0
        """How many there shall be; those at work beyond it leave when they finish."""
        self._free: OrderedDict[int, Moment] = OrderedDict()  # idle longest first
        self._at_work: dict[int, Assignment] = {}
        self.change(engineer_count, since)

    def __len__(self) -> int:
        return len(self._free) + len(self._at_work)

    @property
    def free_count(self) -> int:
        """Engineers without work."""
        return len(self._free)

    @property
    def next_free(self) -> int:
        """The id of the engineer idle longest; there must be one."""
        return next(iter(self._free))

    def engineers(self) -> list[Engineer]:
        """Return everybody by id, those included who will leave when they finish."""
        free = [Engineer(engineer_id, None, since) for engineer_id, since in self._free.items()]
        at_work = [
            Engineer(each.engineer_id, each, Moment(each.assigned_seconds, each.assigned_at))
            for each in self._at_work.values()
        ]
        return sorted(free + at_work, key=attrgetter("engineer_id"))

    def change(self, engineer_count: int, now: Moment) -> None:
        """Take on or let go until there are so many, those at work permitting; ignore a negative count."""
        if engineer_count < 0:
            return
        self.engineer_count = engineer_count
        leaving = max(0, len(self) - engineer_count)
        for engineer_id in sorted(self._free, reverse=True)[:leaving]:
            del self._free[engineer_id]
        unused = (number for number in count(1) if number not in self._free and number not in self._at_work)
        for _ in range(engineer_count - len(self)):
            self._free[next(unused)] = now

    def begin(self, assignment: Assignment) -> None:
        """Put a free engineer to work."""
        del self._free[assignment.engineer_id]
        self._at_work[assignment.engineer_id] = assignment

    def end(self, assignment: Assignment, now: Moment) -> None:
        """Free the engineer, who leaves where there are too many."""
        del self._at_work[assignment.engineer_id]
        if len(self) < self.engineer_count:
            self._free[assignment.engineer_id] = now
