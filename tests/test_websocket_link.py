"""A turbine's side of the WebSocket: what a server sends comes through, however the network cuts it."""

from __future__ import annotations

import asyncio
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from live_monitor import until
from websockets.client import ClientProtocol
from websockets.frames import Frame, Opcode
from websockets.http11 import Request
from websockets.server import ServerProtocol
from websockets.uri import parse_uri

from gridws.websocket_link import MAX_FRAME_BYTES, Connection


class Wire(asyncio.Transport):
    """A transport that keeps what is written."""

    def __init__(self) -> None:
        super().__init__()
        self.written: list[bytes] = []
        self.aborted = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written.append(bytes(data))

    def is_closing(self) -> bool:
        return self.aborted

    def abort(self) -> None:
        self.aborted = True

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Nothing is buffered."""

    def can_write_eof(self) -> bool:
        return False

    def close(self) -> None:
        self.aborted = True


class Pair:
    """A connection and the server at its other end; nothing moves by itself."""

    def __init__(self, ping_interval: float | None = None) -> None:
        self.texts: list[str] = []
        self.wire = Wire()
        self.server = ServerProtocol()
        protocol = ClientProtocol(parse_uri("ws://localhost/"), max_size=MAX_FRAME_BYTES)
        self.connection = Connection(
            self.texts.append, protocol, ping_interval=ping_interval, close_timeout=0.0
        )
        self.connection.connection_made(self.wire)
        protocol.send_request(protocol.connect())
        self.server.receive_data(b"".join(protocol.data_to_send()))
        (request,) = self.server.events_received()
        assert isinstance(request, Request)
        self.server.send_response(self.server.accept(request))

    def from_server(self) -> bytes:
        return b"".join(self.server.data_to_send())

    def deliver(self, data: bytes, cuts: list[int]) -> None:
        """Hand the bytes over in pieces."""
        places = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
        for begin, end in pairwise(places):
            if begin < end:
                self.connection.data_received(data[begin:end])

    def to_server(self) -> list[Frame]:
        self.server.receive_data(b"".join(self.wire.written))
        self.wire.written.clear()
        return [event for event in self.server.events_received() if isinstance(event, Frame)]


texts = st.text(max_size=20) | st.integers(100, 300).map("x".__mul__) | st.just("y" * 65_536)
steps = st.lists(
    st.tuples(st.sampled_from(["whole", "pieces", "ping", "pong"]), texts, st.integers(0, 20)), max_size=8
)
cuts = st.lists(st.integers(0, 1 << 20), max_size=6)


def say(server: ServerProtocol, kind: str, text: str, at: int) -> bool:
    """Have the server say it; return whether it is a text."""
    payload = text.encode()
    if kind == "ping":
        server.send_ping(payload[:125])
    elif kind == "pong":
        server.send_pong(payload[:125])
    elif kind == "pieces":
        server.send_text(payload[:at], fin=False)
        server.send_ping(b"between")
        server.send_continuation(payload[at:], fin=True)
    else:
        server.send_text(payload)
    return kind in {"whole", "pieces"}


@given(script=steps, at_once=st.booleans(), handshake_cuts=cuts, frame_cuts=cuts)
def test_every_text_comes_through_once_and_in_order_however_it_is_cut(
    *, script: list[tuple[str, str, int]], at_once: bool, handshake_cuts: list[int], frame_cuts: list[int]
) -> None:
    async def story() -> None:
        pair = Pair()
        answer = pair.from_server()
        said = [text for kind, text, at in script if say(pair.server, kind, text, at)]
        frames = pair.from_server()
        if at_once:
            pair.deliver(answer + frames, [*handshake_cuts, *frame_cuts])
        else:
            pair.deliver(answer, handshake_cuts)
            pair.deliver(frames, frame_cuts)
        assert pair.texts == said
        pings = sum({"ping": 1, "pieces": 1}.get(kind, 0) for kind, _, _ in script)
        assert [frame.opcode for frame in pair.to_server()] == [Opcode.PONG] * pings

    asyncio.run(story())


def test_what_is_sent_is_a_masked_text_that_the_server_takes() -> None:
    async def story() -> None:
        pair = Pair()
        pair.deliver(pair.from_server(), [])
        for length in (0, 125, 126, 65_535, 65_536):
            pair.connection.send_now("z" * length)
            (frame,) = pair.to_server()
            assert (frame.opcode, bytes(frame.data)) == (Opcode.TEXT, b"z" * length)

    asyncio.run(story())


def test_a_frame_that_is_too_large_ends_the_link() -> None:
    async def story() -> None:
        pair = Pair()
        pair.deliver(pair.from_server(), [])
        pair.server.send_text(b"x" * (MAX_FRAME_BYTES + 1))
        pair.deliver(pair.from_server(), [5, 70, 4_000])
        assert pair.texts == []
        (close,) = pair.to_server()
        assert (close.opcode, close.data[:2]) == (Opcode.CLOSE, (1009).to_bytes(2))
        pair.connection.send_now("nobody listens")
        assert pair.wire.written == []

    asyncio.run(story())


@pytest.mark.parametrize("last", range(1, 6))
@pytest.mark.parametrize("first", range(6))
def test_the_end_of_the_answer_may_come_with_the_begin_of_a_frame(last: int, first: int) -> None:
    async def story() -> None:
        pair = Pair()
        answer = pair.from_server()
        pair.server.send_text(b"hello")
        frame = pair.from_server()
        for data in (answer[:-last], answer[-last:] + frame[:first], frame[first:]):
            pair.connection.data_received(data)
        assert pair.texts == ["hello"]

    asyncio.run(story())


def test_a_binary_message_is_never_a_text() -> None:
    async def story() -> None:
        pair = Pair()
        pair.deliver(pair.from_server(), [])
        pair.server.send_binary(b"ack", fin=False)
        pair.server.send_continuation(b"ack", fin=True)
        pair.server.send_text(b"after")
        pair.deliver(pair.from_server(), [])
        assert pair.texts == ["after"]

    asyncio.run(story())


@pytest.mark.parametrize("pieces", [1, 2])
def test_what_is_not_utf_8_ends_the_link(pieces: int) -> None:
    async def story() -> None:
        pair = Pair()
        pair.deliver(pair.from_server(), [])
        pair.server.send_text(b"\xff", fin=pieces == 1)
        if pieces == 2:
            pair.server.send_continuation(b"", fin=True)
        pair.deliver(pair.from_server(), [])
        assert pair.texts == []
        (close,) = pair.to_server()
        assert (close.opcode, close.data[:2]) == (Opcode.CLOSE, (1007).to_bytes(2))

    asyncio.run(story())


async def test_a_server_that_is_told_close_and_stays_mute_is_left() -> None:
    pair = Pair(ping_interval=0.0)
    pair.deliver(pair.from_server(), [])
    pair.connection.data_received(b"\xc1\x00")  # a frame with a reserved bit

    pair.connection.start_keepalive()

    await until(lambda: pair.wire.aborted)
