"""One numbered stream: what is wanted of it."""

from __future__ import annotations

import pytest

from gridws.stream import Stream, Taken


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
