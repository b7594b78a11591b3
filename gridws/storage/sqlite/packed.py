"""Rows of numbers by the ten thousand, exact to the last bit, in two or three calls of SQLite.

Row by row, a thread beside a busy event loop gets 1,000 rows a second; as JSON, each float takes 0.4 µs to be
written and loses its last digits. So one statement copies the rows into a table in memory, and the pages of
that table are read as they are (https://www.sqlite.org/fileformat2.html, sections 1.6 and 2.1).

Rule 1: all cells are of one size, so that pages are unpacked without a look at any: every value takes 8 bytes,
a real number as it is, a whole one (below 2^32) with 2^62 added, and row ids begin where they take 4 bytes.
Rule 2: rows are only appended, so leaves are in the order of their numbers; within a page cells grow downward,
so the rows are found from the last to the first.
"""

from __future__ import annotations

import sqlite3
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain, islice
from typing import Any, Final

_PAGE: Final = 65_536
_LEAF: Final = 13
_PAGE_HEAD: Final = struct.Struct(">BxxHH")
"""What kind of page it is, how many cells it has, and where the last one of them begins."""

_FIRST_ROW: Final = 1 << 21
"""The first row id that takes 4 bytes; a row of nothing has it, and all others follow."""

_AS_WHOLE: Final = f"({{}}) + {1 << 62}"


@dataclass(frozen=True)
class Query:
    """A SELECT of `whole` and then `real` expressions, `source` being FROM and what follows.

    They are at most 14, and none of them is NULL.
    """

    whole: Sequence[str]
    real: Sequence[str]
    source: str

    @cached_property
    def sql(self) -> str:
        """Return the statement that copies the rows."""
        values = [_AS_WHOLE.format(value) for value in self.whole]
        return f"INSERT INTO packed.rows SELECT {', '.join([*values, *self.real])} {self.source}"

    @cached_property
    def table(self) -> str:
        """Return the statements that make the table and its row of nothing. Columns without a type keep reals."""
        names = [f"value{place}" for place in range(len(self.whole) + len(self.real))]
        nothing = [_AS_WHOLE.format(0)] * len(self.whole) + ["0.0"] * len(self.real)
        return f"""
            PRAGMA packed.page_size = {_PAGE};
            CREATE TABLE packed.rows ({", ".join(f"{name} NOT NULL" for name in names)});
            INSERT INTO packed.rows (rowid, {", ".join(names)}) VALUES ({_FIRST_ROW}, {", ".join(nothing)});
        """

    @cached_property
    def cell(self) -> struct.Struct:
        """Return how a row looks: sizes of row and head, row id, a byte for each value's type, the values."""
        head = 1 + 4 + 1 + len(self.whole) + len(self.real)
        return struct.Struct(f">{head}x{'4xI' * len(self.whole)}{len(self.real)}d")


def fetch_reversed(
    connection: sqlite3.Connection, query: Query, values: Sequence[object]
) -> Iterator[tuple[Any, ...]]:
    """Return the rows of the query, the last one first; the connection must not be in a transaction."""
    connection.execute("ATTACH ':memory:' AS packed")
    try:
        connection.executescript(query.table)
        count = connection.execute(query.sql, values).rowcount
        image = connection.serialize(name="packed")
    finally:
        connection.execute("DETACH packed")
    rows = chain.from_iterable(map(query.cell.iter_unpack, _cells(image, query.cell.size)))
    return islice(rows, count)  # behind them comes the row of nothing


def _cells(image: bytes, size: int) -> Iterator[memoryview]:
    """Yield the cells of each leaf, from the last page to the second; the first holds the schema."""
    view = memoryview(image)
    for page in range(len(image) - _PAGE, 0, -_PAGE):
        kind, count, begin = _PAGE_HEAD.unpack_from(image, page)
        if kind == _LEAF:
            assert begin + count * size == _PAGE, "a row of another size"  # noqa: S101 - see rule 1
            yield view[page + begin : page + _PAGE]
