"""What was collected in a range of time: each turbine, the fleet, each engineer. Pure: rows in, a report out.

Rows come turbine by turbine and are forgotten once they are tallied, so that memory holds the figures of
10,000 turbines and not their days.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from .kpis import Figures, Tally, figures, tally_repairs, tally_statuses
from .spans import Span
from .storage import Repair, StatusChange


class TurbineRows(NamedTuple):
    """What is known of one turbine: changes by time, assignments by id, and what it delivered in the range."""

    turbine_number: int
    statuses: Sequence[StatusChange]
    repairs: Sequence[Repair]
    energy_in_kwh: float


class Collected(NamedTuple):
    """Between which moments (ms) the database knows anything; nothing was collected yet where they are None."""

    since: int | None
    until: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineerFigures:
    """One engineer: repairs that ended in the range, assignments that began in it, and the share of it at work."""

    engineer_id: int
    repaired: int
    assignments: int
    at_work_in_seconds: float
    utilisation: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """The figures of a range, since ≤ t < until, in ms since 1970 UTC.

    `turbines` has the lowest availability first. `collected_since` and `collected_until` say between which
    moments of it the monitor wrote anything at all.
    """

    since: int
    until: int
    collected_since: int | None
    collected_until: int | None
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


def make_report(rows: Iterable[TurbineRows], span: Span, collected: Collected) -> Report:
    """Return the report of these turbines. What still goes on counts to the end of what was collected."""
    fleet, turbines, work = Tally(), list[Figures](), dict[int, _Work]()
    watched = _watched(span, collected)
    for row in rows:
        tally = Tally(energy_in_kwh=row.energy_in_kwh)
        tally_statuses(tally, _until_known(row.statuses, collected, span), span)
        tally_repairs(tally, row.repairs, span)
        _add_work(work, row.repairs, span, watched)
        fleet.add(tally)
        turbines.append(figures(row.turbine_number, tally))
    return Report(
        since=span.since,
        until=span.until,
        collected_since=watched.since if watched.length else None,
        collected_until=watched.until if watched.length else None,
        fleet=figures(None, fleet),
        turbines=sorted(turbines, key=_attention),
        turbines_left_out=0,
        engineers=[_engineer(number, work[number], watched) for number in sorted(work)],
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


def _engineer(engineer_id: int, work: _Work, watched: Span) -> EngineerFigures:
    return EngineerFigures(
        engineer_id=engineer_id,
        repaired=work.repaired,
        assignments=work.assignments,
        at_work_in_seconds=work.time / 1000,
        utilisation=work.time / watched.length if watched.length else None,
    )


def _attention(turbine: Figures) -> tuple[float, float, int]:
    """Sort by availability; those of which nothing is known come last, the longest unknown first among equals."""
    availability = 2.0 if turbine.availability is None else turbine.availability
    return availability, -turbine.unknown_in_seconds, turbine.turbine_number or 0
