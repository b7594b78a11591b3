"""A turbine's side of the WebSocket: what a server sends comes through, however the network cuts it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from live_monitor import until
from virtual_time import run
from websockets.client import ClientProtocol
from websockets.frames import Frame, Opcode
from websockets.http11 import Request
from websockets.server import ServerProtocol
from websockets.uri import parse_uri

from gridws.turbines.websocket_link import (
    CLOSE_PATIENCE,
    CLOSE_PING,
    MASKED_PING,
    MAX_FRAME_BYTES,
    WebSocketLink,
)


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

    def __init__(self, ping: float | None = None) -> None:
        self.texts: list[str] = []
        self.wire = Wire()
        self.server = ServerProtocol()
        protocol = ClientProtocol(parse_uri("ws://localhost/"), max_size=MAX_FRAME_BYTES)
        self.link = WebSocketLink(
            self.texts.append, protocol, ping_interval=ping, ping_timeout=ping, close_timeout=0.0
        )
        self.link.connection_made(self.wire)
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
                self.link.data_received(data[begin:end])

    def to_server(self) -> list[Frame]:
        self.server.receive_data(b"".join(self.wire.written))
        self.wire.written.clear()
        return [event for event in self.server.events_received() if isinstance(event, Frame)]

    def answer_pings(self) -> None:
        """Have the server read what it was sent, and answer."""
        self.to_server()
        self.deliver(self.from_server(), [])


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
            pair.link.send_now("z" * length)
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
        pair.link.send_now("nobody listens")
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
            pair.link.data_received(data)
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
    pair = Pair(ping=0.0)
    pair.deliver(pair.from_server(), [])
    pair.link.data_received(b"\xc1\x00")  # a frame with a reserved bit

    pair.link.start_keepalive()

    await until(lambda: pair.wire.aborted)


def watched(story: Callable[[Pair], Awaitable[None]], *, closely: bool) -> None:
    """Play a story on virtual time with a link that was opened just now."""

    async def played() -> None:
        pair = Pair(ping=20.0)
        pair.deliver(pair.from_server(), [])
        pair.link.start_keepalive()
        pair.link.watch(closely=closely)
        await story(pair)

    run(played())


@pytest.mark.parametrize(("closely", "left_after"), [(True, CLOSE_PATIENCE), (False, 40.0)])
def test_a_monitor_that_answers_no_ping_is_left(*, closely: bool, left_after: float) -> None:
    async def story(pair: Pair) -> None:
        await asyncio.sleep(left_after - 0.1)
        before = pair.wire.aborted

        await asyncio.sleep(0.2)

        assert (before, pair.wire.aborted) == (False, True)
        assert pair.wire.written == [MASKED_PING]

    watched(story, closely=closely)


@pytest.mark.parametrize(("closely", "interval"), [(True, CLOSE_PING), (False, 20.0)])
def test_a_monitor_that_answers_is_asked_again_and_kept(*, closely: bool, interval: float) -> None:
    async def story(pair: Pair) -> None:
        pings = []
        for _ in range(20):
            await asyncio.sleep(interval)
            pings.append(pair.wire.written.count(MASKED_PING))
            pair.answer_pings()

        assert set(pings[1:]) == {1}
        assert not pair.wire.aborted

    watched(story, closely=closely)


def test_a_monitor_that_speaks_need_not_answer() -> None:
    async def story(pair: Pair) -> None:
        for _ in range(20):
            await asyncio.sleep(2.0)
            pair.server.send_text(b"{}")
            pair.deliver(pair.from_server(), [])

        assert not pair.wire.aborted

    watched(story, closely=True)


def test_an_engineer_who_leaves_takes_the_hurry_along() -> None:
    async def story(pair: Pair) -> None:
        await asyncio.sleep(CLOSE_PING)
        pair.answer_pings()

        pair.link.watch(closely=False)
        await asyncio.sleep(20.0)

        assert pair.wire.written.count(MASKED_PING) == 1
        assert not pair.wire.aborted

    watched(story, closely=True)


def test_a_process_that_was_held_up_reads_before_it_judges() -> None:
    async def story(pair: Pair) -> None:
        await asyncio.sleep(1.0)
        asyncio.get_running_loop()._jumping.now += 60.0  # type: ignore[attr-defined]  # as a stopped process wakes up

        await asyncio.sleep(0.5)
        pair.answer_pings()
        await asyncio.sleep(CLOSE_PATIENCE - 0.1)

        assert not pair.wire.aborted

    watched(story, closely=True)
