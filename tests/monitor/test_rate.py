"""How fast one peer may send."""

from __future__ import annotations

from gridws.monitor.rate import EXCUSED_FOR, QUIET_FOR_GOOD, Rate


def a_rate(taken: int = 0) -> Rate:
    rate = Rate(per_second=20, burst=200)
    assert [rate.take(100.0) for _ in range(taken)] == [True] * taken
    return rate


def test_a_burst_is_within_the_rate() -> None:
    assert a_rate(199).take(100.0)


def test_one_frame_more_is_over_it() -> None:
    assert not a_rate(200).take(100.0)


def test_a_second_gives_room_for_twenty_more() -> None:
    rate = a_rate(200)
    assert [rate.take(101.0) for _ in range(21)] == [True] * 20 + [False]


def test_reading_goes_on_when_a_seconds_worth_fits_again() -> None:
    rate = a_rate(200)
    rate.take(100.0)
    rate.note_excess(100.0)
    assert not rate.ease(101.0, patience=10)
    assert rate.ease(101.06, patience=10)


def test_reading_goes_on_at_the_end_of_patience_however_much_one_read_held() -> None:
    rate = a_rate(200)
    rate.note_excess(100.0)
    assert [rate.take(100.0) for _ in range(1000)] == [False] * 1000
    assert not rate.ease(109.9, patience=10)
    assert rate.ease(110.0, patience=10)


def test_frames_that_were_held_up_leave_the_rate_as_it_was() -> None:
    rate = a_rate(200)
    rate.excuse(300, 100.0)
    assert [rate.take(100.0) or rate.take_back(100.0) for _ in range(301)] == [True] * 300 + [False]
    assert [rate.take(101.0) for _ in range(21)] == [True] * 19 + [False] * 2


def test_a_second_excuse_takes_nothing_from_the_first() -> None:
    rate = a_rate(200)
    rate.excuse(300, 100.0)
    rate.excuse(1, 100.0)
    assert [rate.take(100.0) or rate.take_back(100.0) for _ in range(300)] == [True] * 300


def test_an_excuse_does_not_last() -> None:
    rate = a_rate()
    rate.excuse(300, 100.0)
    later = 100.0 + EXCUSED_FOR
    assert not rate.take_back(later)


def test_the_time_over_the_rate_adds_up_over_pauses() -> None:
    rate = a_rate(200)
    rate.note_excess(100.0)
    assert rate.over_for(100.0) == 0
    rate.ease(101.0, patience=10)
    rate.note_excess(101.5)
    assert rate.over_for(101.5) == 1.5


def test_a_calm_peer_starts_anew() -> None:
    rate = a_rate(200)
    rate.note_excess(100.0)
    assert rate.ease(101.0, patience=10)
    rate.note_excess(101.1 + QUIET_FOR_GOOD)
    assert rate.over_for(101.1 + QUIET_FOR_GOOD) == 0
