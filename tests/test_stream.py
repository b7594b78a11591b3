"""One numbered stream: what is wanted, what is acknowledged and when."""

from __future__ import annotations

import pytest

from gridws.stream import ACK_AT_ONCE, ACK_INTERVAL, Stream, Taken


def open_stream(last_sequence: int | None = None) -> Stream:
    stream = Stream((7, "a"))
    stream.open(last_sequence)
    return stream


def test_nothing_is_taken_before_the_welcome() -> None:
    assert Stream((7, "a")).judge(1) is Taken.not_now


@pytest.mark.parametrize(
    ("sequence", "taken"), [(4, Taken.repeated), (5, Taken.repeated), (6, Taken.wanted), (60, Taken.wanted)]
)
def test_what_is_above_the_cursor_is_wanted(sequence: int, taken: Taken) -> None:
    assert open_stream(5).judge(sequence) is taken


def test_a_jump_ahead_is_counted() -> None:
    stream = open_stream(5)
    assert stream.advance(9) == 3
    assert stream.last_sequence == 9


def test_a_stalled_stream_takes_nothing_and_wants_a_resync() -> None:
    stream = open_stream(5)
    stream.stall()
    assert stream.judge(6) is Taken.not_now
    assert stream.stalled


def test_a_stream_that_was_never_welcomed_needs_no_resync() -> None:
    stream = Stream((7, "a"))
    stream.stall()
    assert not stream.stalled


def test_only_what_is_committed_is_acknowledged() -> None:
    stream = open_stream(5)
    stream.advance(6)
    assert stream.acknowledge(now=100.0) is None
    stream.commit(6)
    assert stream.acknowledge(now=100.0) == 6


def test_acks_are_held_back_between_two_of_them() -> None:
    stream = open_stream()
    stream.commit(1)
    stream.acknowledge(now=100.0)
    stream.commit(2)
    assert stream.acknowledge(now=100.0 + ACK_INTERVAL / 2) is None
    assert stream.ack_wanted
    assert stream.acknowledge(now=100.0 + ACK_INTERVAL) == 2
    assert not stream.ack_wanted


def test_a_turbine_that_catches_up_is_acknowledged_at_once() -> None:
    stream = open_stream()
    stream.commit(1)
    stream.acknowledge(now=100.0)
    stream.commit(1 + ACK_AT_ONCE)
    assert stream.acknowledge(now=100.0) == 1 + ACK_AT_ONCE


def test_a_repeated_reading_is_acknowledged_again() -> None:
    stream = open_stream(5)
    stream.judge(3)
    assert stream.acknowledge(now=100.0) == 5


def test_a_repeated_reading_that_is_not_committed_yet_is_not_acknowledged() -> None:
    stream = open_stream()
    stream.advance(1)
    stream.judge(1)
    assert stream.acknowledge(now=100.0) is None
