"""Whoever is refused hears why in the monitor's own words, and a wrong address is refused before it is tried."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from http import HTTPStatus

import pytest
from identities import EXPIRED, SECRET
from live_monitor import served
from websockets.asyncio.server import ServerConnection, serve
from websockets.datastructures import Headers
from websockets.http11 import Request, Response

from gridws.client.reaching import refusal, websocket_base
from gridws.errors import MonitorUnreachable, OptionError
from gridws.turbines.dialing import Dialer
from gridws.viewers.mirror import Mirror

HOSTILE = "no\x1b[2J\nINFO turbine 7 is linked \u202e" + "x" * 10_000


@pytest.mark.parametrize(
    ("monitor", "advice"),
    [
        ("ws://localhost:8787/ws/turbines", "write ws://localhost:8787"),
        ("ws://localhost:8787/ws/turbines/7", "write ws://localhost:8787"),
        ("http://localhost:8787/docs", "write ws://localhost:8787"),
        ("http://localhost:8787/api/v1/turbines", "write ws://localhost:8787"),
        ("wss://grid.example/farm/ws/watch", "write wss://grid.example/farm"),
        ("ws://localhost:8787?token=x", "write ws://localhost:8787"),
        ("ws://localhost:8787/farm?token=x#y", "write ws://localhost:8787/farm"),
        ("ws://localhost:8787/#", "write ws://localhost:8787/"),
    ],
)
def test_an_address_that_cannot_be_a_monitors_is_refused_with_the_right_one(
    monitor: str, advice: str
) -> None:
    with pytest.raises(OptionError) as refused:
        websocket_base(monitor)

    assert str(refused.value).endswith(advice)


@pytest.mark.parametrize(
    "monitor", ["ws://localhost:8787/farm", "ws://h/wsx", "ws://h/a/news", "ws://ws", "ws://api:1"]
)
def test_a_monitor_may_be_behind_a_path(monitor: str) -> None:
    assert websocket_base(monitor) == monitor


async def dial(base: str) -> None:
    await Dialer(base, token=EXPIRED).dial(7, lambda _text: None)


async def look(base: str) -> None:
    await Mirror(base, token=EXPIRED).look()


@pytest.mark.parametrize("client", [dial, look])
async def test_a_client_passes_on_what_the_monitor_says(client: Callable[[str], object]) -> None:
    async with served(secret=SECRET) as live:
        with pytest.raises(
            MonitorUnreachable, match=r"\(HTTP 401\): The token has expired: ask for a new one$"
        ):
            await client(live.url(""))  # type: ignore[misc]


@asynccontextmanager
async def hostile(answer: str, close: str) -> AsyncIterator[str]:
    """Run a server that refuses with these words, or, with none, closes with those."""

    def refuse(connection: ServerConnection, _request: Request) -> Response | None:
        return connection.respond(HTTPStatus.FORBIDDEN, answer) if answer else None

    async def end(connection: ServerConnection) -> None:
        await connection.close(4000, close)

    async with serve(end, "127.0.0.1", 0, process_request=refuse) as server:
        yield f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}"


@pytest.mark.parametrize(("answer", "close"), [(HOSTILE, ""), ("", HOSTILE[:40])])
async def test_what_a_hostile_monitor_says_to_a_viewer_is_printable(answer: str, close: str) -> None:
    async with hostile(answer, close) as base, asyncio.timeout(10):
        with pytest.raises(MonitorUnreachable) as refused:
            await look(base)

    assert str(refused.value).isprintable()
    assert "no\\x1b[2J\\nINFO" in str(refused.value)
    assert len(str(refused.value)) < 1_500


async def test_what_a_hostile_monitor_says_to_a_turbine_is_printable() -> None:
    async with hostile(HOSTILE, "") as base, asyncio.timeout(10):
        with pytest.raises(MonitorUnreachable) as refused:
            await dial(base)

    assert str(refused.value).isprintable()


def test_the_page_of_a_web_server_is_no_sentence() -> None:
    page = Response(404, "", Headers({"Content-Type": "text/html"}), b"<html>Not found</html>")

    assert refusal("ws://x", page).reason == "it refuses this link (HTTP 404)"
