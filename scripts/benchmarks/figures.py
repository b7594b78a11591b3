"""Figures, and tables of them: Markdown, printed line by line as they come, each with the machine it is of."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from .machine import machine, machine_in_words

COLUMNS: Final = {
    "what": "what",
    "links": "links",
    "rate": "frames/s",
    "ratio": "ratio",
    "cpu_us_a_frame": "µs a frame",
    "server_us_a_frame": "µs of the database",
    "cores": "cores",
    "kib_a_link": "KiB a link",
    "sent": "sent",
    "stored": "stored",
    "late_s": "late s",
    "round_trip_ms_50": "dispatch p50 ms",
    "round_trip_ms_99": "p99 ms",
    "bytes_on_disk_a_reading": "B a reading",
    "bytes_written_a_reading": "B written",
    "ms": "ms",
}
WIDEST: Final = 48


def columns(*names: str) -> dict[str, str]:
    """Return the titles of these columns, behind that of what a line is about."""
    return {name: COLUMNS[name] for name in ("what", *names)}


@dataclass(kw_only=True)
class Figure:
    """One line of a table; what a case does not measure is None."""

    what: str
    links: int | None = None
    rate: int | None = None
    ratio: float | None = None
    """To the first line of the same table, in what the table is about: the part that travels to other machines."""
    cpu_us_a_frame: float | None = None
    server_us_a_frame: float | None = None
    cores: float | None = None
    kib_a_link: float | None = None
    sent: int | None = None
    stored: int | None = None
    late_s: float | None = None
    """How far the load fell behind its pace at worst: above a tenth of a second the machine was too busy."""
    round_trip_ms_50: float | None = None
    round_trip_ms_99: float | None = None
    bytes_on_disk_a_reading: float | None = None
    bytes_written_a_reading: float | None = None
    ms: float | None = None

    def compare(self, first: Figure) -> None:
        """Note the ratio to the first one of a table: of the CPU of a frame, else of the time that it takes."""
        pairs = (
            (self.cpu_us_a_frame, first.cpu_us_a_frame),
            (self.ms, first.ms),
            (self.round_trip_ms_50, first.round_trip_ms_50),
        )
        self.ratio = next((round(mine / its, 2) for mine, its in pairs if mine and its), None)


def percentile(values: Sequence[float], share: float, *, scale: float = 1000) -> float | None:
    """Return the value below which this share of `values` lies, in milliseconds if they are seconds; None of none."""
    if not values:
        return None
    return round(sorted(values)[min(len(values) - 1, int(len(values) * share))] * scale, 2)


@dataclass(frozen=True)
class Group:
    """Figures that are compared with each other, and the columns that they fill."""

    run: Callable[[], Iterable[Figure]]
    titles: Mapping[str, str]


def cell(value: object) -> str:
    """Return a value as a table shows it."""
    if value is None:
        return ""
    return f"{value:,}" if isinstance(value, int | float) else str(value)


def row(titles: Mapping[str, str], values: Mapping[str, object], *, fill: str = " ") -> str:
    """Return one line of a table with these columns; the first one is of text and wide."""
    first, *others = titles
    cells = [f"{cell(values.get(first)):{fill}<{WIDEST}}"]
    cells += [f"{cell(values.get(name)):{fill}>{max(8, len(titles[name]))}}" for name in others]
    return "| " + " | ".join(cells) + " |"


def print_table(titles: Mapping[str, str], rows: Iterable[Mapping[str, object]]) -> list[dict[str, object]]:
    """Print the machine, the head and each row as soon as it is there; return the rows."""
    print(f"\n{machine_in_words()}\n\n{row(titles, titles)}\n{row(titles, {}, fill='-')}", flush=True)
    printed = []
    for values in rows:
        print(row(titles, values), flush=True)
        printed.append(dict(values))
    return printed


def print_group(group: Group) -> list[dict[str, object]]:
    """Print the figures of a group as they come; return them."""
    return print_table(group.titles, (vars(figure) for figure in group.run()))


def print_facts(about: str, facts: Mapping[str, object]) -> list[dict[str, object]]:
    """Print what there is to say of one run, a line each; return it as the one row of a table."""
    rows = (
        {"what": name, "value": value if isinstance(value, int | float) else str(value)}
        for name, value in facts.items()
    )
    print_table({"what": about, "value": "value"}, rows)
    return [dict(facts)]


def as_json(tables: Mapping[str, Sequence[Mapping[str, object]]]) -> str:
    """Return all tables by their names, and the machine that they are of."""
    full = {
        name: [{key: value for key, value in row.items() if value is not None} for row in rows]
        for name, rows in tables.items()
    }
    return json.dumps({"machine": machine(), "tables": full}, indent=2) + "\n"
