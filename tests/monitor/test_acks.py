"""What turbines are told about their readings, and how the pace of acks is kept."""

from __future__ import annotations

import itertools

from doubles import HandClock, ListLink, frame

from gridws.monitor.acks import ACK_AT_ONCE, ACKS_WHEN_QUIET, MOST_LOST_AT_ONCE, QUIET_AFTER, Acks
from gridws.monitor.chronicle import Chronicle
from gridws.monitor.counters import Counters
from gridws.monitor.monitor import GridMonitor
from gridws.monitor.session import Session
from gridws.monitor.stream import Stream
from gridws.monitor.tidings import Tidings
from gridws.settings import WINDOW, MonitorSettings


class Office:
    """Acks for turbines whose streams are open, with acks at `pace` a second."""

    def __init__(self, turbines: int, *, pace: float = 10.0) -> None:
        self.clock = HandClock()
        self.counters = Counters()
        settings = MonitorSettings(acks_per_second=pace)
        self.monitor = GridMonitor(settings=settings, clock=self.clock)
        self.links = [ListLink() for _ in range(turbines)]
        self.sessions = [self._connect(number, link) for number, link in enumerate(self.links, 1)]
        self.acks = Acks(
            self.monitor.sessions,
            settings=settings,
            clock=self.clock,
            fleet_state=self.monitor.fleet_state,
            chronicle=Chronicle(Tidings(self.monitor.watch)),
            counters=self.counters,
        )
        self.sequences = itertools.count(1)

    def _connect(self, number: int, link: ListLink) -> Session:
        session = self.monitor.connect(number, link)
        session.receive(frame("hello", turbine_number=number, stream="a"))
        self.stream_of(session).open(None)
        return session

    def stream_of(self, session: Session) -> Stream:
        assert session.stream is not None
        return session.stream

    def commit(self, *, sequence: int | None = None, turbines: slice = slice(None)) -> int:
        """Commit a reading of each turbine and return its sequence."""
        sequence = sequence or next(self.sequences)
        cursors = {self.stream_of(session): sequence for session in self.sessions[turbines]}
        now = self.clock.now().seconds
        self.acks.committed(cursors, readings=len(cursors), seconds=0.0, now=now)
        return sequence

    def taken(self) -> list[list[int]]:
        """Return what each turbine was acknowledged since the last call."""
        found = [[sent["sequence"] for sent in link.sent if sent["type"] == "ack"] for link in self.links]
        for link in self.links:
            link.sent.clear()
        return found


def test_a_small_fleet_is_acknowledged_after_each_commit() -> None:
    office = Office(3)
    for sequence in (1, 2):
        office.clock.pass_time(0.5)
        office.commit()
        assert office.taken() == [[sequence]] * 3


def test_in_a_large_fleet_the_longest_waiting_go_first_and_each_ack_speaks_for_all_before_it() -> None:
    office = Office(6, pace=4.0)
    office.clock.pass_time(10.0)
    office.commit()
    assert office.taken() == [
        [1],
        [1],
        [],
        [],
        [],
        [],
    ]  # half a second's worth, however long nothing was sent
    office.clock.pass_time(0.5)
    office.commit()
    assert office.taken() == [[], [], [2], [2], [], []]
    office.clock.pass_time(0.5)
    office.acks.send_acks(office.clock.now().seconds)
    assert office.taken() == [[], [], [], [], [2], [2]]


def test_when_no_readings_come_any_more_all_are_acknowledged_soon() -> None:
    office = Office(6, pace=1.0)
    office.commit()
    for _ in range(4):
        office.acks.send_acks(office.clock.now().seconds)  # no readings between two rounds tell nothing
        assert office.taken() == [[]] * 6
        office.clock.pass_time(QUIET_AFTER / 4)
    office.acks.send_acks(office.clock.now().seconds)
    assert sorted(office.taken()) == [[1]] * 6
    assert len(office.sessions) < ACKS_WHEN_QUIET


def test_a_turbine_that_catches_up_is_acknowledged_without_waiting() -> None:
    office = Office(4, pace=1.0)
    office.commit(sequence=ACK_AT_ONCE - 1)
    assert office.taken() == [[], [], [], []]
    office.commit(sequence=ACK_AT_ONCE, turbines=slice(3, 4))
    assert office.taken() == [[], [], [], [ACK_AT_ONCE]]
    office.commit(sequence=ACK_AT_ONCE + 1, turbines=slice(3, 4))
    assert office.taken() == [[], [], [], []]


def test_what_a_turbine_sends_again_is_acknowledged_again() -> None:
    office = Office(1)
    office.clock.pass_time(1.0)
    office.commit()
    office.taken()
    office.acks.ack_due(office.stream_of(office.sessions[0]))
    office.acks.send_acks(office.clock.now().seconds)
    assert office.taken() == [[1]]


def test_what_was_never_committed_is_not_acknowledged_again() -> None:
    office = Office(1)
    office.acks.ack_due(office.stream_of(office.sessions[0]))
    office.acks.send_acks(office.clock.now().seconds)
    assert office.taken() == [[]]


def test_nothing_is_acknowledged_to_a_stream_that_is_over() -> None:
    office = Office(2, pace=1.0)
    office.commit()
    office.sessions[0].receive(frame("hello", turbine_number=1, stream="b"))
    office.sessions[1].lost()
    office.acks.send_acks(office.clock.now().seconds)
    office.acks.send_acks(office.clock.now().seconds)
    assert office.taken() == [[], []]


def test_what_is_committed_is_acknowledged_before_the_disk_is_called_failing() -> None:
    office = Office(6, pace=1.0)
    office.commit()
    office.acks.degraded("the disk is full")
    assert sorted(office.taken()) == [[1]] * 6


def test_a_welcome_for_a_stream_that_a_later_hello_replaced_is_dropped() -> None:
    office = Office(1)
    older = office.stream_of(office.sessions[0])
    office.sessions[0].receive(frame("hello", turbine_number=1, stream="b"))
    office.acks.welcomed(older, 3)
    assert office.links[0].sent == []


def test_a_resync_is_asked_for_once_and_only_of_a_stalled_stream() -> None:
    office = Office(2)
    streams = [office.stream_of(session) for session in office.sessions]
    streams[0].stall()
    office.acks.stalled(streams)
    office.acks.send_resyncs(2 * WINDOW)
    office.acks.send_resyncs(2 * WINDOW)
    assert [link.types for link in office.links] == [["resync"], []]


def test_a_turbine_that_said_hello_again_needs_no_resync() -> None:
    office = Office(1)
    stalled = office.stream_of(office.sessions[0])
    stalled.stall()
    office.sessions[0].receive(frame("hello", turbine_number=1, stream="a"))
    office.acks.stalled([stalled])
    office.acks.send_resyncs(WINDOW)
    assert office.links[0].sent == []


def test_jumps_are_counted_and_what_they_left_out_is_lost() -> None:
    office = Office(1)
    office.acks.jumped(3)
    office.acks.jumped(400)
    assert (office.counters.sequence_jumps, office.counters.readings_lost) == (2, 403)


def test_absurd_jumps_do_not_hide_the_next_reading_that_is_lost() -> None:
    office = Office(1)
    for _ in range(3):
        office.acks.jumped(2**53 - 2)
    assert office.counters.readings_lost == 3 * MOST_LOST_AT_ONCE
    before = float(office.counters.readings_lost)  # Prometheus has floats
    office.acks.lost(1)
    assert float(office.counters.readings_lost) == before + 1
