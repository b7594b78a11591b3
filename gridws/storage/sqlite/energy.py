"""What turbines delivered in a range of time, to the millisecond.

Rule 1: a reading stands for the time since its turbine's one before, at most `LONGEST_STEP` of it, and counts for the
part of that time that lies in the range, as a state does. Rule 2: energy between two moments is the sum of whole
minutes from the roll-ups, and what was delivered from the beginning of its minute to the later moment, less the same
of the earlier one. That is in the readings: those of the minute up to the moment, the next one, whose step reaches
back over it, and the one before all these. Where they are past their age, it is the minute's share by time.
"""

from __future__ import annotations

import json
import sqlite3
from typing import Any, Final

from ...spans import Span
from .minute_tables import FINITE, LONGEST_STEP, MINUTE, MISSED_STEPS, MS_PER_HOUR, missed

_FUZZ: Final = 1e-9
"""kWh that are left where one sum of floats is taken off another."""

# What no roll-up holds yet: how much of it lies in whole minutes of the range, and when the first was measured.
_FRESH: Final = f"""
CREATE TEMP TABLE fresh_energy AS
SELECT turbine_number, min(measured_at) AS first_at, sum(power_output_in_kwh * step / {MS_PER_HOUR})
    FILTER (WHERE measured_at / {MINUTE} >= :first_minute AND measured_at / {MINUTE} < :end_minute) AS energy_in_kwh
FROM ({MISSED_STEPS}) GROUP BY turbine_number
"""

# A sum for each turbine by itself: the same as one grouped query, in a third of the time.
_WHOLE_MINUTES: Final = """
SELECT json_group_array(json_array(n.value,
    (SELECT sum(energy_in_kwh) FROM minutes
        WHERE turbine_number = n.value AND minute >= :first_minute AND minute < :end_minute),
    (SELECT energy_in_kwh FROM fresh_energy WHERE turbine_number = n.value)))
FROM json_each(:numbers) n
"""

# `down` and `up` walk from second to second to the next readings, a turbine a second in one step. A reading with
# none before it is its turbine's first, which stands for no time, or comes behind a gap.
_IN_MINUTE: Final = f"""
WITH RECURSIVE numbers (number, known_before) AS MATERIALIZED (
    SELECT value, EXISTS (SELECT 1 FROM minutes WHERE turbine_number = value AND minute < :minute - 1)
        OR EXISTS (SELECT 1 FROM fresh_energy WHERE turbine_number = value AND first_at < (:minute - 1) * {MINUTE})
    FROM json_each(:numbers)
    WHERE NOT EXISTS (SELECT 1 FROM minutes
        WHERE turbine_number = value AND minute = :minute AND received_at < :purged_before)
), down (number, second, found) AS (
    SELECT number, :minute * 60, false FROM numbers
    UNION ALL
    SELECT number, second - 1, EXISTS (
        SELECT 1 FROM metrics m WHERE m.second = down.second - 1 AND m.turbine_number = number)
    FROM down WHERE NOT found AND second > :minute * 60 - 60
), up (number, second, found) AS (
    SELECT number, :at / 1000 - 1, false FROM numbers
    UNION ALL
    SELECT number, second + 1, EXISTS (
        SELECT 1 FROM metrics m
        WHERE m.second = up.second + 1 AND m.turbine_number = number AND m.measured_at >= :at)
    FROM up WHERE NOT found AND second < (:at + {LONGEST_STEP}) / 1000
), places (number, second) AS (
    SELECT number, second FROM down WHERE found
    UNION SELECT number, second FROM up WHERE found
    UNION SELECT number, value FROM numbers CROSS JOIN json_each(:seconds)
), steps AS (
    SELECT number, measured_at, power_output_in_kwh, max(0, min({LONGEST_STEP}, measured_at - coalesce(
        lag(measured_at) OVER (PARTITION BY number ORDER BY id), iif(known_before, 0, measured_at)))) AS step
    FROM places JOIN numbers USING (number)
    CROSS JOIN metrics m ON m.second = places.second AND m.turbine_number = number
)
SELECT json_group_array(json_array(number, max(-{FINITE}, min({FINITE}, energy_in_kwh)))) FROM (
    SELECT number, sum(power_output_in_kwh * (min(measured_at, :at) - (measured_at - step)) / {MS_PER_HOUR})
        AS energy_in_kwh
    FROM steps WHERE measured_at >= :minute * {MINUTE} AND measured_at - step < :at GROUP BY number
)
"""

_SHARE_OF_MINUTE: Final = f"""
SELECT json_group_array(json_array(turbine_number, energy_in_kwh * (:at % {MINUTE}) / {MINUTE}.0))
FROM json_each(:numbers) n CROSS JOIN minutes ON turbine_number = n.value
    AND minute = :minute AND received_at < :purged_before
"""


class Energy:
    """The energy of turbines in a range, as of the present moment of a connection's transaction."""

    def __init__(self, connection: sqlite3.Connection, span: Span) -> None:
        self._connection = connection
        meta: dict[str, int] = dict(connection.execute("SELECT key, value FROM meta"))
        end, purged_before = span.until // MINUTE, meta.get("purged_before", 0)
        self._edges = [(span.since, -1.0), (span.until, 1.0)]
        if purged_before <= end * MINUTE and not self._is_measured_from(span.until):
            end = -(-span.until // MINUTE)  # the minute that goes on at the end of the range is whole as well
            del self._edges[1]
        self._values: dict[str, Any] = {
            "first_minute": span.since // MINUTE,
            "end_minute": end,
            "purged_before": purged_before,
        }
        connection.execute("DROP TABLE IF EXISTS temp.fresh_energy")
        connection.execute(_FRESH, {**self._values, **_not_rolled_up(meta)})
        connection.execute("CREATE UNIQUE INDEX temp.fresh_turbine ON fresh_energy (turbine_number)")

    def of(self, numbers: list[int]) -> dict[int, float]:
        """Return how many kWh each turbine delivered; one of which nothing is known may be left out."""
        energy: dict[int, float] = {}
        for number, part in self._parts({**self._values, "numbers": json.dumps(numbers)}):
            if part is not None:
                energy[number] = energy.get(number, 0.0) + part
        return {number: 0.0 if abs(each) < _FUZZ else each for number, each in energy.items()}

    def _parts(self, values: dict[str, Any]) -> list[tuple[int, float | None]]:
        found = [(number, part) for number, *parts in self._rows(_WHOLE_MINUTES, values) for part in parts]
        for at, sign in self._edges:
            near = {**values, **_near(at)}
            rows = [*self._rows(_IN_MINUTE, near), *self._rows(_SHARE_OF_MINUTE, near)]
            found += [(number, sign * part) for number, part in rows]
        return found

    def _rows(self, sql: str, values: dict[str, Any]) -> list[Any]:
        rows: list[Any] = json.loads(self._connection.execute(sql, values).fetchone()[0])
        return rows

    def _is_measured_from(self, at: int) -> bool:
        sql = "SELECT 1 FROM metrics WHERE second >= ? AND measured_at >= ? LIMIT 1"
        return self._connection.execute(sql, (at // 1000, at)).fetchone() is not None


def _near(at: int) -> dict[str, Any]:
    minute = at // MINUTE
    return {"at": at, "minute": minute, "seconds": json.dumps(list(range(minute * 60, -(-at // 1000))))}


def _not_rolled_up(meta: dict[str, int]) -> dict[str, int]:
    if meta.get("unrolled_from", -1) < 0:
        return missed(mark=0, end=0, received_from=2**53)
    return missed(mark=meta["rolled_up_id"], end=meta["next_reading_id"], received_from=meta["unrolled_from"])
