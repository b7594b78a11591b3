"""What the tables take: one bad value must not fail the rows beside it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Final, TypeVar

Kind = int | None
"""Bits of a whole number, 0 for a fraction, None for text."""

INT: Final = 32
BIG: Final = 64
REAL: Final = 0
TEXT: Final = None

Row = TypeVar("Row", bound=Sequence[object])


def fits(value: object, kind: Kind = TEXT) -> bool:
    """Return whether a column of this kind takes the value: no NaN, no half of a character, nothing beyond its bits."""
    match value:
        case bool():
            return False
        case int() if kind:
            return -(1 << (kind - 1)) <= value < 1 << (kind - 1)
        case int() | float() if kind == REAL and kind is not None:
            return not math.isnan(value)
        case str() if kind is None:
            return "\0" not in value and (
                value.isascii() or not any("\ud800" <= letter <= "\udfff" for letter in value)
            )
    return False


def fitting(rows: Iterable[Row], kinds: Sequence[Kind], needed: int) -> list[Row]:
    """Return the rows that a table takes whose columns are of these kinds; NULL is none of the first `needed`."""
    return [row for row in rows if _fits(row, kinds, needed)]


def _fits(row: Sequence[object], kinds: Sequence[Kind], needed: int) -> bool:
    return all(
        place >= needed if value is None else fits(value, kind)
        for place, (value, kind) in enumerate(zip(row, kinds, strict=True))
    )


def columns(rows: Sequence[Sequence[object]], width: int) -> list[list[object]]:
    """Return the rows column by column, as `unnest` takes them."""
    return [[row[place] for row in rows] for place in range(width)]
