"""One numbered stream: what is wanted of it."""

from __future__ import annotations

import pytest

from gridws.monitor.stream import Stream
from gridws.settings import WINDOW


def open_stream(last_sequence: int | None = None) -> Stream:
    stream = Stream((7, "a"))
    stream.open(last_sequence)
    return stream


def test_nothing_is_taken_before_the_welcome() -> None:
    stream = Stream((7, "a"))
    assert not stream.taking
    assert not stream.has(1)


@pytest.mark.parametrize(("sequence", "taken"), [(4, True), (5, True), (6, False), (60, False)])
def test_what_is_at_or_below_the_cursor_was_taken_before(sequence: int, taken: bool) -> None:  # noqa: FBT001
    assert open_stream(5).has(sequence) is taken


@pytest.mark.parametrize(
    ("sequence", "believed"), [(5, False), (6, True), (5 + WINDOW, True), (6 + WINDOW, False)]
)
def test_a_wrong_reading_is_believed_to_be_one_of_the_window(sequence: int, believed: bool) -> None:  # noqa: FBT001
    assert open_stream(5).is_next(sequence) is believed


def test_a_jump_ahead_is_counted() -> None:
    stream = open_stream(5)
    assert stream.advance(9) == 3
    assert stream.last_sequence == 9


@pytest.mark.parametrize(
    ("sequence", "left_out"), [(5, False), (6, True), (8, True), (9, False), (10, False)]
)
def test_a_jump_ahead_leaves_out_what_lies_between(sequence: int, left_out: bool) -> None:  # noqa: FBT001
    stream = open_stream(5)
    stream.advance(9)
    stream.advance(10)
    assert stream.left_out(sequence) is left_out


def test_a_stalled_stream_takes_nothing_and_wants_a_resync() -> None:
    stream = open_stream(5)
    stream.stall()
    assert not stream.taking
    assert not stream.is_next(6)
    assert stream.stalled


def test_a_stream_that_was_never_welcomed_needs_no_resync() -> None:
    stream = Stream((7, "a"))
    stream.stall()
    assert not stream.stalled
