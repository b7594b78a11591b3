"""Whether there are enough engineers: how long turbines wait and have been broken, and how busy the engineers were."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from ..wire.frames import TurbineState
from ..words import OperationalStatus

HOUR: Final = 3_600_000
"""ms over which it is told how busy the engineers were."""


def longest_wait(turbines: Iterable[TurbineState], now: int) -> int | None:
    """Return for how long (ms) the one of those that wait which broke first has been broken; None: nobody waits."""
    return max((broken_for(each, now) for each in turbines if each.waiting_place is not None), default=None)


def longest_broken(turbines: Iterable[TurbineState], now: int) -> int | None:
    """Return for how long (ms) the turbine that broke first has been broken, of those that are online."""
    broken = OperationalStatus.broken
    return max(
        (broken_for(each, now) for each in turbines if each.operational_status is broken), default=None
    )


def broken_for(turbine: TurbineState | None, now: int) -> int:
    """Return for how long (ms) a turbine has been broken, 0 where it is not or nothing is known of it."""
    if turbine is None or turbine.broken_at is None:
        return 0
    return max(0, now - turbine.broken_at)


def utilisation(report: Mapping[str, Any], engineers: int) -> float | None:
    """Return the share of a report's range, as far as anything was collected in it, that the engineers were at work.

    `engineers` is how many there are: those who were sent nowhere are in no report. None where that is not known.
    """
    since, until = report.get("collected_since"), report.get("collected_until")
    if not engineers or since is None or until is None or until <= since:
        return None
    at_work = sum(float(each["at_work_in_seconds"]) for each in report.get("engineers", ()))
    return min(1.0, at_work * 1000 / (int(until - since) * engineers))
