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
PUT_BACK: Final = 50
"""ms by which a clock is put back at the least: both are not read at once, and are corrected by little at a time."""
MOST_SET_BACK: Final = 8
"""Times kept from which the clock was put back."""


class ClockWatch:
    """Looks at both clocks in every round."""

    def __init__(self, fleet_state: FleetState) -> None:
        self._fleet_state = fleet_state
        self._last: Moment | None = None
        self._latest = 0
        """The latest time that any row bears (ms UTC)."""
        self._put_back_from: list[int] = []
        """Times (ms UTC) that it has still to pass anew, in their order."""

    def look(self, now: Moment) -> list[StatusChange]:
        """Return the rows that are to be written since the clock was set."""
        last, self._last = self._last or now, now
        before = last.at + round((now.seconds - last.seconds) * 1000)
        latest, self._latest = self._latest, max(self._latest, now.at)
        passed = [at for at in self._put_back_from if at < now.at]
        del self._put_back_from[: len(passed)]
        put_back = before - now.at
        if put_back > PUT_BACK:
            self._put_back_from = sorted([*self._put_back_from, before])[-MOST_SET_BACK:]
        ends = self._unknown(before) if -put_back > SET and before >= latest else ()
        if passed:
            return [*ends, *(entry.status_change(now.at) for entry in self._here())]
        return [*ends, *(self._known(now.at) if abs(put_back) > SET else ())]

    def _here(self) -> Iterator[Entry]:
        """Yield the turbines but those of which another monitor writes how they are."""
        return (entry for entry in self._fleet_state if entry.monitor is None)

    def _known(self, at: int) -> Iterator[StatusChange]:
        return (entry.status_change(at) for entry in self._here() if entry.status is not None)

    def _unknown(self, at: int) -> Iterator[StatusChange]:
        return (change._replace(operational_status=None) for change in self._known(at))
