"""What a record tells of lives and repairs, and a fleet drawn from it. Times are in seconds.

Rules, each found on recordings of which the outcome was known:
1. A life is counted in operating time: it pauses while the link is lost, and ends when the turbine is known broken.
   What is played again are lives, never calendar moments, which hold the waiting for engineers of that time.
2. A turbine's first life began before anybody looked. It is left out, unless there are fewer than `ENOUGH` others.
3. The life that still goes on is censored (E. L. Kaplan, P. Meier, Nonparametric estimation from incomplete
   observations, J. Am. Stat. Assoc. 53 (1958) 457-481). Below `ENOUGH` complete lives nothing but their rate is known.
4. Several tries at one breakdown are one repair, as long as the try that ended it; one that was given up tells nothing.
5. Link outages and holds come where they were: nobody repairs then, and the next engineer starts anew. Held and not ok
   is planned: no failure, and no part of a life; a turbine that is still broken after that has failed.
6. Each run draws turbines with replacement, each with its own repairs: a fleet is one sample of what it might be.
7. How many engineers there were is what is played with; when there were none at all, as at night, there are none.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import accumulate, pairwise
from random import Random
from typing import Final, NamedTuple

from ..spans import Span
from ..storage.holds import PLANNED, held_spans, pieces
from ..storage.records import TurbineRows
from ..storage.rows import Event, StatusChange
from ..words import OperationalStatus, Outcome
from .intervals import poisson_interval
from .laws import stream
from .model import RecordedShifts
from .play import HELD, LOST, STOPS, Failures, Interruption

ENOUGH: Final = 30
"""Complete lives from which their law can be told."""


class Life(NamedTuple):
    """How long a turbine ran: until it broke, or at least so long; `first` where its beginning was not seen."""

    seconds: float
    complete: bool
    first: bool


@dataclass(slots=True)
class History:
    """One turbine, as recorded; `interruptions` are relative to the beginning of the range."""

    lives: list[Life] = field(default_factory=list)
    repairs: list[float] = field(default_factory=list)
    interruptions: list[Interruption] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Record:
    """A fleet as recorded over `seconds`; `shifts` where there were times without any engineer."""

    seconds: float
    turbines: list[History]
    shifts: RecordedShifts | None = None

    @property
    def lives(self) -> list[Life]:
        """All lives that count: without first ones, if there are enough others."""
        lives = [life for turbine in self.turbines for life in turbine.lives]
        seen = [life for life in lives if not life.first]
        return seen if sum(life.complete for life in seen) >= ENOUGH else lives

    @property
    def repairs(self) -> list[float]:
        """How long each repair took, waiting left out."""
        return [seconds for turbine in self.turbines for seconds in turbine.repairs]


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimates:
    """What was learned from a record: the mean time between failures with an interval of 95 %, and the mean repair.

    Times are in s, null where no failure or repair was seen.
    """

    mtbf_in_seconds: float | None
    mtbf_low_in_seconds: float
    mtbf_high_in_seconds: float | None
    repair_mean_in_seconds: float | None
    complete_lives: int
    censored_lives: int

    @property
    def lives(self) -> int:
        """How many lives anything is known of."""
        return self.complete_lives + self.censored_lives


def estimate(record: Record) -> Estimates:
    """Return the mean time between failures, with its exact interval, and the mean repair."""
    lives, repairs = record.lives, record.repairs
    exposure, count = sum(life.seconds for life in lives), sum(life.complete for life in lives)
    low, high = poisson_interval(count)
    return Estimates(
        mtbf_in_seconds=exposure / count if count else None,
        mtbf_low_in_seconds=exposure / high,
        mtbf_high_in_seconds=exposure / low if low else None,
        repair_mean_in_seconds=sum(repairs) / len(repairs) if repairs else None,
        complete_lives=count,
        censored_lives=len(lives) - count,
    )


def recorded(rows: Iterable[TurbineRows], span: Span, until: int, roster: Sequence[Event] = ()) -> Record:
    """Return the record of these turbines in a range that is known up to `until` (ms UTC).

    `roster` has the changes of the roster by time, those before the range as well.
    """
    seen = span.cut(span.since, until)
    turbines = [_history(row, seen) for row in rows]
    return Record(
        seen.length / 1000, [each for each in turbines if each.lives or each.repairs], _shifts(roster, seen)
    )


def _shifts(roster: Sequence[Event], span: Span) -> RecordedShifts | None:
    """Return when somebody was on the roster, None where somebody always was, or nobody ever."""
    edges = [(event.at, event.engineers) for event in roster if event.at < span.until]
    nobody = (
        (max(0, at - span.since) / 1000, (end - span.since) / 1000)
        for (at, engineers), (end, _) in pairwise([*edges, (span.until, None)])
        if engineers == 0 and end > span.since
    )
    without = tuple(_joined(nobody))
    shifts = RecordedShifts(span.length / 1000, without)
    return shifts if without and shifts.share > 0 else None


def _joined(times: Iterable[tuple[float, float]]) -> Iterator[tuple[float, float]]:
    """Yield times in their order, those that touch as one, and none without length."""
    before: tuple[float, float] | None = None
    for begin, end in times:
        if begin >= end:
            continue
        if before is not None and begin <= before[1]:
            before = (before[0], end)
            continue
        if before is not None:
            yield before
        before = (begin, end)
    if before is not None:
        yield before


def _history(row: TurbineRows, span: Span) -> History:
    history = History(repairs=_repairs(row))
    running, first, was = 0.0, True, None
    lost: list[tuple[float, float]] = []
    stopped: list[tuple[float, float]] = []
    held = held_spans(row.events)
    for begin, end, state in _pieces(row.statuses, span, held):
        if state is None or state == PLANNED:
            (lost if state is None else stopped).append(_seconds(Span(begin, end), span))
            continue
        if state == OperationalStatus.broken and was != OperationalStatus.broken and (was or running):
            history.lives.append(Life(running, complete=True, first=first))
        if state == OperationalStatus.broken:
            running, first = 0.0, False
        else:
            running += (end - begin) / 1000
        was = state
    if running:
        history.lives.append(Life(running, complete=False, first=first))
    holds = [_seconds(each.cut(*span), span) for each in held if each.cut(*span).length]
    for kind, times in ((LOST, lost), (HELD, holds), (STOPS, stopped)):
        history.interruptions += [Interruption(begin, end, kind) for begin, end in _joined(times)]
    return history


def _seconds(part: Span, span: Span) -> tuple[float, float]:
    """Return a part of the range in s from its beginning."""
    return (part.since - span.since) / 1000, (part.until - span.since) / 1000


def _pieces(
    statuses: Sequence[StatusChange], span: Span, held: Sequence[Span]
) -> Iterator[tuple[int, int, str | None]]:
    """Yield from when to when (ms) a turbine was known to be how, or `PLANNED`; None without a link."""
    before = max(statuses[0].at, span.since) if statuses else span.until
    if before > span.since:
        yield span.since, before, None
    for state, at, end, _ in pieces(statuses, span.until, held):
        part = Span(at, end).cut(*span)
        if part.length:
            yield part.since, part.until, state


def _repairs(row: TurbineRows) -> list[float]:
    return [
        (repair.ended_at - repair.assigned_at) / 1000
        for repair in row.repairs
        if repair.ended_at is not None and repair.outcome == Outcome.repaired
    ]


class Fleet:
    """A fleet drawn from a record for one run: its turbines, how they live, and how long their repairs take."""

    def __init__(self, record: Record, seed: int, replication: int, turbines: int) -> None:
        chance = stream(seed, replication, "fleet")
        self._seed, self._replication = seed, replication
        self._all_repairs = record.repairs
        self._members = [chance.choice(record.turbines) for _ in range(turbines)]
        drawn = Record(record.seconds, self._members)
        enough = sum(life.complete for life in record.lives) >= ENOUGH
        self._survival = Survival(drawn.lives if enough else record.lives, chance, known=enough)

    def failures_of(self, number: int) -> Failures:
        """Yield the failures of a turbine, from 1 on, from streams of its own."""
        lives = stream(self._seed, self._replication, number, "life")
        repairs = stream(self._seed, self._replication, number, "repair")
        durations = self._members[number - 1].repairs or self._all_repairs
        while True:
            yield self._survival.draw(lives), repairs.choice(durations)

    def interruptions_of(self, number: int) -> list[Interruption]:
        """Return from when to when (s) a turbine has no link, or is held."""
        return self._members[number - 1].interruptions


class Survival:
    """How long lives last: as they were seen, beyond what was seen by their rate; by the rate alone if not `known`."""

    def __init__(self, lives: Sequence[Life], chance: Random, *, known: bool) -> None:
        complete = sum(life.complete for life in lives)
        exposure = sum(life.seconds for life in lives)
        # By so few failures the rate is known roughly, which each run draws anew (a gamma distribution).
        events = complete if known and complete else chance.gammavariate(complete + 0.5, 1.0)
        self._mean = exposure / events
        self._ends, self._died = _kaplan_meier(lives) if known else ([], [])

    def draw(self, chance: Random) -> float:
        """Return the length of a life."""
        share = chance.random()
        place = bisect_right(self._died, share)
        if place < len(self._ends):
            return self._ends[place]
        return (self._ends[-1] if self._ends else 0.0) + chance.expovariate(1 / self._mean)


def _kaplan_meier(lives: Sequence[Life]) -> tuple[list[float], list[float]]:
    """Return at which ages turbines broke, and which share of all had broken up to then, that age included."""
    ordered = sorted(lives, key=lambda life: (life.seconds, not life.complete))
    survive = accumulate(
        (1 - life.complete / (len(ordered) - place) for place, life in enumerate(ordered)),
        lambda share, step: share * step,
    )
    steps = [(life.seconds, 1 - share) for life, share in zip(ordered, survive, strict=True) if life.complete]
    return [seconds for seconds, _ in steps], [share for _, share in steps]
