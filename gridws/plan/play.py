"""One run of a model: the live dispatcher decides, event for event, in virtual time.

Rule 1: a turbine's lives and repairs come from streams of its own, in the order of its failures, so they are the same
however many engineers there are: pools are compared on the same misfortune. Rule 2: of what happens at one moment,
repairs end first, then shifts change, links are lost and made, holds and stops begin and end, turbines break. Rule 3: a
life pauses while there is no link, and while the turbine is stopped. Rule 4: time without a link counts as neither up
nor down, nor does time in which a turbine is held and not ok: that is planned.
"""

from __future__ import annotations

from bisect import bisect
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from heapq import heapify, heappop, heappush
from itertools import accumulate
from math import inf
from random import Random
from typing import Final, NamedTuple

from ..dispatch import (
    Assign,
    Connected,
    Disconnected,
    Dispatcher,
    DispatchEvent,
    Held,
    HoldEnded,
    RosterChanged,
    StatusReported,
    check,
)
from ..moments import Moment
from ..words import OperationalStatus
from .laws import stream
from .model import Model

REPAIRED, CHANGES, LOST, BACK, HELD, FREED, STOPS, GOES_ON, BREAKS = range(9)

Failures = Iterator[tuple[float, float]]
"""Of one turbine, without end: how long it lives, and how long its repair then takes, in s."""


class Interruption(NamedTuple):
    """From when to when (s) a turbine has no link (`LOST`), is `HELD`, or stands still since it is held (`STOPS`).

    Two of one kind neither overlap nor touch.
    """

    begin: float
    end: float
    kind: int


Interruptions = Callable[[int], Sequence[Interruption]]
"""Those of one turbine."""

_OK: Final = OperationalStatus.ok
_BROKEN: Final = OperationalStatus.broken


@dataclass(slots=True)
class Played:
    """What came of a run, of its counted time; times in s, of all turbines or engineers together."""

    seconds: float
    turbines: int
    rostered: float
    down: float = 0.0
    planned: float = 0.0
    unknown: float = 0.0
    waited: float = 0.0
    worked: float = 0.0
    overtime: float = 0.0
    failures: int = 0
    repaired: int = 0
    still_waiting: int = 0
    waits: list[float] = field(default_factory=list)

    @property
    def availability(self) -> float:
        """The share of time in which turbines were ok, of the time in which that was known, and not planned."""
        known = self.seconds * self.turbines - self.unknown - self.planned
        return 1 - self.down / known if known > 0 else 1.0


def drawn_failures(model: Model, seed: int, replication: int, turbine: int) -> Failures:
    """Yield a turbine's failures, from the streams of its own."""
    lives = stream(seed, replication, turbine, "life")
    repairs = stream(seed, replication, turbine, "repair")
    if len(model.causes) == 1:
        cause = model.causes[0]
        life, repair = cause.life.draw(), cause.repair.draw()
        if cause.drawn_once:
            once = repair(repairs)
            repair = lambda _chance: once  # noqa: E731 - one way to go on for both
        while True:
            yield life(lives), repair(repairs)
    yield from _competing(model, lives, repairs)


def _competing(model: Model, lives: Random, repairs: Random) -> Failures:
    bounds = list(accumulate(1 / cause.life.mean for cause in model.causes))
    draws = [cause.repair.draw() for cause in model.causes]
    mean = model.mean_life
    while True:
        draw = draws[bisect(bounds, repairs.random() * bounds[-1])]
        yield lives.expovariate(1 / mean), draw(repairs)


def uninterrupted(_number: int) -> Sequence[Interruption]:
    """Return no interruption of any turbine."""
    return ()


def play(
    model: Model,
    engineers: int,
    failures_of: Callable[[int], Failures],
    *,
    interruptions_of: Interruptions = uninterrupted,
    check_every: int = 0,
) -> Played:
    """Return what came of one run; the dispatcher's invariants are checked every so many events, 0: never."""
    return _Run(model, engineers, failures_of, interruptions_of, check_every).result()


@dataclass(slots=True)
class _Turbine:
    """One turbine of a run; `due` is when it breaks or is repaired, and an event ahead for another moment is void.

    All before `since` is counted. `waited` is how long it has waited for an engineer, None after one came.
    """

    number: int
    session: int
    failures: Failures
    repair: float = 0.0
    due: float = inf
    life_left: float = 0.0
    is_broken: bool = False
    has_engineer: bool = False
    is_lost: bool = False
    is_held: bool = False
    is_stopped: bool = False
    waited: float | None = 0.0
    since: float = 0.0


class _Run:
    def __init__(
        self,
        model: Model,
        engineers: int,
        failures_of: Callable[[int], Failures],
        interruptions_of: Interruptions,
        check_every: int,
    ) -> None:
        self._model = model
        self._engineers = engineers
        self._from, self._until = model.warm_up, model.warm_up + model.horizon
        self._check_every = check_every
        self._events = 0
        shift = model.shift
        on = shift is None or shift.is_on(0.0)
        self._dispatcher = Dispatcher(engineers if on else 0, repair_timeout=inf, place_kept_for=inf)
        self._turbines = {n: _Turbine(n, n, failures_of(n)) for n in range(1, model.turbines + 1)}
        self._last_session = model.turbines
        self._ahead: list[tuple[float, int, int]] = []
        for number in self._turbines:
            for begin, end, kind in interruptions_of(number):
                self._ahead += [(begin, kind, number), (end, kind + 1, number)]
        rostered = model.horizon
        if shift is not None:
            rostered = shift.rostered(self._until) - shift.rostered(self._from)
        self._played = Played(model.horizon, model.turbines, engineers * rostered)

    def result(self) -> Played:
        self._begin()
        ahead, until, turbines = self._ahead, self._until, self._turbines
        steps = {
            REPAIRED: self._repaired,
            BREAKS: self._breaks,
            LOST: self._lost,
            BACK: self._back,
            HELD: self._held,
            FREED: self._freed,
            STOPS: self._stops,
            GOES_ON: self._goes_on,
        }
        while ahead and ahead[0][0] < until:
            at, kind, number = heappop(ahead)
            if kind == CHANGES:
                self._change_shift(at)
                continue
            turbine = turbines[number]
            if kind not in {REPAIRED, BREAKS} or turbine.due == at:
                self._count(turbine, at)
                steps[kind](turbine, at)
        self._end()
        return self._played

    def _begin(self) -> None:
        now = Moment(0.0, 0)
        for number, turbine in self._turbines.items():
            self._dispatcher.tell(Connected(number, number), now)
            self._dispatcher.tell(StatusReported(number, number, _OK), now)
            turbine.due, turbine.repair = next(turbine.failures)
            self._ahead.append((turbine.due, BREAKS, number))
        if self._model.shift is not None:
            self._ahead.append((self._model.shift.next_change(0.0), CHANGES, 0))
        heapify(self._ahead)

    def _tell(self, event: DispatchEvent, at: float) -> None:
        for command in self._dispatcher.tell(event, Moment(at, int(at * 1000))):
            if type(command) is Assign:
                self._assign(self._turbines[command.assignment.turbine_number], at)
        self._events += 1
        if self._check_every and not self._events % self._check_every:
            check(self._dispatcher)

    def _assign(self, turbine: _Turbine, at: float) -> None:
        self._count(turbine, at)
        turbine.has_engineer = True
        turbine.due = at + self._model.travel + turbine.repair
        heappush(self._ahead, (turbine.due, REPAIRED, turbine.number))
        if turbine.waited is not None and at >= self._from:
            self._played.waits.append(turbine.waited)
        turbine.waited = None

    def _breaks(self, turbine: _Turbine, at: float) -> None:
        turbine.is_broken, turbine.due, turbine.waited = True, inf, 0.0
        self._played.failures += at >= self._from
        self._tell(StatusReported(turbine.number, turbine.session, _BROKEN), at)

    def _repaired(self, turbine: _Turbine, at: float) -> None:
        self._played.repaired += at >= self._from
        turbine.is_broken = turbine.has_engineer = False
        life, turbine.repair = next(turbine.failures)
        turbine.due = at + life
        heappush(self._ahead, (turbine.due, BREAKS, turbine.number))
        self._tell(StatusReported(turbine.number, turbine.session, _OK), at)

    def _lost(self, turbine: _Turbine, at: float) -> None:
        self._pause(turbine, at)
        turbine.is_lost = True
        self._tell(Disconnected(turbine.number, turbine.session), at)

    def _back(self, turbine: _Turbine, at: float) -> None:
        turbine.is_lost = False
        self._last_session += 1
        turbine.session = self._last_session
        self._go_on(turbine, at)
        self._tell(Connected(turbine.number, turbine.session), at)
        self._tell(StatusReported(turbine.number, turbine.session, _BROKEN if turbine.is_broken else _OK), at)

    def _held(self, turbine: _Turbine, at: float) -> None:
        if turbine.is_broken:
            self._pause(turbine, at)
        turbine.is_held = True
        self._tell(Held(turbine.number, until=None), at)

    def _freed(self, turbine: _Turbine, at: float) -> None:
        turbine.is_held = False
        self._tell(HoldEnded(turbine.number), at)

    def _stops(self, turbine: _Turbine, at: float) -> None:
        if not turbine.is_broken:
            self._pause(turbine, at)
        turbine.is_stopped = True

    def _goes_on(self, turbine: _Turbine, at: float) -> None:
        turbine.is_stopped = False
        self._go_on(turbine, at)

    def _pause(self, turbine: _Turbine, at: float) -> None:
        """Let a life go on later, and whoever is at work leave."""
        if not turbine.is_broken and turbine.due < inf:
            turbine.life_left = turbine.due - at
        turbine.due, turbine.has_engineer = inf, False

    def _go_on(self, turbine: _Turbine, at: float) -> None:
        if not (turbine.is_broken or turbine.is_lost or turbine.is_stopped):
            turbine.due = at + turbine.life_left
            heappush(self._ahead, (turbine.due, BREAKS, turbine.number))

    def _change_shift(self, at: float) -> None:
        shift = self._model.shift
        if shift is not None:
            self._tell(RosterChanged(self._engineers if shift.is_on(at) else 0), at)
            heappush(self._ahead, (shift.next_change(at), CHANGES, 0))

    def _count(self, turbine: _Turbine, at: float) -> None:
        """Count how a turbine was since the last time, as far as that lies in the counted time."""
        since, turbine.since = turbine.since, at
        begin = max(self._from, since)
        length, played = at - begin, self._played
        if turbine.is_lost:
            played.unknown += max(0.0, length)
        elif turbine.is_stopped or (turbine.is_held and turbine.is_broken):
            played.planned += max(0.0, length)
        elif turbine.has_engineer:
            self._count_work(begin, at)
        elif turbine.is_broken:
            if turbine.waited is not None:
                turbine.waited += at - since
            played.down += max(0.0, length)
            played.waited += max(0.0, length)

    def _count_work(self, begin: float, at: float) -> None:
        if at <= begin:
            return
        self._played.down += at - begin
        self._played.worked += at - begin
        if self._model.shift is not None:
            within = self._model.shift.rostered(at) - self._model.shift.rostered(begin)
            self._played.overtime += at - begin - within

    def _end(self) -> None:
        for turbine in self._turbines.values():
            self._played.still_waiting += turbine.is_broken and not turbine.has_engineer
            self._count(turbine, self._until)
