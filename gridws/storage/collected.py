"""The rows of a report, turbine by turbine, from one moment of a database.

Rule 1: what is many rows is summed up, picked and sorted by SQLite, into temporary tables where need be, and
comes as one JSON value for some dozens of turbines: the interpreter lock is taken a few times for each, and
memory holds those few. Rule 2: energy goes by whole minutes, those that begin in the range; it is in the
one-minute roll-ups, and for the last minute or two in the readings.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any, Final

from ..reporting import Collected, Report, TurbineRows, make_report
from ..spans import Span
from . import Repair, StatusChange
from .minute_tables import ENERGY_MISSED, missed
from .reader import open_reader

_MINUTE: Final = 60_000
_AT_A_TIME: Final = 64
"""Turbines asked for at once: a day of 64 that break every 15 s is 700,000 rows, a usual one a few hundred."""

_KEPT_IN_MIND: Final = 7 * 86_400_000
"""A turbine that gave its last sign of life this long (ms) before the range is not in the report."""

_SILENT_MONITOR: Final = 120_000
"""A monitor writes at least once a minute; twice that (ms) after its last commit it is taken for dead."""

_ASK_EVERY: Final = 1_000_000
"""Steps of SQLite, some 20 ms, between two looks at whether the report is still wanted."""

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
    SELECT turbine_number FROM turbines WHERE last_seen_at >= :since
    UNION SELECT turbine_number FROM fresh_energy UNION SELECT turbine_number FROM touched
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

# A sum for each turbine by itself: the same as one grouped query, in a third of the time.
_ENERGY: Final = """
SELECT json_group_array(json_array(n.value,
    (SELECT sum(energy_in_kwh) FROM minutes
        WHERE turbine_number = n.value AND minute >= :first_minute AND minute < :end_minute),
    (SELECT energy_in_kwh FROM fresh_energy WHERE turbine_number = n.value)))
FROM json_each(:numbers) n
"""


def read_report(
    path: Path,
    span: Span,
    *,
    now: int,
    turbine_number: int | None = None,
    given_up: Callable[[], bool] = lambda: False,
) -> Report:
    """Return the report of a range from the database at `path`; raise `StoreUnusable`, also when `given_up`."""
    with open_reader(path) as connection, _one_moment(connection):
        connection.set_progress_handler(given_up, _ASK_EVERY)
        rows = _until(given_up, turbine_rows(connection, span, turbine_number))
        return make_report(rows, span, collected(connection, now=now))


def _until(given_up: Callable[[], bool], rows: Iterator[TurbineRows]) -> Iterator[TurbineRows]:
    for row in rows:
        if given_up():
            raise sqlite3.OperationalError("interrupted")
        yield row


@contextmanager
def _one_moment(connection: sqlite3.Connection) -> Iterator[None]:
    """Have everything within see the same moment of the database; the log grows as long as this lasts."""
    connection.execute("BEGIN")
    try:
        yield
    finally:
        connection.rollback()


def collected(connection: sqlite3.Connection, *, now: int) -> Collected:
    """Return between which moments the database knows anything: to `now` while a monitor is at it."""
    first = connection.execute("SELECT connected_at FROM links ORDER BY id LIMIT 1").fetchone()
    meta = dict(connection.execute("SELECT key, value FROM meta"))
    committed_at = meta.get("committed_at")
    if first is None or committed_at is None:
        return Collected(None, None)
    is_running = meta.get("clean") == 0 and now - committed_at <= _SILENT_MONITOR
    return Collected(first[0], now if is_running else committed_at)


def turbine_rows(
    connection: sqlite3.Connection, span: Span, turbine_number: int | None = None
) -> Iterator[TurbineRows]:
    """Yield what is known of each turbine, by number; of one only, where it is given."""
    which = {**span._asdict(), "number": turbine_number}
    minutes = {"first_minute": -(-span.since // _MINUTE), "end_minute": -(-span.until // _MINUTE)}
    _pick(connection, which, minutes)
    shown = which | {"since": span.since - _KEPT_IN_MIND}
    numbers = sorted(_json(connection, _NUMBERS, shown))
    for start in range(0, len(numbers), _AT_A_TIME):
        some = numbers[start : start + _AT_A_TIME]
        yield from _rows(connection, {**which, **minutes, "numbers": json.dumps(some)})


def _pick(connection: sqlite3.Connection, which: dict[str, Any], minutes: dict[str, int]) -> None:
    connection.execute("DROP TABLE IF EXISTS temp.touched")
    connection.execute("DROP TABLE IF EXISTS temp.fresh_energy")
    connection.execute(_TOUCHED, which)
    connection.execute(_EARLIER, which)
    connection.execute("CREATE INDEX temp.touched_turbine ON touched (turbine_number, id)")
    connection.execute(
        "CREATE TEMP TABLE fresh_energy (turbine_number INTEGER PRIMARY KEY, energy_in_kwh REAL)"
    )
    meta = dict(connection.execute("SELECT key, value FROM meta"))
    if meta.get("unrolled_from", -1) >= 0:
        rest = missed(
            mark=meta["rolled_up_id"], end=meta["next_reading_id"], received_from=meta["unrolled_from"]
        )
        connection.execute(f"INSERT INTO fresh_energy {ENERGY_MISSED}", {**rest, **minutes})


def _rows(connection: sqlite3.Connection, which: dict[str, Any]) -> Iterator[TurbineRows]:
    statuses = _by_turbine(_json(connection, _STATUSES, which), itemgetter(0, 1, 4))
    repairs = _by_turbine(_json(connection, _REPAIRS, which), itemgetter(0, 1))
    for number, rolled_up, fresh in _json(connection, _ENERGY, which):
        changes = [StatusChange._make(row[:4]) for row in statuses.get(number, ())]
        tries = [Repair(row[1], number, *row[2:]) for row in repairs.get(number, ())]
        if changes or tries or rolled_up is not None or fresh is not None:
            yield TurbineRows(number, changes, tries, (rolled_up or 0.0) + (fresh or 0.0))


def _by_turbine(
    rows: list[list[Any]], order: Callable[[list[Any]], tuple[int, ...]]
) -> dict[int, list[list[Any]]]:
    rows.sort(key=order)
    return {number: list(group) for number, group in groupby(rows, key=itemgetter(0))}


def _json(connection: sqlite3.Connection, sql: str, values: dict[str, Any]) -> list[Any]:
    rows: list[Any] = json.loads(connection.execute(sql, values).fetchone()[0])
    return rows
