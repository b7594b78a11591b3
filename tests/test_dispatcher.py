"""Stories of the dispatcher: who gets an engineer, when, and how it ends."""

from __future__ import annotations

from itertools import count

import pytest

from gridws import dispatcher
from gridws.dispatch_states import State
from gridws.dispatcher import (
    Assign,
    Assignment,
    Command,
    Connected,
    Disconnected,
    Dispatcher,
    DispatchEvent,
    Moment,
    Outcome,
    Release,
    RosterChanged,
    StatusReported,
    TimePassed,
    check,
)
from gridws.frames import OperationalStatus

DAY = 24 * 3600.0
BEGIN = 1_700_000_000_000


class Grid:
    """Keeps time and session ids, tells the dispatcher, and checks every invariant after every word."""

    def __init__(self, engineers: int = 1, *, last_assignment_id: int = 0) -> None:
        self.now = Moment(100.0, BEGIN)
        self.dispatcher = Dispatcher(
            engineers,
            repair_timeout=600.0,
            place_kept_for=DAY,
            last_assignment_id=last_assignment_id,
            started=self.now,
        )
        self.sessions: dict[int, int] = {}
        self._ids = count(1)

    def tell(self, event: DispatchEvent) -> list[str]:
        commands = self.dispatcher.tell(event, self.now)
        check(self.dispatcher)
        return [_words(command) for command in commands]

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

    def roster(self) -> list[int]:
        return [each.engineer_id for each in self.dispatcher.engineers()]


def _words(command: Command) -> str:
    at = f"{command.assignment.engineer_id} at {command.assignment.turbine_number}"
    return f"{command.outcome} {at}" if isinstance(command, Release) else f"assign {at}"


def test_a_broken_turbine_gets_an_engineer_at_once() -> None:
    grid = Grid()
    grid.connect(7)
    assert grid.broken(7) == ["assign 1 at 7"]


def test_a_turbine_that_has_not_reported_gets_nobody() -> None:
    assert Grid().connect(7) == []


def test_a_second_turbine_waits_until_the_first_is_repaired() -> None:
    grid = Grid()
    assert grid.break_down(7, 8) == ["assign 1 at 7"]
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
    assert grid.ok(8) == []
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
    assert (grid.dispatcher.online_count, grid.dispatcher.broken_at(7)) == (0, BEGIN)


def test_a_turbine_nobody_knows_changes_nothing() -> None:
    grid = Grid()
    assert grid.broken(4, session=1) + grid.lose(4, session=1) == []
    assert grid.dispatcher.online_count == 0


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
    assert grid.staff(3) == ["assign 2 at 8", "assign 3 at 9"]


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
    assert grid.staff(1) == []
    assert grid.roster() == [1, 2]
    assert grid.ok(7) == ["repaired 1 at 7"]
    assert grid.roster() == [2]
    assert grid.ok(8) == ["repaired 2 at 8", "assign 2 at 9"]


def test_an_engineer_about_to_leave_stays_when_the_roster_grows_again() -> None:
    grid = Grid(2)
    grid.break_down(7, 8)
    grid.staff(0)
    assert grid.staff(2) == []
    grid.ok(8)
    assert (grid.roster(), grid.free()) == ([1, 2], [2])


def test_without_engineers_everybody_waits() -> None:
    grid = Grid(0)
    assert grid.break_down(7, 8) == []
    assert grid.dispatcher.waiting() == [7, 8]
    assert grid.staff(1) == ["assign 1 at 7"]


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
    grid.pass_time(DAY - 1)
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
    grid.tell(TimePassed())

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
    assert grid.dispatcher.online_count == 0


def test_a_wall_clock_that_jumps_back_leaves_the_stored_times_in_order() -> None:
    grid = Grid()
    grid.break_down(7, 8)
    grid.jump(-3600)
    assert grid.ok(7) == ["repaired 1 at 7", "assign 1 at 8"]
    assert grid.assignment(8).assigned_at == grid.assignment(8).broken_at == BEGIN


def test_an_assignment_never_ends_before_it_began() -> None:
    grid = Grid()
    grid.break_down(7)
    grid.jump(-3600)
    (release,) = grid.dispatcher.tell(Disconnected(7, 1), grid.now)
    assert release == Release(release.assignment, Outcome.disconnected, BEGIN)


def test_a_wall_clock_that_jumps_ahead_times_nothing_out() -> None:
    grid = Grid()
    grid.break_down(7)
    grid.jump(30 * DAY)
    assert grid.pass_time(599) == []


def test_assignment_ids_go_on_where_an_earlier_run_ended() -> None:
    grid = Grid(2, last_assignment_id=41)
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


def test_the_counts_tell_online_broken_waiting_and_free() -> None:
    grid = Grid(1)
    grid.break_down(7, 8, 9)
    grid.connect(10)
    grid.lose(9)
    seen = grid.dispatcher
    assert (seen.online_count, seen.broken_count, seen.waiting_count, seen.free_count) == (3, 2, 1, 0)


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
