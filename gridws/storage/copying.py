"""What a database holds, table by table, as it is copied from one kind of store into another.

Rows go in slices by key, each with what became of the copy so far, so that it can be gone on with. What was read is
counted and summed up column by column, for texts their lengths; what arrived has to come to the same.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Final, NamedTuple

from .days import LinkDay
from .rows import Event, LinkRow, Reading, Repair, StatusChange, StatusDay

Value = int | float | str | None
Row = Sequence[Any]
Total = int | float

TEXTS: Final = {
    *(
        "stream",
        "kind",
        "outcome",
        "reason",
        "operational_status",
        "name",
        "site",
        "text",
        "by",
        "held_reason",
    ),
    "held_by",
}
"""The columns, of whichever table, in which there are texts."""


class Kept(NamedTuple):
    """A table that every store has; its rows are read by `key`, which need not be among the `columns`."""

    name: str
    key: tuple[str, ...]
    columns: tuple[str, ...]


_SUMS: Final = tuple(f"{name}_{kind}" for name in ("wind", "power") for kind in ("sum", "min", "max"))

READINGS: Final = Kept("metrics", ("second", "turbine_number", "id"), Reading._fields)
KEPT: Final = (
    Kept("stream_names", ("id",), ("id", "turbine_number", "stream")),
    Kept("cursors", ("stream_id",), ("stream_id", "last_sequence")),
    Kept("engineers", ("engineer_id",), ("engineer_id", "name", "site")),
    Kept(
        "turbines",
        ("turbine_number",),
        (
            *("turbine_number", "last_seen_at", "measured_at", "wind_speed", "power_output_in_kwh"),
            *("operational_status", "received_at", "name", "site", "held_since", "held_until", "held_reason"),
            *("held_by", "forgotten_at", "erased_until"),
        ),
    ),
    Kept("events", ("id",), Event._fields),
    Kept("repairs", ("id",), Repair._fields),
    Kept("links", ("id",), LinkRow._fields),
    Kept("statuses", ("id",), ("id", *StatusChange._fields)),
    Kept("status_days", ("turbine_number", "day"), tuple(each.name for each in fields(StatusDay))),
    Kept("link_days", ("turbine_number", "day", "reason"), LinkDay._fields),
    Kept("fleet_minutes", ("minute",), ("minute", "turbines", "readings", "power", "energy_in_kwh")),
    Kept(
        "minutes",
        ("turbine_number", "minute"),
        ("turbine_number", "minute", "readings", "ok_readings", *_SUMS, "energy_in_kwh", "received_at"),
    ),
    READINGS,
)
"""All tables, the small ones first; what a store notes beside them about itself is its own."""


@dataclass(slots=True)
class Progress:
    """How far the copy of a table is: rows done of those expected, the last key, and the sums of the columns."""

    expected: int
    done: int = 0
    after: list[Value] | None = None
    sums: list[Total] = field(default_factory=list)

    def add(self, rows: Sequence[Row], after: Row) -> None:
        """Count these rows in, of which the last has this key."""
        sums = sums_of(rows)
        self.sums = (
            [before + more for before, more in zip(self.sums, sums, strict=True)] if self.sums else sums
        )
        self.done += len(rows)
        self.after = list(after)

    def as_text(self) -> str:
        """Return what `of_text` understands."""
        return json.dumps(asdict(self))

    @classmethod
    def of_text(cls, text: str) -> Progress:
        """Return the progress that was noted down so."""
        return cls(**json.loads(text))


def sums_of(rows: Sequence[Row]) -> list[Total]:
    """Return the sum of each column, NULL left out, and for texts the sum of their lengths."""
    return [_sum(column) for column in zip(*rows, strict=True)]


def is_same(one: Sequence[Total], other: Sequence[Total]) -> bool:
    """Return whether sums are the same; those of fractions depend a little on the order in which they are added."""
    return len(one) == len(other) and all(map(_is_close, one, other))


def _sum(column: Iterable[Value]) -> Total:
    return sum(len(value) if isinstance(value, str) else value for value in column if value is not None)


def _is_close(one: Total, other: Total) -> bool:
    if isinstance(one, int):
        return one == other
    return math.isclose(one, other, rel_tol=1e-9) or (math.isnan(one) and math.isnan(other))
