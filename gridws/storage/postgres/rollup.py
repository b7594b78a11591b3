"""The sums of minutes: how readings get into them, writer by writer.

Rule 1: a mark for each writer says which of its commits are in the sums, and moves with them in one transaction. Ids
would not do: those of several writers are not in the order of their commits. Rule 2: one flusher at a time, by an
advisory lock, since the fleet's power moves by the difference between two means; nobody waits for it, and each step is
bounded, since commits wait for it. Rule 3: energy is the power times the time since the turbine's reading before (by
receipt), at most 60 s of it: a gap delivers nothing that anybody measured.
"""

from __future__ import annotations

from typing import Final

from asyncpg import Connection

LONGEST_STEP: Final = 60_000
"""A reading stands for the time since the one before it, but for no more than this (ms)."""

MINUTE: Final = 60_000
MS_PER_HOUR: Final = 3_600_000.0

FLUSHING: Final = 0x67726965
"""The advisory lock of the one who flushes."""

MOST: Final = 64
"""Commits of a step: a quarter of a minute of one writer's, so that it holds up the next one for a second or so."""

_FINITE: Final = 1e15
_LEAST: Final = 1e-100
BY_RECEIPT: Final = "received_at, batch, tableoid, ctid"
"""The order in which a turbine's readings came; those of one commit lie in a table as they came."""


def held(value: str) -> str:
    """Return an SQL value so bounded that sums and products of it neither overflow nor underflow, which are errors."""
    return (
        f"CASE WHEN abs({value}) < {_LEAST} THEN 0 ELSE greatest(-{_FINITE}, least({_FINITE}, {value})) END"
    )


_STEP: Final = f"""greatest(0, least({LONGEST_STEP}, m.measured_at - lag(
    m.measured_at, 1, coalesce(t.measured_at, m.measured_at)
) OVER (PARTITION BY m.turbine_number ORDER BY m.received_at, m.batch, m.tableoid, m.ctid)))"""

UNROLLED: Final = """
SELECT m.*, m.tableoid, m.ctid FROM metrics m
JOIN writers w ON w.writer_id = m.writer_id AND m.batch > w.rolled_up_to
WHERE m.received_at >= (SELECT min(unrolled_from) FROM writers)
"""
"""The readings that no roll-up holds yet."""

MISSED: Final = f"SELECT m.*, {_STEP} AS step FROM ({UNROLLED}) m LEFT JOIN turbines t USING (turbine_number)"
"""The same with the time (ms) that each of them stands for, as `step`."""

_FLUSH: Final = f"""
WITH missed AS MATERIALIZED (
    {MISSED} WHERE m.writer_id = $1 AND m.batch <= $2 AND m.received_at >= $3
), fresh AS MATERIALIZED (
    SELECT turbine_number, measured_at / {MINUTE} AS minute, count(*) AS readings,
        count(*) FILTER (WHERE operational_status = 'ok') AS ok_readings,
        sum(wind) AS wind_sum, min(wind) AS wind_min, max(wind) AS wind_max,
        sum(power) AS power_sum, min(power) AS power_min, max(power) AS power_max,
        {held(f"sum(power * step / {MS_PER_HOUR})")} AS energy_in_kwh, max(received_at) AS received_at
    FROM (SELECT *, {held("wind_speed")} AS wind, {held("power_output_in_kwh")} AS power FROM missed) m
    GROUP BY 1, 2
), fleet AS (
    INSERT INTO fleet_minutes
    SELECT f.minute, count(*) FILTER (WHERE m.readings IS NULL), sum(f.readings),
        sum((coalesce(m.power_sum, 0) + f.power_sum) / (coalesce(m.readings, 0) + f.readings)
            - coalesce(m.power_sum / m.readings, 0)),
        sum(f.energy_in_kwh)
    FROM fresh f LEFT JOIN minutes m USING (turbine_number, minute) GROUP BY f.minute
    ON CONFLICT (minute) DO UPDATE SET
        turbines = fleet_minutes.turbines + excluded.turbines, readings = fleet_minutes.readings + excluded.readings,
        power = fleet_minutes.power + excluded.power,
        energy_in_kwh = fleet_minutes.energy_in_kwh + excluded.energy_in_kwh
), summed AS (
    INSERT INTO minutes SELECT * FROM fresh ORDER BY turbine_number, minute
    ON CONFLICT (turbine_number, minute) DO UPDATE SET
        readings = minutes.readings + excluded.readings, ok_readings = minutes.ok_readings + excluded.ok_readings,
        wind_sum = minutes.wind_sum + excluded.wind_sum,
        wind_min = least(minutes.wind_min, excluded.wind_min), wind_max = greatest(minutes.wind_max, excluded.wind_max),
        power_sum = minutes.power_sum + excluded.power_sum,
        power_min = least(minutes.power_min, excluded.power_min),
        power_max = greatest(minutes.power_max, excluded.power_max),
        energy_in_kwh = minutes.energy_in_kwh + excluded.energy_in_kwh,
        received_at = greatest(minutes.received_at, excluded.received_at)
)
INSERT INTO turbines (
    turbine_number, last_seen_at, measured_at, wind_speed, power_output_in_kwh, operational_status, received_at)
SELECT DISTINCT ON (turbine_number) turbine_number, received_at, measured_at, wind_speed, power_output_in_kwh,
    operational_status, received_at
FROM missed ORDER BY turbine_number, received_at DESC, batch DESC, tableoid DESC, ctid DESC
ON CONFLICT (turbine_number) DO UPDATE SET
    last_seen_at = greatest(turbines.last_seen_at, excluded.last_seen_at), measured_at = excluded.measured_at,
    wind_speed = excluded.wind_speed, power_output_in_kwh = excluded.power_output_in_kwh,
    operational_status = excluded.operational_status, received_at = excluded.received_at
    WHERE turbines.received_at IS NULL OR turbines.received_at <= excluded.received_at
"""
_NEXT: Final = f"""
SELECT least(batches, rolled_up_to + {MOST}), unrolled_from FROM writers
WHERE writer_id = $1 AND unrolled_from IS NOT NULL FOR UPDATE
"""
_MARK: Final = """
UPDATE writers SET rolled_up_to = $2, unrolled_from = CASE WHEN batches > $2 THEN unrolled_from END
WHERE writer_id = $1 RETURNING unrolled_from IS NULL
"""


async def flush(connection: Connection, writer: int) -> bool:
    """Add to the sums some of what this writer committed since its mark; return whether that was all.

    While another process flushes, do nothing: its readings are as good as ours, and ours are in the table.
    """
    async with connection.transaction():
        if not await connection.fetchval("SELECT pg_try_advisory_xact_lock($1)", FLUSHING):
            return False
        return await _flush(connection, writer)


async def flush_all(connection: Connection, writer: int) -> None:
    """Add to the sums all that this writer committed, when nobody else flushes, in the caller's transaction."""
    await connection.execute("SELECT pg_advisory_xact_lock($1)", FLUSHING)
    while not await _flush(connection, writer):
        pass


async def _flush(connection: Connection, writer: int) -> bool:
    row = await connection.fetchrow(_NEXT, writer)
    if row is None:
        return True
    await connection.execute(_FLUSH, writer, *row)
    return bool(await connection.fetchval(_MARK, writer, row[0]))
