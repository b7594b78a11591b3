"""The dispatcher: which engineer goes to which turbine. Pure: events in, commands out.

It has no clock (every event comes with its moment), does no I/O and knows no randomness. An event that is
late or makes no sense changes nothing and is answered with no command.

Turbines. `states` has the legal moves. A broken turbine has a place: a serial number, given when
the monitor learned that it broke, and a new one after `timed_out`. The lowest place that waits goes first.
A person may put a waiting turbine first: it takes a place before all others. One that a person holds keeps its
place, and waits in no line until the hold ends.
Place, `broken_at` and the time that engineers spent there outlive lost links, and are forgotten together:
when the turbine is ok, or was offline for `place_kept_for`, or for longest of more than `MOST_AWAY`. Offline without a
place it is forgotten at once. A person may have one that is offline forgotten, with its hold.

Sessions. Ids grow, and each is connected once. The newest link of a turbine wins, and only its session is
listened to. A session that ends ends its assignment in the same step; releases come before assigns.

Time. Durations are monotonic. Deadlines are acted on when `TimePassed` comes, so an `ok` that comes first
still counts. Of the wall clock, which may jump, only `broken_at` is stored: assigned_at and ended_at are as much later
as it truly was. What the wall clock is off the monotonic one is the same for all until it was set, and not read anew
each time, which would be a millisecond more or less: an engineer would be sent on before it was back.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from operator import itemgetter
from typing import Final, TypeVar

from ..moments import START, Moment, ms_between
from ..settings import MOST_AWAY
from .events import (
    Assign,
    Assignment,
    ChosenNext,
    Command,
    Connected,
    Disconnected,
    DispatchEvent,
    Engineer,
    Forget,
    Forgotten,
    GoesFirst,
    Healed,
    Held,
    Hold,
    HoldBegins,
    HoldEnded,
    HoldEnds,
    MonitorLost,
    MonitorStarted,
    MonitorStopped,
    Order,
    Release,
    RosterChanged,
    Staffed,
    StatusReported,
    TimePassed,
    ToldToForget,
    Waits,
)
from .holds import Holds
from .line import Line
from .roster import Roster
from .states import CAUSES, MOVES, OUTCOMES, Breakdown, Cause, State, Turbine

RULES_VERSION: Final = 3
"""Of what is decided, whatever the code looks like: the same events lead to the same commands, or it is another one."""

CLOCK_SET: Final = 1_000
"""ms by which the wall clock differs from what it was expected to be, where it was set: less is how it was read."""


class Dispatcher:
    """The engineers and the turbines that want one.

    Times are in seconds; `started` is since when the first engineers count as free.
    """

    def __init__(
        self,
        engineer_count: int,
        *,
        repair_timeout: float,
        place_kept_for: float,
        started: Moment = START,
    ) -> None:
        self._repair_timeout = repair_timeout
        self._place_kept_for = place_kept_for
        self._last_assignment_id = 0
        self._wall_clock = started  # a moment since which it was not set
        self._roster = Roster(engineer_count, started)
        self._is_roster_said = False
        self._holds = Holds()
        self._turbines: dict[int, Turbine] = {}
        self._breakdowns: dict[int, Breakdown] = {}
        self._assignments: dict[int, Assignment] = {}
        self._line = Line()
        # Sorted, as the line is.
        self._repairs: list[tuple[float, int, int]] = []  # (until, assignment, turbine) of those assigned
        self._offline: list[tuple[float, int]] = []  # (until, turbine) of those offline

    def tell(self, event: DispatchEvent, now: Moment) -> list[Command]:
        """Take in what happened, return what is to be done, in this order; `now.seconds` never goes back."""
        return [*self._take_in(event, now), *self._assign(now)]

    def next_deadline(self) -> float | None:
        """Return the monotonic second at which `TimePassed` is wanted, None while nothing runs out."""
        if len(self._offline) > MOST_AWAY:
            return 0.0
        ends = [entries[0][0] for entries in (self._repairs, self._offline) if entries]
        return min((end for end in (*ends, self._holds.next_end) if end is not None), default=None)

    @property
    def engineer_count(self) -> int:
        """How many engineers there shall be; surplus ones at work are still on the roster."""
        return self._roster.engineer_count

    @property
    def repair_timeout(self) -> float:
        """Seconds after which an engineer gives up on a turbine."""
        return self._repair_timeout

    @property
    def last_assignment_id(self) -> int:
        """The highest id that was given."""
        return self._last_assignment_id

    @property
    def free_count(self) -> int:
        """Engineers without work."""
        return self._roster.free_count

    @property
    def waiting_count(self) -> int:
        """Online broken turbines without an engineer that are not held."""
        return len(self._line)

    def engineers(self) -> list[Engineer]:
        """Return the roster by id, those included who will leave when they finish."""
        return self._roster.engineers()

    def waiting(self) -> list[int]:
        """Return the numbers of the waiting turbines, the next one first."""
        return self._line.numbers()

    def waiting_place(self, turbine_number: int) -> int | None:
        """Return the position among the waiting turbines, 1 for the next one; None when it does not wait."""
        turbine = self._turbines.get(turbine_number)
        if turbine is None or turbine.state is not State.waiting:
            return None
        return self._position(turbine)

    def assignment_of(self, turbine_number: int) -> Assignment | None:
        """Return the running assignment of a turbine."""
        return self._assignments.get(turbine_number)

    def hold_of(self, turbine_number: int) -> Hold | None:
        """Return the hold of a turbine, None where it is not held."""
        return self._holds.of(turbine_number)

    def broken_at(self, turbine_number: int) -> int | None:
        """Return when the monitor learned that the turbine broke (ms UTC), also while it is offline."""
        breakdown = self._breakdowns.get(turbine_number)
        return breakdown.broken.at if breakdown else None

    def _take_in(self, event: DispatchEvent, now: Moment) -> list[Command]:
        match event:
            case StatusReported() | Disconnected():
                return self._hear(event, now)
            case Connected():
                return self._connect(event, now)
            case TimePassed():
                return [*self._forget_places(now), *self._time_out(now), *self._end_holds(now)]
            case MonitorStarted():
                return self._recall(event, now)
            case MonitorStopped() | MonitorLost():
                return self._lose_all(event, now)
            case _:
                return self._obey(event, now)

    def _obey(self, order: Order, now: Moment) -> list[Command]:
        match order:
            case RosterChanged():
                return self._change_roster(order, now)
            case Held():
                return self._hold(order, now)
            case HoldEnded():
                return self._end_hold(order, now)
            case ChosenNext():
                return self._put_first(order)
            case ToldToForget():
                return self._forget(order)

    def _recall(self, event: MonitorStarted, now: Moment) -> list[Command]:
        """Go on from what earlier runs left; where it is found late, what people said since then is newer."""
        self._last_assignment_id = max(self._last_assignment_id, event.last_assignment_id)
        if event.engineer_count is not None and not self._is_roster_said:
            self._roster.change(event.engineer_count, now)
        fresh = [hold for hold in event.holds if hold.turbine_number not in self._holds]
        for hold in fresh:
            self._holds.begin(hold)
        held = [
            self._turbines[hold.turbine_number] for hold in fresh if hold.turbine_number in self._turbines
        ]
        return self._move_all(held, Cause.held, now)

    def _connect(self, event: Connected, now: Moment) -> list[Command]:
        turbine = self._turbines.get(event.turbine_number)
        if turbine is None:
            turbine = self._turbines[event.turbine_number] = Turbine(event.turbine_number, event.session_id)
        elif event.session_id <= turbine.session_id:
            return []
        turbine.session_id = event.session_id
        return self._move(turbine, Cause.connected, now)

    def _hear(self, event: StatusReported | Disconnected, now: Moment) -> list[Command]:
        turbine = self._turbines.get(event.turbine_number)
        if turbine is None or turbine.session_id != event.session_id:
            return []
        cause = CAUSES[event.operational_status] if isinstance(event, StatusReported) else Cause.disconnected
        before = turbine.state
        return self._move(turbine, cause, now) + self._news_of(turbine, before)

    def _news_of(self, turbine: Turbine, before: State) -> list[Command]:
        """Say what becomes of a turbine to which no engineer goes in this step."""
        if turbine.state is State.ok and before in {State.waiting, State.held}:
            return [Healed(turbine.number, turbine.session_id)]
        if turbine.state is State.waiting is not before:
            return self._wait(turbine)
        return []

    def _wait(self, turbine: Turbine) -> list[Command]:
        """Say that a turbine waits, if nobody is free for it; its place is what it will be when they have gone."""
        place = self._position(turbine) - self._roster.free_count
        count = self.engineer_count
        return [Waits(turbine.number, turbine.session_id, place, count)] if place > 0 else []

    def _position(self, turbine: Turbine) -> int:
        return self._line.position(self._breakdowns[turbine.number].place, turbine.number)

    def _change_roster(self, event: RosterChanged, now: Moment) -> list[Command]:
        before, self._is_roster_said = self.engineer_count, True
        self._roster.change(event.engineer_count, now)
        return [Staffed(self.engineer_count, event.by)] if self.engineer_count != before else []

    def _hold(self, event: Held, now: Moment) -> list[Command]:
        hold = Hold(event.turbine_number, now.at, event.until, event.reason, event.by)
        self._holds.begin(hold)
        turbine = self._turbines.get(event.turbine_number)
        return [HoldBegins(hold), *(self._move(turbine, Cause.held, now) if turbine else ())]

    def _end_hold(self, event: HoldEnded, now: Moment) -> list[Command]:
        if event.turbine_number not in self._holds:
            return []
        return [HoldEnds(event.turbine_number, event.by), *self._let_go([event.turbine_number], now)]

    def _end_holds(self, now: Moment) -> list[Command]:
        over = self._holds.over(now.seconds)
        return [*(HoldEnds(number, None) for number in over), *self._let_go(over, now)]

    def _let_go(self, turbine_numbers: list[int], now: Moment) -> list[Command]:
        for number in turbine_numbers:
            self._holds.end(number)
        held = [turbine for number in turbine_numbers if (turbine := self._turbines.get(number))]
        wait = [turbine for turbine in held if turbine.state is State.held]
        self._move_all(wait, Cause.hold_ended, now)
        return [command for turbine in wait for command in self._wait(turbine)]

    def _put_first(self, event: ChosenNext) -> list[Command]:
        turbine = self._turbines.get(event.turbine_number)
        if turbine is None or turbine.state is not State.waiting:
            return []
        breakdown = self._breakdowns[turbine.number]
        self._line.leave(breakdown.place, turbine.number)
        breakdown.place = self._line.give_first_place()
        self._line.join(breakdown.place, turbine.number)
        return [GoesFirst(turbine.number, event.reason, event.by)]

    def _forget(self, event: ToldToForget) -> list[Command]:
        """Forget a turbine with its place and its hold, unless it is online: then it is no matter of the past."""
        number = event.turbine_number
        turbine = self._turbines.get(number)
        if turbine is not None:
            if turbine.state is not State.offline:
                return []
            _remove(self._offline, (turbine.until, number))
            del self._turbines[number], self._breakdowns[number]
        self._holds.end(number)
        return [Forget(number, event.erases, event.by)]

    def _forget_places(self, now: Moment) -> list[Command]:
        expired = bisect_right(self._offline, now.seconds, key=itemgetter(0))
        forgotten = self._offline[: max(expired, len(self._offline) - MOST_AWAY)]
        del self._offline[: len(forgotten)]
        for _, number in forgotten:
            del self._turbines[number], self._breakdowns[number]
        return [Forgotten(number) for _, number in forgotten]

    def _time_out(self, now: Moment) -> list[Command]:
        expired = bisect_right(self._repairs, now.seconds, key=itemgetter(0))
        turbines = [self._turbines[number] for _, _, number in self._repairs[:expired]]
        return self._move_all(turbines, Cause.timed_out, now)

    def _lose_all(self, event: MonitorStopped | MonitorLost, now: Moment) -> list[Command]:
        """End the links of a monitor's turbines, by number."""
        numbers = self._turbines if event.turbine_numbers is None else event.turbine_numbers
        turbines = [self._turbines[number] for number in sorted(numbers) if number in self._turbines]
        cause = Cause.monitor_stopped if isinstance(event, MonitorStopped) else Cause.disconnected
        return self._move_all(turbines, cause, now)

    def _move_all(self, turbines: list[Turbine], cause: Cause, now: Moment) -> list[Command]:
        return [command for turbine in turbines for command in self._move(turbine, cause, now)]

    def _move(self, turbine: Turbine, cause: Cause, now: Moment) -> list[Command]:
        state = MOVES[turbine.state].get(cause)
        if state is None:
            return []
        if state is State.waiting and turbine.number in self._holds:
            state = State.held
        released = self._leave(turbine, cause, now)
        turbine.state = state
        self._enter(turbine, now)
        return released

    def _leave(self, turbine: Turbine, cause: Cause, now: Moment) -> list[Command]:
        number = turbine.number
        if turbine.state is State.assigned:
            return [self._release(turbine, cause, now)]
        if turbine.state is State.waiting:
            self._line.leave(self._breakdowns[number].place, number)
        if turbine.state is State.offline and number in self._breakdowns:
            _remove(self._offline, (turbine.until, number))
        return []

    def _enter(self, turbine: Turbine, now: Moment) -> None:
        number = turbine.number
        if turbine.state is State.ok:
            self._breakdowns.pop(number, None)
        if turbine.state in {State.waiting, State.held} and number not in self._breakdowns:
            self._breakdowns[number] = Breakdown(self._line.give_last_place(), self._by_wall_clock(now))
        if turbine.state is State.waiting:
            self._line.join(self._breakdowns[number].place, number)
        if turbine.state is State.offline and number not in self._breakdowns:
            del self._turbines[number]
        elif turbine.state is State.offline:
            turbine.until = now.seconds + self._place_kept_for
            insort(self._offline, (turbine.until, number))

    def _by_wall_clock(self, now: Moment) -> Moment:
        at = self._wall_clock.at + ms_between(self._wall_clock.seconds, now.seconds)
        if abs(now.at - at) > CLOCK_SET:
            self._wall_clock, at = now, now.at
        return now._replace(at=at)

    def _release(self, turbine: Turbine, cause: Cause, now: Moment) -> Release:
        assignment, breakdown = self._assignments.pop(turbine.number), self._breakdowns[turbine.number]
        _remove(self._repairs, (turbine.until, assignment.id, turbine.number))
        breakdown.engineer_seconds += assignment.seconds(now)
        if cause is Cause.timed_out:
            breakdown.place, breakdown.engineer_seconds = self._line.give_last_place(), 0.0
        self._roster.end(assignment, now)
        return Release(assignment, OUTCOMES[cause], assignment.ended_at(now))

    def _assign(self, now: Moment) -> list[Assign]:
        served = self._line.take(self._roster.free_count)
        return [self._send_engineer(self._turbines[number], now) for number in served]

    def _send_engineer(self, turbine: Turbine, now: Moment) -> Assign:
        breakdown = self._breakdowns[turbine.number]
        broken = breakdown.broken
        self._last_assignment_id += 1
        assignment = Assignment(
            id=self._last_assignment_id,
            turbine_number=turbine.number,
            session_id=turbine.session_id,
            engineer_id=self._roster.next_free,
            broken_at=broken.at,
            # How long it waited, whatever clock was set since.
            assigned_at=broken.at + ms_between(broken.seconds, now.seconds),
            assigned_seconds=now.seconds,
        )
        turbine.state = State.assigned
        turbine.until = now.seconds + self._repair_timeout - breakdown.engineer_seconds
        insort(self._repairs, (turbine.until, assignment.id, turbine.number))
        self._assignments[turbine.number] = assignment
        self._roster.begin(assignment)
        return Assign(assignment)


E = TypeVar("E", tuple[float, int], tuple[float, int, int])


def _remove(entries: list[E], entry: E) -> None:
    del entries[bisect_left(entries, entry)]
