"""Tables as CSV: the tables' column names, times in UTC with ms, some hundred thousand rows a second.

A second is written out once; formatting each time by itself would take most of the time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from enum import StrEnum
from typing import BinaryIO, Final

from ..storage.records import COLUMNS, Table
from ..storage.rows import ReadingRow

_MOST_SECONDS: Final = 100_000

Rows = Sequence[tuple[int | float | str | None, ...]]
"""Rows of a table, in the order of its columns."""

WriteRows = Callable[[Rows], None]


class Times(StrEnum):
    """How times are written: ISO 8601, or as spreadsheets know them, with UTC in the heading."""

    iso = "iso"
    excel = "excel"


@contextmanager
def csv_writer(file: BinaryIO, table: Table, times: Times = Times.iso) -> Iterator[WriteRows]:
    """Give a function that writes rows of the table to the file, which has its heading then."""
    file.write(heading(table, times).encode())
    yield lambda rows: _write(file, lines(table, rows, times))
    file.flush()


def heading(table: Table, times: Times = Times.iso) -> str:
    """Return the first line: the columns' names."""
    zone = " (UTC)" if times is Times.excel else ""
    return ",".join(f"{name}{zone}" if _is_time(name) else name for name in COLUMNS[table]) + "\n"


def lines(table: Table, rows: Rows, times: Times = Times.iso) -> str:
    """Return a line for each row; NULL is an empty field."""
    if table is Table.metrics:
        return reading_lines(rows, times)  # type: ignore[arg-type]  # what rows of `metrics` are
    are_times = [_is_time(name) for name in COLUMNS[table]]
    return "".join([_line(row, are_times, times) for row in rows])


def reading_lines(rows: Sequence[ReadingRow], times: Times = Times.iso) -> str:
    """Return a line for each reading."""
    seconds, ms, texts = _SECONDS[times], _MILLISECONDS[times], _texts
    return "".join([
        f"{number},{seconds[at // 1000]}{ms[at % 1000]},{wind},{power},{texts[status]},"
        f"{seconds[received // 1000]}{ms[received % 1000]}\n"
        for number, at, wind, power, status, received in rows
    ])  # fmt: skip


class _Seconds(dict[int, str]):
    """The text of whole seconds, made when it is first asked for."""

    def __init__(self, form: str) -> None:
        super().__init__()
        self._form = form

    def __missing__(self, second: int) -> str:
        if len(self) > _MOST_SECONDS:
            self.clear()
        text = self[second] = datetime.fromtimestamp(second, UTC).strftime(self._form)
        return text


class _Texts(dict[str, str]):
    """Texts as CSV fields: the few there are come again and again."""

    def __missing__(self, text: str) -> str:
        field = text
        if any(mark in field for mark in ',"\r\n'):
            field = '"' + field.replace('"', '""') + '"'
        self[text] = field
        return field


_SECONDS: Final = {Times.iso: _Seconds("%Y-%m-%dT%H:%M:%S"), Times.excel: _Seconds("%Y-%m-%d %H:%M:%S")}
_MILLISECONDS: Final = {
    Times.iso: [f".{ms:03}Z" for ms in range(1000)],
    Times.excel: [f".{ms:03}" for ms in range(1000)],
}
_texts = _Texts()


def _write(file: BinaryIO, text: str) -> None:
    file.write(text.encode())


def _is_time(column: str) -> bool:
    return column.endswith("_at")


def _line(row: tuple[int | float | str | None, ...], are_times: list[bool], times: Times) -> str:
    fields = [
        _time(value, times) if is_time else _text(value)
        for value, is_time in zip(row, are_times, strict=True)
    ]
    return ",".join(fields) + "\n"


def _time(at: object, times: Times) -> str:
    return f"{_SECONDS[times][at // 1000]}{_MILLISECONDS[times][at % 1000]}" if isinstance(at, int) else ""


def _text(value: object) -> str:
    return _texts[value] if isinstance(value, str) else "" if value is None else str(value)
