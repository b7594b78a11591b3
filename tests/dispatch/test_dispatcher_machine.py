"""The dispatcher against a naive model of itself: lists, searched from the front, nothing clever.

Whatever happens in whatever order, both must say the same commands in the same order and show the same, and
the invariants must hold.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import count

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from gridws.dispatch import (
    Assign,
    Assignment,
    ChosenNext,
    Command,
    Connected,
    Disconnected,
    Dispatcher,
    DispatchEvent,
    Forget,
    Forgotten,
    GoesFirst,
    Healed,
    Held,
    HoldBegins,
    HoldEnded,
    HoldEnds,
    MonitorStarted,
    MonitorStopped,
    Release,
    RosterChanged,
    Staffed,
    StatusReported,
    TimePassed,
    ToldToForget,
    Waits,
    check,
)
from gridws.moments import Moment
from gridws.words import OperationalStatus

TIMEOUT = 10
KEPT_FOR = 50

Word = tuple[str | int, ...]
"""`assign` or an outcome, the engineer, the turbine, and its session; other commands: their kind and numbers."""


@dataclass
class Job:
    engineer: int
    turbine: int
    session: int
    since: int
    deadline: int


@dataclass
class Model:
    """What is right, written so that one can see it."""

    wanted: int
    idle: list[int] = field(default_factory=list)
    jobs: list[Job] = field(default_factory=list)  # in the order in which they began
    live: dict[int, int] = field(default_factory=dict)  # turbine: session
    status: dict[int, str] = field(default_factory=dict)  # of live turbines that reported
    queue: list[int] = field(default_factory=list)  # everybody with a place, online or not, served or not
    broken_at: dict[int, int] = field(default_factory=dict)
    broken_seconds: dict[int, int] = field(default_factory=dict)
    spent: dict[int, int] = field(default_factory=dict)
    lost_at: dict[int, int] = field(default_factory=dict)  # offline turbines with a place
    held: dict[int, int | None] = field(default_factory=dict)  # until when

    def connect(self, turbine: int, session: int, now: int) -> list[Word]:
        ended = self.stop(turbine, "superseded", now)
        self.status.pop(turbine, None)
        self.lost_at.pop(turbine, None)
        self.live[turbine] = session
        return ended

    def ok(self, turbine: int, now: int) -> list[Word]:
        waited = self.status.get(turbine) == "broken" and not self.job_at(turbine)
        ended = self.stop(turbine, "repaired", now)
        self.status[turbine] = "ok"
        self.forget(turbine)
        return [("healed", turbine, self.live[turbine])] if waited else ended

    def broken(self, turbine: int, at: int, seconds: int) -> list[Word]:
        was_broken = self.status.get(turbine) == "broken"
        self.status[turbine] = "broken"
        if turbine not in self.queue:
            self.queue.append(turbine)
            self.broken_at[turbine], self.broken_seconds[turbine] = at, seconds
            self.spent[turbine] = 0
        return [] if was_broken else self.wait(turbine)

    def wait(self, turbine: int) -> list[Word]:
        line = self.waiting()[len(self.idle) :]
        if turbine not in line:
            return []
        return [("waits", turbine, self.live[turbine], line.index(turbine) + 1, self.wanted)]

    def hold(self, turbine: int, until: int | None, now: int) -> list[Word]:
        self.held[turbine] = until
        return [("holds", turbine), *self.stop(turbine, "held", now)]

    def let_go(self, turbines: list[int]) -> list[Word]:
        left_alone = [each for each in turbines if self.status.get(each) == "broken"]
        for turbine in turbines:
            del self.held[turbine]
        return [word for turbine in left_alone for word in self.wait(turbine)]

    def choose(self, turbine: int) -> list[Word]:
        if turbine not in self.waiting():
            return []
        self.queue.remove(turbine)
        self.queue.insert(0, turbine)
        return [("first", turbine)]

    def scrap(self, turbine: int) -> list[Word]:
        if turbine in self.live:
            return []
        self.lost_at.pop(turbine, None)
        self.held.pop(turbine, None)
        self.forget(turbine)
        return [("scrapped", turbine)]

    def lose(self, turbine: int, now: int) -> list[Word]:
        ended = self.stop(turbine, "disconnected", now)
        self.status.pop(turbine, None)
        del self.live[turbine]
        if turbine in self.queue:
            self.lost_at[turbine] = now
        return ended

    def stop_all(self, now: int) -> list[Word]:
        ended = [word for turbine in sorted(self.live) for word in self.stop(turbine, "monitor_stopped", now)]
        for turbine in list(self.live):
            self.lose(turbine, now)
        return ended

    def staff(self, wanted: int) -> list[Word]:
        before, self.wanted = self.wanted, wanted
        while self.idle and len(self.idle) + len(self.jobs) > wanted:
            self.idle.remove(max(self.idle))
        while len(self.idle) + len(self.jobs) < wanted:
            used = self.idle + [job.engineer for job in self.jobs]
            self.idle.append(min(set(range(1, wanted + len(used) + 1)) - set(used)))
        return [("staffed", wanted)] if wanted != before else []

    def look_at_the_clock(self, now: int) -> list[Word]:
        gone = sorted((lost, each) for each, lost in self.lost_at.items() if lost + KEPT_FOR <= now)
        for _, turbine in gone:
            del self.lost_at[turbine]
            self.forget(turbine)
        ended: list[Word] = [("forgotten", turbine) for _, turbine in gone]
        for job in sorted(self.jobs, key=lambda each: each.deadline):
            if job.deadline <= now:
                ended += self.stop(job.turbine, "timed_out", now)
                self.queue.remove(job.turbine)
                self.queue.append(job.turbine)
                self.spent[job.turbine] = 0
        over = sorted(
            (until, each) for each, until in self.held.items() if until is not None and until <= now
        )
        numbers = [each for _, each in over]
        return ended + [("lets_go", each) for each in numbers] + self.let_go(numbers)

    def stop(self, turbine: int, outcome: str, now: int) -> list[Word]:
        job = self.job_at(turbine)
        if job is None:
            return []
        self.jobs.remove(job)
        self.spent[turbine] += now - job.since
        if len(self.idle) + len(self.jobs) < self.wanted:
            self.idle.append(job.engineer)
        return [(outcome, job.engineer, turbine, job.session)]

    def serve(self, now: int) -> list[Word]:
        begun: list[Word] = []
        while self.idle and self.waiting():
            turbine, engineer = self.waiting()[0], self.idle.pop(0)
            deadline = now + TIMEOUT - self.spent[turbine]
            self.jobs.append(Job(engineer, turbine, self.live[turbine], now, deadline))
            begun.append(("assign", engineer, turbine, self.live[turbine]))
        return begun

    def waiting(self) -> list[int]:
        broken = [each for each in self.queue if self.status.get(each) == "broken" and each not in self.held]
        return [each for each in broken if not self.job_at(each)]

    def job_at(self, turbine: int) -> Job | None:
        return next((job for job in self.jobs if job.turbine == turbine), None)

    def forget(self, turbine: int) -> None:
        self.broken_at.pop(turbine, None)
        if turbine in self.queue:
            self.queue.remove(turbine)

    def deadlines(self) -> list[int]:
        holds = [until for until in self.held.values() if until is not None]
        lost = [lost + KEPT_FOR for lost in self.lost_at.values()]
        return [job.deadline for job in self.jobs] + lost + holds


TURBINES = st.integers(1, 6)
STATUSES = st.sampled_from(OperationalStatus)


class DispatcherMachine(RuleBasedStateMachine):
    """Tells the same to both, and compares what they say and show."""

    @initialize(engineers=st.integers(0, 4))
    def begin(self, engineers: int) -> None:
        self.seconds, self.at = 0, 1_000_000
        self.dispatcher = Dispatcher(engineers, repair_timeout=TIMEOUT, place_kept_for=KEPT_FOR)
        self.model = Model(engineers)
        self.model.staff(engineers)
        self.session_ids = count(1)
        self.assignment_ids = count(41)
        self.dispatcher.tell(MonitorStarted(40), Moment(self.seconds, self.at))
        self.open: dict[int, Assignment] = {}
        self.ended: list[tuple[int, int]] = []

    def tell(self, event: DispatchEvent, told: list[Word]) -> None:
        commands = self.dispatcher.tell(event, Moment(self.seconds, self.at))
        expected = [" ".join(map(str, word)) for word in told + self.model.serve(self.seconds)]
        assert [WORDS[type(command)].format(command) for command in commands] == expected
        for command in commands:
            if isinstance(command, Assign | Release):
                self.carry_out(command)

    def carry_out(self, command: Assign | Release) -> None:
        assignment = command.assignment
        if isinstance(command, Release):
            assert self.open.pop(assignment.id) == assignment
            seconds = self.seconds - assignment.assigned_seconds
            assert command.ended_at == assignment.assigned_at + round(seconds * 1000)
            return
        self.open[assignment.id] = assignment
        broken_at = self.model.broken_at[assignment.turbine_number]
        assert assignment.id == next(self.assignment_ids)
        waited = self.seconds - self.model.broken_seconds[assignment.turbine_number]
        assert (assignment.broken_at, assignment.assigned_at) == (broken_at, broken_at + waited * 1000)

    def pick_live(self, data: st.DataObject) -> int:
        return data.draw(st.sampled_from(sorted(self.model.live)), "turbine")

    @rule(turbine=TURBINES)
    def connect_or_take_over(self, turbine: int) -> None:
        session = next(self.session_ids)
        self.ended += [(turbine, self.model.live[turbine])] if turbine in self.model.live else []
        self.tell(Connected(turbine, session), self.model.connect(turbine, session, self.seconds))

    @precondition(lambda self: self.model.live)
    @rule(data=st.data())
    def take_over(self, data: st.DataObject) -> None:
        self.connect_or_take_over(self.pick_live(data))

    @precondition(lambda self: self.model.live)
    @rule(data=st.data())
    def ok(self, data: st.DataObject) -> None:
        turbine = self.pick_live(data)
        event = StatusReported(turbine, self.model.live[turbine], OperationalStatus.ok)
        self.tell(event, self.model.ok(turbine, self.seconds))

    @precondition(lambda self: self.model.live)
    @rule(data=st.data())
    def broken(self, data: st.DataObject) -> None:
        turbine = self.pick_live(data)
        event = StatusReported(turbine, self.model.live[turbine], OperationalStatus.broken)
        self.tell(event, self.model.broken(turbine, self.at, self.seconds))

    @rule()
    def all_broken(self) -> None:
        for turbine, session in self.model.live.items():
            event = StatusReported(turbine, session, OperationalStatus.broken)
            self.tell(event, self.model.broken(turbine, self.at, self.seconds))

    @precondition(lambda self: self.model.live)
    @rule(data=st.data())
    def lose(self, data: st.DataObject) -> None:
        turbine = self.pick_live(data)
        session = self.model.live[turbine]
        self.ended.append((turbine, session))
        self.tell(Disconnected(turbine, session), self.model.lose(turbine, self.seconds))

    @precondition(lambda self: self.model.live)
    @rule()
    def stop_the_monitor(self) -> None:
        self.ended += self.model.live.items()
        self.tell(MonitorStopped(), self.model.stop_all(self.seconds))

    @precondition(lambda self: self.ended)
    @rule(data=st.data(), status=STATUSES)
    def late_status(self, data: st.DataObject, status: OperationalStatus) -> None:
        turbine, session = data.draw(st.sampled_from(self.ended))
        self.tell(StatusReported(turbine, session, status), [])

    @precondition(lambda self: self.ended)
    @rule(data=st.data())
    def late_loss(self, data: st.DataObject) -> None:
        self.tell(Disconnected(*data.draw(st.sampled_from(self.ended))), [])

    @precondition(lambda self: self.model.live)
    @rule(data=st.data(), older=st.integers(0, 3))
    def late_connect(self, data: st.DataObject, older: int) -> None:
        turbine = self.pick_live(data)
        self.tell(Connected(turbine, self.model.live[turbine] - older), [])

    @rule(engineers=st.integers(-1, 3))
    def change_the_roster(self, engineers: int) -> None:
        self.tell(RosterChanged(engineers), self.model.staff(engineers) if engineers >= 0 else [])

    @rule(turbine=TURBINES, seconds=st.none() | st.integers(0, 2 * TIMEOUT))
    def hold(self, turbine: int, seconds: int | None) -> None:
        until = None if seconds is None else self.seconds + seconds
        told = self.model.hold(turbine, until, self.seconds)
        self.tell(Held(turbine, None if until is None else Moment(until, self.at)), told)

    @precondition(lambda self: self.model.live)
    @rule(data=st.data(), seconds=st.none() | st.integers(0, 2 * TIMEOUT))
    def hold_one_that_is_here(self, data: st.DataObject, seconds: int | None) -> None:
        self.hold(self.pick_live(data), seconds)

    @precondition(lambda self: self.model.held)
    @rule(data=st.data())
    def end_a_hold(self, data: st.DataObject) -> None:
        turbine = data.draw(st.sampled_from(sorted(self.model.held)))
        self.tell(HoldEnded(turbine), [("lets_go", turbine), *self.model.let_go([turbine])])

    @rule(turbine=TURBINES)
    def have_one_forgotten(self, turbine: int) -> None:
        self.tell(ToldToForget(turbine), self.model.scrap(turbine))

    @rule(turbine=TURBINES)
    def choose_anyone(self, turbine: int) -> None:
        self.tell(ChosenNext(turbine), self.model.choose(turbine))

    @precondition(lambda self: len(self.model.waiting()) > 1)
    @rule(data=st.data())
    def choose_next(self, data: st.DataObject) -> None:
        self.choose_anyone(data.draw(st.sampled_from(self.model.waiting()[1:])))

    @rule(seconds=st.integers(0, TIMEOUT))
    def wait(self, seconds: int) -> None:
        self.seconds += seconds
        self.at += 1000 * seconds

    @rule(seconds=st.integers(-100, 100))
    def jump(self, seconds: int) -> None:
        self.at += 1000 * seconds

    @rule(seconds=st.integers(0, TIMEOUT) | st.just(KEPT_FOR))
    def pass_time(self, seconds: int) -> None:
        self.wait(seconds)
        self.tell(TimePassed(), self.model.look_at_the_clock(self.seconds))

    @precondition(lambda self: self.model.deadlines())
    @rule()
    def pass_time_until_the_next_deadline(self) -> None:
        self.pass_time(max(0, min(self.model.deadlines()) - self.seconds))

    @invariant()
    def both_show_the_same(self) -> None:
        model, shown = self.model, self.dispatcher
        at_work = {job.engineer: (job.turbine, job.session, job.since) for job in model.jobs}
        assert _at_work(shown) == {**dict.fromkeys(model.idle), **at_work}
        assert shown.engineer_count == model.wanted
        assert shown.free_count == len(model.idle)
        assert {each for each in range(1, 7) if shown.hold_of(each)} == model.held.keys()
        assert shown.waiting() == model.waiting()
        assert shown.waiting_count == len(model.waiting())
        assert [shown.waiting_place(each) for each in model.waiting()] == list(
            range(1, len(model.waiting()) + 1)
        )
        assert {
            each: shown.broken_at(each) for each in range(1, 7) if shown.broken_at(each)
        } == model.broken_at
        assert shown.next_deadline() == min(model.deadlines(), default=None)

    @invariant()
    def the_invariants_hold(self) -> None:
        check(self.dispatcher)

    @invariant()
    def nothing_is_remembered_that_is_not_needed(self) -> None:
        assert self.dispatcher._turbines.keys() == {*self.model.live, *self.model.lost_at}
        assert self.dispatcher._breakdowns.keys() == set(self.model.queue)


WORDS: dict[type[Command], str] = {
    Assign: "assign {0.assignment.engineer_id} {0.assignment.turbine_number} {0.assignment.session_id}",
    Release: "{0.outcome} {0.assignment.engineer_id} {0.assignment.turbine_number} {0.assignment.session_id}",
    Waits: "waits {0.turbine_number} {0.session_id} {0.place} {0.engineer_count}",
    Healed: "healed {0.turbine_number} {0.session_id}",
    Staffed: "staffed {0.engineer_count}",
    Forgotten: "forgotten {0.turbine_number}",
    HoldBegins: "holds {0.hold.turbine_number}",
    HoldEnds: "lets_go {0.turbine_number}",
    GoesFirst: "first {0.turbine_number}",
    Forget: "scrapped {0.turbine_number}",
}


def _at_work(dispatcher: Dispatcher) -> dict[int, tuple[int, int, float] | None]:
    return {each.engineer_id: _job(each.assignment) for each in dispatcher.engineers()}


def _job(assignment: Assignment | None) -> tuple[int, int, float] | None:
    return (
        (assignment.turbine_number, assignment.session_id, assignment.assigned_seconds)
        if assignment
        else None
    )


TestDispatcherMachine = DispatcherMachine.TestCase
TestDispatcherMachine.settings = settings(max_examples=150, stateful_step_count=50, deadline=None)
