"""What is asked for in odd ways: whatever the parsers think of a request, it is answered with a sentence and ends."""

from __future__ import annotations

import asyncio
import json
import logging
import re

import pytest
from identities import SECRET
from live_monitor import PATIENCE, RawPeer, client_frame, raw_peer, served, until, upgrade_request
from websockets.frames import Opcode

pytestmark = pytest.mark.slow

HOST = b"Host: localhost\r\n"
KEY = b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
UPGRADE = b"Connection: Upgrade\r\nUpgrade: websocket\r\n"
GET = b"GET /healthz HTTP/1.1\r\n" + HOST
PUT = b"PUT /api/v1/engineers HTTP/1.1\r\n" + HOST
BODY = b'{"count": 5}'
PUT_FIVE = PUT + b"Content-Type: application/json\r\nContent-Length: 12\r\n"
H2C = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA\r\n"


def upgrade(extra: bytes = b"", *, asking: bytes = UPGRADE, path: bytes = b"/ws/turbines/7") -> bytes:
    """Return a request for a WebSocket that is odd in one way."""
    return b"GET " + path + b" HTTP/1.1\r\n" + HOST + asking + KEY + extra + b"\r\n"


def sentences(answer: bytes) -> list[str]:
    """Return the last line of each answer."""
    return [each.decode().strip().rpartition("\r\n")[2] for each in answer.split(b"HTTP/1.1 ")[1:]]


def statuses(answer: bytes) -> list[int]:
    return [int(each) for each in re.findall(rb"HTTP/1\.1 (\d{3}) ", answer)]


# No event for the parser, and yet an answer.

UNREADABLE = [
    pytest.param(upgrade(b"X: " + b"a" * 8_192 + b"\r\n"), 431, id="a long header"),
    pytest.param(upgrade(b"X: y\r\n" * 129), 431, id="many headers"),
    pytest.param(upgrade(path=b"/ws/watch?" + b"a" * 8_192), 414, id="a long address"),
    pytest.param(upgrade(b"Content-Length: 5\r\n") + b"hello", 400, id="a body"),
    pytest.param(upgrade(b"Transfer-Encoding: chunked\r\n") + b"0\r\n\r\n", 400, id="chunks"),
    pytest.param(b"GET healthz HTTP/1.1\r\n" + HOST + b"\r\n", 400, id="no path"),
    pytest.param(upgrade(path=b"http://["), 400, id="an address that is none"),
    pytest.param(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(100), 400, id="TLS"),
    pytest.param(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400, id="HTTP/2"),
    pytest.param(b"CONNECT example.org:443 HTTP/1.1\r\n" + HOST + b"\r\n", 405, id="a proxy's request"),
    pytest.param(b"BREW / HTTP/1.1\r\n" + HOST + b"\r\n", 400, id="an unknown method"),
    pytest.param(GET + b"X: \0\r\n\r\n", 400, id="a control character"),
    pytest.param(GET + b"X: a\r\n b\r\n\r\n", 400, id="a folded header"),
    pytest.param(PUT + b"Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd", 400, id="two lengths"),
    pytest.param(PUT + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n", 400, id="a chunk without length"),
    pytest.param(PUT + b"Content-Length: 999999\r\n\r\n" + b" " * 500_000, 413, id="a body without end"),
    pytest.param(GET + b"X: y\r\n" * 20_000, 413, id="headers without end"),
]


@pytest.mark.parametrize(("request_", "status"), UNREADABLE)
async def test_a_request_that_cannot_be_read_is_answered_with_a_sentence(
    request_: bytes, status: int
) -> None:
    async with served(secret=SECRET) as live, raw_peer(live.port) as peer:
        await peer.send(request_)

        answer = await peer.read_to_end()

        assert statuses(answer) == [status]
        assert re.fullmatch(r"[A-Z].*\.", sentences(answer)[0])
        assert not live.monitor.counters.links


@pytest.mark.parametrize(("request_", "status"), UNREADABLE)
async def test_whoever_cannot_be_read_and_stays_is_cut(request_: bytes, status: int) -> None:
    async with served(close_timeout=0.1) as live, raw_peer(live.port) as peer:
        await peer.send(request_)
        assert statuses(await peer.read_until(b".\n")) == [status]

        await until(lambda: not live.server.server_state.connections)


async def test_an_answer_arrives_although_the_peer_has_much_more_to_say() -> None:
    async with served() as live:
        reader, writer = await asyncio.open_connection("127.0.0.1", live.port)
        writer.write(PUT + b"Content-Length: 9000000\r\n\r\n" + b" " * 9_000_000)
        await writer.drain()

        async with asyncio.timeout(PATIENCE):
            answer = await reader.read()

        assert statuses(answer) == [413]
        writer.close()


async def test_a_turbine_that_is_refused_reads_why_although_it_has_said_more() -> None:
    async with served(secret=SECRET) as live, raw_peer(live.port) as peer:
        await peer.send(upgrade_request("/ws/turbines/7") + bytes(300_000))

        assert "A token is needed" in sentences(await peer.read_to_end())[0]


async def test_the_log_says_so_but_a_stranger_does_not_fill_it(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, logger="gridws.server")
    async with served() as live:
        for _ in range(20):
            async with raw_peer(live.port) as peer:
                await peer.send(b"nonsense\r\n\r\n")
                await peer.read_to_end()

    assert [record.message.partition(":")[0] for record in caplog.records] == [
        "refused a request of 127.0.0.1 (400)"
    ] * 10


# The order of answers.


async def test_a_request_that_is_too_large_gets_one_answer_only() -> None:
    async with served(secret=SECRET) as live, raw_peer(live.port) as peer:
        await peer.send(PUT + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n")
        answer = await peer.read_until(b"}")
        await peer.send((b"1000\r\n" + b" " * 0x1000 + b"\r\n") * 20)

        assert statuses(answer + await peer.read_to_end()) == [401]


@pytest.mark.parametrize(
    "then", [b"nonsense\r\n\r\n", upgrade(), PUT + b"Content-Length: 9\r\n\r\n" + b" " * 70_000]
)
async def test_a_refusal_comes_behind_the_answers_that_are_due(then: bytes) -> None:
    async with served() as live, raw_peer(live.port) as peer:
        await peer.send((GET + b"\r\n") * 3 + then)

        assert statuses(await peer.read_to_end())[:3] == [200, 200, 200]


async def test_who_waits_to_be_asked_for_a_body_is_not_asked_after_a_refusal(
    caplog: pytest.LogCaptureFixture,
) -> None:
    asks = b"POST /login HTTP/1.1\r\n" + HOST + b"Expect: 100-continue\r\nTransfer-Encoding: chunked\r\n\r\n"
    async with served(secret=SECRET) as live, raw_peer(live.port) as peer:
        await peer.send(asks + b"nonsense\r\n")

        assert statuses(await peer.read_to_end()) == [400]
        await until(lambda: not live.server.server_state.tasks)

    assert [record.message for record in caplog.records if record.levelno > logging.INFO] == []


async def test_nonsense_behind_an_answer_that_came_early_gets_one_of_its_own() -> None:
    async with served(secret=SECRET) as live, raw_peer(live.port) as peer:
        await peer.send(PUT_FIVE + b"\r\n")
        answer = await peer.read_until(b"}")
        await peer.send(BODY + b"nonsense\r\n\r\n")

        assert statuses(answer + await peer.read_to_end()) == [401, 400]


async def test_whoever_asks_for_much_and_leaves_leaves_nothing_behind(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with served() as live:
        async with raw_peer(live.port) as peer:
            await peer.send((PUT_FIVE + b"\r\n" + BODY) * 20 + PUT_FIVE + b"\r\n")
            peer.leave(reset=True)

        await until(lambda: not live.server.server_state.connections)
        await until(lambda: not live.server.server_state.tasks)

    assert not caplog.records


# Connection and Upgrade are lists.


@pytest.mark.parametrize(
    "asking",
    [
        b"Connection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n",
        b"Connection: Upgrade\r\nConnection: keep-alive\r\nUpgrade: websocket\r\n",
        b"Connection: keep-alive\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n",
        b"Connection: Upgrade\r\nUpgrade: h2c, WebSocket\r\n",
        b"Connection: Upgrade\r\nUpgrade: websocket\r\nUpgrade: h2c\r\n",
    ],
)
@pytest.mark.parametrize("path", [b"/ws/turbines/7", b"/ws/watch", b"http://localhost/ws/turbines/7"])
async def test_a_websocket_may_be_asked_for_in_lists(asking: bytes, path: bytes) -> None:
    async with served() as live, raw_peer(live.port) as peer:
        await peer.send(upgrade(asking=asking, path=path))

        assert statuses(await peer.read_until(b"\r\n\r\n")) == [101]


# What nobody wants is ignored.


async def put_five(peer: RawPeer, *pieces: bytes) -> bytes:
    for piece in pieces:
        await peer.send(piece)
        await asyncio.sleep(0)
    return await peer.read_until(b"}]}")


@pytest.mark.parametrize(
    "asking",
    [
        pytest.param(H2C, id="HTTP/2"),
        pytest.param(b"Connection: Upgrade\r\nUpgrade: TLS/1.2\r\n", id="TLS"),
        pytest.param(UPGRADE, id="a WebSocket, for which one asks with GET"),
    ],
)
@pytest.mark.parametrize("cut", [0, 1, 12])
async def test_an_upgrade_that_nobody_wants_is_ignored_and_the_body_read(asking: bytes, cut: int) -> None:
    async with served() as live, raw_peer(live.port) as peer:
        answer = await put_five(peer, PUT_FIVE + asking + b"\r\n" + BODY[:cut], BODY[cut:])

        assert statuses(answer) == [200]
        assert live.monitor.engineer_count == 5


async def test_what_follows_an_upgrade_that_nobody_wants_is_answered_in_order() -> None:
    async with served() as live, raw_peer(live.port) as peer:
        await peer.send(
            (GET + H2C + b"\r\n") * 3 + PUT_FIVE + H2C + b"\r\n" + BODY + GET + b"Connection: close\r\n\r\n"
        )

        answer = await peer.read_to_end()

        assert statuses(answer) == [200] * 5
        assert json.loads(sentences(answer)[3])["count"] == 5


# No traceback by anybody.

HALF_LOGIN = b"POST /login HTTP/1.1\r\n" + HOST + b"Content-Length: 100\r\n\r\ntoken="


@pytest.mark.parametrize(
    "said",
    [
        pytest.param(HALF_LOGIN, id="half a login"),
        pytest.param(GET + b"\r\n" + HALF_LOGIN, id="half a login behind another request"),
        pytest.param((GET + b"\r\n") * 50, id="many requests"),
        pytest.param(upgrade_request("/ws/watch"), id="a viewer"),
        pytest.param(upgrade_request("/ws/frames") + b"GET / HTTP/1.1\r\n\r\n" * 10, id="a viewer of sorts"),
        pytest.param(upgrade_request("/ws/nothing"), id="a WebSocket that there is not"),
    ],
)
@pytest.mark.parametrize("secret", [None, SECRET])
@pytest.mark.parametrize("reset", [False, True])
async def test_who_leaves_in_the_middle_leaves_no_line_in_the_log(
    said: bytes, secret: str | None, *, reset: bool, caplog: pytest.LogCaptureFixture
) -> None:
    async with served(secret=secret) as live:
        async with raw_peer(live.port) as peer:
            await peer.send(said)
            peer.leave(reset=reset)

        await until(lambda: not live.server.server_state.connections)
        await until(lambda: not live.server.server_state.tasks)

    assert [record.message for record in caplog.records if record.levelno > logging.INFO] == []


@pytest.mark.parametrize("path", ["/ws/watch", "/ws/frames"])
async def test_what_a_viewer_says_before_it_is_let_in_is_heard(path: str) -> None:
    async with served() as live, raw_peer(live.port) as peer:
        await peer.send(upgrade_request(path) + client_frame(Opcode.PING, b"life?"))

        assert b"\x8a\x05life?" in await peer.read_until(b"\x8a\x05life?")
