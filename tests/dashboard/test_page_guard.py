from __future__ import annotations

import logging
import signal
import socket
import struct
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from big_fleet import BigFleet
from processes import start
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import TestClient, WebSocketDenialResponse
from starlette.types import Message, Receive, Scope, Send
from starlette.websockets import WebSocket

from gridws.dashboard.page_guard import PageGuard
from gridws.settings import DashboardSettings

HERE = "http://localhost:8788"


async def listen(websocket: WebSocket) -> None:
    await websocket.accept()
    await websocket.send_text("in")
    await websocket.close()


APP = Starlette(
    routes=[Route("/", lambda _request: PlainTextResponse("page")), WebSocketRoute("/socket", listen)]
)


def client_of(*allowed: str) -> TestClient:
    return TestClient(PageGuard(APP, DashboardSettings(allow_origins=allowed)), base_url=HERE)


@pytest.fixture
def client() -> Iterator[TestClient]:
    with client_of("https://grid.example", "null") as client:
        yield client


def test_others_cannot_show_the_page_in_a_frame() -> None:
    with client_of() as client:
        assert client.get("/").headers["content-security-policy"] == "frame-ancestors 'self'"


def test_an_allowed_origin_may_show_the_page_in_a_frame(client: TestClient) -> None:
    assert client.get("/").headers["content-security-policy"] == "frame-ancestors 'self' https://grid.example"


def test_a_refusal_cannot_be_framed_either(client: TestClient) -> None:
    answer = client.get("/", headers={"Origin": "https://evil.example"})

    assert answer.status_code == 403
    assert "frame-ancestors" in answer.headers["content-security-policy"]


@pytest.mark.parametrize("origin", [HERE, "https://grid.example", "null"])
def test_an_allowed_page_opens_a_websocket(client: TestClient, origin: str) -> None:
    with client.websocket_connect("/socket", headers={"Host": "localhost:8788", "Origin": origin}) as socket:
        assert socket.receive_text() == "in"


@pytest.mark.parametrize("headers", [{"Host": "evil.example"}, {"Origin": "https://evil.example"}])
def test_who_opens_no_websocket_is_told_why(client: TestClient, headers: dict[str, str]) -> None:
    with pytest.raises(WebSocketDenialResponse) as refused:
        client.websocket_connect("/socket", headers={"Host": "localhost:8788"} | headers).__enter__()

    assert refused.value.status_code == 403
    assert "dashboard" in refused.value.text


# What strangers do leaves nothing in the log.


def scope_of(path: str) -> dict[str, object]:
    return {"type": "http", "path": path, "headers": [(b"host", b"localhost:8788")]}


async def gone() -> Message:
    return {"type": "http.disconnect"}


async def nowhere(_message: Message) -> None:
    """Send to nobody."""


async def fail(_scope: Scope, receive: Receive, _send: Send) -> None:
    await receive()
    raise KeyError("REQUEST_METHOD")


async def fail_at_once(_scope: Scope, _receive: Receive, _send: Send) -> None:
    raise KeyError("REQUEST_METHOD")


async def test_what_goes_wrong_when_a_visitor_has_left_is_no_news(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, logger="gridws.dashboard")

    await PageGuard(fail, DashboardSettings())(scope_of("/"), gone, nowhere)

    assert [(record.levelname, record.exc_info) for record in caplog.records] == [("DEBUG", None)]


async def test_what_goes_wrong_while_a_visitor_is_there_is_news() -> None:
    with pytest.raises(KeyError):
        await PageGuard(fail_at_once, DashboardSettings())(scope_of("/"), gone, nowhere)


HOST = "Host: localhost:{port}\r\n\r\n"
STRANGERS = [
    pytest.param("GET /healthz HTTP/1.1\r\n" + HOST, 30, id="many requests at once"),
    pytest.param("GET /%1b%5b2J%0aERROR%20forged HTTP/1.1\r\n" + HOST, 1, id="a path that forges a line"),
    pytest.param(
        "POST /_nicegui_ws/socket.io/?EIO=4&transport=polling&sid=%1b%0aERROR HTTP/1.1\r\nContent-Length: 9\r\n"
        + HOST
        + "ab",
        1,
        id="half a poll of a session that forges a line",
    ),
    pytest.param("nonsense\r\n\r\n", 1, id="nonsense"),
]


@pytest.mark.slow
@pytest.mark.parametrize(("request_", "times"), STRANGERS)
async def test_strangers_leave_no_traceback_and_no_forged_line(
    tmp_path: Path, request_: str, times: int
) -> None:
    async with BigFleet(1) as fleet:
        server = await start("dashboard", "--port", "0", "--monitor", fleet.url, folder=tmp_path)
        port = int(server.url.rpartition(":")[2])
        data = request_.format(port=port).encode() * times
        async with httpx.AsyncClient(trust_env=False) as client:
            for _ in range(5):
                with socket.create_connection(("localhost", port)) as stranger:
                    stranger.sendall(data)
                    stranger.recv(1)  # it has begun to answer
                    stranger.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            await client.get(f"{server.url}/healthz")
        output = await server.end(signal.SIGTERM)

    assert "Traceback" not in output
    assert [line for line in output.splitlines() if not line.isprintable()] == []
    assert [line for line in output.splitlines() if line.startswith("ERROR")] == []
