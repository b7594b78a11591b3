"""What was collected in a range of time: each turbine, the fleet, each engineer. Pure: rows in, a report out.

Rows come turbine by turbine and are forgotten once they are tallied, so that memory holds the figures of
10,000 turbines and not their days.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ..spans import Span
from ..storage.holds import held_spans
from ..storage.records import Collected, Records, TurbineRows
from ..storage.rows import NAMELESS, Name, Names, Repair, StatusChange
from .kpis import Figures, Tally, figures, tally_days, tally_repairs, tally_statuses


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineerFigures:
    """One engineer: repairs that ended in the range, assignments that began in it, and the share of it at work.

    `name` and `site` are what people call them now, and where they are.
    """

    engineer_id: int
    repaired: int
    assignments: int
    at_work_in_seconds: float
    utilisation: float | None
    name: str | None = None
    site: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """The figures of a range, since ≤ t < until, in ms since 1970 UTC.

    `turbines` has the lowest availability first. `collected_since` and `collected_until` say between which
    moments of it the monitor wrote anything at all, `energy_since` from when on what was delivered is still known.
    """

    since: int
    until: int
    collected_since: int | None
    collected_until: int | None
    energy_since: int | None
    fleet: Figures
    turbines: list[Figures]
    turbines_left_out: int
    engineers: list[EngineerFigures]


class _Work:
    """One engineer's work while it is added up, in ms."""

    def __init__(self) -> None:
        self.repaired = 0
        self.assignments = 0
        self.time = 0


def report_of(
    records: Records, span: Span, *, now: int, turbine_number: int | None = None, site: str | None = None
) -> Report:
    """Return the report of what was collected in a range, of one turbine or one site only where it is given."""
    names = records.names()
    collected, rows = records.report_rows(span, now=now, turbine_number=turbine_number)
    if site is not None:
        here = {number for number, name in names.turbines.items() if name.site == site}
        rows = (row for row in rows if row.turbine_number in here)
    return make_report(rows, span, collected, names)


def make_report(
    rows: Iterable[TurbineRows], span: Span, collected: Collected, names: Names | None = None
) -> Report:
    """Return the report of these turbines. What still goes on counts to the end of what was collected."""
    turbine_names, engineer_names = names or Names({}, {})
    fleet, turbines, work = Tally(), list[Figures](), dict[int, _Work]()
    watched = _watched(span, collected)
    is_energy_known = collected.energy_since <= watched.since
    for row in rows:
        tally = Tally(energy_in_kwh=row.energy_in_kwh)
        held = held_spans(row.events)
        was_broken = tally_days(tally, row.days, span)
        tally_statuses(tally, _until_known(row.statuses, collected, span), span, held, was_broken=was_broken)
        if not row.statuses and row.days:
            tally.broken_at_end += row.days[-1].broken_at_end
        tally_repairs(tally, row.repairs, span, held)
        _add_work(work, row.repairs, span, watched)
        fleet.add(tally)
        name = turbine_names.get(row.turbine_number, NAMELESS)
        turbines.append(figures(row.turbine_number, tally, name, is_energy_known=is_energy_known))
    return Report(
        since=span.since,
        until=span.until,
        collected_since=watched.since if watched.length else None,
        collected_until=watched.until if watched.length else None,
        energy_since=max(watched.since, collected.energy_since) if watched.length else None,
        fleet=figures(None, fleet, is_energy_known=is_energy_known),
        turbines=sorted(turbines, key=_attention),
        turbines_left_out=0,
        engineers=[
            _engineer(number, engineer_names.get(number, NAMELESS), work[number], watched)
            for number in sorted(work)
        ],
    )


def _watched(span: Span, collected: Collected) -> Span:
    if collected.since is None or collected.until is None:
        return Span(span.since, span.since)
    return span.cut(collected.since, collected.until)


def _until_known(
    statuses: Sequence[StatusChange], collected: Collected, span: Span
) -> Sequence[StatusChange]:
    """End what a monitor that died left open where it wrote for the last time."""
    if not statuses or collected.until is None or collected.until >= span.until:
        return statuses
    last = statuses[-1]
    if last.operational_status is None:
        return statuses
    ended = last._replace(at=max(last.at, collected.until), operational_status=None)
    return [*statuses, ended]


def _add_work(work: dict[int, _Work], repairs: Sequence[Repair], span: Span, watched: Span) -> None:
    for row in repairs:
        end = watched.until if row.ended_at is None else row.ended_at
        if not span.holds(end) and watched.cut(row.assigned_at, end).length <= 0:
            continue  # an earlier try at a failure that was repaired in the range
        here = work.setdefault(row.engineer_id, _Work())
        here.repaired += row.outcome == "repaired" and span.holds(end)
        here.assignments += span.holds(row.assigned_at)
        here.time += watched.cut(row.assigned_at, end).length


def _engineer(engineer_id: int, name: Name, work: _Work, watched: Span) -> EngineerFigures:
    return EngineerFigures(
        engineer_id=engineer_id,
        repaired=work.repaired,
        assignments=work.assignments,
        at_work_in_seconds=work.time / 1000,
        utilisation=work.time / watched.length if watched.length else None,
        name=name.name,
        site=name.site,
    )


def _attention(turbine: Figures) -> tuple[float, float, int]:
    """Sort by availability; those of which nothing is known come last, the longest unknown first among equals."""
    availability = 2.0 if turbine.availability is None else turbine.availability
    return availability, -turbine.unknown_in_seconds, turbine.turbine_number or 0
