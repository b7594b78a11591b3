"""What the disk will hold: how much a day adds at the present rate, when it is full, and what would fit. Pure.

Readings are nearly all of it. Past their age they go, and what they leave is used again: a database grows to as many
days of readings as are kept, and no further.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from ..spans import local_time
from ..storage import Space
from ..storage.rows import FleetMinute

BYTES_A_READING: Final = 64.0
"""With its share of indexes and minutes: a turbine that sends one a second for a week is 39 MB."""
DAY: Final = 86_400.0
LEFT_FREE: Final = 200e6
"""Bytes below which the store deletes readings before their time."""
_MINUTE: Final = 60_000


class Forecast(NamedTuple):
    """Bytes that a day adds at the present rate, and when the disk is full (ms UTC), None where all fits.

    `warning` says in a sentence that it does not fit, and what would.
    """

    bytes_a_day: float
    full_at: int | None
    warning: str | None


def readings_a_day(minutes: Sequence[FleetMinute]) -> float | None:
    """Return how many readings a day has at the rate of these minutes, None where there are none."""
    if not minutes:
        return None
    span = minutes[-1].at - minutes[0].at + _MINUTE
    return sum(minute.readings for minute in minutes) * DAY * 1000 / span


def forecast(space: Space, readings: float, retain: float | None, now: int) -> Forecast:
    """Return what comes of so many readings a day that are kept so long (s), or, None, for ever."""
    bytes_a_day = readings * BYTES_A_READING
    room = space.database_bytes + max(0.0, space.free_bytes - LEFT_FREE)
    if not bytes_a_day or (retain is not None and bytes_a_day * retain / DAY <= room):
        return Forecast(bytes_a_day, None, None)
    days_left = max(0.0, space.free_bytes - LEFT_FREE) / bytes_a_day
    full_at = now + round(min(days_left, 36_500.0) * DAY * 1000)
    return Forecast(bytes_a_day, full_at, _warning(bytes_a_day, full_at, retain, room))


def _warning(bytes_a_day: float, full_at: int, retain: float | None, room: float) -> str:
    kept = "for ever" if retain is None else f"for {retain / DAY:.0f} days"
    needed = "" if retain is None else f" take {in_bytes(bytes_a_day * retain / DAY)} and"
    hours = int(room / bytes_a_day * 24 * 0.9)
    fits = f"{hours // 24}d" if hours >= 48 else f"{max(1, hours)}h"
    return (
        f"readings kept {kept}{needed} do not fit: at {in_bytes(bytes_a_day)} a day the disk is full on "
        f"{local_time(full_at)[:16]}; --retain {fits} would fit"
    )


def in_bytes(number: float) -> str:
    """Return a number of bytes as people say it."""
    for unit, size in (("GB", 1e9), ("MB", 1e6)):
        if number >= size:
            return f"{number / size:,.1f} {unit}"
    return f"{number / 1e3:,.0f} kB"
