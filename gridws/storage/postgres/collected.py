"""The rows of a report, some turbines at a time, in the caller's transaction."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import fields
from typing import Any, Final

from asyncpg import Connection, Record

from ...spans import Span
from ..days import DAY
from ..records import EVENTS_OF_HOLDS, KEPT_IN_MIND, SILENT_MONITOR, Collected, TurbineRows
from ..rows import Event, Repair, StatusChange, StatusDay

_TOUCHED: Final = "assigned_at < $2 AND (ended_at >= $1 OR ended_at IS NULL)"

_NUMBERS: Final = f"""
SELECT turbine_number FROM turbines
WHERE last_seen_at > coalesce(forgotten_at, 0) AND ($3::integer IS NULL OR turbine_number = $3)
    AND (last_seen_at >= $4 OR held_since IS NOT NULL
        OR turbine_number IN (SELECT turbine_number FROM repairs WHERE {_TOUCHED}))
UNION SELECT number FROM unnest($5::integer[]) k (number)
WHERE ($3::integer IS NULL OR number = $3)
    AND number NOT IN (SELECT turbine_number FROM turbines WHERE last_seen_at <= forgotten_at)
ORDER BY 1
"""
_STATUSES: Final = """
SELECT s.turbine_number, s.at, s.operational_status, s.power_output_in_kwh, s.id
FROM unnest($3::integer[]) n (number) CROSS JOIN LATERAL (
    (SELECT * FROM statuses WHERE turbine_number = n.number AND at < $1 ORDER BY at DESC, id DESC LIMIT 1)
    UNION (SELECT * FROM statuses WHERE turbine_number = n.number AND at < $1 AND operational_status IS NOT NULL
        ORDER BY at DESC, id DESC LIMIT 1)
    UNION ALL SELECT * FROM statuses WHERE turbine_number = n.number AND at >= $1 AND at < $2) s
ORDER BY s.turbine_number, s.at, s.id
"""
# The tries before the range at failures that reach into it began at the same moment.
_REPAIRS: Final = f"""
WITH touched AS (SELECT * FROM repairs WHERE turbine_number = ANY($3::integer[]) AND {_TOUCHED})
SELECT {", ".join(Repair._fields)} FROM touched UNION
SELECT {", ".join(f"r.{name}" for name in Repair._fields)} FROM repairs r
JOIN (SELECT DISTINCT turbine_number, broken_at FROM touched WHERE broken_at < $1) t USING (turbine_number, broken_at)
WHERE r.assigned_at < $2
ORDER BY id
"""
_EVENTS: Final = f"""
SELECT {", ".join(Event._fields)} FROM events
WHERE turbine_number = ANY($2::integer[]) AND at < $1 AND kind = ANY($3::text[]) ORDER BY at, id
"""
# The days that begin in the range, and the last one before it.
_DAYS: Final = f"""
SELECT {", ".join(each.name for each in fields(StatusDay))} FROM status_days d
WHERE turbine_number = ANY($3::integer[]) AND day * {DAY}::bigint < $2 AND day >= coalesce((
    SELECT max(day) FROM status_days e WHERE e.turbine_number = d.turbine_number AND day * {DAY}::bigint < $1), 0)
ORDER BY turbine_number, day
"""
_FIRST: Final = """
SELECT coalesce((SELECT value FROM meta WHERE key = 'collected_since'),
    (SELECT connected_at FROM links ORDER BY id LIMIT 1))
"""
_LAST: Final = "SELECT max(committed_at), bool_or(NOT ended) FROM writers"


async def collected(connection: Connection, *, now: int) -> Collected:
    """Return between which moments the database knows anything: to `now` while a monitor is at it."""
    first = await connection.fetchval(_FIRST)
    committed_at, is_open = await connection.fetchrow(_LAST) or (None, None)
    if first is None or committed_at is None:
        return Collected(None, None)
    kept_since = await connection.fetchval("SELECT value FROM meta WHERE key = 'minutes_kept_since'")
    is_running = is_open and now - committed_at <= SILENT_MONITOR
    return Collected(first, now if is_running else committed_at, kept_since or 0)


async def numbers(
    connection: Connection, span: Span, turbine_number: int | None, energy: Mapping[int, float]
) -> list[int]:
    """Return which turbines a report may have rows of, by number."""
    values = (*span, turbine_number, span.since - KEPT_IN_MIND, list(energy))
    return [row[0] for row in await connection.fetch(_NUMBERS, *values)]


async def turbine_rows(
    connection: Connection, span: Span, some: list[int], energy: Mapping[int, float]
) -> list[TurbineRows]:
    """Return what is known of some turbines, by number, without those of which it is nothing."""
    statuses = _by_turbine(await connection.fetch(_STATUSES, *span, some))
    repairs = _by_turbine(await connection.fetch(_REPAIRS, *span, some))
    events = _by_turbine(await connection.fetch(_EVENTS, span.until, some, list(EVENTS_OF_HOLDS)))
    days = _by_turbine(await connection.fetch(_DAYS, *span, some))
    return [
        TurbineRows(
            number,
            [StatusChange(*tuple(row)[:4]) for row in statuses[number]],
            [Repair(*row) for row in repairs[number]],
            energy.get(number, 0.0),
            [Event(*row) for row in events[number]],
            [StatusDay(*row) for row in days[number]],
        )
        for number in some
        if statuses[number] or repairs[number] or energy.get(number) or days[number]
    ]


def _by_turbine(rows: Iterable[Record]) -> defaultdict[int, list[Any]]:
    found = defaultdict[int, list[Any]](list)
    for row in rows:
        found[row["turbine_number"]].append(row)
    return found
