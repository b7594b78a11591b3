"""The fast link's own framing: however the bytes arrive, the frames are the same; and who is dead is cut."""

from __future__ import annotations

import asyncio
from itertools import pairwise

import pytest
from doubles import HandClock
from hypothesis import given
from hypothesis import strategies as st
from live_monitor import client_frame
from websockets.frames import Opcode

from gridws.access.guard import Guard
from gridws.monitor.monitor import GridMonitor
from gridws.monitor.session import Link
from gridws.server.connections import Connections
from gridws.server.turbine_link import TurbineLink
from gridws.settings import MonitorSettings
from gridws.wire.framing import payload_span, text_frame


class NoSocket:
    def fileno(self) -> int:
        return -1


class WrittenTransport(asyncio.Transport):
    """A transport that writes down what is sent."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.aborted = False
        self.is_read_from = True
        self.unsent = 0

    def pause_reading(self) -> None:
        self.is_read_from = False

    def resume_reading(self) -> None:
        self.is_read_from = True

    def get_extra_info(self, name: str, default: object = None) -> object:
        return NoSocket() if name == "socket" else default

    def get_write_buffer_size(self) -> int:
        return self.unsent

    def write(self, data: bytes | bytearray | memoryview[int]) -> None:
        self.written += data

    def is_closing(self) -> bool:
        return self.aborted

    def abort(self) -> None:
        self.aborted = True

    def close(self) -> None:
        pass

    def can_write_eof(self) -> bool:
        return False


class HeardSession:
    """What the link does with a session, and nothing else of one."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.lost_by: str | None = None
        self.pauses_at: dict[str, TurbineLink] = {}

    def receive(self, text: str) -> None:
        self.texts.append(text)
        if text in self.pauses_at:
            self.pauses_at[text].pause_reading()

    def lost(self, reason: str) -> None:
        self.lost_by = reason


class OneSession(GridMonitor):
    """A monitor whose sessions only listen, and whose time stands still."""

    def __init__(self) -> None:
        super().__init__(clock=HandClock())
        self.session = HeardSession()

    def connect(self, turbine_number: int, link: Link) -> HeardSession:  # type: ignore[override]
        return self.session


class NoKeepalive:
    def add(self, link: object) -> None:
        pass


def open_link() -> tuple[TurbineLink, WrittenTransport, HeardSession]:
    monitor, transport = OneSession(), WrittenTransport()
    shared = Connections(monitor, Guard(monitor.settings), limit=10)
    shared.keepalive = NoKeepalive()  # type: ignore[assignment]
    link = TurbineLink(transport, shared)
    link.open(7)
    return link, transport, monitor.session


TEXTS = st.one_of(st.text(max_size=20), st.integers(120, 300).map("x".__mul__), st.just("é" * 33_000))


def as_frames(text: str, pieces: int) -> bytes:
    """Return a text as one frame, or as fragments with a ping between them."""
    data = text.encode()
    cuts = [len(data) * n // pieces for n in range(pieces + 1)]
    frames = [
        client_frame(Opcode.CONT if start else Opcode.TEXT, data[start:end], fin=end == len(data))
        for start, end in dict.fromkeys(pairwise(cuts))
        if end > start or pieces == 1
    ]
    return client_frame(Opcode.PING, b"?").join(frames or [client_frame(Opcode.TEXT, b"")])


@given(
    texts=st.lists(st.tuples(TEXTS.filter(lambda text: len(text.encode()) <= 65_536), st.integers(1, 4))),
    cuts=st.lists(st.integers(0, 100_000)),
)
def test_however_the_bytes_arrive_the_frames_are_the_same(
    texts: list[tuple[str, int]], cuts: list[int]
) -> None:
    link, _, session = open_link()
    data = b"".join(as_frames(text, pieces) for text, pieces in texts)
    ends = sorted({0, len(data), *(cut for cut in cuts if cut < len(data))})

    for start, end in pairwise(ends):
        link.data_received(data[start:end])

    assert session.texts == [text for text, _ in texts]


@pytest.mark.parametrize("length", [10, 200])
@pytest.mark.parametrize("cut", range(1, 12))
def test_a_frame_may_be_cut_anywhere_in_its_header(length: int, cut: int) -> None:
    link, _, session = open_link()
    data = as_frames("x" * length, 1)

    link.data_received(data[:cut])
    link.data_received(data[cut:])

    assert session.texts == ["x" * length]


def test_byte_by_byte_is_enough() -> None:
    link, _, session = open_link()

    for byte in as_frames("é" * 200, 1) + as_frames("next", 3):
        link.data_received(bytes([byte]))

    assert session.texts == ["é" * 200, "next"]


def test_nothing_is_kept_for_a_link_between_two_frames() -> None:
    link, _, _ = open_link()

    link.data_received(as_frames("text", 3) + client_frame(Opcode.PING, b""))

    assert link._parser is None
    assert link._fragments is None
    assert link._partial == b""


@pytest.mark.parametrize("length", [0, 125, 126, 65_535, 65_536])
def test_a_frame_down_says_its_length(length: int) -> None:
    frame = text_frame("x" * length)

    start, end = payload_span(frame, 0)

    assert (end - start, end) == (length, len(frame))


def test_who_says_nothing_is_asked_and_then_cut() -> None:
    link, transport, session = open_link()

    link.look_after()
    link.look_after()
    asked = transport.written
    link.look_after()

    assert asked == b"\x89\x00"
    assert transport.aborted
    assert session.lost_by == "no_pong"


def test_who_answers_stays() -> None:
    link, transport, session = open_link()
    link.look_after()
    link.look_after()

    link.data_received(client_frame(Opcode.PONG, b""))
    link.look_after()
    link.look_after()

    assert not transport.aborted
    assert session.lost_by is None


@pytest.mark.parametrize(
    "frames",
    [
        pytest.param(client_frame(Opcode.PING, b"") * 2100, id="pings"),
        pytest.param(
            client_frame(Opcode.TEXT, b"", fin=False) + client_frame(Opcode.CONT, b"", fin=False) * 2100,
            id="empty pieces",
        ),
        pytest.param(
            client_frame(Opcode.CLOSE, b"") + client_frame(Opcode.PING, b"") * 2100, id="after a close"
        ),
    ],
)
async def test_who_floods_with_anything_but_texts_is_heard_no_more(frames: bytes) -> None:
    link, transport, session = open_link()

    link.data_received(frames)
    written = transport.written
    link.data_received(frames)

    assert session.lost_by is not None
    assert transport.written == written


async def test_who_pings_and_never_reads_is_cut() -> None:
    link, transport, session = open_link()
    ping = client_frame(Opcode.PING, b"x" * 125)
    link.data_received(ping * 100)
    link.pause_writing()

    transport.unsent = MonitorSettings().max_down_bytes
    link.data_received(ping)
    await asyncio.sleep(0)
    before = transport.aborted
    transport.unsent += 1
    link.data_received(ping)
    await asyncio.sleep(0)

    assert (before, transport.aborted) == (False, True)
    assert session.lost_by == "not_reading"


async def test_a_text_in_a_thousand_pieces_is_one_text() -> None:
    link, _, session = open_link()

    link.data_received(client_frame(Opcode.TEXT, b"a", fin=False))
    link.data_received(client_frame(Opcode.CONT, b"b", fin=False) * 1000)
    link.data_received(client_frame(Opcode.CONT, b"c"))

    assert session.texts == ["a" + 1000 * "b" + "c"]


async def test_what_was_read_before_a_pause_waits_until_the_link_is_read_on() -> None:
    link, transport, session = open_link()
    *frames, four = (as_frames(text, 1) for text in ("one", "two", "three", "four"))
    session.pauses_at = {"one": link}

    link.data_received(b"".join(frames) + four[:5])
    assert session.texts == ["one"]
    link.resume_reading()
    await asyncio.sleep(0)
    link.data_received(four[5:])

    assert session.texts == ["one", "two", "three", "four"]
    assert transport.is_read_from
