"""What a monitor that starts takes up again from the runs before."""

from __future__ import annotations

from collections.abc import Set as AbstractSet

from ..dispatch import Hold, MonitorStarted
from ..moments import Moment
from ..storage import Opened


def what_earlier_runs_left(opened: Opened, no_longer_held: AbstractSet[int], now: Moment) -> MonitorStarted:
    """Return what the dispatcher must know of the runs that wrote this database, which may be found late.

    Holds of turbines that are `no_longer_held` were ended since.
    """
    holds = tuple(
        Hold(number, hold.since, moment_of(hold.until, now), hold.reason, hold.by)
        for number, hold in opened.holds.items()
        if number not in no_longer_held
    )
    return MonitorStarted(opened.last_assignment_id, opened.engineers, holds)


def moment_of(at: int | None, now: Moment) -> Moment | None:
    """Return when it will be so late (ms UTC), by what the clocks say now."""
    return None if at is None else Moment(now.seconds + (at - now.at) / 1000, at)
