"""What is deleted, and when: in short slices, before the disk is full, and never a cursor.

Rule 1: age is counted from the receipt of a reading. Normal readings lie in the order of their seconds, so
they go from the lower end of the key; stray ones (replays, wrong clocks) go by an index of their own. Rule 2:
a slice is as many steps as fit into its time, readings first, stray ones with what is left. Each kind begins
with few rows, so a table that is cold, or was never met before, holds nobody up. Rule 3: a full disk lets
SQLite delete nothing any more, so the oldest readings go while there is still room. Deleted pages are used
again; the file does not shrink. Rule 4: the sums of a minute stay as long as readings of it: they are the way
to find them.
"""

from __future__ import annotations

import shutil
import sqlite3
import time
from collections.abc import Callable, Iterator
from typing import Final

from ...errors import StoreFailed
from ...settings import MAX_MEASURED_AT, MonitorSettings
from .database import Database
from .old_history import OldHistory
from .schema import IS_STRAY, STRAY_AFTER

_SLICE: Final = 0.022
"""Time (s) for the steps of a slice. With the COMMIT and its checkpoint a batch waits 50 ms at most."""

_FEWEST: Final = 2_000
"""Rows of a slice's first step: 40 pages, which even a slow disk reads in time."""
_FEWEST_SCATTERED: Final = 100
"""The same where each row may lie on a page of its own."""
_MOST: Final = 8_000
"""Rows of a step, some 4 ms: what takes longer than expected is noticed soon."""

_LEAST_ROOM: Final = 200 * 1024 * 1024
_LEAST_SHARE: Final = 0.05
"""Space is low below 200 MB or, on a small disk, below a twentieth of it."""

_LOGGED: Final = 400
"""Bytes that the log may grow by for each row deleted, generously: no slice may itself fill the disk."""

_NEVER_DELETED: Final = 3_600_000
"""Readings of the last hour (ms) stay, however little room there is: others fill this disk, not we."""

_MINUTE: Final = 60_000
_END: Final = MAX_MEASURED_AT // _MINUTE
_MINUTES_EVERY: Final = 3_600_000
"""How often (ms) minutes past their age are looked for: those of a turbine share a page or two."""

_KEY: Final = "(second, turbine_number, id)"
_NORMAL: Final = f"FROM metrics WHERE {_KEY} >= (?, ?, ?) AND second < ?"
_NTH_NORMAL: Final = f"SELECT second, turbine_number, id {_NORMAL} ORDER BY 1, 2, 3 LIMIT 1 OFFSET ?"
_DELETE_NORMAL: Final = (
    f"DELETE FROM metrics WHERE {_KEY} >= (?, ?, ?) AND {_KEY} < (?, ?, ?) AND received_at < ?"
)

_STRAYS: Final = f"FROM metrics INDEXED BY metrics_stray WHERE {IS_STRAY} AND received_at < ?"
_DELETE_STRAYS: Final = f"""
DELETE FROM metrics WHERE (second, turbine_number, id) IN (
    SELECT second, turbine_number, id {_STRAYS} ORDER BY received_at LIMIT ?)
"""

_OLD_MINUTES: Final = """
FROM turbines CROSS JOIN minutes ON minutes.turbine_number = turbines.turbine_number
WHERE turbines.turbine_number >= ? AND minutes.minute BETWEEN ? AND ? AND minutes.received_at < ?
ORDER BY turbines.turbine_number, minutes.minute
"""
_NTH_MINUTE: Final = f"SELECT minutes.turbine_number {_OLD_MINUTES} LIMIT 1 OFFSET ?"
_DELETE_MINUTES: Final = f"""
DELETE FROM minutes WHERE (turbine_number, minute) IN (
    SELECT minutes.turbine_number, minutes.minute {_OLD_MINUTES} LIMIT ?)
"""


class Retention:
    """Deletes what is too old, or the oldest when space is low (`low_space` then says so)."""

    def __init__(self, database: Database, settings: MonitorSettings) -> None:
        self._database = database
        self._settings = settings
        self._old_history = OldHistory(database, settings)
        self._swept_to = (0, 0, 0)
        self._minutes_swept_to = (0, 0)
        self._minutes_due = 0
        self._newest = 0
        self._until = 0.0
        self._most = _FEWEST
        self.low_space: str | None = None

    def go_on_from(self, at: int) -> None:
        """Know that an earlier run saw this moment (ms)."""
        self._newest = at

    def sweep(self, now: int) -> None:
        """Delete one slice of what is to go at `now` (ms); raise `StoreFailed`."""
        is_short = self._is_short_of_room()
        self._until = time.perf_counter() + _SLICE
        if abs(now - self._minutes_due) >= _MINUTES_EVERY and not self._sweep_minutes(now):
            self._minutes_due = now
        by_age = _before(now, self._settings.retain_readings)
        cutoff = max(by_age, now - _NEVER_DELETED if is_short else 0)
        if not cutoff or not self._sweep_normal(cutoff, by_age):
            self._sweep_strays(cutoff)
            self._old_history.sweep(now, until=self._until)

    def _is_short_of_room(self) -> bool:
        disk = shutil.disk_usage(self._database.real.parent)
        least = min(_LEAST_ROOM, disk.total * _LEAST_SHARE)
        self._most = max(1, disk.free // _LOGGED)
        self.low_space = None
        if disk.free >= least:
            return False
        self.low_space = f"only {disk.free / 1e6:.0f} MB are free on the disk of {self._database.path}"
        return disk.free + self._free_inside() < least

    def _free_inside(self) -> int:
        free = self._row("SELECT freelist_count * page_size FROM pragma_freelist_count, pragma_page_size")
        return free[0] if free else 0

    def _sweep_normal(self, cutoff: int, by_age: int) -> bool:
        """Delete from the lower end of the key; return whether there may be more to delete."""
        end = max(0, cutoff - STRAY_AFTER) // 1000
        if self._swept_to > (end, 0, 0):  # the clock was ahead
            self._swept_to = (0, 0, 0)
        if self._row(_NTH_NORMAL, *self._swept_to, end, 0) is None:
            return False
        begin = self._swept_to
        with self._database.transaction() as connection:
            for rows in self._steps(_FEWEST):
                upto = connection.execute(_NTH_NORMAL, (*begin, end, rows)).fetchone() or (end, 0, 0)
                connection.execute(_DELETE_NORMAL, (*begin, *upto, cutoff))
                begin = upto
                if begin == (end, 0, 0):
                    break
            # What is past its age counts as gone at once; what goes for want of room, when it is gone.
            self._database.meta["purged_before"] = max(by_age, begin[0] * 1000 - STRAY_AFTER)
        self._swept_to = begin
        return begin != (end, 0, 0)

    def _sweep_strays(self, cutoff: int) -> None:
        if self._row(f"SELECT 1 {_STRAYS} LIMIT 1", cutoff) is None:
            return
        with self._database.transaction() as connection:
            for rows in self._steps(_FEWEST_SCATTERED):
                if connection.execute(_DELETE_STRAYS, (cutoff, rows)).rowcount < rows:
                    break

    def _sweep_minutes(self, now: int) -> bool:
        """Delete minutes turbine by turbine, then those of clocks ahead; return whether there may be more."""
        cutoff = _before(now, self._settings.retain_minutes)
        oldest = min(cutoff, _before(now, self._settings.retain_readings))
        # Our own clock may be behind: then it is not the minutes that are ahead.
        self._newest = max(self._newest, now, self._database.meta.get("committed_at", 0))
        spans = [(0, oldest // _MINUTE - 1), (self._newest // _MINUTE + 2, _END)]
        span, turbine_number = self._minutes_swept_to
        with self._database.transaction() as connection:
            if cutoff:
                kept = (cutoff // _MINUTE, (self._newest + now - cutoff) // _MINUTE)
                connection.execute("DELETE FROM fleet_minutes WHERE minute < ? OR minute > ?", kept)
            self._database.meta["minutes_kept_since"] = oldest
            for rows in self._steps(_FEWEST_SCATTERED):
                which = (turbine_number, *spans[span], oldest)
                upto = connection.execute(_NTH_MINUTE, (*which, rows)).fetchone() or (0,)
                connection.execute(_DELETE_MINUTES, (*which, rows))
                (turbine_number,) = upto
                if not turbine_number:
                    span += 1
                if span == len(spans):
                    span = 0
                    break
        self._minutes_swept_to = (span, turbine_number)
        return self._minutes_swept_to != (0, 0)

    def _steps(self, fewest: int) -> Iterator[int]:
        return steps(self._until - time.perf_counter(), fewest=fewest, most=self._most)

    def _row(self, sql: str, *values: int) -> tuple[int, ...] | None:
        try:
            row: tuple[int, ...] | None = self._database.connection().execute(sql, values).fetchone()
        except sqlite3.Error as error:
            raise StoreFailed(str(self._database.path), str(error)) from error
        return row


def steps(
    seconds: float, *, fewest: int, most: int, clock: Callable[[], float] = time.perf_counter
) -> Iterator[int]:
    """Yield how many rows to do next, as long as so many fit into the time at the speed of those before.

    The first step is of the `fewest`, each next one of no more than twice as many, so a guess is never wild;
    all together are at most `most`.
    """
    end, rows = clock() + seconds, min(fewest, most)
    while rows:
        began = clock()
        yield rows
        now, most = clock(), most - rows
        fitting = int(rows * (end - now) / max(now - began, 1e-6))
        rows = min(2 * rows, fitting, most, _MOST) if fitting >= fewest else 0


def _before(now: int, seconds: float | None) -> int:
    """Return the moment (ms) that lies so far back; 0, before all that is stored, where nothing is too old."""
    return 0 if seconds is None else max(0, now - int(seconds * 1000))
