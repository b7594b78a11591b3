"""What is deleted, and when: in short slices, before the disk is full, and never a cursor.

Rule 1: age is counted from the receipt of a reading. Normal readings lie in the order of their seconds, so
they go by ranges of the key; stray ones (replays, wrong clocks) go by an index of their own. Rule 2: a full
disk lets SQLite delete nothing any more, so the oldest readings go while there is still room. Deleted pages
are used again; the file does not shrink. Rule 3: the sums of a minute stay as long as readings of it: they
are the way to find them.
"""

from __future__ import annotations

import shutil
import sqlite3
import time
from typing import Final

from ..errors import StoreFailed
from ..settings import MonitorSettings
from .database import Database
from .schema import IS_STRAY, STRAY_AFTER

_SLICE: Final = 0.05
"""A commit waits no longer than this (s) for a slice; the span deleted at once is steered by it."""

_LEAST_ROOM: Final = 200 * 1024 * 1024
_LEAST_SHARE: Final = 0.05
"""Space is low below 200 MB or, on a small disk, below a twentieth of it."""

_NEVER_DELETED: Final = 3_600_000
"""Readings of the last hour (ms) stay, however little room there is: others fill this disk, not we."""

_MINUTES_EVERY: Final = 600_000
"""How often (ms) minutes past their age are looked for."""

_STRAYS: Final = f"FROM metrics INDEXED BY metrics_stray WHERE {IS_STRAY} AND received_at < ?"
_DELETE_STRAYS: Final = f"""
DELETE FROM metrics WHERE (second, turbine_number, id) IN (
    SELECT second, turbine_number, id {_STRAYS} ORDER BY received_at LIMIT ?)
"""

_OLD_MINUTES: Final = """
FROM turbines CROSS JOIN minutes ON minutes.turbine_number = turbines.turbine_number
WHERE minutes.minute < ? AND minutes.received_at < ?
"""
_DELETE_MINUTES: Final = f"""
DELETE FROM minutes WHERE (turbine_number, minute) IN (
    SELECT minutes.turbine_number, minutes.minute {_OLD_MINUTES} LIMIT 5000)
"""


class Retention:
    """Deletes what is too old, or the oldest when space is low (`low_space` then says so)."""

    def __init__(self, database: Database, settings: MonitorSettings) -> None:
        self._database = database
        self._settings = settings
        self._swept_to = 0
        self._seconds = 8
        self._strays = 1_000
        self._minutes_due = 0
        self.low_space: str | None = None

    def sweep(self, now: int) -> None:
        """Delete one slice of what is to go at `now` (ms); raise `StoreFailed`."""
        cutoff = self._cutoff(now)
        if cutoff is not None and not self._sweep_normal(cutoff):
            self._sweep_strays(cutoff)
        if abs(now - self._minutes_due) >= _MINUTES_EVERY and not self._sweep_minutes(now):
            self._minutes_due = now

    def _cutoff(self, now: int) -> int | None:
        by_age = _before(now, self._settings.retain_readings)
        if not self._is_short_of_room():
            return by_age
        oldest = self._first_second()
        if oldest is None:
            return by_age
        by_room = min(now - _NEVER_DELETED, (oldest + self._seconds) * 1000 + STRAY_AFTER)
        return max(by_age or 0, by_room)

    def _is_short_of_room(self) -> bool:
        disk = shutil.disk_usage(self._database.path.absolute().parent)
        least = min(_LEAST_ROOM, disk.total * _LEAST_SHARE)
        self.low_space = None
        if disk.free >= least:
            return False
        self.low_space = f"only {disk.free / 1e6:.0f} MB are free on the disk of {self._database.path}"
        return disk.free + self._free_inside() < least

    def _free_inside(self) -> int:
        return (
            self._number("SELECT freelist_count * page_size FROM pragma_freelist_count, pragma_page_size")
            or 0
        )

    def _first_second(self) -> int | None:
        return self._number(
            "SELECT second FROM metrics WHERE second >= ? ORDER BY second LIMIT 1", self._swept_to
        )

    def _sweep_normal(self, cutoff: int) -> bool:
        """Delete by ranges of seconds; return whether there was anything to look at."""
        end = (cutoff - STRAY_AFTER) // 1000
        first = self._first_second()
        if first is None or first >= end:
            return False
        until = min(end, first + self._seconds)
        started = time.perf_counter()
        with self._database.transaction() as connection:
            connection.execute(
                "DELETE FROM metrics WHERE second >= ? AND second < ? AND received_at < ?",
                (first, until, cutoff),
            )
            self._database.meta["purged_before"] = cutoff
        self._swept_to = until
        self._seconds = _steered(self._seconds, time.perf_counter() - started, most=86_400)
        return True

    def _sweep_strays(self, cutoff: int) -> None:
        if self._number(f"SELECT 1 {_STRAYS} LIMIT 1", cutoff) is None:
            return
        started = time.perf_counter()
        with self._database.transaction() as connection:
            connection.execute(_DELETE_STRAYS, (cutoff, self._strays))
        self._strays = _steered(self._strays, time.perf_counter() - started, most=100_000)

    def _sweep_minutes(self, now: int) -> bool:
        cutoff = _before(now, self._settings.retain_minutes)
        readings = _before(now, self._settings.retain_readings)
        if cutoff is None or readings is None:
            return False
        which = (cutoff // 60_000, min(cutoff, readings))
        if self._number(f"SELECT 1 {_OLD_MINUTES} LIMIT 1", *which) is None:
            return False
        with self._database.transaction() as connection:
            connection.execute(_DELETE_MINUTES, which)
            connection.execute("DELETE FROM fleet_minutes WHERE minute < ?", which[:1])
        return True

    def _number(self, sql: str, *values: int) -> int | None:
        try:
            row = self._database.connection().execute(sql, values).fetchone()
        except sqlite3.Error as error:
            raise StoreFailed(str(self._database.path), str(error)) from error
        return None if row is None else int(row[0])


def _before(now: int, seconds: float | None) -> int | None:
    return None if seconds is None else max(0, now - int(seconds * 1000))


def _steered(amount: int, took: float, *, most: int) -> int:
    """Return how much to do in the next slice, after this one `took` so many seconds."""
    if took > _SLICE:
        return max(1, amount // 2)
    return min(most, amount * 2) if took < _SLICE / 3 else amount
