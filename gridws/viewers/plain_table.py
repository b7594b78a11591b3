"""The fleet as plain lines, for scripts: columns of fixed width, no colour, and every turbine a line."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ..printable import printable
from .fleet_words import by_urgency, lasted, name_of, parts_of_totals, reading_of, whereabouts, who, words_of
from .mirror import Mirror

Row = tuple[str, ...]


def plain_lines(mirror: Mirror) -> Iterator[str]:
    """Yield the fleet as a table without colour: columns of fixed width, and every turbine a line."""
    now = mirror.monitor_now or 0
    if mirror.degraded:
        yield f"degraded: {printable(mirror.degraded)}"
    yield "".join(text for text, _ in parts_of_totals(mirror))
    yield ""
    turbines = by_urgency(mirror.shown.values(), len(mirror.shown))
    rows = [
        (
            str(state.turbine_number),
            name_of(state),
            words_of(state),
            lasted(now - state.since),
            *reading_of(state),
        )
        for state in turbines
    ]
    heading = ("turbine", "name", "state", "for", "wind m/s", "power kW")
    yield from _columns(*_without_names(heading, rows))
    yield ""
    yield from _columns(
        ("engineer", "state", "for"),
        [(who(each), whereabouts(each), lasted(now - each.since)) for each in mirror.engineers],
    )


def _without_names(heading: Row, rows: Sequence[Row]) -> tuple[Row, Sequence[Row]]:
    """Leave the second column out where nobody has a name."""
    if any(row[1] for row in rows):
        return heading, rows
    return (heading[0], *heading[2:]), [(row[0], *row[2:]) for row in rows]


def _columns(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    widths = [max(map(len, column)) for column in zip(titles, *rows, strict=True)]
    for row in (titles, *rows):
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
