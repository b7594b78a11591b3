"""The readings that wait for the monitor."""

from __future__ import annotations

import re
from typing import NamedTuple

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from gridws.settings import WINDOW
from gridws.turbines.backlog import Backlog, new_stream
from gridws.wire.frames import Measurement
from gridws.words import OperationalStatus


class Outgoing(NamedTuple):
    """What a backlog lets go."""

    sequence: int
    measurement: Measurement
    historical: bool


def taken(number: int) -> Measurement:
    return Measurement(number, 9.0, 800.0, OperationalStatus.ok)


def filled(count: int, capacity: int = 3_600) -> Backlog:
    backlog = Backlog(capacity)
    for number in range(1, count + 1):
        backlog.append(taken(number))
    return backlog


def all_that_leave(backlog: Backlog) -> list[Outgoing]:
    return [Outgoing(*out) for out in iter(backlog.take, None)]


def sequences(backlog: Backlog) -> list[int]:
    return [out.sequence for out in all_that_leave(backlog)]


def test_nothing_leaves_before_the_welcome() -> None:
    backlog = filled(3)

    backlog.hello()

    assert backlog.take() is None


def test_a_stranger_is_sent_everything() -> None:
    backlog = filled(3)
    backlog.hello()

    backlog.welcome(None)

    assert sequences(backlog) == [1, 2, 3]


def test_what_the_monitor_has_is_not_sent_again() -> None:
    backlog = filled(5)
    backlog.hello()

    backlog.welcome(3)

    assert sequences(backlog) == [4, 5]
    assert len(backlog) == 2


def test_only_what_was_taken_before_the_hello_is_history() -> None:
    backlog = filled(2)
    backlog.hello()
    backlog.append(taken(3))

    backlog.welcome(None)

    assert [out.historical for out in all_that_leave(backlog)] == [True, True, False]


def test_a_window_is_on_the_way_and_no_more() -> None:
    backlog = filled(WINDOW + 10)
    backlog.hello()
    backlog.welcome(None)
    assert len(all_that_leave(backlog)) == WINDOW

    backlog.ack(4)

    assert sequences(backlog) == [WINDOW + 1, WINDOW + 2, WINDOW + 3, WINDOW + 4]


def test_the_oldest_goes_when_the_buffer_is_full() -> None:
    backlog = filled(5, capacity=3)
    backlog.hello()

    backlog.welcome(None)

    assert sequences(backlog) == [3, 4, 5]
    assert backlog.dropped == 2


def test_what_was_dropped_unsent_is_jumped_over() -> None:
    backlog = filled(WINDOW, capacity=WINDOW)
    backlog.hello()
    backlog.welcome(None)
    all_that_leave(backlog)
    for number in range(WINDOW + 1, 2 * WINDOW + 11):
        backlog.append(taken(number))

    backlog.ack(WINDOW)

    first = next(iter(all_that_leave(backlog)))
    assert (first.sequence, first.measurement.measured_at) == (WINDOW + 11, WINDOW + 11)


def test_an_ack_of_what_was_never_sent_deletes_nothing() -> None:
    backlog = filled(3)
    backlog.hello()

    backlog.ack(3)

    assert len(backlog) == 3


def test_a_monitor_that_lost_its_database_gets_what_is_left() -> None:
    backlog = filled(5)
    backlog.hello()
    backlog.welcome(None)
    all_that_leave(backlog)
    backlog.ack(5)
    backlog.append(taken(6))
    backlog.hello()

    backlog.welcome(None)

    assert sequences(backlog) == [6]


def test_a_monitor_that_lost_its_database_and_misses_nothing_that_is_left_gets_nothing() -> None:
    backlog = filled(5)
    backlog.hello()
    backlog.welcome(None)
    all_that_leave(backlog)
    backlog.ack(5)
    backlog.hello()

    backlog.welcome(None)

    assert backlog.take() is None


def test_a_new_stream_begins_at_one_with_what_is_left() -> None:
    backlog = filled(4)
    old_stream = backlog.stream
    backlog.hello()
    backlog.welcome(2)

    backlog.renew()
    backlog.hello()
    backlog.welcome(None)

    assert backlog.stream != old_stream
    assert [(out.sequence, out.measurement.measured_at) for out in all_that_leave(backlog)] == [
        (1, 3),
        (2, 4),
    ]


def test_stream_names_are_legal_and_never_repeat() -> None:
    names = {new_stream() for _ in range(1_000)}

    assert len(names) == 1_000
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{1,64}", name) for name in names)


class AnyOrder(RuleBasedStateMachine):
    """In whatever order things happen, readings leave in order, few at a time, and none vanishes uncounted.

    Each reading carries its own number as its time, counted here over the whole run.
    """

    CAPACITY = 700

    def __init__(self) -> None:
        super().__init__()
        self.backlog = Backlog(self.CAPACITY)
        self.taken = 0
        self.acknowledged: set[int] = set()
        self.on_the_way: list[Outgoing] = []
        self.stored = 0
        self.open = False
        self.first_after_welcome = False

    @rule(count=st.integers(1, 400))
    def take_readings(self, count: int) -> None:
        for _ in range(count):
            self.taken += 1
            self.backlog.append(taken(self.taken))
        self.send()

    @rule()
    def lose_the_link(self) -> None:
        self.backlog.lost()
        self.open = False

    @rule()
    def say_hello(self) -> None:
        self.backlog.hello()
        self.open = False

    @rule(share=st.floats(0.0, 1.0))
    def be_welcomed(self, share: float) -> None:
        """The monitor kept some of what was on the way, and forgot nothing that it acknowledged."""
        kept = round(len(self.on_the_way) * share)
        self.monitor_keeps(kept)
        self.on_the_way.clear()
        oldest = self.backlog.last_sequence - len(self.backlog) + 1
        self.backlog.welcome(self.stored or None)
        self.open = True
        expected = max(self.stored + 1, oldest)
        self.send(expected=expected)

    @rule(count=st.integers(1, 600))
    def be_acknowledged(self, count: int) -> None:
        self.monitor_keeps(min(count, len(self.on_the_way)))
        self.backlog.ack(self.stored)
        self.send()

    @rule()
    def begin_a_new_stream(self) -> None:
        self.backlog.renew()
        self.on_the_way.clear()
        self.stored = 0
        self.open = False

    def monitor_keeps(self, count: int) -> None:
        for out in self.on_the_way[:count]:
            self.acknowledged.add(out.measurement.measured_at)
            self.stored = out.sequence
        del self.on_the_way[:count]

    def send(self, expected: int | None = None) -> None:
        leaving = all_that_leave(self.backlog)
        assert self.open or not leaving
        numbers = [out.sequence for out in leaving]
        if expected is not None and numbers:
            assert numbers == list(range(expected, expected + len(numbers)))
        self.on_the_way += leaving

    @invariant()
    def never_more_than_a_window_is_on_the_way(self) -> None:
        assert len(self.on_the_way) <= WINDOW

    @invariant()
    def never_out_of_order(self) -> None:
        numbers = [out.sequence for out in self.on_the_way]
        times = [out.measurement.measured_at for out in self.on_the_way]
        assert numbers == sorted(set(numbers))
        assert times == sorted(set(times))

    @invariant()
    def none_vanishes_uncounted(self) -> None:
        assert self.taken - len(self.acknowledged) <= len(self.backlog) + self.backlog.dropped
        assert len(self.backlog) <= self.CAPACITY

    @invariant()
    def whatever_can_leave_has_left(self) -> None:
        assert self.backlog.take() is None


TestAnyOrder = AnyOrder.TestCase
TestAnyOrder.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
