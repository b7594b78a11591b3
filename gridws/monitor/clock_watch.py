"""Notices that the wall clock was set, and says anew how each turbine is.

A status counts from its row to the next. Between one by the old clock and one by the new lies whatever the clock was
off by, 57 years on a board without a battery: so what was known ends by the old clock, and begins by the new one. Where
the clock was put back the same hours come twice; when they are over, all is said once more, since rows of the first
time may be the last ones by their clock.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ..moments import Moment
from ..storage.rows import StatusChange
from .fleet_state import Entry, FleetState

SET: Final = 1_000
"""ms by which both clocks may differ from one look to the next, four of them a second."""


class ClockWatch:
    """Looks at both clocks in every round."""

    def __init__(self, fleet_state: FleetState) -> None:
        self._fleet_state = fleet_state
        self._last: Moment | None = None
        self._latest = 0
        """The latest time that any row bears (ms UTC)."""
        self._comes_twice_until: int | None = None

    def look(self, now: Moment) -> list[StatusChange]:
        """Return the rows that are to be written since the clock was set."""
        last, self._last = self._last or now, now
        before = last.at + round((now.seconds - last.seconds) * 1000)
        latest, self._latest = self._latest, max(self._latest, now.at)
        if now.at - before > SET:
            return [*(self._unknown(before) if before >= latest else ()), *self._known(now.at)]
        if before - now.at > SET:
            self._comes_twice_until = max(latest, before)
            return list(self._known(now.at))
        if self._comes_twice_until is not None and now.at > self._comes_twice_until:
            self._comes_twice_until = None
            return [entry.status_change(now.at) for entry in self._here()]
        return []

    def _here(self) -> Iterator[Entry]:
        """Yield the turbines but those of which another monitor writes how they are."""
        return (entry for entry in self._fleet_state if entry.monitor is None)

    def _known(self, at: int) -> Iterator[StatusChange]:
        return (entry.status_change(at) for entry in self._here() if entry.status is not None)

    def _unknown(self, at: int) -> Iterator[StatusChange]:
        return (change._replace(operational_status=None) for change in self._known(at))
