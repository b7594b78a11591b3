"""Stories of the dispatcher: who gets an engineer, when, and how it ends."""

from __future__ import annotations

from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

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
    Hold,
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
    dispatcher,
)
from gridws.dispatch.states import State
from gridws.moments import Moment
from gridws.words import OperationalStatus, Outcome

DAY = 24 * 3600.0
BEGIN = 1_700_000_000_000


class Grid:
    """Keeps time and session ids, tells the dispatcher, and checks every invariant after every word."""

    def __init__(self, engineers: int = 1) -> None:
        self.now = Moment(100.0, BEGIN)
        self.dispatcher = Dispatcher(
            engineers,
            repair_timeout=600.0,
            place_kept_for=DAY,
            started=self.now,
        )
        self.sessions: dict[int, int] = {}
        self._ids = count(1)

    def tell(self, event: DispatchEvent) -> list[str]:
        commands = self.dispatcher.tell(event, self.now)
        check(self.dispatcher)
        return [WORDS[type(command)].format(command) for command in commands]

    def connect(self, number: int) -> list[str]:
        self.sessions[number] = next(self._ids)
        return self.tell(Connected(number, self.sessions[number]))

    def ok(self, number: int, session: int | None = None) -> list[str]:
        return self.tell(StatusReported(number, session or self.sessions[number], OperationalStatus.ok))

    def broken(self, number: int, session: int | None = None) -> list[str]:
        return self.tell(StatusReported(number, session or self.sessions[number], OperationalStatus.broken))

    def lose(self, number: int, session: int | None = None) -> list[str]:
        return self.tell(Disconnected(number, session or self.sessions[number]))

    def break_down(self, *numbers: int) -> list[str]:
        return [words for number in numbers for words in self.connect(number) + self.broken(number)]

    def staff(self, engineers: int) -> list[str]:
        return self.tell(RosterChanged(engineers))

    def pass_time(self, seconds: float) -> list[str]:
        self.wait(seconds)
        return self.tell(TimePassed())

    def wait(self, seconds: float) -> None:
        self.now = Moment(self.now.seconds + seconds, self.now.at + round(seconds * 1000))

    def jump(self, seconds: float) -> None:
        self.now = Moment(self.now.seconds, self.now.at + round(seconds * 1000))

    def assignment(self, number: int) -> Assignment:
        assignment = self.dispatcher.assignment_of(number)
        assert assignment is not None
        return assignment

    def free(self) -> list[int]:
        return [each.engineer_id for each in self.dispatcher.engineers() if each.assignment is None]

    def hold(self, number: int, seconds: float | None = None) -> list[str]:
        until = None if seconds is None else Moment(self.now.seconds + seconds, self.now.at)
        return self.tell(Held(number, until, "gearbox exchange", "ann"))

    def online(self) -> list[int]:
        turbines = self.dispatcher._turbines.values()
        return [each.number for each in turbines if each.state is not State.offline]

    def roster(self) -> list[int]:
        return [each.engineer_id for each in self.dispatcher.engineers()]


WORDS: dict[type[Command], str] = {
    Assign: "assign {0.assignment.engineer_id} at {0.assignment.turbine_number}",
    Release: "{0.outcome} {0.assignment.engineer_id} at {0.assignment.turbine_number}",
    Waits: "{0.turbine_number} waits at {0.place}",
    Healed: "{0.turbine_number} healed",
    Staffed: "{0.engineer_count} engineers",
    Forgotten: "{0.turbine_number} forgotten",
    HoldBegins: "{0.hold.turbine_number} held",
    HoldEnds: "{0.turbine_number} held no longer",
    GoesFirst: "{0.turbine_number} goes first",
    Forget: "forget {0.turbine_number}",
}


def test_a_broken_turbine_gets_an_engineer_at_once() -> None:
    grid = Grid()
    grid.connect(7)
    assert grid.broken(7) == ["assign 1 at 7"]


def test_a_turbine_that_has_not_reported_gets_nobody() -> None:
    assert Grid().connect(7) == []


def test_a_second_turbine_waits_until_the_first_is_repaired() -> None:
    grid = Grid()
    assert grid.break_down(7, 8) == ["assign 1 at 7", "8 waits at 1"]
    assert grid.ok(7) == ["repaired 1 at 7", "assign 1 at 8"]


def test_first_broken_first_served() -> None:
    grid = Grid()
    grid.break_down(5, 9, 3, 6)
    assert grid.dispatcher.waiting() == [9, 3, 6]
    assert grid.ok(5) + grid.ok(9) + grid.ok(3) == [
        *("repaired 1 at 5", "assign 1 at 9"),
        *("repaired 1 at 9", "assign 1 at 3"),
        *("repaired 1 at 3", "assign 1 at 6"),
    ]


def test_saying_broken_again_changes_nothing() -> None:
    grid = Grid()
    grid.break_down(7, 8, 9)
    assert grid.broken(7) + grid.broken(9) + grid.broken(8) == []
    assert grid.dispatcher.waiting() == [8, 9]


def test_a_turbine_that_heals_while_waiting_gets_nobody() -> None:
    grid = Grid()
    grid.break_down(7, 8, 9)
    assert grid.ok(8) == ["8 healed"]
    assert grid.ok(7) == ["repaired 1 at 7", "assign 1 at 9"]


def test_a_turbine_that_healed_and_broke_again_is_last() -> None:
    grid = Grid()
    grid.break_down(7, 8, 9)
    grid.ok(8)
    grid.broken(8)
    assert grid.dispatcher.waiting() == [9, 8]


def test_a_lost_turbine_frees_its_engineer_in_the_same_step() -> None:
    grid = Grid()
    grid.break_down(7, 8)
    assert grid.lose(7) == ["disconnected 1 at 7", "assign 1 at 8"]


def test_a_reconnecting_turbine_keeps_its_place() -> None:
    grid = Grid()
    grid.break_down(7, 8, 9)
    grid.lose(8)
    grid.connect(8)
    assert grid.dispatcher.waiting() == [9]
    grid.broken(8)
    assert grid.dispatcher.waiting() == [8, 9]


def test_a_turbine_lost_during_its_repair_keeps_its_place_too() -> None:
    grid = Grid()
    grid.break_down(7, 8, 9)
    grid.lose(7)
    grid.break_down(7)
    assert grid.dispatcher.waiting() == [7, 9]


def test_broken_at_stays_what_it_was_over_a_reconnect() -> None:
    grid = Grid()
    grid.break_down(7)
    grid.wait(5)
    grid.lose(7)
    grid.break_down(7)
    assert (grid.assignment(7).broken_at, grid.assignment(7).assigned_at) == (BEGIN, BEGIN + 5000)


def test_a_turbine_that_comes_back_well_has_no_place_any_more() -> None:
    grid = Grid()
    grid.break_down(7, 8, 9)
    grid.lose(8)
    grid.connect(8)
    grid.ok(8)
    assert grid.dispatcher.broken_at(8) is None
    grid.broken(8)
    assert grid.dispatcher.waiting() == [9, 8]


def test_a_newer_link_takes_over_and_frees_the_engineer() -> None:
    grid = Grid()
    grid.break_down(7, 8)
    assert grid.connect(7) == ["superseded 1 at 7", "assign 1 at 8"]


def test_after_a_takeover_the_status_is_unknown_and_the_place_kept() -> None:
    grid = Grid()
    grid.break_down(7, 8, 9)
    grid.connect(8)
    assert grid.dispatcher.waiting() == [9]
    grid.broken(8)
    assert grid.dispatcher.waiting() == [8, 9]


def test_an_assignment_is_made_for_the_session_that_reported() -> None:
    grid = Grid()
    grid.connect(7)
    grid.break_down(7)
    assert grid.assignment(7).session_id == 2


@pytest.mark.parametrize(
    "late",
    [
        Disconnected(7, 1),
        StatusReported(7, 1, OperationalStatus.ok),
        StatusReported(7, 1, OperationalStatus.broken),
        Connected(7, 1),
        Connected(7, 2),
    ],
)
def test_an_old_session_changes_nothing(late: DispatchEvent) -> None:
    grid = Grid()
    grid.connect(7)
    grid.break_down(7)
    before = grid.assignment(7)
    assert grid.tell(late) == []
    assert grid.assignment(7) == before


@pytest.mark.parametrize("status", OperationalStatus)
def test_a_lost_session_changes_nothing(status: OperationalStatus) -> None:
    grid = Grid()
    grid.break_down(7)
    grid.lose(7)
    assert grid.tell(StatusReported(7, 1, status)) == []
    assert grid.lose(7) == []
    assert grid.tell(Connected(7, 1)) == []
    assert (grid.online(), grid.dispatcher.broken_at(7)) == ([], BEGIN)


def test_a_turbine_nobody_knows_changes_nothing() -> None:
    grid = Grid()
    assert grid.broken(4, session=1) + grid.lose(4, session=1) == []
    assert grid.online() == []


def test_the_engineers_start_in_order_of_their_ids() -> None:
    assert Grid(3).break_down(7, 8, 9) == ["assign 1 at 7", "assign 2 at 8", "assign 3 at 9"]


def test_the_engineer_idle_longest_goes() -> None:
    grid = Grid(3)
    grid.break_down(7, 8)
    grid.ok(8)
    grid.ok(7)
    assert grid.break_down(1, 2, 3) == ["assign 3 at 1", "assign 2 at 2", "assign 1 at 3"]


def test_a_new_engineer_serves_whoever_waits() -> None:
    grid = Grid(1)
    grid.break_down(7, 8, 9, 10)
    assert grid.staff(3) == ["3 engineers", "assign 2 at 8", "assign 3 at 9"]


def test_a_new_engineer_takes_the_lowest_unused_id() -> None:
    grid = Grid(3)
    grid.break_down(7, 8, 9)
    grid.staff(1)
    grid.ok(8)
    assert grid.roster() == [1, 3]
    grid.staff(3)
    assert grid.roster() == [1, 2, 3]


def test_the_free_engineer_of_the_highest_id_leaves_first() -> None:
    grid = Grid(4)
    grid.break_down(7)
    grid.staff(2)
    assert (grid.roster(), grid.free()) == ([1, 2], [2])


def test_an_engineer_at_work_finishes_before_leaving() -> None:
    grid = Grid(2)
    grid.break_down(7, 8, 9)
    assert grid.staff(1) == ["1 engineers"]
    assert grid.roster() == [1, 2]
    assert grid.ok(7) == ["repaired 1 at 7"]
    assert grid.roster() == [2]
    assert grid.ok(8) == ["repaired 2 at 8", "assign 2 at 9"]


def test_an_engineer_about_to_leave_stays_when_the_roster_grows_again() -> None:
    grid = Grid(2)
    grid.break_down(7, 8)
    grid.staff(0)
    assert grid.staff(2) == ["2 engineers"]
    grid.ok(8)
    assert (grid.roster(), grid.free()) == ([1, 2], [2])


def test_without_engineers_everybody_waits() -> None:
    grid = Grid(0)
    assert grid.break_down(7, 8) == ["7 waits at 1", "8 waits at 2"]
    assert grid.dispatcher.waiting() == [7, 8]
    assert grid.staff(1) == ["1 engineers", "assign 1 at 7"]


def test_a_roster_that_stays_as_it_is_is_no_news() -> None:
    assert Grid(2).staff(2) == []


def test_a_turbine_that_reports_how_it_is_on_a_new_link_did_not_heal() -> None:
    grid = Grid(0)
    grid.break_down(7)
    grid.connect(7)
    assert grid.ok(7) == []


def test_a_turbine_says_among_how_many_engineers_none_was_free() -> None:
    grid = Grid(1)
    grid.break_down(7, 8)
    grid.connect(9)
    told = StatusReported(9, 3, OperationalStatus.broken)
    assert grid.dispatcher.tell(told, grid.now) == [Waits(9, 3, place=2, engineer_count=1)]


def test_a_monitor_that_stops_ends_every_assignment_and_begins_none() -> None:
    grid = Grid(2)
    grid.break_down(7, 8, 9)
    assert grid.tell(MonitorStopped()) == ["monitor_stopped 1 at 7", "monitor_stopped 2 at 8"]
    assert (grid.online(), grid.free()) == ([], [1, 2])


@pytest.mark.parametrize("late", [Disconnected(7, 1), StatusReported(7, 1, OperationalStatus.ok)])
def test_what_a_link_says_after_the_monitor_stopped_changes_nothing(late: DispatchEvent) -> None:
    grid = Grid(2)
    grid.break_down(7)
    grid.tell(MonitorStopped())
    assert grid.tell(late) == []


def test_a_negative_roster_changes_nothing() -> None:
    grid = Grid(2)
    assert grid.staff(-1) == []
    assert (grid.dispatcher.engineer_count, grid.free()) == (2, [1, 2])


def test_a_repair_that_lasts_too_long_goes_to_the_back() -> None:
    grid = Grid()
    grid.break_down(7, 8, 9)
    assert grid.pass_time(599.9) == []
    assert grid.pass_time(0.1) == ["timed_out 1 at 7", "assign 1 at 8"]
    assert grid.dispatcher.waiting() == [9, 7]


def test_a_timed_out_turbine_alone_gets_the_engineer_again() -> None:
    grid = Grid()
    grid.break_down(7)
    assert grid.pass_time(600) == ["timed_out 1 at 7", "assign 1 at 7"]
    assert grid.assignment(7).broken_at == BEGIN


def test_engineer_time_adds_up_over_lost_links() -> None:
    grid = Grid()
    grid.break_down(7)
    grid.wait(300)
    grid.lose(7)
    grid.break_down(7)
    grid.wait(100)
    grid.lose(7)
    grid.wait(1000)
    grid.break_down(7)
    assert grid.pass_time(199) == []
    assert grid.pass_time(1) == ["timed_out 1 at 7", "assign 1 at 7"]


def test_engineer_time_adds_up_over_a_takeover() -> None:
    grid = Grid()
    grid.break_down(7)
    grid.wait(400)
    grid.break_down(7)
    assert grid.pass_time(200) == ["timed_out 1 at 7", "assign 1 at 7"]


def test_engineer_time_begins_anew_after_a_time_out() -> None:
    grid = Grid()
    grid.break_down(7)
    grid.pass_time(600)
    assert grid.pass_time(599) == []
    assert grid.pass_time(1) == ["timed_out 1 at 7", "assign 1 at 7"]


def test_engineer_time_begins_anew_after_a_repair() -> None:
    grid = Grid()
    grid.break_down(7)
    grid.wait(500)
    grid.ok(7)
    grid.broken(7)
    assert grid.pass_time(599) == []


def test_a_report_of_ok_after_the_deadline_still_counts_as_repaired() -> None:
    grid = Grid()
    grid.break_down(7)
    grid.wait(5000)
    assert grid.ok(7) == ["repaired 1 at 7"]
    assert grid.pass_time(0) == []


def test_repairs_end_in_order_of_their_deadlines_and_before_the_next_begin() -> None:
    grid = Grid(2)
    grid.break_down(7)
    grid.wait(1)
    grid.break_down(8)
    assert grid.pass_time(DAY) == [
        *("timed_out 1 at 7", "timed_out 2 at 8"),
        *("assign 1 at 7", "assign 2 at 8"),
    ]


def test_the_place_of_an_offline_turbine_is_forgotten_after_a_day() -> None:
    grid = Grid()
    grid.break_down(7, 8, 9)
    grid.lose(8)
    grid.wait(1)
    grid.lose(9)
    grid.ok(7)
    assert grid.pass_time(DAY - 1) == ["8 forgotten"]
    assert (grid.dispatcher.broken_at(8), grid.dispatcher.broken_at(9)) == (None, BEGIN)
    grid.break_down(7, 8, 9)
    assert grid.dispatcher.waiting() == [9, 8]


def test_of_too_many_that_are_away_those_away_for_longest_lose_their_place(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(dispatcher, "MOST_AWAY", 3)
    grid = Grid(engineers=0)
    for number in range(1, 6):
        grid.break_down(number)
        grid.lose(number)
        grid.wait(1)

    assert grid.dispatcher.next_deadline() == 0.0
    assert grid.tell(TimePassed()) == ["1 forgotten", "2 forgotten"]

    assert [grid.dispatcher.broken_at(number) is None for number in range(1, 6)] == [True, True] + [False] * 3


def test_a_turbine_that_reconnects_keeps_its_place_for_another_day() -> None:
    grid = Grid(0)
    grid.break_down(7)
    grid.lose(7)
    grid.pass_time(DAY - 1)
    grid.connect(7)
    grid.lose(7)
    grid.pass_time(DAY - 1)
    assert grid.dispatcher.broken_at(7) == BEGIN


def test_the_place_of_a_waiting_turbine_is_never_forgotten() -> None:
    grid = Grid(0)
    grid.break_down(7)
    grid.pass_time(10 * DAY)
    assert grid.dispatcher.waiting() == [7]


def test_the_next_deadline_is_the_earliest_one() -> None:
    grid = Grid()
    assert grid.dispatcher.next_deadline() is None
    grid.break_down(7, 8)
    grid.lose(8)
    assert grid.dispatcher.next_deadline() == 700.0
    grid.ok(7)
    assert grid.dispatcher.next_deadline() == 100.0 + DAY
    grid.connect(8)
    assert grid.dispatcher.next_deadline() is None


def test_a_healthy_turbine_that_leaves_is_forgotten() -> None:
    grid = Grid()
    grid.connect(7)
    grid.ok(7)
    grid.lose(7)
    assert grid.dispatcher.next_deadline() is None
    assert grid.online() == []


# What people say.


def test_nobody_is_sent_to_a_turbine_that_is_held() -> None:
    grid = Grid()
    assert grid.hold(7) == ["7 held"]
    assert grid.break_down(7, 8) == ["assign 1 at 8"]
    assert grid.ok(8) == ["repaired 1 at 8"]


def test_an_engineer_who_is_there_goes_on_to_the_next_turbine_in_the_same_step() -> None:
    grid = Grid()
    grid.break_down(7, 8)
    assert grid.hold(7) == ["7 held", "held 1 at 7", "assign 1 at 8"]


def test_a_held_turbine_leaves_the_line_and_has_its_old_place_when_the_hold_ends() -> None:
    grid = Grid()
    grid.break_down(7, 8, 9)
    grid.hold(8)
    assert grid.dispatcher.waiting() == [9]
    assert grid.tell(HoldEnded(8)) == ["8 held no longer", "8 waits at 1"]
    assert grid.dispatcher.waiting() == [8, 9]


def test_a_turbine_whose_hold_ends_gets_whoever_is_free() -> None:
    grid = Grid()
    grid.hold(7)
    grid.break_down(7)
    assert grid.tell(HoldEnded(7)) == ["7 held no longer", "assign 1 at 7"]


def test_a_hold_ends_when_its_time_has_come() -> None:
    grid = Grid()
    grid.hold(7, 60.0)
    grid.break_down(7)
    assert grid.dispatcher.next_deadline() == grid.now.seconds + 60
    assert grid.pass_time(59.9) == []
    assert grid.pass_time(0.1) == ["7 held no longer", "assign 1 at 7"]


def test_of_two_holds_that_end_together_the_one_without_an_engineer_waits() -> None:
    grid = Grid()
    grid.hold(7, 60.0)
    grid.hold(8, 60.0)
    grid.break_down(7, 8)
    assert grid.pass_time(60) == ["7 held no longer", "8 held no longer", "8 waits at 1", "assign 1 at 7"]


def test_a_later_hold_takes_the_place_of_the_one_before() -> None:
    grid = Grid()
    grid.hold(7, 60.0)
    grid.hold(7)
    assert grid.dispatcher.next_deadline() is None
    assert grid.pass_time(DAY) == []
    assert grid.dispatcher.hold_of(7) == Hold(7, BEGIN, None, "gearbox exchange", "ann")


def test_a_hold_stays_over_lost_links_and_takeovers() -> None:
    grid = Grid()
    grid.hold(7)
    grid.break_down(7)
    grid.break_down(7)
    grid.lose(7)
    grid.break_down(7)
    assert (grid.free(), grid.dispatcher.waiting()) == ([1], [])


def test_a_held_turbine_that_is_well_again_healed_and_stays_held() -> None:
    grid = Grid()
    grid.hold(7)
    grid.break_down(7)
    assert grid.ok(7) == ["7 healed"]
    assert grid.broken(7) == []


def test_the_time_of_an_engineer_who_was_withdrawn_counts() -> None:
    grid = Grid()
    grid.break_down(7)
    grid.wait(500)
    grid.hold(7)
    grid.wait(1_000)
    grid.tell(HoldEnded(7))
    assert grid.pass_time(99.9) == []
    assert grid.pass_time(0.1) == ["timed_out 1 at 7", "assign 1 at 7"]


def test_the_end_of_no_hold_changes_nothing() -> None:
    assert Grid().tell(HoldEnded(7)) == []


def test_who_holds_and_why_is_said() -> None:
    grid = Grid()
    until = Moment(200.0, BEGIN + 100_000)
    hold = Hold(7, BEGIN, until, "gearbox exchange", "ann")
    assert grid.dispatcher.tell(Held(7, until, "gearbox exchange", "ann"), grid.now) == [HoldBegins(hold)]
    assert grid.dispatcher.tell(HoldEnded(7, "bob"), grid.now) == [HoldEnds(7, "bob")]


def test_a_waiting_turbine_that_is_chosen_goes_first() -> None:
    grid = Grid()
    grid.break_down(5, 7, 8, 9)
    assert grid.tell(ChosenNext(9)) == ["9 goes first"]
    assert grid.tell(ChosenNext(8)) == ["8 goes first"]
    assert grid.dispatcher.waiting() == [8, 9, 7]


@pytest.mark.parametrize("number", [4, 5, 6, 7])
def test_one_that_does_not_wait_cannot_be_chosen(number: int) -> None:
    grid = Grid()
    grid.break_down(5, 6, 7, 8)
    grid.hold(6)
    grid.lose(7)
    assert grid.tell(ChosenNext(number)) == []
    assert grid.dispatcher.waiting() == [8]


def test_one_that_is_offline_is_forgotten_with_its_place_and_its_hold() -> None:
    grid = Grid(0)
    grid.break_down(7, 8)
    grid.hold(7)
    grid.lose(7)

    assert grid.tell(ToldToForget(7)) == ["forget 7"]

    assert (grid.dispatcher.broken_at(7), grid.dispatcher.hold_of(7)) == (None, None)
    assert grid.break_down(7) == ["7 waits at 2"]


def test_one_that_is_online_cannot_be_forgotten() -> None:
    grid = Grid()
    grid.break_down(7)

    assert grid.tell(ToldToForget(7)) == []

    assert grid.dispatcher.assignment_of(7) is not None


def test_a_monitor_that_starts_goes_on_with_the_roster_and_the_holds() -> None:
    grid = Grid(1)
    holds = (Hold(7, BEGIN, None, None, None), Hold(8, BEGIN, Moment(160.0, BEGIN), None, None))
    assert grid.tell(MonitorStarted(41, engineer_count=2, holds=holds)) == []
    assert grid.roster() == [1, 2]
    assert grid.break_down(7, 8) == []
    assert grid.pass_time(60) == ["8 held no longer", "assign 1 at 8"]


def test_what_earlier_runs_left_is_older_than_what_was_said_since() -> None:
    grid = Grid(1)
    grid.staff(2)
    grid.hold(7)
    grid.break_down(7, 8)
    holds = (Hold(7, 0, Moment(160.0, BEGIN), None, None), Hold(8, 0, None, None, None))
    assert grid.tell(MonitorStarted(41, engineer_count=5, holds=holds)) == ["held 1 at 8"]
    assert grid.roster() == [1, 2]
    assert grid.pass_time(60) == []


# Clocks.


def test_a_wall_clock_that_jumps_back_leaves_the_stored_times_in_order() -> None:
    grid = Grid()
    grid.break_down(7, 8)
    grid.jump(-3600)
    grid.wait(5)
    assert grid.ok(7) == ["repaired 1 at 7", "assign 1 at 8"]
    assert (grid.assignment(8).broken_at, grid.assignment(8).assigned_at) == (BEGIN, BEGIN + 5_000)


def test_an_assignment_never_ends_before_it_began() -> None:
    grid = Grid()
    grid.break_down(7)
    running = grid.assignment(7)
    grid.jump(-3600)
    told = grid.dispatcher.tell(Disconnected(7, 1), grid.now)
    assert told == [Release(running, Outcome.disconnected, BEGIN)]


@pytest.mark.parametrize("seconds", [57 * 365 * DAY, 7200, -7200])
def test_what_is_kept_of_an_assignment_is_its_true_length(seconds: int) -> None:
    grid = Grid()
    grid.break_down(7)
    running = grid.assignment(7)
    grid.jump(seconds)
    grid.wait(3)
    told = grid.dispatcher.tell(Disconnected(7, 1), grid.now)
    assert told == [Release(running, Outcome.disconnected, BEGIN + 3_000)]


@given(st.lists(st.tuples(st.floats(0, 0.01), st.sampled_from([0, 0, 0, 0, 7200, -7200])), max_size=40))
def test_an_engineer_is_never_elsewhere_before_it_is_back(steps: list[tuple[float, int]]) -> None:
    grid = Grid()
    turbines = range(1, len(steps) + 1)
    wall = BEGIN + 0.9
    for number, (seconds, _) in zip(turbines, steps, strict=True):
        wall += seconds * 1000
        grid.now = Moment(grid.now.seconds + seconds, int(wall))  # as it is read: whole ms, cut off
        grid.break_down(number)
    ends = [grid.now.at - DAY * 1000]
    for number, (seconds, set_by) in zip(turbines, steps, strict=True):
        running = grid.assignment(number)
        assert running.broken_at <= running.assigned_at
        assert ends[-1] <= running.assigned_at
        wall += seconds * 1000 + set_by * 1000
        grid.now = Moment(grid.now.seconds + seconds, int(wall))
        ends.append(running.ended_at(grid.now))
        assert grid.ok(number)[0] == f"repaired 1 at {number}"


def test_a_wall_clock_that_jumps_ahead_times_nothing_out() -> None:
    grid = Grid()
    grid.break_down(7)
    grid.jump(30 * DAY)
    assert grid.pass_time(599) == []


def test_assignment_ids_go_on_where_an_earlier_run_ended() -> None:
    grid = Grid(2)
    grid.tell(MonitorStarted(last_assignment_id=41))
    grid.break_down(7, 8)
    grid.break_down(7)
    assert (grid.assignment(8).id, grid.assignment(7).id) == (43, 44)


def test_an_assignment_says_all_there_is_to_say() -> None:
    grid = Grid()
    grid.connect(7)
    told = StatusReported(7, 1, OperationalStatus.broken)
    assert grid.dispatcher.tell(told, grid.now) == [Assign(Assignment(1, 7, 1, 1, BEGIN, BEGIN, 100.0))]


def test_everybody_can_ask_for_the_place_in_the_line() -> None:
    grid = Grid()
    grid.break_down(7, 8, 9)
    asked = [grid.dispatcher.waiting_place(number) for number in (7, 8, 9, 10)]
    assert asked == [None, 1, 2, None]


def test_the_counts_tell_who_waits_and_who_is_free() -> None:
    grid = Grid(1)
    grid.break_down(7, 8, 9)
    grid.lose(9)
    assert (grid.dispatcher.waiting_count, grid.dispatcher.free_count) == (1, 0)


def test_an_engineer_says_since_when() -> None:
    grid = Grid(2)
    grid.wait(5)
    grid.break_down(7)
    at_work, free = grid.dispatcher.engineers()
    assert (at_work.assignment, at_work.since) == (grid.assignment(7), grid.now)
    assert (free.assignment, free.since) == (None, Moment(100.0, BEGIN))


def test_a_broken_state_is_found_out() -> None:
    grid = Grid()
    grid.break_down(7)
    grid.dispatcher._turbines[7].state = State.ok
    with pytest.raises(AssertionError, match="I3: an engineer is not on a live session"):
        check(grid.dispatcher)
