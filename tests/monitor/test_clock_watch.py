"""A wall clock that is set, as what it makes of the rows of statuses."""

from __future__ import annotations

from watching_world import World

from gridws.moments import Moment
from gridws.monitor.clock_watch import MOST_SET_BACK, ClockWatch
from gridws.words import OperationalStatus

NOON = 1_790_000_000_000


class Watched:
    """One turbine that says how it is, and a clock in rounds of a quarter of a second."""

    def __init__(self) -> None:
        self.fleet_state = World().fleet_state
        self.watch = ClockWatch(self.fleet_state)
        self.seconds = 0.0
        self.ahead = 0
        self.rows: list[tuple[int, str | None]] = []
        self.fleet_state.came_online(7, self.at)

    @property
    def at(self) -> int:
        return NOON + round(self.seconds * 1000) + self.ahead

    def says(self, status: OperationalStatus) -> None:
        self.rows.append(self.fleet_state.changed(7, status, self.at)[1:3])

    def is_lost(self) -> None:
        change = self.fleet_state.went_offline(7, self.at)
        assert change is not None
        self.rows.append(change[1:3])

    def wait(self, seconds: float) -> None:
        until = self.seconds + seconds
        while self.seconds < until:
            self.seconds += 0.25
            self.rows += [row[1:3] for row in self.watch.look(Moment(self.seconds, self.at))]

    def last(self, before: int = 2 * NOON) -> str | None:
        """Return how the turbine is for whoever reads the rows in the order of their times."""
        return max((row[0], place, row[1]) for place, row in enumerate(self.rows) if row[0] < before)[2]


def test_a_clock_that_is_right_writes_nothing() -> None:
    grid = Watched()
    grid.says(OperationalStatus.broken)
    grid.wait(3600.0)

    assert grid.rows == [(NOON, "broken")]


def test_what_was_said_just_before_the_clock_was_put_back_a_little_is_not_the_last_word() -> None:
    grid = Watched()
    grid.wait(1.0)
    grid.says(OperationalStatus.broken)
    grid.ahead = -600
    grid.wait(0.25)
    grid.is_lost()
    grid.wait(2.0)

    assert grid.last() is None


def test_a_clock_that_comes_back_from_the_future_in_two_steps_says_anew_after_each() -> None:
    grid = Watched()
    grid.wait(1.0)
    grid.ahead = 365 * 86_400_000
    grid.wait(1.0)
    grid.ahead = 5_000
    grid.says(OperationalStatus.broken)
    grid.wait(1.0)
    grid.ahead = 0
    grid.wait(0.25)
    grid.is_lost()
    grid.wait(10.0)

    assert grid.last(before=NOON + 86_400_000) is None


def test_a_clock_that_is_set_again_and_again_is_no_growing_list() -> None:
    grid = Watched()
    for days in range(5 * MOST_SET_BACK, 0, -1):
        grid.ahead = days * 86_400_000
        grid.wait(0.25)
        grid.ahead = 0
        grid.wait(0.25)

    assert len(grid.watch._put_back_from) == MOST_SET_BACK
