"""A database as an hour of a large fleet leaves it, written by SQL itself: a minute of work, not an hour.

Rule 1: rows, roll-ups and `meta` are what a store would have written that took the same readings, a second of
the fleet in four batches, and that closed cleanly; so it is read in the ways it is read in production. Rule 2:
the order of writing is the store's too, since that decides which rows share a page.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Final

from gridws.storage.rows import Reading
from gridws.storage.sqlite import schema

DAY: Final = 24 * 60
MONTH: Final = 30 * DAY
BATCHES: Final = 4
"""Batches in which a second of the fleet is committed."""

_READINGS: Final = """
WITH RECURSIVE
    seconds (s) AS (SELECT :first UNION ALL SELECT s + 1 FROM seconds WHERE s + 1 < :end),
    batches (b) AS (SELECT 0 UNION ALL SELECT b + 1 FROM batches WHERE b + 1 < :batches),
    places (p) AS MATERIALIZED
        (SELECT 0 UNION ALL SELECT p + 1 FROM places WHERE p + 1 < :turbines / :batches)
INSERT INTO metrics (turbine_number, measured_at, wind_speed, power_output_in_kwh, operational_status, received_at,
    id, second)
SELECT n, s * 1000 + b * 250, (600 + n % 700 + s % 60 * 7) / 100.0, (10000 + n % 900 * 10 + s % 60) / 10.0,
    iif(n % 50 = 0 AND s % 60 >= 45, 'broken', 'ok'), s * 1000 + b * 250,
    (s - :begin) * :turbines + b * (:turbines / :batches) + p + 1, s
FROM (SELECT s, b, p, p * :batches + b + 1 AS n FROM seconds CROSS JOIN batches CROSS JOIN places)
"""

# All minutes are alike but the first, whose first reading follows none and so stands for no time.
_ONE_MINUTE: Final = """
CREATE TEMP TABLE one_minute AS
SELECT turbine_number, count(*) AS readings, sum(operational_status = 'ok') AS ok_readings,
    sum(wind_speed) AS wind_sum, min(wind_speed) AS wind_min, max(wind_speed) AS wind_max,
    sum(power_output_in_kwh) AS power_sum, min(power_output_in_kwh) AS power_min,
    max(power_output_in_kwh) AS power_max, sum(power_output_in_kwh / 3600) AS energy_in_kwh,
    sum(power_output_in_kwh / 3600) FILTER (WHERE second = :begin) AS first_energy,
    max(received_at) - 1000 * :begin AS received_after
FROM metrics WHERE second >= :begin AND second < :begin + 60 GROUP BY turbine_number
"""

_MINUTES: Final = """
WITH RECURSIVE all_minutes (m) AS (SELECT :first UNION ALL SELECT m + 1 FROM all_minutes WHERE m + 1 < :end)
INSERT INTO minutes
SELECT turbine_number, m, readings, ok_readings, wind_sum, wind_min, wind_max, power_sum, power_min, power_max,
    energy_in_kwh - iif(m = :without_energy, first_energy, 0), m * 60000 + received_after
FROM all_minutes CROSS JOIN one_minute WHERE turbine_number <= :turbines
"""

_FLEET: Final = """
WITH RECURSIVE all_minutes (m) AS (SELECT :first UNION ALL SELECT m + 1 FROM all_minutes WHERE m + 1 < :end)
INSERT INTO fleet_minutes
SELECT m, turbines, readings, power, energy - iif(m = :without_energy, first_energy, 0)
FROM all_minutes CROSS JOIN (
    SELECT count(*) AS turbines, sum(readings) AS readings, sum(power_sum / readings) AS power,
        sum(energy_in_kwh) AS energy, sum(first_energy) AS first_energy FROM one_minute)
"""

_TURBINES: Final = """
INSERT INTO turbines
    (turbine_number, last_seen_at, measured_at, wind_speed, power_output_in_kwh, operational_status, received_at)
SELECT turbine_number, received_at, measured_at, wind_speed, power_output_in_kwh, operational_status, received_at
FROM metrics WHERE second = ?
"""


def reading(turbine_number: int, second: int) -> Reading:
    """Return what the turbine measures in this second (since 1970)."""
    at = second * 1000 + (turbine_number - 1) % BATCHES * 250
    wind = (600 + turbine_number % 700 + second % 60 * 7) / 100
    power = (10_000 + turbine_number % 900 * 10 + second % 60) / 10
    status = "broken" if turbine_number % 50 == 0 and second % 60 >= 45 else "ok"
    return Reading(turbine_number, at, wind, power, status, at)


def batches(turbines: int, second: int) -> list[list[Reading]]:
    """Return what the fleet measures in this second, in batches as they are committed."""
    return [
        [reading(number, second) for number in range(batch + 1, turbines + 1, BATCHES)]
        for batch in range(BATCHES)
    ]


def fill(path: Path, *, turbines: int, begin: int, minutes: int, month_of: int = 0) -> None:
    """Write `minutes` of `turbines` from the minute `begin` on (since 1970), a reading a second each.

    The first `month_of` turbines get the roll-ups of a month before that, the fleet those of a day.
    """
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.executescript(
            "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -65536"
        )
        schema.migrate(connection)
        connection.execute("BEGIN")
        for minute in range(begin, begin + minutes):
            seconds = {"begin": begin * 60, "first": minute * 60, "end": minute * 60 + 60}
            connection.execute(_READINGS, seconds | {"turbines": turbines, "batches": BATCHES})
        connection.execute(_ONE_MINUTE, {"begin": begin * 60})
        _roll_up(connection, begin, begin + minutes, turbines=turbines, month_of=month_of)
        _close(connection, last=(begin + minutes) * 60 - 1, readings=turbines * minutes * 60)
        connection.execute("COMMIT")


def _roll_up(connection: sqlite3.Connection, begin: int, end: int, *, turbines: int, month_of: int) -> None:
    now = {"first": begin, "end": end, "without_energy": begin, "turbines": turbines}
    if month_of:
        before = {"end": begin, "without_energy": -1}
        connection.execute(_MINUTES, {**before, "first": begin - MONTH, "turbines": month_of})
        connection.execute(_FLEET, {**before, "first": begin - DAY})
    connection.execute(_MINUTES, now)
    connection.execute(_FLEET, now)


def _close(connection: sqlite3.Connection, *, last: int, readings: int) -> None:
    connection.execute(_TURBINES, (last,))
    meta = {
        "next_reading_id": readings + 1,
        "rolled_up_id": readings + 1,
        "unrolled_from": -1,
        "unrolled_until": -1,
        "committed_at": last * 1000 + (BATCHES - 1) * 250,
        "clean": 1,
    }
    connection.executemany("INSERT INTO meta VALUES (?, ?)", meta.items())
