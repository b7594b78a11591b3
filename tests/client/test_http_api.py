"""What commands ask of a monitor over HTTP."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from gridws.client.http_api import HttpApi
from gridws.client.monitors import Monitors
from gridws.errors import MonitorRefused, MonitorUnreachable, OrderRefused


@dataclass
class Peer:
    """Answers every request with the same bytes."""

    port: int = 0
    answer: bytes = b""
    asked: list[bytes] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.asked.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(self.answer)
        writer.close()


@pytest.fixture
async def peer() -> AsyncIterator[Peer]:
    peer = Peer()
    server = await asyncio.start_server(peer.serve, "127.0.0.1", 0)
    peer.port = server.sockets[0].getsockname()[1]
    yield peer
    server.close()
    await server.wait_closed()


Ask = Callable[..., Any]


async def ask(peer: Peer, *words: str, base: str = "", **options: Any) -> Any:
    monitors = f"{base}ws://127.0.0.1:{peer.port}/behind/a/proxy"
    api = HttpApi(Monitors(monitors), token=options.pop("token", None), timeout=5)
    return await asyncio.to_thread(api.call, *words, **options)


def http(status: str, body: str = "", kind: str = "application/json") -> bytes:
    head = f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n"
    return (head + body).encode()


async def test_an_answer_is_json_and_the_token_goes_in_a_header(peer: Peer) -> None:
    peer.answer = http("200 OK", '{"count": 3}')

    assert await ask(peer, "GET", "/engineers", token="abc", limit="3") == {"count": 3}

    head = peer.asked[0].decode()
    assert head.startswith("GET /behind/a/proxy/api/v1/engineers?limit=3 HTTP/1.1\r\n")
    assert "Authorization: Bearer abc\r\n" in head


async def test_an_answer_may_be_nothing(peer: Peer) -> None:
    peer.answer = b"HTTP/1.1 204 No Content\r\n\r\n"

    assert await ask(peer, "DELETE", "/turbines/7") is None


@pytest.mark.parametrize(
    ("answer", "kind", "sentence"),
    [
        (http("409 Conflict", '{"detail": "Turbine 7 has a link."}'), OrderRefused, "^Turbine 7 has a link$"),
        (
            http("401 Unauthorized", "A token is needed.", "text/plain"),
            MonitorRefused,
            ": a token is needed$",
        ),
        (http("502 Bad Gateway", "", "text/html"), OrderRefused, "^Bad Gateway$"),
        (b"SSH-2.0-OpenSSH\r\n", MonitorUnreachable, "it does not speak HTTP$"),
        (b"", MonitorUnreachable, "127.0.0.1"),
    ],
)
async def test_what_went_wrong_is_a_sentence(
    peer: Peer, answer: bytes, kind: type[Exception], sentence: str
) -> None:
    peer.answer = answer

    with pytest.raises(kind, match=sentence):
        await ask(peer, "DELETE", "/turbines/7")


async def test_the_next_monitor_is_asked_where_one_does_not_answer(peer: Peer) -> None:
    peer.answer = http("200 OK", "[]")
    with socket.socket() as bound:  # bound, and nobody listens
        bound.bind(("127.0.0.1", 0))
        nobody = f"ws://127.0.0.1:{bound.getsockname()[1]},"

        assert await ask(peer, "GET", "/repairs", base=nobody) == []


async def test_that_nobody_answers_is_said_of_the_last_one() -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        address = f"ws://127.0.0.1:{bound.getsockname()[1]}"

        with pytest.raises(MonitorUnreachable, match=f"{address}: connection refused"):
            await asyncio.to_thread(HttpApi(Monitors(address)).call, "GET", "/engineers")
