"""What turbines are told about their readings, and how the pace of acks is kept."""

from __future__ import annotations

import itertools

from doubles import HandClock, ListLink, frame

from gridws.monitor import GridMonitor
from gridws.numbers import Numbers
from gridws.receipts import ACK_AT_ONCE, ACKS_WHEN_QUIET, Receipts
from gridws.session import Session
from gridws.settings import MonitorSettings
from gridws.stream import Stream


class Office:
    """Receipts for turbines whose streams are open, with acks at `pace` a second."""

    def __init__(self, turbines: int, *, pace: float = 10.0) -> None:
        self.clock = HandClock()
        settings = MonitorSettings(acks_per_second=pace)
        self.monitor = GridMonitor(settings=settings, clock=self.clock)
        self.links = [ListLink() for _ in range(turbines)]
        self.sessions = [self._connect(number, link) for number, link in enumerate(self.links, 1)]
        self.receipts = Receipts(self.monitor.sessions, Numbers(), lambda reason: None, settings)
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
        self.receipts.committed(cursors, readings=len(cursors), seconds=0.0, now=now)
        return sequence

    def acks(self) -> list[list[int]]:
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
        assert office.acks() == [[sequence]] * 3


def test_in_a_large_fleet_the_longest_waiting_go_first_and_each_ack_speaks_for_all_before_it() -> None:
    office = Office(6, pace=4.0)
    office.clock.pass_time(10.0)
    office.commit()
    assert office.acks() == [[1], [1], [], [], [], []]  # half a second's worth, however long nothing was sent
    office.clock.pass_time(0.5)
    office.commit()
    assert office.acks() == [[], [], [2], [2], [], []]
    office.clock.pass_time(0.5)
    office.receipts.send_acks(office.clock.now().seconds)
    assert office.acks() == [[], [], [], [], [2], [2]]


def test_when_no_readings_come_any_more_all_are_acknowledged_soon() -> None:
    office = Office(6, pace=1.0)
    office.commit()
    office.receipts.send_acks(office.clock.now().seconds)  # the round right after the commit
    office.receipts.send_acks(office.clock.now().seconds)
    assert sorted(office.acks()) == [[1]] * 6
    assert len(office.sessions) < ACKS_WHEN_QUIET


def test_a_turbine_that_catches_up_is_acknowledged_without_waiting() -> None:
    office = Office(4, pace=1.0)
    office.commit(sequence=ACK_AT_ONCE - 1)
    assert office.acks() == [[], [], [], []]
    office.commit(sequence=ACK_AT_ONCE, turbines=slice(3, 4))
    assert office.acks() == [[], [], [], [ACK_AT_ONCE]]
    office.commit(sequence=ACK_AT_ONCE + 1, turbines=slice(3, 4))
    assert office.acks() == [[], [], [], []]


def test_what_a_turbine_sends_again_is_acknowledged_again() -> None:
    office = Office(1)
    office.clock.pass_time(1.0)
    office.commit()
    office.acks()
    office.receipts.ack_due(office.sessions[0])
    office.receipts.send_acks(office.clock.now().seconds)
    assert office.acks() == [[1]]


def test_what_was_never_committed_is_not_acknowledged_again() -> None:
    office = Office(1)
    office.receipts.ack_due(office.sessions[0])
    office.receipts.send_acks(office.clock.now().seconds)
    assert office.acks() == [[]]


def test_nothing_is_acknowledged_to_a_stream_that_is_over() -> None:
    office = Office(2, pace=1.0)
    office.commit()
    office.sessions[0].receive(frame("hello", turbine_number=1, stream="b"))
    office.sessions[1].lost()
    office.receipts.send_acks(office.clock.now().seconds)
    office.receipts.send_acks(office.clock.now().seconds)
    assert office.acks() == [[], []]


def test_what_is_committed_is_acknowledged_before_the_disk_is_called_failing() -> None:
    office = Office(6, pace=1.0)
    office.commit()
    office.receipts.degraded("the disk is full")
    assert sorted(office.acks()) == [[1]] * 6
