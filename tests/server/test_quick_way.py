"""The quick way answers like the general one, for any bytes in any pieces at any time."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from itertools import pairwise

import pytest
from doubles import SOME_DAY, HandClock
from hypothesis import given, settings
from hypothesis import strategies as st
from live_monitor import client_frame
from websockets.frames import Opcode

from gridws.access.guard import Guard
from gridws.moments import Moment
from gridws.monitor.monitor import GridMonitor
from gridws.monitor.pace import QUEUE_WANTED
from gridws.monitor.session import Session
from gridws.monitor.stream import Stream
from gridws.server.connections import Connections
from gridws.server.turbine_link import TurbineLink
from gridws.settings import MonitorSettings
from gridws.wire.frames import Metrics

SETTINGS = MonitorSettings(frames_burst=6, frames_per_second=2, flood_patience=3, batch_rows=3, queue_rows=8)


class NoSocket:
    def fileno(self) -> int:
        return -1


class Wire(asyncio.Transport):
    """A transport that keeps what is sent."""

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[bytes] = []
        self.closing = False

    def get_extra_info(self, name: str, default: object = None) -> object:
        return NoSocket()

    def write(self, data: bytes | bytearray | memoryview[int]) -> None:
        self.sent.append(bytes(data))

    def is_closing(self) -> bool:
        return self.closing

    def abort(self) -> None:
        self.closing = True

    def close(self) -> None:
        self.closing = True

    def can_write_eof(self) -> bool:
        return False

    def pause_reading(self) -> None:
        self.sent.append(b"(pauses)")

    def resume_reading(self) -> None:
        self.sent.append(b"(reads on)")


class Side:
    """One monitor with one link of turbine 7, which takes the quick way or does not."""

    def __init__(self, *, quick: bool, kind: type[GridMonitor] = GridMonitor) -> None:
        self.clock = HandClock()
        self.monitor = kind(settings=SETTINGS, clock=self.clock)
        self.monitor.accepting = True
        self.monitor.queue.calendar.at(self.clock.now())
        self.taken = 0
        connections = Connections(self.monitor, Guard(SETTINGS), limit=10)
        self._quick, self._take = quick, connections.take_quickly
        connections.take_quickly = self._take_or_not
        self.wire = Wire()
        self.link = TurbineLink(self.wire, connections)
        self.link.open(7)
        self.session = self.monitor.sessions[7]

    def _take_or_not(self, session: Session, frame: bytes) -> bool:
        taken = self._quick and self._take(session, frame)
        self.taken += taken
        return taken

    def welcome(self) -> None:
        for stream in list(self.monitor.queue.chunk.wanted):
            self.monitor._acks.welcomed(stream, 3)

    def stall(self) -> None:
        if self.session.stream is not None:
            self.session.stream.stall()

    def watch_or_not(self) -> None:
        self.monitor.tap.watched = not self.monitor.tap.watched

    def set_clock_back(self) -> None:
        self.clock.wall -= 3_600_000

    def state(self) -> object:
        queue, session = self.monitor.queue, self.session
        chunks = [*queue._full, queue.chunk]
        return (
            self.wire.sent,
            [(each.readings, each.numbered, [*each.cursors.values()]) for each in chunks],
            (queue.rows, queue.rows_to_go, queue._records),
            [value for value in asdict(self.monitor.counters).values() if isinstance(value, int)],
            self.monitor.last_turbines_metrics.get(7),
            (session.ended, session.paused, session.last_heard, session.seen_live_sequence),
            (session.clock_ahead, session.clock_told),
            [(entry.status, entry.clock_ahead) for entry in self.monitor.fleet_state],
            (session.rate.full_at, session.stream and session.stream.last_sequence),
            (session._left, len(self.monitor.pace)),
        )


@dataclass(frozen=True)
class Data:
    """Bytes of some frames, and where they are cut."""

    data: bytes
    cuts: tuple[int, ...] = ()


def in_frames(*texts: str) -> bytes:
    return b"".join(client_frame(Opcode.TEXT, text.encode()) for text in texts)


CHANGES: dict[str, Callable[[Side], None]] = {
    "welcome": Side.welcome,
    "stall": Side.stall,
    "hold back": lambda side: side.monitor.pace.next_round(QUEUE_WANTED, side.clock.seconds),
    "let go": lambda side: side.monitor.pace.next_round(0, side.clock.seconds),
    "watch": Side.watch_or_not,
    "clock back": Side.set_clock_back,
}


READINGS = st.fixed_dictionaries(
    {
        "type": st.sampled_from(["metrics", "metrics", "metrics", "status", "metric"]),
        "turbine_number": st.sampled_from([7, 7, 7, 7, 8]),
        "wind_speed": st.sampled_from([8.3, 9, 1e308, "8"]),
        "power_output_in_kwh": st.just(1204.7),
        "operational_status": st.sampled_from(["ok", "ok", "ok", "broken", "odd"]),
    },
    optional={
        "measured_at": st.sampled_from([SOME_DAY, SOME_DAY + 7_200_000, 1_700_000_000_000, 0, -1, None]),
        "sequence": st.integers(0, 12),
        "historical": st.sampled_from([False, True, None]),
        "note": st.sampled_from(["ü", "plain", "x" * 200]),
    },
).map(json.dumps)
HELLO = st.just('{"type": "hello", "turbine_number": 7, "stream": "s"}')
PLAIN = st.integers(1, 30).map(
    lambda sequence: json.dumps(
        {
            "type": "metrics",
            "turbine_number": 7,
            "wind_speed": 8.3,
            "power_output_in_kwh": 1.5,
            "operational_status": "ok",
            "sequence": sequence,
        }
    )
)
TEXTS = st.one_of(PLAIN, PLAIN, READINGS, HELLO, st.text(max_size=12))
FRAMES = st.one_of(
    st.lists(TEXTS, min_size=1, max_size=4).map(lambda texts: in_frames(*texts)),
    st.binary(max_size=40).map(lambda data: client_frame(Opcode.TEXT, data)),
    st.just(client_frame(Opcode.PING, b"?")),
    st.binary(max_size=12),
)
STEPS = st.lists(
    st.one_of(
        st.builds(Data, FRAMES, st.lists(st.integers(0, 400), max_size=2).map(tuple)),
        st.builds(Data, PLAIN.map(in_frames)),
        st.integers(0, 4_000).map(lambda ms: ms / 1000),  # all of one millisecond come at its beginning
        st.sampled_from(sorted(CHANGES)),
    ),
    max_size=40,
)


async def go(side: Side, step: Data | float | str) -> None:
    """Do one step with one of the two."""
    if isinstance(step, Data):
        for start, end in pairwise(
            sorted({0, len(step.data), *(cut for cut in step.cuts if cut < len(step.data))})
        ):
            side.link.data_received(step.data[start:end])
    elif isinstance(step, float):
        side.clock.pass_time(step)
        side.session.ease(side.clock.seconds)
    else:
        CHANGES[step](side)
    await asyncio.sleep(0)


@pytest.mark.slow
@settings(max_examples=300, deadline=None)
@given(STEPS)
async def test_both_ways_answer_alike(steps: list[Data | float | str]) -> None:
    quick, general = Side(quick=True), Side(quick=False)

    for step in steps:
        await go(quick, step)
        await go(general, step)
        assert quick.state() == general.state()


PLAIN_TEXT = (
    '{"type":"metrics","turbine_number":7,"wind_speed":8.3,"power_output_in_kwh":1,"operational_status":"ok"}'
)


async def test_a_plain_reading_goes_the_quick_way() -> None:
    side = Side(quick=True)
    long = PLAIN_TEXT.replace("8.3", "8.3" + "0" * 100)

    for each in (PLAIN_TEXT, PLAIN_TEXT, long, PLAIN_TEXT):
        side.link.data_received(in_frames(each))

    assert side.taken == 3
    assert side.monitor.queue.rows == 4


class Collecting(GridMonitor):
    """A monitor that takes readings in a way of its own."""

    seen = 0

    def collect_metrics(self, session: Session, metrics: Metrics, stream: Stream | None, now: Moment) -> None:
        self.seen += 1
        super().collect_metrics(session, metrics, stream, now)


class Storing(GridMonitor):
    """A monitor that stores readings in a way of its own."""

    seen = 0

    def store_metrics(self, metrics: Metrics, stream: Stream | None, now: Moment) -> None:
        self.seen += 1
        super().store_metrics(metrics, stream, now)


@pytest.mark.parametrize("kind", [Collecting, Storing])
async def test_a_monitor_with_a_way_of_its_own_sees_every_reading(kind: type[Collecting | Storing]) -> None:
    side = Side(quick=True, kind=kind)

    for _ in range(3):
        side.link.data_received(in_frames(PLAIN_TEXT))

    assert isinstance(side.monitor, kind)
    assert (side.monitor.seen, side.taken, side.monitor.queue.rows) == (3, 0, 3)


async def test_readings_that_come_together_go_the_quick_way_too() -> None:
    side = Side(quick=True)
    side.link.data_received(in_frames(PLAIN_TEXT))

    side.link.data_received(in_frames(PLAIN_TEXT, PLAIN_TEXT, PLAIN_TEXT))

    assert side.taken == 3


async def test_links_that_take_turns_go_the_quick_way() -> None:
    side = Side(quick=True)
    side.link.data_received(in_frames(PLAIN_TEXT))
    CHANGES["hold back"](side)

    side.link.data_received(in_frames(PLAIN_TEXT))

    assert side.taken == 1
    assert side.session.paused
