"""What turbines delivered in a range of time, to the millisecond.

A reading stands for the time since its turbine's one before, at most `LONGEST_STEP` of it, and counts for the part of
that time that lies in the range. So energy between two moments is the sum of whole minutes, and what was delivered
from the beginning of its minute to the later moment, less the same of the earlier one. That is in the readings near by:
those of the minute, the next one, whose step reaches back over the moment, and the one before. Where they are past
their age, it is the minute's share by time.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Final

from asyncpg import Connection

from ...spans import Span
from .rollup import BY_RECEIPT, LONGEST_STEP, MINUTE, MISSED, MS_PER_HOUR, UNROLLED, held

_FUZZ: Final = 1e-9
"""kWh that are left where one sum of floats is taken off another."""

_WHOLE: Final = f"""
SELECT turbine_number, sum(energy_in_kwh) FROM (
    SELECT turbine_number, energy_in_kwh FROM minutes WHERE minute >= $1 AND minute < $2
    UNION ALL
    SELECT turbine_number, {held("power_output_in_kwh")} * step / {MS_PER_HOUR} FROM ({MISSED}) missed
    WHERE measured_at / {MINUTE} >= $1 AND measured_at / {MINUTE} < $2
) parts GROUP BY 1
"""
_IN_MINUTE: Final = f"""
WITH near AS (
    SELECT turbine_number, measured_at, power_output_in_kwh,
        lag(measured_at) OVER (PARTITION BY turbine_number ORDER BY {BY_RECEIPT}) AS before
    FROM metrics
    WHERE measured_at / 1000 BETWEEN $2::bigint * 60 - 60 AND ($1::bigint + {LONGEST_STEP}) / 1000
), begun AS (
    SELECT *, before IS NULL AND (
        EXISTS (SELECT 1 FROM minutes m WHERE m.turbine_number = near.turbine_number AND minute < $2 - 1)
        OR EXISTS (SELECT 1 FROM ({UNROLLED}) m
            WHERE m.turbine_number = near.turbine_number AND m.measured_at < ($2 - 1) * {MINUTE})
    ) AS is_behind_a_gap
    FROM near
), steps AS (
    SELECT turbine_number, measured_at, {held("power_output_in_kwh")} AS power, greatest(0, least({LONGEST_STEP},
        measured_at - coalesce(before, CASE WHEN is_behind_a_gap THEN 0 ELSE measured_at END))) AS step
    FROM begun
)
SELECT turbine_number, sum(power * (least(measured_at, $1) - (measured_at - step)) / {MS_PER_HOUR})
FROM steps WHERE measured_at >= $2 * {MINUTE} AND measured_at - step < $1 AND NOT EXISTS (
    SELECT 1 FROM minutes m WHERE m.turbine_number = steps.turbine_number AND minute = $2 AND received_at < $3)
GROUP BY 1
"""
_SHARE_OF_MINUTE: Final = f"""
SELECT turbine_number, energy_in_kwh * ($1::bigint % {MINUTE}) / {MINUTE}.0 FROM minutes
WHERE minute = $2 AND received_at < $3
"""


async def energy_in(connection: Connection, span: Span) -> dict[int, float]:
    """Return how many kWh each turbine delivered in the range, those that delivered none left out."""
    sums = defaultdict[int, float](float)
    for number, part in await connection.fetch(_WHOLE, span.since // MINUTE, span.until // MINUTE):
        sums[number] += part
    purged = await connection.fetchval("SELECT value FROM meta WHERE key = 'purged_before'") or 0
    for at, sign in ((span.since, -1.0), (span.until, 1.0)):
        for sql in (_IN_MINUTE, _SHARE_OF_MINUTE):
            for number, part in await connection.fetch(sql, at, at // MINUTE, purged):
                sums[number] += sign * part
    return {number: each for number, each in sums.items() if abs(each) >= _FUZZ}
