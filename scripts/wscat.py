#!/usr/bin/env python3
"""Prints WebSocket frames as they come and sends the lines that are typed: for looking at a monitor by hand.

Without a URL it watches all frames of the local monitor; with the URL of a turbine it is that turbine. It
knows no frame by heart, so that it shows the unexpected too, but no control character reaches the terminal.
"""

from __future__ import annotations

import argparse
import asyncio
import functools
import json
import math
import os
import signal
import ssl
import sys
import threading
import time
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

try:
    from websockets.asyncio.client import ClientConnection, connect
    from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus, InvalidURI
    from websockets.typing import Subprotocol

    from gridws.printable import printable
    from gridws.process.output import hush_output, prepare_streams
    from gridws.viewers.prompt import Prompt
except ImportError:
    VENV = Path(__file__).resolve().parent.parent / ".venv"
    if Path(sys.prefix) == VENV or not (VENV / "bin/python").exists():
        sys.exit("wscat: the Python packages gridws and websockets are missing: run scripts/setup first")
    os.execv(VENV / "bin/python", [str(VENV / "bin/python"), *sys.argv])  # noqa: S606  # the same script again

MONITOR = os.environ.get("GRIDWS_MONITOR", "ws://localhost:8787")
SCHEMES = {"http": "ws", "https": "wss", "ws": "ws", "wss": "wss"}
GRACE = 1.0
"""Seconds in which answers may still come after the last line was sent."""
MAX_BYTES = 64 * 2**20
"""A snapshot of 100,000 turbines is larger than what WebSocket clients take by default."""
NOT_TLS = {"WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "HTTP_REQUEST", "PACKET_LENGTH_TOO_LONG"}
"""What OpenSSL calls an answer in plain text, depending on its version and on the text."""

DIM, RED, GREEN, YELLOW, CYAN, RESET = (f"\033[{code}m" for code in (2, 31, 32, 33, 36, 0))
COLOURS = dict.fromkeys(["error", "frames_skipped", "?"], RED) | dict.fromkeys(["hello", "welcome"], CYAN)
COLOURS |= {"engineer_assigned": GREEN, "engineer_withdrawn": YELLOW, "resync": YELLOW}


class Trouble(Exception):
    """What ends the program with one line on stderr."""

    def __init__(self, sentence: str, *, exit_code: int = 1) -> None:
        super().__init__(sentence)
        self.exit_code = exit_code


class Parser(argparse.ArgumentParser):
    """One line for a mistake, as the other commands do."""

    def error(self, message: str) -> None:  # type: ignore[override]  # `exit` does not return
        self.exit(2, f"wscat: {printable(message)}; --help shows the options\n")


def seconds(text: str) -> float:
    if 0 <= (value := float(text)) < math.inf:
        return value
    raise ValueError


def turbine(text: str) -> int:
    if 1 <= (value := int(text)) <= 2_147_483_647:
        return value
    raise ValueError


def parse_options(arguments: list[str]) -> argparse.Namespace:
    parser = Parser(prog="wscat", description=(__doc__ or "").partition("\n")[0])
    add = parser.add_argument
    add("url", nargs="?", default=MONITOR, help="ws://HOST:8787/ws/turbines/7, …/ws/frames or …/ws/watch")
    add("--turbine", type=turbine, metavar="N", help="watch the frames of this turbine only")
    add("-x", dest="frames", action="append", default=[], metavar="FRAME", help="send this frame; repeatable")
    add("-w", dest="wait", type=seconds, metavar="SECONDS", help="after sending, wait so long, then end")
    add("--token", default=os.environ.get("GRIDWS_TOKEN"), help="bearer token; better: variable GRIDWS_TOKEN")
    add("--ca-file", metavar="FILE", help="certificates to trust with wss://")
    return parser.parse_args(arguments)


def parse_url(text: str, turbine_number: int | None) -> SplitResult:
    """Return the address to connect to: http means ws, and a base address all frames of that monitor."""
    try:
        url = urlsplit(text)
        scheme, _ = SCHEMES[url.scheme if url.hostname else ""], url.port  # reading the port checks it
        (url.hostname or "").encode("idna")
    except (ValueError, KeyError):
        raise Trouble(f"{text} is no WebSocket URL; one looks like {MONITOR}/ws/turbines/7") from None
    url = url._replace(scheme=scheme, path=url.path.rstrip("/") or "/ws/frames", fragment="")
    if turbine_number and not url.path.endswith("/ws/frames"):
        raise Trouble("--turbine goes with the address of a monitor or of its /ws/frames", exit_code=2)
    return url._replace(query=f"turbine={turbine_number}") if turbine_number else url


def trusted(url: SplitResult, ca_file: str | None) -> ssl.SSLContext | None:
    if ca_file is None:
        return ssl.create_default_context() if url.scheme == "wss" else None
    if url.scheme != "wss":
        raise Trouble("--ca-file goes with an address that begins with wss://", exit_code=2)
    try:
        return ssl.create_default_context(cafile=ca_file)
    except OSError as error:
        is_read = isinstance(error, ssl.SSLError)
        reason = "there is none, or none in PEM form" if is_read else str(error.strerror).lower()
        raise Trouble(f"cannot use the certificates in {ca_file}: {reason}", exit_code=2) from error


def authorization(token: str | None) -> dict[str, str]:
    if not token:
        return {}
    if not (token.isascii() and token.isprintable()):
        raise Trouble("the token holds characters that no token has", exit_code=2)
    return {"Authorization": f"Bearer {token}"}


# What is printed.


def as_object(text: str) -> dict[str, object] | None:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) and isinstance(value.get("type"), str) else None


def short(value: object) -> str:
    """Return a value as it stands in JSON, of a long list only its length."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return f"[{len(value)}]" if isinstance(value, list) and len(text) > 200 else text


def time_of_day(at: object) -> str:
    """Return the local time; `at` is in ms since 1970, anything else means now."""
    seconds_since_1970 = at / 1000 if isinstance(at, int) and 0 <= at < 2**47 else time.time()
    return datetime.fromtimestamp(seconds_since_1970).astimezone().isoformat(timespec="milliseconds")[11:23]


def line_of(message: str | bytes, *, coloured: bool) -> str:
    """Return one line for what came: time, turbine, direction, type and the rest."""
    text = message if isinstance(message, str) else repr(message)
    outer = as_object(text) or {}
    seen = outer.get("type") == "frame" and isinstance(outer.get("text"), str)
    raw = str(outer["text"]) if seen else text
    frame = as_object(raw)
    number = outer.get("turbine_number") if seen else (frame or {}).get("turbine_number")
    kind = str(frame["type"]) if frame else "?"
    arrow = "↑" if seen and outer.get("direction") == "up" else "↓"
    who = "" if number is None else printable(str(number))
    details = (
        (name, value) for name, value in (frame or {}).items() if name not in {"type", "turbine_number"}
    )
    rest = printable("  ".join(f"{name} {short(value)}" for name, value in details) if frame else raw)
    dim, colour, reset = (DIM, COLOURS.get(kind, ""), RESET) if coloured else ("", "", "")
    when = f"{dim}{time_of_day(outer.get('at'))}{reset}"
    return f"{when} {who:>6} {arrow} {colour}{printable(kind):<18}{reset} {rest}".rstrip()


# The link.


async def send_what_comes(link: ClientConnection) -> None:
    """Send each line of stdin that is not empty, byte by byte as it is, until its end."""
    loop, ended = asyncio.get_running_loop(), asyncio.Event()

    def pump() -> None:
        # Unbuffered, since a thread that waits inside a buffer hangs the exit. Errors mean that loop, link or
        # terminal are gone, and with them whoever wanted the lines.
        with suppress(RuntimeError, ConnectionClosed, OSError):
            for line in filter(bytes.strip, open(0, "rb", buffering=0, closefd=False)):  # noqa: SIM115
                asyncio.run_coroutine_threadsafe(link.send(line.rstrip(b"\r\n"), text=True), loop).result()
            loop.call_soon_threadsafe(ended.set)

    threading.Thread(target=pump, daemon=True).start()
    await ended.wait()


async def send_what_is_typed(link: ClientConnection, prompt: Prompt) -> None:
    """Send each line that somebody types at the prompt, until Ctrl-D."""
    with suppress(ConnectionClosed):
        async for line in prompt.lines():
            await link.send(os.fsencode(line), text=True)


async def drive(
    link: ClientConnection, options: argparse.Namespace, prompt: Prompt | None, *, by_hand: bool
) -> None:
    """Send what is to be sent, then close the link when its time has come; a viewer without `-w` stays."""
    with suppress(ConnectionClosed):  # `show` tells why
        for frame in options.frames:
            if by_hand and sys.stdout.isatty():
                print_line(spoken(">", frame))
            await link.send(os.fsencode(frame), text=True)
    if by_hand and not (options.frames and options.wait is not None):
        await (send_what_is_typed(link, prompt) if prompt else send_what_comes(link))
    elif options.wait is None:
        return
    await asyncio.sleep(GRACE if options.wait is None else options.wait)
    await link.close()


def is_coloured() -> bool:
    return sys.stdout.isatty() and "NO_COLOR" not in os.environ


def spoken(arrow: str, message: str | bytes) -> str:
    """Return a frame as it is, for who is a turbine by hand: on a terminal with arrow, time and colour."""
    text = message if isinstance(message, str) else message.decode(errors="backslashreplace")
    if not sys.stdout.isatty():
        return printable(text)
    colour = COLOURS.get(str((as_object(text) or {}).get("type")), "")
    dim, colour, reset = (DIM, colour, RESET) if is_coloured() else ("", "", "")
    return f"{dim}{arrow} {time_of_day(None)}{reset} {colour}{printable(text)}{reset}"


def print_line(line: str) -> None:
    try:
        print(line, flush=True)
    except BrokenPipeError:
        raise
    except OSError as error:
        hush_output()
        raise Trouble(f"cannot write the output: {str(error.strerror).lower()}") from error


async def show(link: ClientConnection, prompt: Prompt | None, *, by_hand: bool) -> None:
    """Print what comes until the link ends; raise `Trouble` when it was the monitor that ended it."""
    put = prompt.print_above if prompt else print_line
    try:
        while True:
            message = await link.recv()
            put(spoken("<", message) if by_hand else line_of(message, coloured=is_coloured()))
    except ConnectionClosed as closed:
        who, close = ("the monitor", closed.rcvd) if closed.rcvd_then_sent else ("this side", closed.sent)
        if close is None:
            raise Trouble("the link broke without a closing frame") from None
        if close.code != 1000:
            raise Trouble(f"closed by {who}: {close.code} {close.reason}".rstrip()) from None


async def talk(link: ClientConnection, options: argparse.Namespace, *, by_hand: bool) -> None:
    """Send and show until one side has had enough; with a line editor where somebody sits at a terminal."""
    at_terminal = by_hand and sys.stdin.isatty() and sys.stdout.isatty()
    prompt = Prompt(functools.partial(spoken, ">")) if at_terminal else None
    driver = asyncio.create_task(drive(link, options, prompt, by_hand=by_hand))
    try:
        await show(link, prompt, by_hand=by_hand)
    finally:
        driver.cancel()
        if prompt is not None:
            prompt.close()
        await link.close()  # Ctrl-C is a normal end too, not 1011


async def run(options: argparse.Namespace) -> None:
    """Connect and talk; raise `Trouble` where the network or the monitor has an objection."""
    loop, this = asyncio.get_running_loop(), asyncio.current_task()
    for number in (signal.SIGINT, signal.SIGTERM):  # both, since a shell's background jobs ignore Ctrl-C
        loop.add_signal_handler(number, this.cancel)  # type: ignore[union-attr]  # there is a current task here
    url = parse_url(options.url, options.turbine)
    by_hand = "/ws/turbines/" in url.path
    link = connect(
        url.geturl(),
        ssl=trusted(url, options.ca_file),
        subprotocols=[Subprotocol("gridws.v1")] if by_hand else None,
        additional_headers=authorization(options.token),
        compression=None,
        proxy=None,
        max_size=MAX_BYTES,
        close_timeout=1,
    )
    try:
        async with link as connection:
            await talk(connection, options, by_hand=by_hand)
    except InvalidStatus as refusal:
        body = (refusal.response.body or b"").decode(errors="replace").strip()
        says = body[:300] or "without a word: it is no monitor, perhaps a dashboard"
        raise Trouble(f"{url.geturl()} refused: HTTP {refusal.response.status_code} {says}") from None
    except ssl.SSLCertVerificationError as error:
        raise Trouble(
            f"the certificate of {url.geturl()} cannot be trusted: {error.verify_message}"
        ) from None
    except ssl.SSLError as error:
        plain = error.reason in NOT_TLS
        reason = "does not speak TLS; try ws://" if plain else f"fails at TLS: {error.reason or error}"
        raise Trouble(f"{url.geturl()} {reason}") from None
    except ConnectionResetError:
        hint = "; perhaps it wants ws://" if url.scheme == "wss" else ""
        raise Trouble(f"{url.geturl()} went away before it answered{hint}") from None
    except (InvalidURI, InvalidHandshake, ValueError) as error:  # the first and last where it redirects
        hint = "; perhaps it wants wss://" if url.scheme == "ws" else ""
        raise Trouble(f"{url.geturl()} is no WebSocket: {error}{hint}") from None


def main() -> int:
    """Return the exit code: 0 also after Ctrl-C, 1 when the link failed, 2 for a mistake in an option."""
    prepare_streams()
    options = parse_options(sys.argv[1:])
    try:
        asyncio.run(run(options))
    except Trouble as trouble:
        print(f"wscat: {printable(str(trouble))}", file=sys.stderr)
        return trouble.exit_code
    except BrokenPipeError:  # whoever read our lines has had enough, as `head` does
        hush_output()
    except OSError as error:
        refused = "Connect call failed" in str(error)
        reason = "nothing listens there; is the monitor running?" if refused else error.strerror or str(error)
        print(f"wscat: cannot reach {printable(options.url)}: {printable(reason)}", file=sys.stderr)
        return 1
    except asyncio.CancelledError:
        pass  # Ctrl-C or SIGTERM
    return 0


if __name__ == "__main__":
    sys.exit(main())
