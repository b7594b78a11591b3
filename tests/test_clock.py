"""What counts as the time for those who delete by age."""

from __future__ import annotations

import pytest

from gridws.clock import Belief, Calendar
from gridws.moments import Moment

BEGIN = 1_790_000_000_000
HOUR = 3_600
DAY = 24 * HOUR


def asked(calendar: Calendar, hours: int, *, ahead: int) -> int:
    """Ask after so many hours, with a wall clock so many seconds ahead; return how many it believes."""
    seconds = hours * HOUR
    return (calendar.at(Moment(seconds, BEGIN + (seconds + ahead) * 1000)) - BEGIN) // 1000 - seconds


def test_time_that_passes_is_believed() -> None:
    calendar = Calendar()

    assert [asked(calendar, hours, ahead=0) for hours in range(0, 200, 50)] == [0] * 4


def test_a_clock_put_forward_by_much_is_believed_after_a_day() -> None:
    calendar = Calendar()
    asked(calendar, 0, ahead=0)

    assert [asked(calendar, hours, ahead=60 * DAY) for hours in (1, 12, 24)] == [0, 0, 0]
    assert [asked(calendar, hours, ahead=60 * DAY) for hours in (25, 26)] == [60 * DAY] * 2


def test_a_clock_that_was_wrong_for_a_while_changes_nothing() -> None:
    calendar = Calendar()
    asked(calendar, 0, ahead=0)
    asked(calendar, 1, ahead=60 * DAY)

    assert asked(calendar, 20, ahead=0) == 0
    assert asked(calendar, 26, ahead=60 * DAY) == 0


def test_a_run_goes_on_from_the_time_that_the_one_before_knew() -> None:
    calendar = Calendar()
    calendar.go_on_from(Belief(BEGIN), Moment(0, BEGIN + 60 * DAY * 1000))

    assert asked(calendar, 1, ahead=60 * DAY) == 0
    assert asked(calendar, 26, ahead=60 * DAY) == 60 * DAY


def after_a_restart(calendar: Calendar, hours: int, *, ahead: int) -> Calendar:
    """Return the next run's calendar, begun after so many hours with a clock so many seconds ahead."""
    again = Calendar()
    asked(calendar, hours, ahead=ahead)
    now = Moment(hours * HOUR, BEGIN + (hours * HOUR + ahead) * 1000)
    again.go_on_from(calendar.belief(now), now)
    return again


def test_no_restart_shortens_the_day_of_doubt_nor_makes_it_longer() -> None:
    calendar = Calendar()
    asked(calendar, 0, ahead=0)
    for hours in range(1, 25):
        calendar = after_a_restart(calendar, hours, ahead=60 * DAY)

    assert asked(calendar, 24, ahead=60 * DAY) == 0
    assert asked(calendar, 25, ahead=60 * DAY) == 60 * DAY


def test_a_clock_that_says_yet_more_is_doubted_for_a_day_of_its_own() -> None:
    calendar = Calendar()
    asked(calendar, 0, ahead=0)
    asked(calendar, 1, ahead=2 * DAY)

    calendar = after_a_restart(calendar, 24, ahead=60 * DAY)

    assert asked(calendar, 47, ahead=60 * DAY) == 0
    assert asked(calendar, 48, ahead=60 * DAY) == 60 * DAY


@pytest.mark.parametrize("ahead", [60 * DAY, -60 * DAY])
def test_what_is_received_while_the_clock_is_wrong_does_not_age_by_it(ahead: int) -> None:
    calendar = Calendar()
    asked(calendar, 0, ahead=0)
    received = calendar.receipt(Moment(HOUR, BEGIN + (HOUR + ahead) * 1000))
    asked(calendar, 1, ahead=ahead)

    believed = BEGIN + (48 * HOUR + asked(calendar, 48, ahead=0)) * 1000

    assert believed - received <= 47 * HOUR * 1000


def test_small_corrections_and_those_back_count_at_once() -> None:
    calendar = Calendar()
    asked(calendar, 0, ahead=0)

    assert asked(calendar, 1, ahead=HOUR) == HOUR
    assert asked(calendar, 2, ahead=-60 * DAY) == -60 * DAY
