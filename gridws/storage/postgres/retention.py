"""What is deleted, and when: whole days of readings as partitions, minutes turbine by turbine, and never a cursor.

Age is counted from the receipt. A day's partition goes when all of it is past its age; the DEFAULT one, where receipts
of days without a partition are, is swept row by row. One process at a time does this upkeep; the others pass it over.
"""

from __future__ import annotations

from typing import Final

import asyncpg
from asyncpg import Connection

from ...settings import MonitorSettings
from .rollup import MINUTE

DAY: Final = 86_400_000
SWEEPING: Final = 0x67726967
"""The advisory lock of the one who sweeps."""
_AHEAD: Final = 2
"""Days beside today that have a partition before anything is received in them."""
_MINUTES_ERASED: Final = 60
"""Minutes of a turbine whose readings are erased in one step."""

_PARTITIONS: Final = """
SELECT c.relname::text FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
WHERE i.inhparent = 'metrics'::regclass AND c.relname ~ '^metrics_[0-9]+$'
"""
_MINUTES: Final = """
DELETE FROM minutes USING turbines
WHERE minutes.turbine_number = turbines.turbine_number AND minutes.minute < $1 AND minutes.received_at < $2
"""
_NOTE: Final = """
INSERT INTO meta VALUES ($1, $2) ON CONFLICT (key) DO UPDATE SET value = greatest(meta.value, excluded.value)
"""

_ERASE_NEXT: Final = (
    "SELECT turbine_number, erased_until FROM turbines WHERE erased_until IS NOT NULL LIMIT 1"
)
_ERASE_MINUTES: Final = """
DELETE FROM minutes WHERE turbine_number = $1 AND minute = ANY(ARRAY(
    SELECT minute FROM minutes WHERE turbine_number = $1 AND received_at <= $2 ORDER BY minute LIMIT $3))
RETURNING minute
"""
_ERASE_READINGS: Final = """
DELETE FROM metrics WHERE turbine_number = $1 AND received_at <= $2 AND measured_at / 1000 = ANY($3::bigint[])
"""
_ERASED: Final = """
UPDATE turbines t SET erased_until = NULL, measured_at = CASE WHEN is_old THEN NULL ELSE measured_at END,
    wind_speed = CASE WHEN is_old THEN NULL ELSE wind_speed END,
    power_output_in_kwh = CASE WHEN is_old THEN NULL ELSE power_output_in_kwh END,
    operational_status = CASE WHEN is_old THEN NULL ELSE operational_status END,
    received_at = CASE WHEN is_old THEN NULL ELSE received_at END
FROM (SELECT turbine_number AS number, received_at <= $2 AS is_old FROM turbines WHERE turbine_number = $1) o
WHERE t.turbine_number = o.number
"""


async def make_partitions(connection: Connection, now: int) -> None:
    """Have a partition for today and the next days; where one cannot be made, the DEFAULT one takes the day."""
    wanted = [day for day in range(now // DAY, now // DAY + _AHEAD + 1) if day >= 0]
    known = {row[0] for row in await connection.fetch(_PARTITIONS)}
    for day in wanted:
        if f"metrics_{day}" not in known:
            await make_partition(connection, day)


async def sweep(connection: Connection, settings: MonitorSettings, now: int) -> None:
    """Delete what is to go at `now` (ms), unless another process is at it."""
    async with connection.transaction():
        if not await connection.fetchval("SELECT pg_try_advisory_xact_lock($1)", SWEEPING):
            return
        await make_partitions(connection, now)
        cutoff = _before(now, settings.retain_readings)
        if cutoff:
            await _drop_partitions(connection, cutoff)
        kept_since = _before(now, settings.retain_minutes)
        oldest = min(cutoff, kept_since)
        if oldest:
            await connection.execute(_MINUTES, oldest // MINUTE, oldest)
            await connection.execute("DELETE FROM fleet_minutes WHERE minute < $1", kept_since // MINUTE)
            await connection.execute(_NOTE, "minutes_kept_since", oldest)


async def erase(connection: Connection) -> None:
    """Delete some minutes, and their readings, of a turbine whose readings nobody wants any more; if there is one."""
    async with connection.transaction():
        wanted = await connection.fetchrow(f"{_ERASE_NEXT} FOR UPDATE SKIP LOCKED")
        if wanted is None:
            return
        number, until = wanted
        minutes = await connection.fetch(_ERASE_MINUTES, number, until, _MINUTES_ERASED)
        seconds = [row[0] * 60 + second for row in minutes for second in range(60)]
        await connection.execute(_ERASE_READINGS, number, until, seconds)
        if not minutes and not await connection.fetchval(
            "SELECT EXISTS (SELECT 1 FROM writers WHERE unrolled_from <= $1)", until
        ):
            await connection.execute(_ERASED, number, until)


async def make_partition(connection: Connection, day: int) -> None:
    """Have a partition for a day, counted from 1970, unless the DEFAULT one has readings of it."""
    try:
        async with connection.transaction():
            await connection.execute(
                f"CREATE TABLE IF NOT EXISTS metrics_{day} PARTITION OF metrics"
                f" FOR VALUES FROM ({day * DAY}) TO ({(day + 1) * DAY})"
            )
    except asyncpg.CheckViolationError:
        pass  # the DEFAULT partition has readings of this day already


async def _drop_partitions(connection: Connection, cutoff: int) -> None:
    days = [int(row[0].removeprefix("metrics_")) for row in await connection.fetch(_PARTITIONS)]
    for day in days:
        if (day + 1) * DAY <= cutoff:
            await connection.execute(f"DROP TABLE metrics_{day}")
    await connection.execute("DELETE FROM metrics_default WHERE received_at < $1", cutoff // DAY * DAY)
    await connection.execute(_NOTE, "purged_before", cutoff // DAY * DAY)


def _before(now: int, seconds: float | None) -> int:
    """Return the moment (ms) that lies so far back; 0, before all that is stored, where nothing is too old."""
    return 0 if seconds is None else max(0, now - int(seconds * 1000))
