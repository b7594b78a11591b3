"""What is read back: readings, repairs, minutes, events and status changes.

`metrics` is in the order of time, so one turbine's readings are found through its minutes: each second of a minute that
has readings is probed. What no minute holds yet was received in the last seconds, and is found by its receipt.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Final

from asyncpg import Connection

from ..rows import Event, FleetMinute, Minute, Reading, Repair, StatusChange
from .rollup import MINUTE

_MOST_MINUTES: Final = 512
"""Minutes probed by one statement."""

_PROBED: Final = f"""
SELECT {", ".join(Reading._fields)} FROM metrics
WHERE turbine_number = $1 AND measured_at / 1000 = ANY($2::bigint[]) AND measured_at >= $3 AND measured_at < $4
ORDER BY measured_at DESC, received_at DESC, batch DESC, tableoid DESC, ctid DESC LIMIT $5
"""
_NEW_MINUTES: Final = f"""
SELECT DISTINCT measured_at / {MINUTE} FROM metrics
WHERE turbine_number = $1 AND received_at >= (SELECT min(unrolled_from) FROM writers)
"""
_SINCE: Final = 4
"""Seconds: turbines send once a second and more, and what they send is committed within one."""
_CLOCKS_AHEAD: Final = 60
"""Seconds by which a turbine's clock may be ahead; what it measures later than that is none of the last seconds."""
_NEWEST: Final = f"""
(SELECT DISTINCT ON (turbine_number) {", ".join(Reading._fields)} FROM metrics
WHERE measured_at / 1000 BETWEEN $1::bigint - {_SINCE} AND $1::bigint + {_CLOCKS_AHEAD} AND writer_id <> $2
ORDER BY turbine_number, measured_at DESC, received_at DESC)
"""
_SLOW_ONES: Final = f"""
UNION ALL SELECT {", ".join(Reading._fields)} FROM turbines WHERE received_at IS NOT NULL
"""
_MINUTES_WITH_READINGS: Final = """
SELECT minute FROM minutes WHERE turbine_number = $1 AND minute BETWEEN $2 AND $3 ORDER BY minute DESC LIMIT $4
"""
_MINUTES: Final = f"""
SELECT turbine_number, minute * {MINUTE}, readings, ok_readings, wind_sum / readings, wind_min, wind_max,
    power_sum / readings, power_min, power_max, energy_in_kwh
FROM minutes WHERE turbine_number = $1 AND minute >= $2 AND minute < $3 ORDER BY minute
"""
_FLEET_MINUTES: Final = f"""
SELECT minute * {MINUTE}, turbines, readings, power, energy_in_kwh
FROM fleet_minutes WHERE minute >= $1 AND minute < $2 ORDER BY minute
"""
_REPAIRS: Final = f"""
SELECT {", ".join(Repair._fields)} FROM repairs
WHERE ($1::integer IS NULL OR turbine_number = $1) AND (ended_at >= $2 OR ended_at IS NULL) ORDER BY id DESC LIMIT $3
"""
_EVENTS: Final = f"""
SELECT {", ".join(Event._fields)} FROM events
WHERE ($1::integer IS NULL OR turbine_number = $1) AND at >= $2 AND at < $3 ORDER BY at DESC, id DESC LIMIT $4
"""
_STATUSES: Final = f"""
SELECT {", ".join(StatusChange._fields)} FROM statuses WHERE at >= $1 AND at < $2 ORDER BY id
"""


async def readings(
    connection: Connection, turbine_number: int, since: int, until: int, limit: int
) -> list[Reading]:
    """Return readings with since ≤ measured_at < until, the newest and the last received first."""
    since = max(since, 0)
    if limit <= 0 or until <= since:
        return []
    found: list[Reading] = []
    async for minutes in _pages_of_minutes(connection, turbine_number, (since, until, limit)):
        seconds = [second for minute in minutes for second in range(minute * 60, minute * 60 + 60)]
        rows = await connection.fetch(_PROBED, turbine_number, seconds, since, until, limit - len(found))
        found += [Reading(*row) for row in rows]
        if len(found) >= limit:
            break
    return found


async def newest_of_others(
    connection: Connection, now: int, writer: int, *, slow_ones: bool
) -> list[Reading]:
    """Return the newest reading of each turbine that other writers wrote in the last seconds, by turbine."""
    sql = _NEWEST + _SLOW_ONES if slow_ones else _NEWEST
    return [Reading(*row) for row in await connection.fetch(sql, now // 1000, writer)]


async def repairs(connection: Connection, turbine_number: int | None, since: int, limit: int) -> list[Repair]:
    """Return assignments that were running at or after `since`, newest first."""
    return [Repair(*row) for row in await connection.fetch(_REPAIRS, turbine_number, since, max(limit, 0))]


async def events(
    connection: Connection, turbine_number: int | None, span: tuple[int, int], limit: int
) -> list[Event]:
    """Return events with since ≤ at < until, newest first; `span` is since and until."""
    return [Event(*row) for row in await connection.fetch(_EVENTS, turbine_number, *span, max(limit, 0))]


async def minutes(connection: Connection, turbine_number: int, since: int, until: int) -> list[Minute]:
    """Return the turbine's minutes that begin at since ≤ at < until, oldest first."""
    rows = await connection.fetch(_MINUTES, turbine_number, *_minutes_between(since, until))
    return [Minute(*row) for row in rows]


async def fleet_minutes(connection: Connection, since: int, until: int) -> list[FleetMinute]:
    """Return the fleet's minutes that begin at since ≤ at < until, oldest first."""
    rows = await connection.fetch(_FLEET_MINUTES, *_minutes_between(since, until))
    return [FleetMinute(*row) for row in rows]


async def statuses(connection: Connection, since: int, until: int) -> list[StatusChange]:
    """Return status changes with since ≤ at < until, in the order they were written."""
    return [StatusChange(*row) for row in await connection.fetch(_STATUSES, since, until)]


def _minutes_between(since: int, until: int) -> tuple[int, int]:
    """Return the first minute that begins in the range, and the first one that does not any more."""
    return -(-since // MINUTE), -(-until // MINUTE)


async def _pages_of_minutes(
    connection: Connection, turbine_number: int, span: tuple[int, int, int]
) -> AsyncIterator[list[int]]:
    """Yield the minutes that can hold readings, newest first, in growing pages; `span` is since, until and limit."""
    lowest, top = span[0] // MINUTE, (span[1] - 1) // MINUTE
    size = max(8, min(span[2] // 60 + 2, _MOST_MINUTES))
    new = [row[0] for row in await connection.fetch(_NEW_MINUTES, turbine_number)]
    while top >= lowest:
        rows = await connection.fetch(_MINUTES_WITH_READINGS, turbine_number, lowest, top, size)
        page = {row[0] for row in rows}
        bottom = min(page) if len(page) == size else lowest
        page.update(minute for minute in new if bottom <= minute <= top)
        in_order = sorted(page, reverse=True)
        for start in range(0, len(in_order), _MOST_MINUTES):
            yield in_order[start : start + _MOST_MINUTES]
        top, size = bottom - 1, min(size * 2, _MOST_MINUTES)
