"""A report as text: an aligned table for people, JSON and CSV for programs, and where each figure comes from."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import asdict, fields
from typing import Final

from ..printable import printable
from ..spans import local_time
from .kpis import Figures
from .reporting import EngineerFigures, Report

_NOTHING: Final = "—"
LONGEST_NAME: Final = 24
"""Characters of a name in the table: a longer one would push the figures out of the window."""
SHOWN: Final = 20
"""Turbines in the table unless all are asked for: those that need attention, and the rest of a small fleet."""

_TURBINE_HEAD: Final = (
    ("turbine", ""),
    ("name", ""),
    ("site", ""),
    ("avail.", "time"),
    ("avail.", "energy"),
    ("unknown", ""),
    ("planned", ""),
    ("kWh", ""),
    ("kWh", "lost"),
    ("broke", ""),
    ("MTBF", ""),
    ("repair", "mean"),
    ("waiting", "mean"),
    ("waiting", "95 %"),
    ("at work", "mean"),
)
"""The headings, in two lines; columns without one in the second have their word alone."""
_ENGINEER_HEAD: Final = ("engineer", "name", "site", "repaired", "assigned", "at work", "utilisation")

EXPLANATION: Final = """\
The range is since ≤ t < until. A state (ok, broken, at work) counts for the part of it in the range; one
that still goes on counts to the end of the range, to now, or, where the monitor died, to its last commit.
A turbine counts from its first word on; one that was silent since 7 days before the range is left out.
The fleet's figures are made from the sums of its turbines' times, energies and counts.

name           what people call it now, from the tables turbines and engineers; the column is there when
               anything has a name. With --site all figures are those of the turbines there.
site           where they say that it is, in the same way.
avail. time    availability by time = ok ÷ (ok + broken), from the table statuses. IEC 61400-26-1.
avail. energy  availability by energy = delivered ÷ (delivered + lost) = kWh ÷ (kWh + kWh lost). IEC
               61400-26-2. None where what was delivered is not known any more (minutes past their age).
unknown        time without a link, or without a word yet; it is in no other figure. IEC 61400-26-1 keeps
               such time apart as "information unavailable".
planned        time held (table events) in which the turbine was not ok; it is in no other figure, neither
               as broken nor as waiting. IEC 61400-26-1, scheduled maintenance and planned corrective
               action. The column is there when there was such time.
kWh            energy delivered = Σ power * time since the reading before, at most 60 s of it, as far as
               that time lies in the range. From the tables minutes and, near the edges, metrics; where
               these are past their age, by the share of a minute that lies in the range.
kWh lost       an estimate = Σ broken time * last output while ok, from statuses; nothing for a turbine that
               never was ok. (IEC 61400-26-1 estimates by wind and power curve, which the monitor lacks.)
broke          failures = changes to broken in the range, from statuses. Broken, link lost, still broken is
               one failure; one that breaks while it is held fails when it still is broken after that.
MTBF           operating time between failures = ok ÷ failures. IEC 60050-192, mean operating time between
               failures.
repair         mean time to repair = waiting + at work, of the failures whose repair ended in the range
               (table repairs, outcome repaired). Each of them counts whole, also for what lies before the
               range, with all its assignments (rows with the same broken_at). IEC 60050-192, mean time to
               restoration.
at work        mean of Σ (ended_at - assigned_at) of these failures: somebody was at the turbine.
waiting mean   mean of ended_at - broken_at less the time at work and the time held: nobody was.
waiting 95 %   95 % of these failures waited no longer (nearest rank). Those that still wait are not in it.

Assignments ended: those that ended in the range, by outcome (table repairs).
Engineers: repaired and assigned are repairs that ended and assignments that began in the range; at work is
their assignments' time, cut to the range; utilisation = at work ÷ time from the first link ever, or the
range's beginning, to the last commit, or its end.
"""


def as_json(report: Report) -> str:
    """Return the report as JSON; its fields are those of `/api/v1/report`."""
    return json.dumps(asdict(report), allow_nan=False)


def as_csv(report: Report, *, fleet: bool = True) -> str:
    """Return one row for each turbine, and first one for the `fleet`; repairs by outcome are in JSON only."""
    names = [field.name for field in fields(Figures) if field.name != "outcomes"]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(names)
    for row in _rows(report, report.turbines, fleet=fleet):
        values = [getattr(row, name) for name in names]
        writer.writerow(["fleet" if row.turbine_number is None else row.turbine_number, *values[1:]])
    return text.getvalue()


def as_table(report: Report, *, database: str, everything: bool = False, fleet: bool = True) -> str:
    """Return the report for people; of a large fleet the `SHOWN` turbines that need attention.

    Without `fleet` its line is left out: that of the only turbine that was asked for says the same.
    """
    shown = report.turbines if everything else report.turbines[:SHOWN]
    parts = [_head(report, database)]
    rows = [_turbine(row) for row in _rows(report, shown, fleet=fleet)]
    parts.append(_aligned(_without_empty([*zip(*_TURBINE_HEAD, strict=True), *rows], heads=2)))
    if len(shown) < len(report.turbines):
        more = len(report.turbines) - len(shown)
        parts.append(f"… and {more} more turbines, none with a lower availability; --all shows them.")
    if report.engineers:
        engineers = [_ENGINEER_HEAD, *map(_engineer, report.engineers)]
        parts.append("\n" + _aligned(_without_empty(engineers, heads=1)))
    outcomes = ", ".join(f"{name} {count}" for name, count in report.fleet.outcomes.items())
    parts.append(
        f"\nassignments ended: {outcomes or _NOTHING}; broken at the end: {report.fleet.broken_at_end}"
    )
    return "\n".join(parts) + "\n"


def _without_empty(rows: Sequence[Sequence[str]], *, heads: int) -> Sequence[Sequence[str]]:
    """Leave out the columns that have nothing below their `heads`: names where nobody has one, time held."""
    columns = [place for place in range(len(rows[0])) if any(row[place] for row in rows[heads:])]
    return [[row[place] for place in columns] for row in rows]


def _rows(report: Report, turbines: Sequence[Figures], *, fleet: bool) -> Sequence[Figures]:
    return (report.fleet, *turbines) if fleet else turbines


def _head(report: Report, database: str) -> str:
    lines = [f"{local_time(report.since)} to {local_time(report.until)}, local time; database {database}"]
    if report.collected_since is None or report.collected_until is None:
        lines.append("Nothing was collected in this time.")
    else:
        if report.collected_since > report.since:
            lines.append(f"Collected since {local_time(report.collected_since)}.")
        if report.collected_until < report.until:
            lines.append(f"No monitor wrote anything after {local_time(report.collected_until)}.")
        if (report.energy_since or 0) > report.collected_since:
            lines.append(f"What was delivered is known since {local_time(report.energy_since or 0)}.")
    return "\n".join(lines) + "\n"


def _turbine(row: Figures) -> Sequence[str]:
    return (
        "fleet" if row.turbine_number is None else str(row.turbine_number),
        _name(row.name),
        _name(row.site),
        _share(row.availability),
        _share(row.availability_by_energy),
        _duration(row.unknown_in_seconds),
        _duration(row.planned_in_seconds) if row.planned_in_seconds else "",
        f"{row.energy_in_kwh:.1f}",
        f"{row.lost_energy_in_kwh:.1f}",
        str(row.failures),
        _duration(row.mtbf_in_seconds),
        _duration(row.mean_time_to_repair_in_seconds),
        _duration(row.mean_waiting_in_seconds),
        _duration(row.waiting_95th_percentile_in_seconds),
        _duration(row.mean_repairing_in_seconds),
    )


def _engineer(row: EngineerFigures) -> Sequence[str]:
    return (
        str(row.engineer_id),
        _name(row.name),
        _name(row.site),
        str(row.repaired),
        str(row.assignments),
        _duration(row.at_work_in_seconds),
        _share(row.utilisation),
    )


def _name(name: str | None) -> str:
    return printable(name or "", longest=LONGEST_NAME)


def _aligned(rows: Sequence[Sequence[str]]) -> str:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in rows
    )


def _share(value: float | None) -> str:
    # Rounded down: what was not quite always there is not 100 %.
    return _NOTHING if value is None else f"{int(value * 10_000) / 100:.2f} %"


def _duration(seconds: float | None) -> str:
    if seconds is None:
        return _NOTHING
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes}m {rest:02}s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours}h {minutes:02}m" if hours < 24 else f"{hours // 24}d {hours % 24:02}h"
