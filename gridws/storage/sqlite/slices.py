"""The rows of a table, slice by slice, for an export.

Rows come in slices by key, each with a moment of its own, so that the log of a database that is being written to
does not grow for as long as the export lasts. The whole is therefore not of one moment: a row that is committed
meanwhile with an earlier key is missing, a repair that ends meanwhile may be there as running.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from itertools import pairwise
from typing import Final

from ...spans import Span
from ..records import BEGIN_AND_END, COLUMNS, Slice, Table
from . import history

_ROWS: Final = 20_000
"""Rows of a slice: some 50 ms, and 10 MiB."""

_HOUR: Final = 3_600_000
_VALUES: Final = len(COLUMNS[Table.metrics])

_METRICS: Final = """
SELECT turbine_number, measured_at, wind_speed, power_output_in_kwh, operational_status, received_at, id, second
FROM metrics WHERE (second, turbine_number, id) > (?, ?, ?) AND second <= ? AND measured_at >= ? AND measured_at < ?
ORDER BY second, turbine_number, id LIMIT ?
"""

_BY_ID: Final = """
SELECT {columns} FROM {table} WHERE id > ? AND {begin} < ? AND ({end} IS NULL OR {end} >= ?)
    AND turbine_number = coalesce(?, turbine_number)
ORDER BY id LIMIT ?
"""


def slices(
    connection: sqlite3.Connection, table: Table, span: Span, turbine_number: int | None = None
) -> Iterator[Slice]:
    """Yield all rows of the range: readings by time, repairs and links that overlap it by id.

    A turbine's readings are looked up by its minutes, which is slower a row and much faster than reading all.
    """
    if table is not Table.metrics:
        yield from _by_id(connection, table, span, turbine_number)
    elif turbine_number is None:
        yield from _metrics(connection, span)
    else:
        yield from _metrics_of(connection, span, turbine_number)


def _metrics(connection: sqlite3.Connection, span: Span) -> Iterator[Slice]:
    (first,) = connection.execute(
        "SELECT min(second) FROM metrics WHERE second >= ?", (span.since // 1000,)
    ).fetchone()
    (last,) = connection.execute(
        "SELECT max(second) FROM metrics WHERE second <= ?", (span.until // 1000,)
    ).fetchone()
    if first is None or last is None:
        return
    key = (first, 0, 0)
    while True:
        rows = connection.execute(_METRICS, (*key, last, *span, _ROWS)).fetchall()
        if not rows:
            return
        *_, reading_id, second = rows[-1]
        key = (second, rows[-1][0], reading_id)
        yield Slice([row[:_VALUES] for row in rows], (second - first + 1) / (last - first + 1))


def _metrics_of(connection: sqlite3.Connection, span: Span, turbine_number: int) -> Iterator[Slice]:
    edges = _hours(connection, span, turbine_number)
    for place, (begin, end) in enumerate(pairwise(edges), start=1):
        found = history.readings(connection, turbine_number, begin, end, 2**62)
        connection.rollback()
        found.reverse()
        yield Slice(found, place / (len(edges) - 1))


def _hours(connection: sqlite3.Connection, span: Span, turbine_number: int) -> list[int]:
    """Return the edges of the hours with readings, within the range; what lies between hours is looked at too."""
    hours = connection.execute(
        "SELECT DISTINCT minute / 60 FROM minutes WHERE turbine_number = ?", (turbine_number,)
    )
    edges = {hour * _HOUR + more for (hour,) in hours for more in (0, _HOUR)}
    return [span.since, *sorted(edge for edge in edges if span.since < edge < span.until), span.until]


def _by_id(
    connection: sqlite3.Connection, table: Table, span: Span, turbine_number: int | None
) -> Iterator[Slice]:
    begin, end = BEGIN_AND_END[table]
    sql = _BY_ID.format(columns=", ".join(COLUMNS[table]), table=table.value, begin=begin, end=end)
    (last_id,) = connection.execute(f"SELECT max(id) FROM {table.value}").fetchone()
    key = -1
    while True:
        rows = connection.execute(sql, (key, span.until, span.since, turbine_number, _ROWS)).fetchall()
        if not rows:
            return
        key = rows[-1][0]
        yield Slice(rows, key / max(last_id, key, 1))
