"""Deletes the readings of a turbine that people do not want any more, in short slices, also over restarts.

A turbine's readings lie scattered among those of all others, so they are found by its minutes, and each is on a page
of its own: a slice is of a few minutes. `erased_until` in `turbines` stays as long as there is anything that was
received until then, and what no roll-up holds yet is waited for. The fleet's minutes stay: they were measured.
"""

from __future__ import annotations

import json
import sqlite3
from typing import Final

from ...errors import StoreFailed
from .database import Database
from .retention import steps

_SLICE: Final = 0.01
"""Time (s) of a slice, beside one of retention."""
_FEWEST: Final = 1
_MOST: Final = 60
"""Minutes of a slice: 3,600 readings of a turbine that sends one a second."""

_NEXT: Final = "SELECT turbine_number, erased_until FROM turbines WHERE erased_until IS NOT NULL LIMIT 1"
_MINUTES: Final = """
SELECT json_group_array(minute) FROM (
    SELECT minute FROM minutes WHERE turbine_number = ? AND received_at <= ? ORDER BY minute LIMIT ?)
"""
_READINGS: Final = """
DELETE FROM metrics WHERE turbine_number = :turbine_number AND received_at <= :until AND second IN (
    WITH RECURSIVE places (place) AS (SELECT 0 UNION ALL SELECT place + 1 FROM places WHERE place < 59)
    SELECT value * 60 + place FROM json_each(:minutes) CROSS JOIN places)
"""
_SUMS: Final = """
DELETE FROM minutes WHERE turbine_number = :turbine_number AND received_at <= :until
    AND minute IN (SELECT value FROM json_each(:minutes))
"""
_DONE: Final = """
UPDATE turbines SET erased_until = NULL, measured_at = iif(is_old, NULL, measured_at),
    wind_speed = iif(is_old, NULL, wind_speed), power_output_in_kwh = iif(is_old, NULL, power_output_in_kwh),
    operational_status = iif(is_old, NULL, operational_status), received_at = iif(is_old, NULL, received_at)
FROM (SELECT received_at <= :until AS is_old FROM turbines WHERE turbine_number = :turbine_number)
WHERE turbine_number = :turbine_number
"""


class Erasing:
    """Does what is left to do, one slice at a time."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def sweep(self) -> None:
        """Delete one slice, if any is wanted; raise `StoreFailed`."""
        try:
            wanted = self._database.connection().execute(_NEXT).fetchone()
        except sqlite3.Error as error:
            raise StoreFailed(str(self._database.path), str(error)) from error
        if wanted is None:
            return
        number, until = wanted
        with self._database.transaction() as connection:
            for minutes in steps(_SLICE, fewest=_FEWEST, most=_MOST):
                if not _erase(connection, number, until, minutes):
                    if self._all_rolled_up(until):
                        connection.execute(_DONE, {"turbine_number": number, "until": until})
                    return

    def _all_rolled_up(self, until: int) -> bool:
        received_from = self._database.meta.get("unrolled_from", -1)
        return received_from < 0 or received_from > until


def _erase(connection: sqlite3.Connection, turbine_number: int, until: int, most: int) -> bool:
    """Delete the readings of so many minutes; return whether there were any."""
    (minutes,) = connection.execute(_MINUTES, (turbine_number, until, most)).fetchone()
    erased = {"turbine_number": turbine_number, "until": until, "minutes": minutes}
    connection.execute(_READINGS, erased)
    connection.execute(_SUMS, erased)
    return bool(json.loads(minutes))
