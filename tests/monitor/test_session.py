"""One link as the monitor sees it, without a monitor: the session's own rules."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from doubles import SOME_DAY, HandClock, ListLink, frame, metrics

from gridws.moments import Moment
from gridws.monitor.counters import Counters
from gridws.monitor.fan_out import FrameTap
from gridws.monitor.fleet_state import Entry
from gridws.monitor.pace import QUEUE_WANTED, Pace
from gridws.monitor.session import Session
from gridws.monitor.stream import Stream
from gridws.settings import MonitorSettings
from gridws.wire.frames import Metrics
from gridws.words import OperationalStatus


@dataclass
class Notes:
    """A desk that writes down what it is told."""

    readings: list[Metrics] = field(default_factory=list)
    statuses: list[str] = field(default_factory=list)
    streams: list[Stream] = field(default_factory=list)
    passed_over: list[int] = field(default_factory=list)
    acks_due: int = 0
    paused: int = 0
    hurried: int = 0
    ended: list[str] = field(default_factory=list)

    def collect_metrics(self, session: Session, metrics: Metrics, stream: Stream | None, now: Moment) -> None:
        self.readings.append(metrics)
        if stream is not None and metrics.sequence is not None:
            stream.advance(metrics.sequence)

    def status_reported(self, session: Session, status: OperationalStatus, now: Moment) -> None:
        self.statuses.append(status.value)

    def stream_opened(self, session: Session, stream: Stream, older: Stream | None) -> None:
        self.streams.append(stream)

    def reading_passed_over(self, stream: Stream, sequence: int) -> None:
        self.passed_over.append(sequence)

    def ack_due(self, stream: Stream) -> None:
        self.acks_due += 1

    def session_hurries(self, now: Moment) -> None:
        self.hurried += 1

    def session_paused(self, session: Session) -> None:
        self.paused += 1

    def session_ended(self, session: Session, reason: str, now: Moment) -> None:
        self.ended.append(reason)


class Line:
    """A session of turbine 7 with everything around it."""

    def __init__(self, last_sequence: int | str | None = "no hello", **limits: float) -> None:
        self.clock = HandClock()
        self.link = ListLink()
        self.desk = Notes()
        self.tap = FrameTap(size=10)
        self.counters = Counters()
        settings = MonitorSettings(**limits)  # type: ignore[arg-type]
        self.pace = Pace()
        self.session = Session(
            1,
            Entry(7, SOME_DAY),
            self.link,
            self.desk,
            clock=self.clock,
            settings=settings,
            tap=self.tap,
            counters=self.counters,
            pace=self.pace,
            now=self.clock.now(),
        )
        if not isinstance(last_sequence, str):
            self.hello()
            self.welcome(last_sequence)
            self.link.sent.clear()

    def hello(self, stream: str = "a", **fields: object) -> None:
        self.session.receive(frame("hello", stream=stream, **fields))

    def welcome(self, last_sequence: int | None) -> None:
        self.desk.streams[-1].open(last_sequence)
        self.session.welcome(last_sequence)

    def receive(self, *texts: str) -> None:
        for text in texts:
            self.session.receive(text)

    @property
    def sequences(self) -> list[int | None]:
        return [reading.sequence for reading in self.desk.readings]


# Simple clients.


def test_a_client_that_only_sends_metrics_is_stored_and_hears_nothing() -> None:
    line = Line()
    line.receive(metrics(), metrics("broken"))
    assert len(line.desk.readings) == 2
    assert line.link.sent == []


def test_a_sequence_without_hello_is_ignored() -> None:
    line = Line()
    line.receive(metrics(sequence=5), metrics(sequence=5))
    assert len(line.desk.readings) == 2


def test_a_status_is_dispatched_on_and_not_stored() -> None:
    line = Line()
    line.receive(frame("status", operational_status="broken"))
    assert line.desk.statuses == ["broken"]
    assert line.desk.readings == []


# Hello and welcome.


def test_a_welcome_names_the_cursor_and_the_silence_timeout() -> None:
    line = Line()
    line.hello(upload_frequency_in_seconds=4)
    line.welcome(41)
    assert line.link.sent == [
        {"type": "welcome", "turbine_number": 7, "last_sequence": 41, "silence_timeout_in_seconds": 12}
    ]


@pytest.mark.parametrize(("declared", "timeout"), [(0.1, 5), (1, 5), (10, 30), (1000, 60)])
def test_the_silence_timeout_is_three_uploads_within_bounds(declared: float, timeout: float) -> None:
    line = Line()
    line.hello(upload_frequency_in_seconds=declared)
    assert line.session.silence_timeout == timeout


# Store and forward.


def test_new_sequences_are_stored_and_old_ones_are_not() -> None:
    line = Line(last_sequence=5)
    line.receive(*[metrics(sequence=n, historical=True) for n in (4, 5, 6, 7, 6)])
    assert line.sequences == [6, 7]
    assert line.desk.acks_due == line.counters.readings_repeated == 3


def test_historical_readings_are_stored_and_never_dispatched_on_when_repeated() -> None:
    line = Line(last_sequence=5)
    line.receive(metrics("broken", sequence=5, historical=True))
    assert line.desk.statuses == []


def test_a_stream_name_used_twice_is_told_once_and_its_status_counts() -> None:
    line = Line(last_sequence=5)
    line.receive(metrics("broken", sequence=1), metrics("broken", sequence=2))
    assert [f["code"] for f in line.link.sent] == ["sequence_used"]
    assert line.desk.statuses == ["broken", "broken"]


def test_a_live_reading_repeated_later_is_no_error() -> None:
    line = Line(last_sequence=5)
    line.receive(metrics(sequence=6), metrics(sequence=6))
    assert line.link.sent == []


@pytest.mark.parametrize("historical", [False, True], ids=["live", "historical"])
def test_a_reading_that_comes_after_a_later_one_is_not_passed_off_as_stored(historical: bool) -> None:  # noqa: FBT001
    line = Line(last_sequence=3)
    line.receive(metrics(sequence=303), metrics(sequence=4, historical=historical), metrics(sequence=304))
    assert line.sequences == [303, 304]
    assert [f["code"] for f in line.link.sent] == ["sequence_used"]
    assert "sequence 4 of stream a comes after a later one" in line.link.sent[0]["detail"]


def test_what_was_taken_before_a_jump_may_be_repeated() -> None:
    line = Line(last_sequence=3)
    line.receive(metrics(sequence=4), metrics(sequence=9), metrics(sequence=4), metrics(sequence=9))
    assert line.link.sent == []


# Invalid frames.


def test_an_invalid_frame_gets_an_error_and_the_link_stays() -> None:
    line = Line()
    line.receive("nonsense", metrics())
    assert line.link.sent[0]["code"] == "invalid_frame"
    assert line.link.closed is None
    assert len(line.desk.readings) == 1


def test_the_tenth_invalid_frame_within_a_minute_closes_the_link() -> None:
    line = Line()
    line.receive(*["nonsense"] * 9)
    assert line.desk.ended == []
    line.receive("nonsense")
    assert line.link.close_code == 1008
    assert line.desk.ended == ["invalid_frames"]


def test_invalid_frames_far_apart_are_forgiven() -> None:
    line = Line()
    line.receive(*["nonsense"] * 9)
    line.clock.pass_time(60)
    line.receive("nonsense")
    assert line.link.closed is None


def test_a_frame_of_another_turbine_moves_no_cursor() -> None:
    line = Line(last_sequence=5)
    line.receive(metrics("ok", 8, sequence=6), metrics(sequence=6))
    assert line.link.sent[0]["code"] == "wrong_turbine"
    assert line.sequences == [6]


def test_an_invalid_reading_cannot_block_its_stream() -> None:
    line = Line(last_sequence=5)
    line.receive(metrics(sequence=6, wind_speed="strong"), metrics(sequence=7))
    assert line.desk.passed_over == [6]
    assert line.sequences == [7]


def test_an_invalid_reading_of_another_turbine_passes_nothing_over() -> None:
    line = Line(last_sequence=5)
    line.receive(metrics("ok", 8, sequence=6, wind_speed="strong"))
    assert line.desk.passed_over == []


def test_a_binary_frame_closes_the_link() -> None:
    line = Line()
    line.session.receive_binary()
    assert line.link.close_code == 1003


# The end.


def test_a_session_ends_once_and_then_hears_and_says_nothing() -> None:
    line = Line()
    line.session.lost()
    line.session.lost()
    line.receive(metrics(), "nonsense")
    line.session.receive_binary()
    assert line.desk.ended == ["disconnected"]
    assert line.desk.readings == []
    assert line.link.sent == []
    assert line.link.closed is None


@pytest.mark.parametrize(("seconds", "silent"), [(59.9, False), (60.0, True)])
def test_a_link_without_a_declared_frequency_is_silent_after_a_minute(seconds: float, silent: bool) -> None:  # noqa: FBT001
    line = Line()
    line.clock.pass_time(seconds)
    assert line.session.is_silent(line.clock.seconds) is silent


def test_any_text_frame_proves_life() -> None:
    line = Line()
    line.clock.pass_time(59)
    line.receive("nonsense")
    line.clock.pass_time(59)
    assert not line.session.is_silent(line.clock.seconds)


def test_a_jump_of_the_wall_clock_makes_nobody_silent() -> None:
    line = Line()
    line.clock.wall += 3_600_000
    assert not line.session.is_silent(line.clock.seconds)


# Floods.


def test_a_flood_pauses_reading_and_says_so_once() -> None:
    line = Line(frames_burst=5, frames_per_second=5)
    line.receive(*[metrics()] * 8)
    assert len(line.desk.readings) == 8
    assert [f["code"] for f in line.link.sent] == ["rate_limited"]
    assert not line.link.reading
    assert line.desk.paused == 1


def test_reading_goes_on_when_the_peer_is_within_its_rate() -> None:
    line = Line(frames_burst=5, frames_per_second=5)
    line.receive(*[metrics()] * 6)
    line.clock.pass_time(1)
    assert line.session.ease(line.clock.seconds)
    assert line.link.reading


def test_what_waited_for_a_late_welcome_is_no_flood() -> None:
    line = Line(frames_burst=200, frames_per_second=20)
    line.hello()
    line.clock.pass_time(25)
    line.welcome(None)
    line.receive(*[metrics(sequence=n) for n in range(1, 501)])
    assert line.link.reading
    assert line.link.types == ["welcome"]


def test_however_late_a_welcome_is_a_window_is_all_that_waits() -> None:
    line = Line(frames_burst=200, frames_per_second=20)
    line.hello()
    line.clock.pass_time(3_600)
    line.welcome(None)
    line.receive(*[metrics(sequence=n) for n in range(1, 702)])
    assert not line.link.reading


def test_a_welcome_late_after_the_connect_but_not_after_hello_excuses_nothing() -> None:
    line = Line(frames_burst=5, frames_per_second=5)
    line.clock.pass_time(25)
    line.hello()
    line.welcome(None)
    line.receive(*[metrics(sequence=n) for n in range(1, 7)])
    assert not line.link.reading


def test_a_welcome_that_came_at_once_excuses_nothing() -> None:
    line = Line(last_sequence=None, frames_burst=5, frames_per_second=5)
    line.receive(*[metrics(sequence=n) for n in range(1, 7)])
    assert not line.link.reading


def test_historical_readings_are_not_limited_by_the_rate() -> None:
    line = Line(last_sequence=None, frames_burst=5, frames_per_second=5)
    line.receive(*[metrics(sequence=n, historical=True) for n in range(1, 500)])
    assert line.link.reading


def test_a_flood_of_historical_readings_is_read_slower_and_keeps_its_link() -> None:
    line = Line(last_sequence=None, historical_frames_per_second=100)
    said = len(line.link.sent)
    line.receive(*[metrics(sequence=n, historical=True) for n in range(1, 102)])
    assert not line.session.ease(line.clock.seconds)
    line.clock.pass_time(0.6)
    assert line.session.ease(line.clock.seconds)
    assert line.link.reading
    assert line.desk.paused == 1
    assert len(line.desk.readings) == 101
    assert line.link.sent[said:] == []


def test_large_historical_readings_count_for_their_size() -> None:
    line = Line(last_sequence=None, historical_frames_per_second=100)
    line.receive(*[metrics(sequence=n, historical=True, note="x" * 30_000) for n in range(1, 4)])
    assert not line.link.reading


def test_a_flood_that_does_not_end_closes_the_link() -> None:
    line = Line(frames_burst=5, frames_per_second=5, flood_patience=10)
    line.receive(*[metrics()] * 6)
    line.clock.pass_time(5)
    line.session.ease(line.clock.seconds)
    line.receive(*[metrics()] * 30)
    assert line.desk.ended == []
    line.clock.pass_time(6)
    line.session.ease(line.clock.seconds)
    line.receive(*[metrics()] * 30)
    assert line.link.close_code == 1008
    assert line.desk.ended == ["flood"]


def test_a_flood_of_which_one_read_held_a_minute_is_cut_when_patience_ends() -> None:
    line = Line(frames_burst=5, frames_per_second=5, flood_patience=10)
    line.receive(*[metrics()] * 300)
    line.clock.pass_time(10)
    assert line.session.ease(line.clock.seconds)
    line.receive(metrics())
    assert line.desk.ended == ["flood"]


def test_a_flood_is_told_of_once_however_often_reading_pauses() -> None:
    line = Line(frames_burst=5, frames_per_second=5, flood_patience=10)
    line.receive(*[metrics()] * 6)
    line.clock.pass_time(2)
    line.session.ease(line.clock.seconds)
    line.receive(*[metrics()] * 30)
    assert not line.link.reading
    assert [f["code"] for f in line.link.sent] == ["rate_limited"]


@pytest.mark.parametrize(
    "last",
    [metrics("broken"), frame("status", operational_status="broken"), frame("hello", stream="b"), "nonsense"],
)
def test_the_frame_that_was_one_too_many_is_not_heard(last: str) -> None:
    line = Line(last_sequence=None, frames_burst=5, frames_per_second=5, flood_patience=10)
    line.receive(*[metrics()] * 6)
    line.clock.pass_time(5)
    line.session.ease(line.clock.seconds)
    line.receive(*[metrics()] * 30)
    line.clock.pass_time(6)
    line.session.ease(line.clock.seconds)
    line.receive(*[metrics()] * 4)
    before = len(line.desk.readings), list(line.desk.statuses), len(line.desk.streams)
    line.receive(last)
    assert line.desk.ended == ["flood"]
    assert (len(line.desk.readings), line.desk.statuses, len(line.desk.streams)) == before


def test_a_peer_that_is_not_read_from_is_not_called_silent() -> None:
    line = Line(frames_burst=5, frames_per_second=0.05)
    line.receive(*[metrics()] * 6)
    line.clock.pass_time(61)
    assert not line.session.is_silent(line.clock.seconds)


# The tap.


async def test_frames_are_shown_in_both_directions_as_they_cross() -> None:
    line = Line(last_sequence=None)
    viewer = line.tap.open(7)
    line.receive("nonsense")
    assert '"direction":"up"' in await viewer.next()
    assert '"direction":"down"' in await viewer.next()


# More than can be stored.


def overloaded(**limits: float) -> Line:
    line = Line(last_sequence=None, **limits)
    line.pace.next_round(QUEUE_WANTED, 0.0)
    return line


def test_a_link_waits_when_it_has_sent_its_share() -> None:
    line = overloaded()
    line.receive(metrics(sequence=1))
    assert not line.link.reading
    assert line.sequences == [1]
    assert len(line.pace) == 1


def test_a_status_is_no_reading_and_waits_for_nobody() -> None:
    line = overloaded()
    line.receive(frame("status", operational_status="broken"))
    assert line.link.reading
    assert line.desk.statuses == ["broken"]


def test_it_is_read_on_in_its_turn_for_as_many_as_there_is_room_for() -> None:
    line = overloaded()
    line.receive(metrics(sequence=1))
    line.pace.next_round(QUEUE_WANTED - 7, 1.0)
    line.receive(*[metrics(sequence=sequence) for sequence in range(2, 8)])
    assert line.link.reading
    line.receive(metrics(sequence=8))
    assert not line.link.reading


def test_a_link_that_waits_is_not_silent() -> None:
    line = overloaded()
    line.receive(metrics(sequence=1))
    line.clock.pass_time(3_600)
    assert not line.session.is_silent(line.clock.seconds)


def test_what_waited_for_the_monitor_is_no_flood() -> None:
    line = overloaded(frames_burst=20, frames_per_second=20)
    line.receive(metrics(sequence=1))
    line.clock.pass_time(100)
    line.pace.next_round(0, line.clock.seconds)
    line.receive(*[metrics(sequence=2 + n) for n in range(1_000)])
    assert line.link.reading
    assert line.link.sent == []


def test_a_session_that_ended_waits_no_more() -> None:
    line = overloaded()
    line.receive(metrics(sequence=1))
    line.session.lost()
    line.pace.next_round(0, 1.0)
    assert line.desk.ended == ["disconnected"]
