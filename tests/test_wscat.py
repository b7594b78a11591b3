"""The debug script, against a small server: by hand, in a pipe and on a terminal."""

from __future__ import annotations

import asyncio
import json
import os
import pty
import re
import signal
import socket
import sys
import termios
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from http import HTTPStatus
from pathlib import Path

import pytest
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response
from websockets.typing import Subprotocol

pytestmark = pytest.mark.slow

WSCAT = Path(__file__).parent.parent / "scripts" / "wscat.py"
PATIENCE = 60
ACK = '{"type":"ack","sequence":12}'


def seen(text: str, *, turbine_number: int = 7, direction: str = "up") -> str:
    return json.dumps(
        {"type": "frame", "at": 0, "turbine_number": turbine_number, "direction": direction, "text": text}
    )


class Peer:
    """A monitor of few words: says its frames, notes what it is told, then waits or closes."""

    def __init__(self, *frames: str | bytes, close: tuple[int, str] | None = None, token: str = "") -> None:
        self.frames = frames
        self.close = close
        self.token = token
        self.heard: list[str | bytes] = []
        self.paths: list[str] = []
        self.subprotocols: list[str | None] = []
        self.left = asyncio.Event()
        self.heard_one = asyncio.Event()
        self.close_code: int | None = None

    async def __call__(self, link: ServerConnection) -> None:
        assert link.request is not None
        self.paths.append(link.request.path)
        self.subprotocols.append(link.subprotocol)
        for frame in self.frames:
            await link.send(frame)
        if self.close:
            await link.close(*self.close)
        await self.listen(link)

    async def listen(self, link: ServerConnection) -> None:
        try:
            while True:
                self.heard.append(await link.recv())
                self.heard_one.set()
        except ConnectionClosed:
            self.close_code = link.close_code
            self.left.set()

    def check(self, link: ServerConnection, request: Request) -> Response | None:
        if self.token and request.headers.get("Authorization") != f"Bearer {self.token}":
            return link.respond(HTTPStatus.UNAUTHORIZED, "a token is \x1b[31mneeded\n")
        return None


def first_offered(_: ServerConnection, offered: Sequence[Subprotocol]) -> Subprotocol | None:
    return next(iter(offered), None)


def port_of(server: Server) -> int:
    return int(next(iter(server.sockets)).getsockname()[1])


@asynccontextmanager
async def serving(peer: Peer) -> AsyncIterator[str]:
    server = await serve(peer, "127.0.0.1", 0, process_request=peer.check, select_subprotocol=first_offered)
    async with server:
        yield f"ws://127.0.0.1:{port_of(server)}"


@asynccontextmanager
async def wscat(
    *arguments: str, stdin: int = DEVNULL, stdout: int = PIPE, token: str = ""
) -> AsyncIterator[Process]:
    environment = {**os.environ, "GRIDWS_TOKEN": token, "TZ": "UTC", "PYTHONUTF8": "1", "TERM": "xterm"}
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(WSCAT), *arguments, stdin=stdin, stdout=stdout, stderr=PIPE, env=environment
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def outcome(*arguments: str, typed: bytes = b"", token: str = "") -> tuple[int | None, str, str]:
    """Run to the end and return exit code, what was printed and what was complained about."""
    async with wscat(*arguments, stdin=PIPE, token=token) as process, asyncio.timeout(PATIENCE):
        printed, complaint = await process.communicate(typed)
        return process.returncode, printed.decode(), complaint.decode()


async def test_a_frame_is_one_aligned_line() -> None:
    text = '{"type":"metrics","turbine_number":7,"wind_speed":8.5,"operational_status":"ok"}'
    peer = Peer(seen(text), seen(ACK, direction="down"), seen('{"type":"resync"}', turbine_number=123456))

    async with serving(peer) as url:
        _, printed, _ = await outcome(url, "-w", "0.3")

    assert printed.splitlines() == [
        "00:00:00.000      7 ↑ metrics            wind_speed 8.5  operational_status ok",
        "00:00:00.000      7 ↓ ack                sequence 12",
        "00:00:00.000 123456 ↑ resync",
    ]


@pytest.mark.parametrize(
    ("arguments", "path"),
    [
        pytest.param([], "/ws/frames", id="a base address means all frames"),
        pytest.param(["--turbine", "7"], "/ws/frames?turbine=7", id="of one turbine"),
    ],
)
async def test_the_monitor_is_asked_for(arguments: list[str], path: str) -> None:
    peer = Peer()

    async with serving(peer) as url:
        await outcome(url.replace("ws:", "http:"), *arguments, "-w", "0")

    assert peer.paths == [path]


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("\x1b]0;title\x07\x1b[2J", id="terminal commands"),
        pytest.param("\x9b31m\x7f\r\b", id="eight-bit terminal commands"),
        pytest.param("abc\u202etxt.exe\u2028", id="what turns the line around"),
        pytest.param('{"type":"\\u001b[31m","detail":"\\u0007\\ud800"}', id="inside JSON"),
        pytest.param(
            '{"type":"error","\\u001b[31m":{"\\u001b":["\\u001b[0m","\\u009b"]}}', id="inside a field"
        ),
        pytest.param("[" * 20_000, id="nested deeper than Python reads"),
    ],
)
async def test_no_control_character_of_a_frame_gets_through(text: str) -> None:
    peer = Peer(seen(text), text)

    async with serving(peer) as url:
        code, printed, complaint = await outcome(url, "-w", "0.3")

    assert (code, complaint, len(printed.splitlines())) == (0, "", 2)
    assert printed.replace("\n", "").isprintable()


async def test_a_turbine_is_driven_by_hand() -> None:
    peer = Peer('{"type":"engineer_assigned","turbine_number":7,"engineer_id":2}')
    typed = b'{"type":"metrics"}\nnot JSON \xc3\xa4\r\n\nno line end'

    async with serving(peer) as url:
        code, printed, _ = await outcome(f"{url}/ws/turbines/7", "-w", "0.1", typed=typed)

    assert code == 0
    assert printed == '{"type":"engineer_assigned","turbine_number":7,"engineer_id":2}\n'
    assert peer.heard == ['{"type":"metrics"}', "not JSON ä", "no line end"]
    assert peer.subprotocols == ["gridws.v1"]
    assert peer.close_code == 1000


async def test_a_turbine_without_more_to_say_waits_a_moment_for_answers() -> None:
    peer = Peer(ACK)

    async with serving(peer) as url:
        code, printed, complaint = await outcome(f"{url}/ws/turbines/7", typed=b"")

    assert (code, complaint) == (0, "")
    assert printed == '{"type":"ack","sequence":12}\n'


async def test_frames_of_the_command_line_are_sent_in_order() -> None:
    peer = Peer()

    async with serving(peer) as url:
        await outcome(f"{url}/ws/turbines/7", "-x", "one", "-x", "two", "-w", "0", typed=b"not read")

    assert peer.heard == ["one", "two"]


async def test_a_viewer_stays_when_nothing_is_typed_and_ends_with_the_signal() -> None:
    peer = Peer(seen(ACK), seen(ACK))

    async with serving(peer) as url, wscat(url, stdin=DEVNULL) as process, asyncio.timeout(PATIENCE):
        assert process.stdout is not None
        first, second = await process.stdout.readline(), await process.stdout.readline()
        process.send_signal(signal.SIGINT)
        printed, complaint = await process.communicate()

    assert first == second != b""
    assert (process.returncode, printed, complaint) == (0, b"", b"")


async def test_a_turbine_whose_owner_still_types_ends_with_the_signal() -> None:
    peer = Peer()

    async with (
        serving(peer) as url,
        wscat(f"{url}/ws/turbines/7", "-x", "here", stdin=PIPE) as process,
        asyncio.timeout(PATIENCE),
    ):
        await peer.heard_one.wait()
        process.send_signal(signal.SIGTERM)
        code = await process.wait()
        await peer.left.wait()

    assert (code, peer.close_code) == (0, 1000)


async def test_a_reader_that_has_had_enough_ends_it_quietly() -> None:
    peer = Peer(*[seen(ACK)] * 20)
    reading_end, writing_end = os.pipe()
    os.close(reading_end)

    async with serving(peer) as url, wscat(url, stdout=writing_end) as process, asyncio.timeout(PATIENCE):
        os.close(writing_end)
        _, complaint = await process.communicate()

    assert (process.returncode, complaint) == (0, b"")


async def test_output_that_cannot_be_written_is_one_line() -> None:
    peer = Peer(seen(ACK))
    full = os.open("/dev/full", os.O_WRONLY)

    async with serving(peer) as url, wscat(url, stdout=full) as process, asyncio.timeout(PATIENCE):
        os.close(full)
        _, complaint = await process.communicate()

    assert (process.returncode, complaint) == (
        1,
        b"wscat: cannot write the output: no space left on device\n",
    )


async def test_a_terminal_gets_colours() -> None:
    peer = Peer(seen('{"type":"engineer_assigned"}'))
    ours, theirs = pty.openpty()
    os.set_blocking(ours, False)

    async with (
        serving(peer) as url,
        wscat(url, "-w", "0.3", stdout=theirs) as process,
        asyncio.timeout(PATIENCE),
    ):
        await process.wait()
    printed = os.read(ours, 4096).decode()
    os.close(ours)
    os.close(theirs)

    assert "\033[32mengineer_assigned " in printed
    assert printed.endswith("\033[0m\r\n")


async def test_who_sits_at_a_terminal_has_a_prompt_with_history_and_sees_both_directions() -> None:
    peer = Peer('{"type":"welcome"}')
    ours, theirs = pty.openpty()
    before = termios.tcgetattr(theirs)
    shown = ""

    async def wait_for(words: str) -> None:
        nonlocal shown
        while not (
            words in shown and shown.endswith("> ")
        ):  # what is typed before the prompt is there may be lost
            shown += (await asyncio.to_thread(os.read, ours, 4096)).decode()

    async with (
        serving(peer) as url,
        wscat(f"{url}/ws/turbines/7", stdin=theirs, stdout=theirs) as process,
        asyncio.timeout(PATIENCE),
    ):
        await wait_for('{"type":"welcome"}')
        os.write(ours, b"first\r")
        await wait_for("\033[0m first")
        os.write(ours, b"\033[A, again\r")  # the key that goes up in the history
        await wait_for("\033[0m first, again")
        os.write(ours, b"\x04")  # Ctrl-D
        code = await process.wait()
    after = termios.tcgetattr(theirs)
    os.close(ours)
    os.close(theirs)

    assert (code, peer.heard) == (0, ["first", "first, again"])
    assert re.search(r"\033\[2m< \d\d:\d\d:\d\d\.\d{3}\033\[0m \033\[36m{", shown)
    assert re.search(r"\033\[2m> \d\d:\d\d:\d\d\.\d{3}\033\[0m first, again", shown)
    assert after == before


async def test_the_token_travels_in_the_header() -> None:
    peer = Peer(token="abc.def")

    async with serving(peer) as url:
        by_option = await outcome(url, "--token", "abc.def", "-w", "0")
        by_variable = await outcome(url, "-w", "0", token="abc.def")

    assert by_option == by_variable == (0, "", "")


async def test_a_refusal_is_one_line() -> None:
    peer = Peer(token="abc.def")

    async with serving(peer) as url:
        code, printed, complaint = await outcome(url)

    assert (code, printed) == (1, "")
    assert complaint == f"wscat: {url}/ws/frames refused: HTTP 401 a token is \\x1b[31mneeded\n"


async def test_a_link_that_the_monitor_closes_says_why() -> None:
    peer = Peer(ACK, close=(4001, "superseded"))

    async with serving(peer) as url:
        code, printed, complaint = await outcome(f"{url}/ws/turbines/7", "-x", "one", "-w", "9")

    assert (code, len(printed.splitlines())) == (1, 1)
    assert complaint == "wscat: closed by the monitor: 4001 superseded\n"


async def test_a_monitor_that_is_not_there_is_one_line() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]

    code, printed, complaint = await outcome(f"ws://127.0.0.1:{port}")

    assert (code, printed, complaint.count("\n")) == (1, "", 1)
    assert complaint.startswith(f"wscat: cannot reach ws://127.0.0.1:{port}: ")


@pytest.mark.parametrize(
    ("scheme", "answer", "words"),
    [
        ("ws", b"\x15\x03\x03\x00\x02\x02\x46", "; perhaps it wants wss://"),
        ("wss", b"HTTP/1.1 400 Bad Request\r\n\r\n", "/ws/frames does not speak TLS; try ws://"),
        ("wss", b"", "/ws/frames went away before it answered; perhaps it wants ws://"),
    ],
    ids=["a TLS alert", "an HTTP answer", "nothing"],
)
async def test_a_link_with_tls_to_one_without_or_the_other_way_round(
    scheme: str, answer: bytes, words: str
) -> None:
    async def play(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(65_536)
        writer.write(answer)
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(play, "127.0.0.1", 0)
    async with server:
        code, _, complaint = await outcome(f"{scheme}://127.0.0.1:{server.sockets[0].getsockname()[1]}")

    assert (code, complaint.count("\n")) == (1, 1)
    assert complaint.endswith(f"{words}\n")


async def test_certificates_that_cannot_be_used_are_said_in_plain_words(tmp_path: Path) -> None:
    (tmp_path / "notes.pem").write_text("no certificate at all", encoding="utf-8")

    _, _, absent = await outcome("--ca-file", "absent.pem", "wss://localhost")
    _, _, notes = await outcome("--ca-file", str(tmp_path / "notes.pem"), "wss://localhost")

    assert absent == "wscat: cannot use the certificates in absent.pem: no such file or directory\n"
    assert notes.endswith("notes.pem: there is none, or none in PEM form\n")


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["localhost:8787"], 1),
        (["ftp://localhost"], 1),
        (["ws://localhost:99999"], 1),
        (["ws://[half"], 1),
        (["ws://a..b"], 1),
        (["ws://"], 1),
        (["--turbine", "0"], 2),
        (["--turbine", "seven"], 2),
        (["--turbine", "7", "ws://localhost/ws/turbines/7"], 2),
        (["-w", "nan"], 2),
        (["-w", "-1"], 2),
        (["--token", "a\nb"], 2),
        (["--ca-file", "ca.pem"], 2),
        (["--ca-file", "there/is/none.pem", "wss://localhost"], 2),
        (["--colour"], 2),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
async def test_a_mistake_is_one_line(arguments: list[str], code: int) -> None:
    exit_code, printed, complaint = await outcome(*arguments)

    assert (exit_code, printed, complaint.count("\n")) == (code, "", 1)
    assert complaint.startswith("wscat: ")
