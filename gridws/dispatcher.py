"""The dispatcher: which engineer goes to which turbine. Pure: events in, commands out.

It has no clock (every event comes with its moment), does no I/O and knows no randomness. An event that is
late or makes no sense changes nothing and is answered with no command.

Turbines. `dispatch_states` has the legal moves. A broken turbine has a place: a serial number, given when
the monitor learned that it broke, and a new one after `timed_out`. The lowest place that waits goes first.
Place, `broken_at` and the time that engineers spent there outlive lost links, and are forgotten together:
when the turbine is ok, or was offline for `place_kept_for`, or for longest of more than `MOST_AWAY`. Offline without a
place it is forgotten at once.

Sessions. Ids grow, and each is connected once. The newest link of a turbine wins, and only its session is
listened to. A session that ends ends its assignment in the same step; releases come before assigns.

Time. Durations are monotonic. Deadlines are acted on when `TimePassed` comes, so an `ok` that comes first
still counts. Stored times are wall clock, which may jump: broken_at ≤ assigned_at ≤ ended_at all the same.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterator
from operator import itemgetter
from typing import TypeVar

from .dispatch_events import (
    START,
    Assign,
    Assignment,
    Command,
    Connected,
    Disconnected,
    DispatchEvent,
    Engineer,
    Moment,
    Outcome,
    Release,
    RosterChanged,
    StatusReported,
    TimePassed,
)
from .dispatch_states import CAUSES, MOVES, OUTCOMES, Breakdown, Cause, State, Turbine
from .roster import Roster
from .settings import MOST_AWAY

__all__ = [
    "Assign",
    "Assignment",
    "Command",
    "Connected",
    "Disconnected",
    "DispatchEvent",
    "Dispatcher",
    "Engineer",
    "Moment",
    "Outcome",
    "Release",
    "RosterChanged",
    "StatusReported",
    "TimePassed",
    "check",
]


class Dispatcher:
    """The engineers and the turbines that want one.

    Times are in seconds. `last_assignment_id` is the highest id that was ever used; `started` is since when
    the first engineers count as free.
    """

    def __init__(
        self,
        engineer_count: int,
        *,
        repair_timeout: float,
        place_kept_for: float,
        last_assignment_id: int = 0,
        started: Moment = START,
    ) -> None:
        self._repair_timeout = repair_timeout
        self._place_kept_for = place_kept_for
        self.last_assignment_id = last_assignment_id
        self._last_place = 0
        self._roster = Roster(engineer_count, started)
        self._turbines: dict[int, Turbine] = {}
        self._breakdowns: dict[int, Breakdown] = {}
        self._assignments: dict[int, Assignment] = {}
        # Sorted: an event costs a binary search and a short move of memory.
        self._line: list[tuple[int, int]] = []  # (place, turbine) of those waiting
        self._repairs: list[tuple[float, int, int]] = []  # (until, assignment, turbine) of those assigned
        self._offline: list[tuple[float, int]] = []  # (until, turbine) of those offline

    def tell(self, event: DispatchEvent, now: Moment) -> list[Command]:
        """Take in what happened, return what is to be done, in this order; `now.seconds` never goes back."""
        return [*self._take_in(event, now), *self._assign(now)]

    def next_deadline(self) -> float | None:
        """Return the monotonic second at which `TimePassed` is wanted, None while nothing runs out."""
        if len(self._offline) > MOST_AWAY:
            return 0.0
        return min((entries[0][0] for entries in (self._repairs, self._offline) if entries), default=None)

    @property
    def engineer_count(self) -> int:
        """How many engineers there shall be; surplus ones at work are still on the roster."""
        return self._roster.engineer_count

    @property
    def free_count(self) -> int:
        """Engineers without work."""
        return self._roster.free_count

    @property
    def online_count(self) -> int:
        """Turbines with a live session."""
        return len(self._turbines) - len(self._offline)

    @property
    def broken_count(self) -> int:
        """Online turbines that last reported broken: those that wait and those under repair."""
        return len(self._line) + len(self._repairs)

    @property
    def waiting_count(self) -> int:
        """Online broken turbines without an engineer."""
        return len(self._line)

    def engineers(self) -> list[Engineer]:
        """Return the roster by id, those included who will leave when they finish."""
        return self._roster.engineers()

    def waiting(self) -> list[int]:
        """Return the numbers of the waiting turbines, the next one first."""
        return [number for _, number in self._line]

    def waiting_place(self, turbine_number: int) -> int | None:
        """Return the position among the waiting turbines, 1 for the next one; None when it does not wait."""
        turbine = self._turbines.get(turbine_number)
        if turbine is None or turbine.state is not State.waiting:
            return None
        return bisect_left(self._line, (self._breakdowns[turbine_number].place, turbine_number)) + 1

    def assignment_of(self, turbine_number: int) -> Assignment | None:
        """Return the running assignment of a turbine."""
        return self._assignments.get(turbine_number)

    def broken_at(self, turbine_number: int) -> int | None:
        """Return when the monitor learned that the turbine broke (ms UTC), also while it is offline."""
        breakdown = self._breakdowns.get(turbine_number)
        return breakdown.broken_at if breakdown else None

    def forgotten_at(self, now: Moment) -> list[int]:
        """Return the offline turbines whose places `TimePassed` will forget at this moment."""
        expired = bisect_right(self._offline, now.seconds, key=itemgetter(0))
        return [number for _, number in self._offline[: max(expired, len(self._offline) - MOST_AWAY)]]

    def _take_in(self, event: DispatchEvent, now: Moment) -> list[Release]:
        match event:
            case Connected():
                return self._connect(event, now)
            case StatusReported():
                return self._hear(event, CAUSES[event.operational_status], now)
            case Disconnected():
                return self._hear(event, Cause.disconnected, now)
            case RosterChanged():
                self._roster.change(event.engineer_count, now)
                return []
            case TimePassed():
                self._forget_places(now)
                return self._time_out(now)

    def _connect(self, event: Connected, now: Moment) -> list[Release]:
        turbine = self._turbines.get(event.turbine_number)
        if turbine is None:
            turbine = self._turbines[event.turbine_number] = Turbine(event.turbine_number, event.session_id)
        elif event.session_id <= turbine.session_id:
            return []
        turbine.session_id = event.session_id
        return self._move(turbine, Cause.connected, now)

    def _hear(self, event: StatusReported | Disconnected, cause: Cause, now: Moment) -> list[Release]:
        turbine = self._turbines.get(event.turbine_number)
        if turbine is None or turbine.session_id != event.session_id:
            return []
        return self._move(turbine, cause, now)

    def _forget_places(self, now: Moment) -> None:
        forgotten = self.forgotten_at(now)
        for number in forgotten:
            del self._turbines[number], self._breakdowns[number]
        del self._offline[: len(forgotten)]

    def _time_out(self, now: Moment) -> list[Release]:
        expired = bisect_right(self._repairs, now.seconds, key=itemgetter(0))
        turbines = [self._turbines[number] for _, _, number in self._repairs[:expired]]
        return [release for turbine in turbines for release in self._move(turbine, Cause.timed_out, now)]

    def _move(self, turbine: Turbine, cause: Cause, now: Moment) -> list[Release]:
        state = MOVES[turbine.state].get(cause)
        if state is None:
            return []
        released = self._leave(turbine, cause, now)
        turbine.state = state
        self._enter(turbine, now)
        return released

    def _leave(self, turbine: Turbine, cause: Cause, now: Moment) -> list[Release]:
        number = turbine.number
        if turbine.state is State.assigned:
            return [self._release(turbine, cause, now)]
        if turbine.state is State.waiting:
            _remove(self._line, (self._breakdowns[number].place, number))
        if turbine.state is State.offline and number in self._breakdowns:
            _remove(self._offline, (turbine.until, number))
        return []

    def _enter(self, turbine: Turbine, now: Moment) -> None:
        number = turbine.number
        if turbine.state is State.ok:
            self._breakdowns.pop(number, None)
        if turbine.state is State.waiting:
            if number not in self._breakdowns:
                self._breakdowns[number] = Breakdown(self._new_place(), now.at)
            insort(self._line, (self._breakdowns[number].place, number))
        if turbine.state is State.offline and number not in self._breakdowns:
            del self._turbines[number]
        elif turbine.state is State.offline:
            turbine.until = now.seconds + self._place_kept_for
            insort(self._offline, (turbine.until, number))

    def _new_place(self) -> int:
        self._last_place += 1
        return self._last_place

    def _release(self, turbine: Turbine, cause: Cause, now: Moment) -> Release:
        assignment, breakdown = self._assignments.pop(turbine.number), self._breakdowns[turbine.number]
        _remove(self._repairs, (turbine.until, assignment.id, turbine.number))
        breakdown.engineer_seconds += now.seconds - assignment.assigned_seconds
        if cause is Cause.timed_out:
            breakdown.place, breakdown.engineer_seconds = self._new_place(), 0.0
        self._roster.end(assignment, now)
        return Release(assignment, OUTCOMES[cause], max(now.at, assignment.assigned_at))

    def _assign(self, now: Moment) -> list[Assign]:
        served = self._line[: self._roster.free_count]
        del self._line[: len(served)]
        return [self._send_engineer(self._turbines[number], now) for _, number in served]

    def _send_engineer(self, turbine: Turbine, now: Moment) -> Assign:
        breakdown = self._breakdowns[turbine.number]
        self.last_assignment_id += 1
        assignment = Assignment(
            id=self.last_assignment_id,
            turbine_number=turbine.number,
            session_id=turbine.session_id,
            engineer_id=self._roster.next_free,
            broken_at=breakdown.broken_at,
            assigned_at=max(now.at, breakdown.broken_at),
            assigned_seconds=now.seconds,
        )
        turbine.state = State.assigned
        turbine.until = now.seconds + self._repair_timeout - breakdown.engineer_seconds
        insort(self._repairs, (turbine.until, assignment.id, turbine.number))
        self._assignments[turbine.number] = assignment
        self._roster.begin(assignment)
        return Assign(assignment)

    def invariants(self) -> Iterator[tuple[bool, str]]:
        """Yield whether each of the design's invariants holds, and what is wrong when it does not."""
        turbines, engineers, line = self._turbines, self.engineers(), self._line
        by_state = {state: {n: t for n, t in turbines.items() if t.state is state} for state in State}
        at_work = {e.assignment.turbine_number: e.assignment for e in engineers if e.assignment}
        places = {n: b.place for n, b in self._breakdowns.items()}
        waiting, offline, assigned = (by_state[s] for s in (State.waiting, State.offline, State.assigned))
        busy, roster = len(engineers) - self.free_count, max(self.engineer_count, len(at_work))
        yield len({e.engineer_id for e in engineers}) == len(engineers), "I1: an engineer is in two places"
        yield len(at_work) == busy, "I2: a turbine has two engineers"
        yield at_work == self._assignments, "I2: engineers and turbines disagree on who is where"
        live, served = ({n: each.session_id for n, each in by.items()} for by in (assigned, at_work))
        yield live == served, "I3: an engineer is not on a live session"
        yield len(engineers) == roster, "I4: free and assigned engineers are not the roster"
        yield all(n == t.number for n, t in turbines.items()), "I5: a session is another turbine's"
        yield not (self.free_count and line), "I6: an engineer is free while a turbine waits"
        yield line == sorted((places.get(n, 0), n) for n in waiting), "I7: the line is not in order of place"
        yield len({*places.values(), 0}) == len(places) + 1, "I7: two turbines have the same place"
        yield max(places.values(), default=0) <= self._last_place, "I7: a place was never given"
        repairs = sorted((t.until, at_work[n].id, n) for n, t in assigned.items() if n in at_work)
        yield self._repairs == repairs, "I7: a repair has no deadline, or a deadline no repair"
        placed = waiting.keys() | offline.keys() | assigned.keys()
        yield placed <= places.keys(), "I7: a broken or offline turbine has no place"
        yield not (places.keys() & by_state[State.ok].keys()), "I7: a turbine that is ok has a place"
        yield places.keys() <= turbines.keys(), "I10: a turbine that is gone has a place"
        yield self._offline == sorted((t.until, n) for n, t in offline.items()), "I10: a place stays on"


def check(dispatcher: Dispatcher) -> None:
    """Raise `AssertionError` with a sentence when the dispatcher breaks one of the design's invariants."""
    for holds, sentence in dispatcher.invariants():
        if not holds:
            raise AssertionError(sentence)


E = TypeVar("E", tuple[int, int], tuple[float, int], tuple[float, int, int])


def _remove(entries: list[E], entry: E) -> None:
    del entries[bisect_left(entries, entry)]
