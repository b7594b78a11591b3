"""The tables of minutes, one row for each turbine and one for the fleet: how sums get into them.

Rule 1: sums come in by the temporary table `fresh`, and several parts of one minute may come one after the
other. Rule 2: what lies above `rolled_up_id` of `meta` after a crash is summed up by one statement, `catch_up`.
Rule 3: energy is the power times the time since the turbine's reading before (by receipt), at most 60 s of it: a
gap delivers nothing that anybody measured.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Final

from ..rows import ReadingRow
from .inserts import Insert, insert
from .schema import IS_STRAY, STRAY_AFTER

LONGEST_STEP: Final = 60_000
"""A reading stands for the time since the one before it, but for no more than this (ms)."""

FINITE: Final = 1e15
"""Sums are held within ± this, so that no value a turbine sends can make a difference of infinities."""

MINUTE: Final = 60_000
MS_PER_HOUR: Final = 3_600_000.0

FRESH_TABLE: Final = """
CREATE TEMP TABLE fresh (
    turbine_number INTEGER, minute INTEGER, readings INTEGER, ok_readings INTEGER,
    wind_sum REAL, wind_min REAL, wind_max REAL,
    power_sum REAL, power_min REAL, power_max REAL, energy_in_kwh REAL, received_at INTEGER
)
"""

_TO_FRESH: Final = Insert(
    "INSERT INTO temp.fresh SELECT " + ", ".join(f"column{n}" for n in range(1, 13)), 12
)

# The mean power of a turbine in a minute changes with each part of the minute that comes in, so the fleet's
# power moves by the difference between the mean with this part and the mean before.
_FLEET: Final = """
INSERT INTO fleet_minutes (minute, turbines, readings, power, energy_in_kwh)
SELECT f.minute, sum(m.readings IS NULL), sum(f.readings),
    sum((coalesce(m.power_sum, 0) + f.power_sum) / (coalesce(m.readings, 0) + f.readings)
        - coalesce(m.power_sum / m.readings, 0)),
    sum(f.energy_in_kwh)
FROM temp.fresh f LEFT JOIN minutes m ON m.turbine_number = f.turbine_number AND m.minute = f.minute
WHERE true GROUP BY f.minute
ON CONFLICT (minute) DO UPDATE SET
    turbines = turbines + excluded.turbines, readings = readings + excluded.readings,
    power = power + excluded.power, energy_in_kwh = energy_in_kwh + excluded.energy_in_kwh
"""

_MINUTES: Final = """
INSERT INTO minutes SELECT * FROM temp.fresh WHERE true ORDER BY turbine_number, minute
ON CONFLICT (turbine_number, minute) DO UPDATE SET
    readings = readings + excluded.readings, ok_readings = ok_readings + excluded.ok_readings,
    wind_sum = wind_sum + excluded.wind_sum,
    wind_min = min(wind_min, excluded.wind_min), wind_max = max(wind_max, excluded.wind_max),
    power_sum = power_sum + excluded.power_sum,
    power_min = min(power_min, excluded.power_min), power_max = max(power_max, excluded.power_max),
    energy_in_kwh = energy_in_kwh + excluded.energy_in_kwh,
    received_at = max(received_at, excluded.received_at)
"""

_TURBINE_CHANGED: Final = """ON CONFLICT (turbine_number) DO UPDATE SET
    last_seen_at = max(last_seen_at, excluded.last_seen_at), measured_at = excluded.measured_at,
    wind_speed = excluded.wind_speed, power_output_in_kwh = excluded.power_output_in_kwh,
    operational_status = excluded.operational_status, received_at = excluded.received_at
"""

_COLUMNS: Final = (
    "turbine_number, measured_at, wind_speed, power_output_in_kwh, operational_status, received_at"
)

_TURBINES: Final = Insert(
    f"INSERT INTO turbines ({_COLUMNS}, last_seen_at)"
    " SELECT column1, column2, column3, column4, column5, column6, column6",
    6,
    _TURBINE_CHANGED,
)

# Readings above the mark, found by the second (at most 60 s before the first receipt) and, where a replay or
# a wrong clock put them before that, by the index of stray ones.
_MISSED: Final = f"""
    SELECT id, {_COLUMNS} FROM metrics
    WHERE second >= :second AND id >= :mark AND id < :next
    UNION ALL
    SELECT id, {_COLUMNS} FROM metrics INDEXED BY metrics_stray
    WHERE {IS_STRAY} AND received_at >= :received AND second < :second AND id >= :mark AND id < :next
"""

LAST_MISSED: Final = f"SELECT {_COLUMNS}, max(id) FROM ({_MISSED}) GROUP BY turbine_number"
"""The last reading of each turbine among those that no roll-up holds yet."""

MISSED_STEPS: Final = f"""
    SELECT missed.*, max(0, min({LONGEST_STEP}, missed.measured_at - lag(
            missed.measured_at, 1, coalesce(turbines.measured_at, missed.measured_at)
        ) OVER (PARTITION BY missed.turbine_number ORDER BY id))) AS step
    FROM ({_MISSED}) missed LEFT JOIN turbines ON turbines.turbine_number = missed.turbine_number
"""
"""The readings that no roll-up holds yet, and the time (ms) that each of them stands for, as `step`."""

_CATCH_UP: Final = f"""
INSERT INTO temp.fresh
SELECT turbine_number, measured_at / {MINUTE}, count(*), sum(operational_status = 'ok'),
    {{wind_sum}}, {{wind_min}}, {{wind_max}}, {{power_sum}}, {{power_min}}, {{power_max}}, {{energy}},
    max(received_at)
FROM ({MISSED_STEPS})
GROUP BY 1, 2
""".format(
    **{
        name: f"coalesce(max(-{FINITE}, min({FINITE}, {sql})), {FINITE})"
        for name, sql in {
            "wind_sum": "sum(wind_speed)",
            "wind_min": "min(wind_speed)",
            "wind_max": "max(wind_speed)",
            "power_sum": "sum(power_output_in_kwh)",
            "power_min": "min(power_output_in_kwh)",
            "power_max": "max(power_output_in_kwh)",
            "energy": f"sum(power_output_in_kwh * step / {MS_PER_HOUR})",
        }.items()
    }
)


def add_sums(
    connection: sqlite3.Connection, sums: Sequence[Sequence[float]], last: Sequence[ReadingRow]
) -> None:
    """Add rows of `fresh` to the tables, and each turbine's last reading, in the caller's transaction."""
    connection.execute("DELETE FROM temp.fresh")
    insert(connection, _TO_FRESH, sums)
    _merge(connection)
    insert(connection, _TURBINES, last)


def catch_up(connection: sqlite3.Connection, *, mark: int, end: int, received_from: int) -> None:
    """Sum up readings with mark ≤ id < end, received from `received_from` (ms) on, in the caller's transaction."""
    which = missed(mark=mark, end=end, received_from=received_from)
    connection.execute("DELETE FROM temp.fresh")
    connection.execute(_CATCH_UP, which)
    _merge(connection)
    connection.execute(
        f"INSERT INTO turbines ({_COLUMNS}, last_seen_at)"
        f" SELECT {_COLUMNS}, received_at FROM ({LAST_MISSED}) WHERE true {_TURBINE_CHANGED}",
        which,
    )


def missed(*, mark: int, end: int, received_from: int) -> dict[str, int]:
    """Return the parameters that say which readings no roll-up holds yet."""
    second = max(0, received_from - STRAY_AFTER) // 1000
    return {"mark": mark, "next": end, "received": received_from, "second": second}


def _merge(connection: sqlite3.Connection) -> None:
    connection.execute(_FLEET)
    connection.execute(_MINUTES)
