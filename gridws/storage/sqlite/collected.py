"""The rows of a report, turbine by turbine, from one moment of a database.

Rule 1: what is many rows is summed up, picked and sorted by SQLite, into temporary tables where need be, and
comes as one JSON value for some dozens of turbines: the interpreter lock is taken a few times for each, and
memory holds those few.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import fields
from itertools import groupby
from operator import itemgetter
from typing import Any, Final

from ...spans import Span
from ..days import DAY
from ..records import EVENTS_OF_HOLDS, KEPT_IN_MIND, SILENT_MONITOR, Collected, TurbineRows
from ..rows import Event, Repair, StatusChange, StatusDay
from .energy import Energy

_AT_A_TIME: Final = 64
"""Turbines asked for at once: a day of 64 that break every 15 s is 700,000 rows, a usual one a few hundred."""

_TOUCHED: Final = """
CREATE TEMP TABLE touched AS
SELECT * FROM main.repairs WHERE assigned_at < :until AND (:number IS NULL OR turbine_number = :number)
    AND id IN (SELECT id FROM main.repairs WHERE ended_at >= :since
        UNION ALL SELECT id FROM main.repairs WHERE ended_at IS NULL)
"""

# The tries before the range at failures that reach into it: a step back by the index for each of them.
_EARLIER: Final = """
INSERT INTO touched
WITH RECURSIVE earlier (id, turbine_number, broken_at) AS (
    SELECT min(id), turbine_number, broken_at FROM touched WHERE broken_at < :since
    GROUP BY turbine_number, broken_at
    UNION ALL
    SELECT previous.id, previous.turbine_number, previous.broken_at
    FROM earlier CROSS JOIN main.repairs previous ON previous.broken_at = earlier.broken_at AND previous.id = (
        SELECT max(id) FROM main.repairs r WHERE r.turbine_number = earlier.turbine_number AND r.id < earlier.id)
)
SELECT * FROM main.repairs WHERE id IN (SELECT id FROM earlier) AND id NOT IN (SELECT id FROM touched)
"""

_NUMBERS: Final = """
SELECT json_group_array(turbine_number) FROM (
    SELECT turbine_number FROM turbines WHERE last_seen_at > coalesce(forgotten_at, 0) AND (
        last_seen_at >= :since OR held_since IS NOT NULL
        OR turbine_number IN (SELECT turbine_number FROM touched))
    UNION SELECT turbine_number FROM fresh_energy WHERE turbine_number NOT IN (
        SELECT turbine_number FROM turbines WHERE last_seen_at <= forgotten_at)
) WHERE :number IS NULL OR turbine_number = :number
"""

_STATUSES: Final = """
SELECT json_group_array(json_array(turbine_number, at, operational_status, power_output_in_kwh, id)) FROM (
    SELECT s.* FROM json_each(:numbers) n CROSS JOIN statuses s ON s.id IN (
        (SELECT id FROM statuses WHERE turbine_number = n.value AND at < :since
            ORDER BY at DESC, id DESC LIMIT 1),
        (SELECT id FROM statuses WHERE turbine_number = n.value AND at < :since
            AND operational_status IS NOT NULL ORDER BY at DESC, id DESC LIMIT 1))
    UNION ALL
    SELECT s.* FROM json_each(:numbers) n CROSS JOIN statuses s
        ON s.turbine_number = n.value AND s.at >= :since AND s.at < :until
)
"""

_REPAIRS: Final = """
SELECT json_group_array(json_array(
    t.turbine_number, t.id, t.engineer_id, t.broken_at, t.assigned_at, t.ended_at, t.outcome))
FROM json_each(:numbers) n CROSS JOIN touched t ON t.turbine_number = n.value
"""


# The days that begin in the range, and the last one before it.
_DAYS: Final = f"""
SELECT json_group_array(json_array({", ".join(each.name for each in fields(StatusDay))})) FROM (
    SELECT d.* FROM json_each(:numbers) n CROSS JOIN status_days d ON d.turbine_number = n.value
    WHERE d.day * {DAY} < :until AND d.day >= coalesce((
        SELECT max(day) FROM status_days WHERE turbine_number = n.value AND day * {DAY} < :since), 0)
    ORDER BY d.turbine_number, d.day
)
"""

_EVENTS: Final = f"""
SELECT json_group_array(json_array({", ".join(Event._fields)})) FROM (
    SELECT e.* FROM json_each(:numbers) n CROSS JOIN events e ON e.turbine_number = n.value
    WHERE e.at < :until AND e.kind IN ({", ".join(f"'{kind}'" for kind in EVENTS_OF_HOLDS)})
    ORDER BY e.at, e.id
)
"""


def collected(connection: sqlite3.Connection, *, now: int) -> Collected:
    """Return between which moments the database knows anything: to `now` while a monitor is at it."""
    first = connection.execute("SELECT connected_at FROM links ORDER BY id LIMIT 1").fetchone()
    meta = dict(connection.execute("SELECT key, value FROM meta"))
    committed_at = meta.get("committed_at")
    since = meta.get("collected_since", first[0] if first else None)
    if since is None or committed_at is None:
        return Collected(None, None)
    is_running = meta.get("clean") == 0 and now - committed_at <= SILENT_MONITOR
    return Collected(since, now if is_running else committed_at, meta.get("minutes_kept_since", 0))


def turbine_rows(
    connection: sqlite3.Connection, span: Span, turbine_number: int | None = None
) -> Iterator[TurbineRows]:
    """Yield what is known of each turbine, by number; of one only, where it is given."""
    which = {**span._asdict(), "number": turbine_number}
    energy = Energy(connection, span)
    _pick_repairs(connection, which)
    shown = which | {"since": span.since - KEPT_IN_MIND}
    numbers = sorted(_json(connection, _NUMBERS, shown))
    for start in range(0, len(numbers), _AT_A_TIME):
        some = numbers[start : start + _AT_A_TIME]
        yield from _rows(connection, {**which, "numbers": json.dumps(some)}, energy.of(some))


def _pick_repairs(connection: sqlite3.Connection, which: dict[str, Any]) -> None:
    connection.execute("DROP TABLE IF EXISTS temp.touched")
    connection.execute(_TOUCHED, which)
    connection.execute(_EARLIER, which)
    connection.execute("CREATE INDEX temp.touched_turbine ON touched (turbine_number, id)")


def _rows(
    connection: sqlite3.Connection, which: dict[str, Any], energy: dict[int, float]
) -> Iterator[TurbineRows]:
    statuses = _by_turbine(_json(connection, _STATUSES, which), itemgetter(0, 1, 4))
    repairs = _by_turbine(_json(connection, _REPAIRS, which), itemgetter(0, 1))
    events = [Event._make(row) for row in _json(connection, _EVENTS, which)]
    days = _by_turbine(_json(connection, _DAYS, which), itemgetter(0, 1))
    delivered = {number for number, each in energy.items() if each}
    for number in sorted({*statuses, *repairs, *delivered, *days}):
        changes = [StatusChange._make(row[:4]) for row in statuses.get(number, ())]
        tries = [Repair(row[1], number, *row[2:]) for row in repairs.get(number, ())]
        own = [event for event in events if event.turbine_number == number]
        summed_up = [StatusDay(*row) for row in days.get(number, ())]
        yield TurbineRows(number, changes, tries, energy.get(number, 0.0), own, summed_up)


def _by_turbine(
    rows: list[list[Any]], order: Callable[[list[Any]], tuple[int, ...]]
) -> dict[int, list[list[Any]]]:
    rows.sort(key=order)
    return {number: list(group) for number, group in groupby(rows, key=itemgetter(0))}


def _json(connection: sqlite3.Connection, sql: str, values: dict[str, Any]) -> list[Any]:
    rows: list[Any] = json.loads(connection.execute(sql, values).fetchone()[0])
    return rows
