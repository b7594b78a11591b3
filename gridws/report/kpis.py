"""The figures of wind turbines: pure, rows in, figures out.

Rule 1: a `Tally` holds only what adds up; the fleet's is the sum of the turbines', and every mean, share and
percentile is made from a tally at the end. Rule 2: time is ok, broken, planned or unknown. Unknown (no link, or no
word yet) is in no share, as IEC 61400-26-1 keeps "information unavailable" apart; neither is planned: held, and not
ok meanwhile. Rule 3: a state counts for the part of it that lies in the range; what ends in the range (a repair)
counts whole.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from math import ceil
from typing import Final

from ..spans import Span
from ..storage.days import DAY
from ..storage.holds import PLANNED, pieces, time_held
from ..storage.rows import NAMELESS, Name, Repair, StatusChange, StatusDay
from ..words import OperationalStatus, Outcome

_MS_PER_HOUR: Final = 3_600_000


@dataclass(slots=True)
class Tally:
    """What adds up, of one turbine or of many; times in ms.

    `waits` has one entry for each failure whose repair ended in the range: how long nobody worked on it who could.
    """

    ok: int = 0
    broken: int = 0
    planned: int = 0
    unknown: int = 0
    energy_in_kwh: float = 0.0
    lost_energy_in_kwh: float = 0.0
    failures: int = 0
    broken_at_end: int = 0
    repairing: int = 0
    waits: list[int] = field(default_factory=list)
    outcomes: Counter[str] = field(default_factory=Counter)

    def add(self, other: Tally) -> None:
        """Add another turbine's."""
        self.ok += other.ok
        self.broken += other.broken
        self.planned += other.planned
        self.unknown += other.unknown
        self.energy_in_kwh += other.energy_in_kwh
        self.lost_energy_in_kwh += other.lost_energy_in_kwh
        self.failures += other.failures
        self.broken_at_end += other.broken_at_end
        self.repairing += other.repairing
        self.waits += other.waits
        self.outcomes.update(other.outcomes)


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """The figures of one turbine, or of the fleet (`turbine_number` is null); null where there is nothing to divide.

    `name` and `site` are what people call it now, and where it is.

    `gridws report --explain` has the formula of each.
    """

    turbine_number: int | None
    availability: float | None
    availability_by_energy: float | None
    ok_in_seconds: float
    broken_in_seconds: float
    planned_in_seconds: float
    unknown_in_seconds: float
    energy_in_kwh: float
    lost_energy_in_kwh: float
    failures: int
    broken_at_end: int
    mtbf_in_seconds: float | None
    repaired: int
    mean_time_to_repair_in_seconds: float | None
    mean_waiting_in_seconds: float | None
    mean_repairing_in_seconds: float | None
    waiting_95th_percentile_in_seconds: float | None
    outcomes: dict[str, int]
    name: str | None = None
    site: str | None = None


def figures(
    turbine_number: int | None, tally: Tally, name: Name = NAMELESS, *, is_energy_known: bool = True
) -> Figures:
    """Return the figures that a tally comes to; where some energy is not known any more, no share is made of it."""
    repaired, waiting = len(tally.waits), sum(tally.waits)
    energy = max(0.0, tally.energy_in_kwh + tally.lost_energy_in_kwh)
    return Figures(
        turbine_number=turbine_number,
        availability=_ratio(tally.ok, tally.ok + tally.broken),
        availability_by_energy=_ratio(tally.energy_in_kwh, energy) if is_energy_known else None,
        ok_in_seconds=tally.ok / 1000,
        broken_in_seconds=tally.broken / 1000,
        planned_in_seconds=tally.planned / 1000,
        unknown_in_seconds=tally.unknown / 1000,
        energy_in_kwh=tally.energy_in_kwh,
        lost_energy_in_kwh=tally.lost_energy_in_kwh,
        failures=tally.failures,
        broken_at_end=tally.broken_at_end,
        mtbf_in_seconds=_ratio(tally.ok / 1000, tally.failures),
        repaired=repaired,
        mean_time_to_repair_in_seconds=_ratio((waiting + tally.repairing) / 1000, repaired),
        mean_waiting_in_seconds=_ratio(waiting / 1000, repaired),
        mean_repairing_in_seconds=_ratio(tally.repairing / 1000, repaired),
        waiting_95th_percentile_in_seconds=percentile(tally.waits, 95),
        outcomes=dict(sorted(tally.outcomes.items())),
        name=name.name,
        site=name.site,
    )


def percentile(values: Iterable[int], percent: int) -> float | None:
    """Return the nearest-rank percentile of times in ms, in seconds: the least that `percent` % do not exceed."""
    in_order = sorted(values)
    if not in_order:
        return None
    return in_order[ceil(percent * len(in_order) / 100) - 1] / 1000


def tally_days(tally: Tally, days: Sequence[StatusDay], span: Span) -> bool:
    """Tally the days that begin in the range, each whole; return whether a failure goes on behind them."""
    for day in days:
        if span.holds(day.day * DAY):
            tally.ok += day.ok_in_ms
            tally.broken += day.broken_in_ms
            tally.planned += day.held_in_ms
            tally.unknown += day.unknown_in_ms
            tally.lost_energy_in_kwh += day.lost_energy_in_kwh
            tally.failures += day.failures
    return bool(days and days[-1].is_failing)


def tally_statuses(
    tally: Tally,
    changes: Sequence[StatusChange],
    span: Span,
    held: Sequence[Span] = (),
    *,
    was_broken: bool = False,
) -> None:
    """Tally one turbine's changes, in the order of time, all before the end of the range; `held` are its holds.

    Those before its beginning say what held when it began. A failure is a change to broken; broken, link lost,
    still broken is one. A turbine that breaks while it is held fails when it still is broken after that. `was_broken`
    is how they began where sums are all that is left of the time before.
    """
    for state, at, end, power in pieces(changes, span.until, held):
        length = end - max(span.since, at)
        if length > 0:
            _tally_time(tally, state, power, length)
        if state == OperationalStatus.broken and not was_broken and at >= span.since:
            tally.failures += 1
        if state not in {None, PLANNED}:
            was_broken = state == OperationalStatus.broken
    if changes and changes[-1].operational_status == OperationalStatus.broken:
        tally.broken_at_end += 1


def _tally_time(tally: Tally, state: str | None, power: float | None, length: int) -> None:
    if state == OperationalStatus.ok:
        tally.ok += length
    elif state == OperationalStatus.broken:
        tally.broken += length
        tally.lost_energy_in_kwh += (power or 0.0) * length / _MS_PER_HOUR
    elif state == PLANNED:
        tally.planned += length
    else:
        tally.unknown += length


def tally_repairs(tally: Tally, repairs: Sequence[Repair], span: Span, held: Sequence[Span] = ()) -> None:
    """Tally one turbine's assignments by id, with all earlier ones of a failure whose repair ended in the range.

    Assignments with the same `broken_at` are tries at one failure.
    """
    for tries in _failures(repairs):
        _tally_failure(tally, [row for row in tries if row.ended_at is not None], span, held)


def _failures(repairs: Sequence[Repair]) -> Iterator[list[Repair]]:
    tries: list[Repair] = []
    for row in repairs:
        if tries and (tries[-1].broken_at != row.broken_at or tries[-1].outcome == Outcome.repaired):
            yield tries
            tries = []
        tries.append(row)
    yield tries


def _tally_failure(tally: Tally, tries: list[Repair], span: Span, held: Sequence[Span]) -> None:
    tally.outcomes.update(row.outcome or "" for row in tries if span.holds(row.ended_at or 0))
    last = tries[-1] if tries else None
    if last is None or last.outcome != Outcome.repaired or not span.holds(last.ended_at or 0):
        return
    repairing = sum((row.ended_at or 0) - row.assigned_at for row in tries)
    tally.repairing += repairing
    planned = time_held(held, last.broken_at, last.ended_at or 0)
    # A wall clock that was set back in between could make this negative.
    tally.waits.append(max(0, (last.ended_at or 0) - last.broken_at - planned - repairing))


def _ratio(part: float, whole: float) -> float | None:
    return part / whole if whole else None
