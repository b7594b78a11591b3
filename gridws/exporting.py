"""Tables as CSV: the tables' column names, times as ISO 8601 UTC with ms, some hundred thousand rows a second.

Rule 1: rows come in slices by key, each with a moment of its own, so that the log of a database that is being
written to does not grow for as long as the export lasts. The whole is therefore not of one moment: a row that
is committed meanwhile with an earlier key is missing, a repair that ends meanwhile may be there as running.
Rule 2: a second is written out once; formatting each time by itself would take most of the time.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime
from enum import StrEnum
from itertools import pairwise
from typing import Final, NamedTuple

from .spans import Span
from .storage import Reading, history

_ROWS: Final = 20_000
"""Rows of a slice: some 50 ms, and 10 MiB."""

_HOUR: Final = 3_600_000
_MOST_SECONDS: Final = 100_000

_METRICS: Final = """
SELECT turbine_number, measured_at, wind_speed, power_output_in_kwh, operational_status, received_at, id, second
FROM metrics WHERE (second, turbine_number, id) > (?, ?, ?) AND second <= ? AND measured_at >= ? AND measured_at < ?
ORDER BY second, turbine_number, id LIMIT ?
"""

_BY_ID: Final = """
SELECT {columns} FROM {table} WHERE id > ? AND {begin} < ? AND ({end} IS NULL OR {end} >= ?)
    AND (?4 IS NULL OR turbine_number = ?4)
ORDER BY id LIMIT ?
"""


class Table(StrEnum):
    """What can be exported."""

    metrics = "metrics"
    repairs = "repairs"
    links = "links"


class Chunk(NamedTuple):
    """Some lines of CSV, how many rows they are, and which share of the whole is done with them."""

    text: str
    rows: int
    done: float


_COLUMNS: Final = {
    Table.metrics: Reading._fields,
    Table.repairs: (
        "id",
        "turbine_number",
        "engineer_id",
        "broken_at",
        "assigned_at",
        "ended_at",
        "outcome",
    ),
    Table.links: ("id", "turbine_number", "connected_at", "disconnected_at", "reason"),
}
_BEGIN_AND_END: Final = {
    Table.repairs: ("assigned_at", "ended_at"),
    Table.links: ("connected_at", "disconnected_at"),
}


def export(
    connection: sqlite3.Connection, table: Table, span: Span, turbine_number: int | None = None
) -> Iterator[Chunk]:
    """Yield the header and then all rows of the range: readings by time, repairs and links that overlap it by id.

    A turbine's readings are looked up by its minutes, which is slower a row and much faster than reading all.
    """
    yield Chunk(heading(table), 0, 0.0)
    if table is not Table.metrics:
        yield from _by_id(connection, table, span, turbine_number)
    elif turbine_number is None:
        yield from _metrics(connection, span)
    else:
        yield from _metrics_of(connection, span, turbine_number)


def heading(table: Table) -> str:
    """Return the first line: the columns' names."""
    return ",".join(_COLUMNS[table]) + "\n"


class _Seconds(dict[int, str]):
    """The ISO text of whole seconds, made when it is first asked for."""

    def __missing__(self, second: int) -> str:
        if len(self) > _MOST_SECONDS:
            self.clear()
        text = self[second] = datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S")
        return text


class _Texts(dict[str | None, str]):
    """Texts as CSV fields: the few there are come again and again, and NULL is an empty field."""

    def __missing__(self, text: str | None) -> str:
        field = text or ""
        if any(mark in field for mark in ',"\r\n'):
            field = '"' + field.replace('"', '""') + '"'
        self[text] = field
        return field


_seconds = _Seconds()
_texts = _Texts()
_MILLISECONDS: Final = [f".{ms:03}Z" for ms in range(1000)]


def _metrics(connection: sqlite3.Connection, span: Span) -> Iterator[Chunk]:
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
        second = rows[-1][7]
        key = (second, rows[-1][0], rows[-1][6])
        yield Chunk(reading_lines(rows), len(rows), (second - first + 1) / (last - first + 1))


def _metrics_of(connection: sqlite3.Connection, span: Span, turbine_number: int) -> Iterator[Chunk]:
    edges = _hours(connection, span, turbine_number)
    for place, (begin, end) in enumerate(pairwise(edges), start=1):
        found = history.readings(connection, turbine_number, begin, end, 2**62)
        connection.rollback()
        rows = [(*row, 0, 0) for row in reversed(found)]
        yield Chunk(reading_lines(rows), len(rows), place / (len(edges) - 1))


def _hours(connection: sqlite3.Connection, span: Span, turbine_number: int) -> list[int]:
    """Return the edges of the hours with readings, within the range; what lies between hours is looked at too."""
    hours = connection.execute(
        "SELECT DISTINCT minute / 60 FROM minutes WHERE turbine_number = ?", (turbine_number,)
    )
    edges = {hour * _HOUR + more for (hour,) in hours for more in (0, _HOUR)}
    return [span.since, *sorted(edge for edge in edges if span.since < edge < span.until), span.until]


def reading_lines(rows: list[tuple[int, int, float, float, str, int, int, int]]) -> str:
    """Return a line for each reading; what stands behind its own values, as in a query's row, is left out."""
    seconds, ms, texts = _seconds, _MILLISECONDS, _texts
    return "".join([
        f"{number},{seconds[at // 1000]}{ms[at % 1000]},{wind},{power},{texts[status]},"
        f"{seconds[received // 1000]}{ms[received % 1000]}\n"
        for number, at, wind, power, status, received, _, _ in rows
    ])  # fmt: skip


def _by_id(
    connection: sqlite3.Connection, table: Table, span: Span, turbine_number: int | None
) -> Iterator[Chunk]:
    columns = _COLUMNS[table]
    begin, end = _BEGIN_AND_END[table]
    sql = _BY_ID.format(columns=", ".join(columns), table=table.value, begin=begin, end=end)
    (last_id,) = connection.execute(f"SELECT max(id) FROM {table.value}").fetchone()  # noqa: S608 - an enum's word
    is_time = [name.endswith("_at") for name in columns]
    key = -1
    while True:
        rows = connection.execute(sql, (key, span.until, span.since, turbine_number, _ROWS)).fetchall()
        if not rows:
            return
        key = rows[-1][0]
        text = "".join([_line(row, is_time) for row in rows])
        yield Chunk(text, len(rows), key / max(last_id, key, 1))


def _line(row: tuple[int | str | None, ...], is_time: list[bool]) -> str:
    return ",".join([_field(value, as_time) for value, as_time in zip(row, is_time, strict=True)]) + "\n"


def _field(value: int | str | None, as_time: bool) -> str:  # noqa: FBT001 - inside of a loop
    if isinstance(value, int):
        return f"{_seconds[value // 1000]}{_MILLISECONDS[value % 1000]}" if as_time else str(value)
    return _texts[value]
