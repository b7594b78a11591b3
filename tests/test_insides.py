"""What we lean on inside of other libraries: which versions it was seen to work with, and what an upgrade took away.

A failure here comes before the confusing ones elsewhere. Mend the module that is named, or its lean, then put the
version below that it works with. The list of reasons is in the manual's page on development.
"""

from __future__ import annotations

import asyncio
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import httptools
import pytest
from uvicorn.config import Config
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from uvicorn.server import Server, ServerState
from websockets.asyncio.client import ClientConnection
from websockets.client import ClientProtocol
from websockets.frames import Frame, Opcode
from websockets.http11 import MAX_LINE_LENGTH, MAX_NUM_HEADERS, Request
from websockets.protocol import OPEN
from websockets.server import ServerProtocol
from websockets.uri import parse_uri

MANUAL: Final = Path(__file__).parent.parent / "gridws" / "manual" / "development.md"
SEEN_WITH: Final = {"httptools": "0.9.0", "uvicorn": "0.54.0", "websockets": "17.4"}

PIPELINING: Final = "gridws/process/pipelining.py"
HTTP: Final = "gridws/server/http_protocol.py"
SOCKETS: Final = "gridws/server/websocket_protocol.py"
SERVER: Final = "gridws/server/server.py"
LINK: Final = "gridws/server/turbine_link.py"
UPGRADES: Final = "gridws/server/upgrades.py"
TURBINES: Final = "gridws/turbines/websocket_link.py"

NAMES: Final[dict[tuple[str, str, str], str]] = {
    (HTTP, "uvicorn", "HttpToolsProtocol"): (
        "connection_made data_received pause_writing resume_writing"
        " on_message_complete handle_websocket_upgrade _should_upgrade"
        " _unset_keepalive_if_required cycle pipeline connections parser headers url scope flow transport client loop"
    ),
    (PIPELINING, "uvicorn", "HttpToolsProtocol"): (
        "on_headers_complete on_response_complete connection_lost cycle"
    ),
    (PIPELINING, "uvicorn", "RequestResponseCycle"): "disconnected message_event response_complete",
    (
        HTTP,
        "uvicorn",
        "RequestResponseCycle",
    ): "disconnected message_event response_started response_complete waiting_for_100_continue",
    (SOCKETS, "uvicorn", "WebSocketsSansIOProtocol"): (
        "data_received handle_connect keepalive_timeout send_keepalive_ping send conn connections client transport loop"
        " ping_sent_at ping_timeout pong_timer handshake_complete close_sent writable"
    ),
    (
        SERVER,
        "uvicorn",
        "Server",
    ): "startup shutdown serve handle_exit should_exit started config server_state",
    (SERVER, "uvicorn", "ServerState"): "connections tasks",
    (LINK, "websockets", "ServerProtocol"): (
        "receive_data events_received data_to_send send_close fail state current_size parser_exc close_sent close_rcvd"
    ),
    (TURBINES, "websockets", "ClientConnection"): (
        "data_received connection_lost process_event start_keepalive send_data wait_closed protocol loop"
        " response close_timeout ping_interval close_code close_reason"
    ),
    (TURBINES, "websockets", "ClientProtocol"): "state current_size fail",
}
"""Who leans on what of which class."""


async def nothing(_scope: Any, _receive: Any, _send: Any) -> None:
    """Answer nobody."""


def objects() -> dict[str, object]:
    """Return one object of each class, since many names are made only with it."""
    config, state = Config(nothing, log_config=None), ServerState()
    config.load()
    client = ClientProtocol(parse_uri("ws://localhost"))
    http = HttpToolsProtocol(config, state, {})
    http.on_message_begin()
    cycle: dict[str, Any] = dict.fromkeys(("scope", "transport", "logger", "access_logger", "on_response"))
    return {
        "HttpToolsProtocol": http,
        "RequestResponseCycle": RequestResponseCycle(
            **cycle,
            flow=FlowControl(asyncio.Transport()),
            access_log=False,
            default_headers=[],
            message_event=asyncio.Event(),
            expect_100_continue=False,
            keep_alive=True,
        ),
        "WebSocketsSansIOProtocol": WebSocketsSansIOProtocol(config, state, {}),
        "Server": Server(config),
        "ServerState": state,
        "ServerProtocol": ServerProtocol(state=OPEN),
        "ClientConnection": ClientConnection(client, ping_interval=1.0, close_timeout=1.0),
        "ClientProtocol": client,
    }


def since(package: str) -> str:
    return f"{package} {version(package)} (seen to work with {SEEN_WITH[package]})"


@pytest.mark.parametrize(("ours", "package", "of"), NAMES)
async def test_what_we_lean_on_is_there(ours: str, package: str, of: str) -> None:
    found = objects()[of]

    missing = [name for name in NAMES[ours, package, of].split() if not hasattr(found, name)]

    assert not missing, f"{ours} leans on {of}.{', '.join(missing)}, which is not in {since(package)}"


@pytest.mark.parametrize("ours", sorted({ours for ours, _, _ in NAMES} | {UPGRADES}))
def test_the_manual_says_who_leans(ours: str) -> None:
    assert f"| `{ours}` |" in MANUAL.read_text(encoding="utf-8"), (
        f"{MANUAL} does not say what {ours} leans on"
    )


# What they do, not only what they have.


class Heard:
    """What the HTTP parser calls."""

    def __init__(self) -> None:
        self.messages = 0
        self.body = b""

    def on_message_complete(self) -> None:
        self.messages += 1

    def on_body(self, body: bytes) -> None:
        self.body += body


def test_the_http_parser_stops_behind_the_headers_of_an_upgrade_and_goes_on() -> None:
    heard = Heard()
    parser = httptools.HttpRequestParser(heard)
    head = b"PUT / HTTP/1.1\r\nContent-Length: 2\r\n"

    with pytest.raises(httptools.HttpParserUpgrade) as stopped:
        parser.feed_data(head + b"Connection: Upgrade\r\nUpgrade: h2c\r\n\r\n{}")
    rest = stopped.value.args[0]
    parser.feed_data(head + b"\r\n{}")

    wrong = f"{HTTP} has the body of such a request read again, which is no more as it was in {since('httptools')}"
    assert rest == len(head + b"Connection: Upgrade\r\nUpgrade: h2c\r\n\r\n"), wrong
    assert (heard.messages, heard.body) == (2, b"{}"), wrong


def test_the_http_parser_tells_of_the_error_of_a_callback() -> None:
    class Failing:
        def on_headers_complete(self) -> None:
            raise LookupError

    with pytest.raises(httptools.HttpParserError) as failed:
        httptools.HttpRequestParser(Failing()).feed_data(b"GET / HTTP/1.1\r\n\r\n")

    assert isinstance(failed.value.__context__, LookupError), (
        f"{HTTP} looks for it; {since('httptools')} hides it"
    )


@pytest.mark.parametrize(
    ("extra", "understood"),
    [
        (b"X: " + b"a" * (MAX_LINE_LENGTH - 5) + b"\r\n", True),
        (b"X: " + b"a" * (MAX_LINE_LENGTH - 4) + b"\r\n", False),
        (b"X: y\r\n" * MAX_NUM_HEADERS, True),
        (b"X: y\r\n" * (MAX_NUM_HEADERS + 1), False),
    ],
)
def test_the_parser_of_websockets_has_the_limits_that_it_names(extra: bytes, *, understood: bool) -> None:
    parser = ServerProtocol()

    parser.receive_data(b"GET / HTTP/1.1\r\n" + extra + b"\r\n")

    events = parser.events_received()
    assert [isinstance(event, Request) for event in events] == [True] * understood, (
        f"{UPGRADES} answers what is larger than {since('websockets')} reads, and the limits are others now"
    )


def test_a_parser_of_websockets_may_begin_in_the_middle() -> None:
    parser = ServerProtocol(state=OPEN)

    parser.receive_data(Frame(Opcode.PING, b"life?").serialize(mask=True))

    assert b"".join(parser.data_to_send()) == b"\x8a\x05life?", (
        f"{LINK} gives single frames to a parser that saw no handshake, which {since('websockets')} minds"
    )
