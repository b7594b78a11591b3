"""What is read back: readings, repairs, minutes and status changes.

Rule 1: each query has a connection of its own that cannot write, and sees one moment. Rule 2: all rows of an
answer come at once, as one JSON value or, where they are many and numbers alone, packed; row by row, a thread
beside a busy event loop gets 1,000 rows a second. Rule 3: `metrics` is in the order of time, so one turbine's
readings are found through its minutes: each second of a minute that has readings is probed. What no minute
holds yet is a few minutes around the last commits, and stray readings by their index.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator
from typing import Any, Final

from pydantic_core import from_json

from ..rows import Event, FleetMinute, Minute, Reading, Repair, StatusChange
from .packed import Query, fetch_reversed
from .schema import IS_STRAY, STRAY_AFTER

_MINUTE: Final = 60_000
_MOST_MINUTES: Final = 512
"""Minutes probed by one statement: 30,000 probes, some 30 ms."""

_PROBED: Final = """
SELECT turbine_number, measured_at, wind_speed, power_output_in_kwh, operational_status, received_at, id FROM metrics
WHERE turbine_number = ? AND second IN (SELECT value FROM json_each(?))
    AND measured_at >= ? AND measured_at < ?
ORDER BY measured_at DESC, id DESC LIMIT ?
"""

# SQLite's own JSON rounds to 15 digits. 17 are exact for numbers of a usual size; others come row by row.
_PROBED_AS_JSON: Final = f"""
SELECT json_group_array(json_array(measured_at, printf('%!.17g', wind_speed),
        printf('%!.17g', power_output_in_kwh), operational_status, received_at, id)),
    coalesce(min(wind_speed = 0 OR abs(wind_speed) BETWEEN 1e-8 AND 1e14), 1)
    AND coalesce(min(power_output_in_kwh = 0 OR abs(power_output_in_kwh) BETWEEN 1e-8 AND 1e14), 1)
FROM ({_PROBED})
"""

_META: Final = "SELECT json_group_object(key, value) FROM meta"

_MINUTES_WITH_READINGS: Final = """
SELECT json_group_array(minute) FROM (
    SELECT minute FROM minutes
    WHERE turbine_number = ? AND minute >= ? AND minute <= ? AND received_at >= ? ORDER BY minute DESC LIMIT ?)
"""

_NEW_STRAYS: Final = f"""
SELECT json_group_array(DISTINCT measured_at / {_MINUTE}) FROM metrics INDEXED BY metrics_stray
WHERE {IS_STRAY} AND received_at >= ? AND turbine_number = ?
"""

_MINUTES: Final = Query(
    whole=("minute", "readings", "ok_readings"),
    real=(
        "wind_sum / readings",
        "wind_min",
        "wind_max",
        "power_sum / readings",
        "power_min",
        "power_max",
        "energy_in_kwh",
    ),
    source="FROM minutes WHERE turbine_number = ? AND minute >= ? AND minute < ? ORDER BY minute DESC",
)

_FLEET_MINUTES: Final = Query(
    whole=("minute", "turbines", "readings"),
    real=("power", "energy_in_kwh"),
    source="FROM fleet_minutes WHERE minute >= ? AND minute < ? ORDER BY minute DESC",
)

_REPAIRS: Final = (
    "SELECT id, turbine_number, engineer_id, broken_at, assigned_at, ended_at, outcome FROM repairs"
)
_NOT_OVER: Final = "(ended_at >= ? OR ended_at IS NULL)"
_FEW_OF_ALL: Final = 10_000
"""Repairs that are looked up by their end, 5 ms, before all of one turbine are gone through instead."""
_MORE_SINCE: Final = "SELECT 1 FROM repairs WHERE ended_at >= ? LIMIT 1 OFFSET ?"
_RUNNING_SINCE: Final = """
id IN (SELECT id FROM repairs WHERE ended_at >= ? UNION ALL SELECT id FROM repairs WHERE ended_at IS NULL)
"""

_EVENTS: Final = f"SELECT {', '.join(Event._fields)} FROM events WHERE at >= ? AND at < ?"


def readings(
    connection: sqlite3.Connection, turbine_number: int, since: int, until: int, limit: int
) -> list[Reading]:
    """Return readings with since ≤ measured_at < until, the newest and the last received first."""
    if limit <= 0 or until <= max(since, 0):
        return []
    connection.execute("BEGIN")
    found: list[Reading] = []
    for minutes in _pages_of_minutes(connection, turbine_number, (max(since, 0), until, limit)):
        found += _probe(connection, turbine_number, minutes, (since, until, limit - len(found)))
        if len(found) >= limit:
            break
    return found


def repairs(
    connection: sqlite3.Connection, turbine_number: int | None, since: int, limit: int
) -> list[Repair]:
    """Return assignments that were running at or after `since`, newest first."""
    conditions, values = ["true"], list[int]()
    if turbine_number is not None:
        conditions.append("turbine_number = ?")
        values.append(turbine_number)
    if since > 0:
        # Few are looked up by their end; where there are more, the way back by id meets as many as asked for soon.
        few = limit if turbine_number is None else max(limit, _FEW_OF_ALL)
        are_many = connection.execute(_MORE_SINCE, (since, few)).fetchone() is not None
        conditions.append(_NOT_OVER if are_many else _RUNNING_SINCE)
        values.append(since)
    sql = f"{_REPAIRS} WHERE {' AND '.join(conditions)} ORDER BY id DESC LIMIT ?"
    return [Repair(*row) for row in _fetch(connection, sql, *values, max(limit, 0))]


def events(
    connection: sqlite3.Connection, turbine_number: int | None, span: tuple[int, int], limit: int
) -> list[Event]:
    """Return events with since ≤ at < until, newest first; `span` is since and until."""
    of_one = "" if turbine_number is None else " AND turbine_number = ?"
    sql = f"{_EVENTS}{of_one} ORDER BY at DESC, id DESC LIMIT ?"
    which = span if turbine_number is None else (*span, turbine_number)
    return [Event(*row) for row in _fetch(connection, sql, *which, max(limit, 0))]


def minutes(connection: sqlite3.Connection, turbine_number: int, since: int, until: int) -> list[Minute]:
    """Return the turbine's minutes that begin at since ≤ at < until, oldest first."""
    rows = fetch_reversed(connection, _MINUTES, (turbine_number, *_minutes_between(since, until)))
    new = tuple.__new__  # a third of the time of `Minute(…)`, and a month is 43,200 of them
    return [
        new(Minute, (turbine_number, at * _MINUTE, count, ok, wind, least, most, power, low, high, energy))
        for at, count, ok, wind, least, most, power, low, high, energy in rows
    ]


def fleet_minutes(connection: sqlite3.Connection, since: int, until: int) -> list[FleetMinute]:
    """Return the fleet's minutes that begin at since ≤ at < until, oldest first."""
    rows = fetch_reversed(connection, _FLEET_MINUTES, _minutes_between(since, until))
    return [FleetMinute(at * _MINUTE, *rest) for at, *rest in rows]


def statuses(connection: sqlite3.Connection, since: int, until: int) -> list[StatusChange]:
    """Return status changes with since ≤ at < until, in the order they were written."""
    sql = """
        SELECT turbine_number, at, operational_status, power_output_in_kwh
        FROM statuses WHERE at >= ? AND at < ? ORDER BY id
    """
    return [StatusChange(*row) for row in _fetch(connection, sql, since, until)]


def _minutes_between(since: int, until: int) -> tuple[int, int]:
    """Return the first minute that begins in the range, and the first one that does not any more."""
    return -(-since // _MINUTE), -(-until // _MINUTE)


def _fetch(connection: sqlite3.Connection, sql: str, *values: object) -> list[list[Any]]:
    """Return all rows of a query at once; floats are rounded to 15 digits."""
    cursor = connection.execute(f"SELECT * FROM ({sql}) LIMIT 0", values)
    columns = ", ".join(f'"{column[0]}"' for column in cursor.description)
    (text,) = connection.execute(
        f"SELECT json_group_array(json_array({columns})) FROM ({sql})", values
    ).fetchone()
    # The standard library's parser takes four times as long.
    rows: list[list[Any]] = from_json(text)
    return rows


def _pages_of_minutes(
    connection: sqlite3.Connection, turbine_number: int, span: tuple[int, int, int]
) -> Iterator[list[int]]:
    """Yield the minutes that can hold readings, newest first, in growing pages; `span` is since, until and limit."""
    meta: dict[str, int] = _json(connection, _META)
    lowest, top = span[0] // _MINUTE, (span[1] - 1) // _MINUTE
    # With a reading a second all come at once; each further page lets go of the interpreter lock twice.
    size = max(8, min(span[2] // 60 + 2, _MOST_MINUTES))
    new = {minute for minute in _new_minutes(connection, turbine_number, meta) if lowest <= minute <= top}
    while top >= lowest:
        values = (turbine_number, lowest, top, meta.get("purged_before", 0), size)
        page = set(_json(connection, _MINUTES_WITH_READINGS, *values))
        bottom = min(page) if len(page) == size else lowest
        page |= {minute for minute in new if bottom <= minute <= top}
        in_order = sorted(page, reverse=True)
        for start in range(0, len(in_order), _MOST_MINUTES):
            yield in_order[start : start + _MOST_MINUTES]
        top, size = bottom - 1, min(size * 2, _MOST_MINUTES)


def _new_minutes(connection: sqlite3.Connection, turbine_number: int, meta: dict[str, int]) -> Iterable[int]:
    """Return the minutes of readings that are not rolled up yet; some of them may hold none."""
    received_from, received_until = meta.get("unrolled_from", -1), meta.get("unrolled_until", -1)
    if received_from < 0:
        return ()
    near = range(
        max(0, received_from - STRAY_AFTER) // _MINUTE, (received_until + STRAY_AFTER) // _MINUTE + 1
    )
    return (*near, *_json(connection, _NEW_STRAYS, received_from, turbine_number))


def _json(connection: sqlite3.Connection, sql: str, *values: object) -> Any:
    return from_json(connection.execute(sql, values).fetchone()[0])


def _probe(
    connection: sqlite3.Connection, turbine_number: int, minutes: list[int], span: tuple[int, int, int]
) -> list[Reading]:
    """Return the turbine's readings in these minutes; `span` is since, until and limit."""
    seconds = json.dumps([second for minute in minutes for second in range(minute * 60, minute * 60 + 60)])
    values = (turbine_number, seconds, *span)
    text, exact = connection.execute(_PROBED_AS_JSON, values).fetchone()
    if not exact:
        return [Reading(*row[:6]) for row in connection.execute(_PROBED, values)]
    rows = sorted(json.loads(text), key=lambda row: (row[0], row[5]), reverse=True)
    return [Reading(turbine_number, row[0], float(row[1]), float(row[2]), row[3], row[4]) for row in rows]
