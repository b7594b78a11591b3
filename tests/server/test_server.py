"""The server around the routes: its limits, its sockets, and how it stops."""

from __future__ import annotations

import asyncio
import signal

import pytest
from live_monitor import raw_peer, served, until
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from gridws.server.connections import Keepalive
from gridws.server.server import MonitorServer

pytestmark = pytest.mark.slow

REQUEST = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"


@pytest.mark.parametrize(
    "said",
    [
        pytest.param([], id="nothing"),
        pytest.param([b"GET /healthz HT"], id="half a request"),
        pytest.param([b"\r\n"], id="an empty line"),
        pytest.param(
            [b"PUT /api/v1/engineers HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n{"],
            id="half a body",
        ),
    ],
)
async def test_who_does_not_finish_a_request_is_cut(said: list[bytes]) -> None:
    async with served(handshake_timeout=0.1) as live, raw_peer(live.port) as peer:
        for data in said:
            await peer.send(data)

        assert await peer.read() == b""


PUT = b"PUT /api/v1/engineers HTTP/1.1\r\nHost: localhost\r\n"


@pytest.mark.parametrize(
    ("begin", "more"),
    [
        pytest.param(b"GET /", b"a" * 500, id="an address"),
        pytest.param(b"GET / HTTP/1.1\r\nX: ", b"a" * 500, id="one header"),
        pytest.param(b"GET / HTTP/1.1\r\n", b"X: y\r\n" * 100, id="headers"),
        pytest.param(PUT + b"Content-Length: 9999\r\n\r\n", b" " * 500, id="a body"),
        pytest.param(
            PUT + b"Transfer-Encoding: chunked\r\n\r\n", b"1f0\r\n" + b" " * 0x1F0 + b"\r\n", id="chunks"
        ),
    ],
)
async def test_a_request_without_end_is_refused_before_it_fills_the_memory(begin: bytes, more: bytes) -> None:
    async with served(max_request_bytes=600) as live, raw_peer(live.port) as peer:
        await peer.send(begin)
        await peer.send(more)
        await peer.send(more)

        assert (await peer.read_to_end()).startswith(b"HTTP/1.1 413 ")


async def test_many_requests_on_one_connection_are_counted_one_by_one() -> None:
    async with served(max_request_bytes=len(REQUEST)) as live, raw_peer(live.port) as peer:
        await peer.send(REQUEST)
        assert b"200 OK" in await peer.read()

        await peer.send(REQUEST)

        assert b"200 OK" in await peer.read()


async def test_an_empty_line_after_an_answer_keeps_nothing_open() -> None:
    async with served(handshake_timeout=0.1) as live, raw_peer(live.port) as peer:
        await peer.send(REQUEST)
        assert b"200 OK" in await peer.read()

        await peer.send(b"\r\n")

        await peer.read_to_end()


async def test_two_requests_on_one_connection_are_answered() -> None:
    async with served() as live, raw_peer(live.port) as peer:
        await peer.send(REQUEST)
        assert b"200 OK" in await peer.read()

        await peer.send(REQUEST)

        assert b"200 OK" in await peer.read()


async def test_a_link_outlives_the_time_for_its_handshake() -> None:
    async with served(handshake_timeout=0.05, tick=0.01) as live, live.turbine() as turbine:
        loop = asyncio.get_running_loop()
        later = loop.time() + 0.1
        await until(lambda: loop.time() > later)

        async with asyncio.timeout(5):
            await (await turbine.ping())


async def test_connections_above_the_limit_are_reset() -> None:
    async with served() as live, live.turbine():
        assert isinstance(live.server, MonitorServer)
        live.server.connections.limit = 1

        async with raw_peer(live.port) as peer:
            assert await peer.read() == b""

        assert live.monitor.counters.connections_refused == 1


# Stopping.


@pytest.mark.parametrize("path", ["/ws/turbines/7", "/ws/frames", "/ws/watch"])
async def test_a_peer_that_never_reads_does_not_hold_up_the_end(path: str) -> None:
    async with served(graceful_shutdown=0.2) as live, raw_peer(live.port) as peer:
        await peer.upgrade(path)
        live.monitor.tap.show(7, "up", "x" * 10_000_000, 0)
        live.server.should_exit = True

        await until(lambda: not live.server.server_state.connections)

    assert not live.server.server_state.tasks


async def test_a_second_signal_does_not_skip_the_end_of_the_application() -> None:
    async with served() as live:
        live.server.handle_exit(signal.SIGINT, None)
        live.server.handle_exit(signal.SIGINT, None)

    assert not live.server.force_exit
    assert not live.server._captured_signals
    assert not live.monitor.accepting


# The backstop.


class CountedLink:
    """A link that counts how often it was looked after."""

    def __init__(self) -> None:
        self.rounds = 0

    def look_after(self) -> None:
        self.rounds += 1


async def test_links_are_looked_after_again_and_again() -> None:
    keepalive, link = Keepalive(interval=0.01, stall=10.0), CountedLink()

    keepalive.add(link)

    await until(lambda: link.rounds >= 3)
    keepalive.discard(link)


async def test_nobody_is_judged_right_after_a_stall() -> None:
    keepalive, link = Keepalive(interval=0.0, stall=-1.0), CountedLink()
    loop = asyncio.get_running_loop()

    keepalive.add(link)  # every round is late
    first = keepalive._timer
    await until(lambda: keepalive._timer is not first)

    assert link.rounds == 0
    assert keepalive._timer is not None
    assert keepalive._timer.when() > loop.time()
    keepalive.discard(link)


@pytest.mark.parametrize("path", ["/", "/ws/turbine/7", "/ws/turbines", "/ws"])
async def test_a_path_that_is_none_of_ours_is_refused_with_a_sentence(path: str) -> None:
    async with served() as live:
        with pytest.raises(InvalidStatus) as refused:
            await connect(live.url(path))

    assert refused.value.response.status_code == 404
    assert b"/ws/turbines/NUMBER" in refused.value.response.body
