"""The way from a turbine to its monitor over a WebSocket, on the `websockets` library.

Frames come and go without a task switch: a frame that arrived is handed over inside the connection's own
callback, and one that is sent goes straight to the socket. What may pile up unsent is bounded by the window
of unacknowledged readings, so there is nothing to wait for.
"""

from __future__ import annotations

import errno
import os
import socket
import ssl
from pathlib import Path
from typing import Any, Final, cast

from websockets.asyncio.client import ClientConnection, connect
from websockets.client import ClientProtocol
from websockets.exceptions import InvalidHandshake, InvalidStatus, InvalidURI
from websockets.frames import Frame, Opcode
from websockets.protocol import Event, State
from websockets.typing import Subprotocol
from websockets.uri import parse_uri

from .errors import MonitorRefused, MonitorUnreachable, OptionError
from .frames import SUBPROTOCOL
from .framing import masked_text_frame
from .link import Link, Loss, Receive
from .turbine_tokens import TokenOf

OPEN_TIMEOUT: Final = 10.0
CLOSE_TIMEOUT: Final = 0.5
"""Seconds that a peer gets to answer a close frame; a whole fleet has to end within one."""
MAX_FRAME_BYTES: Final = 64 * 1024
PING: Final = 20.0
"""Seconds between pings, and until a missing pong counts as a loss: notices a monitor that hangs."""


class Dialer:
    """Opens links to one monitor; one object serves all turbines of a process.

    `monitor` is its base address (`http` and `https` mean `ws` and `wss`), `token` a bearer token or how to find
    each turbine's, `ca_file` the certificate authority to trust. Raises `OptionError` for an address that cannot
    be one.
    """

    def __init__(
        self, monitor: str, *, token: TokenOf | str | None = None, ca_file: Path | None = None
    ) -> None:
        self.base = websocket_base(monitor)
        self._local = parse_uri(self.base).host == "localhost"
        self._options: dict[str, Any] = {}
        self._token_of: TokenOf = token if callable(token) else lambda _number: token
        if self.base.startswith("wss:"):
            # One context for all: each costs milliseconds and a copy of the certificates.
            self._options["ssl"] = tls_context(ca_file)

    async def dial(self, turbine_number: int, receive: Receive, /) -> Link:
        """Return an open link; raise `MonitorRefused` or `MonitorUnreachable`."""
        url = f"{self.base}/ws/turbines/{turbine_number}"
        token = self._token_of(turbine_number)
        options = {} if token is None else {"additional_headers": {"Authorization": f"Bearer {token}"}}
        try:
            try:
                connection = await self._open(url, receive, **options)
            except ConnectionRefusedError as refused:
                connection = await self._open_beside(url, receive, refused, **options)
        except InvalidStatus as error:
            raise refusal(self.base, error.response.status_code) from error
        except (OSError, InvalidHandshake, EOFError) as error:
            raise MonitorUnreachable(self.base, cause(error)) from error
        return WebSocketLink(cast("_Connection", connection))

    async def _open_beside(
        self, url: str, receive: Receive, refused: OSError, **options: Any
    ) -> ClientConnection:
        """Try the other loopback: a machine may know only one address by the name localhost."""
        if not self._local:
            raise refused
        try:
            return await self._open(url, receive, host="::1", **options)
        except OSError:
            raise refused from None

    async def _open(self, url: str, receive: Receive, **options: Any) -> ClientConnection:
        def create(protocol: ClientProtocol, **settings: Any) -> ClientConnection:
            return _Connection(receive, protocol, **settings)

        return await connect(
            url,
            subprotocols=[Subprotocol(SUBPROTOCOL)],
            # 40 KiB a link for frames of 160 bytes is no bargain.
            compression=None,
            max_size=MAX_FRAME_BYTES,
            open_timeout=OPEN_TIMEOUT,
            close_timeout=CLOSE_TIMEOUT,
            ping_interval=PING,
            ping_timeout=PING,
            proxy=None,
            create_connection=cast("type[ClientConnection]", create),
            **self._options,
            **options,
        )


class WebSocketLink:
    """A `Link` over an open WebSocket."""

    __slots__ = ("_connection",)

    def __init__(self, connection: _Connection) -> None:
        self._connection = connection

    def send(self, text: str) -> None:
        """Write the frame to the socket."""
        self._connection.send_now(text)

    async def lost(self) -> Loss:
        """Wait until the TCP connection has ended."""
        await self._connection.wait_closed()
        return Loss(self._connection.close_code or 1006, self._connection.close_reason or "")

    async def close(self) -> None:
        """Say that the turbine is going away."""
        await self._connection.close(1001)


class _Connection(ClientConnection):
    """A connection that hands frames over at once instead of queueing them for a task that awaits `recv`."""

    def __init__(self, receive: Receive, protocol: ClientProtocol, **options: Any) -> None:
        super().__init__(protocol, **options)
        self._receive = receive
        self._fragments = b""

    def process_event(self, event: Event) -> None:
        if self.response is None or not isinstance(event, Frame):
            super().process_event(event)
        elif event.opcode in {Opcode.TEXT, Opcode.CONT}:
            self._receive_part(event)
        elif event.opcode is not Opcode.BINARY:
            super().process_event(event)
            if event.opcode is Opcode.CLOSE:
                # The peer should end the TCP connection now; nobody waits for one that does not.
                self.loop.call_later(CLOSE_TIMEOUT, self.transport.abort)

    def _receive_part(self, frame: Frame) -> None:
        self._fragments += frame.data
        if frame.fin:
            text, self._fragments = self._fragments.decode(errors="replace"), b""
            self._receive(text)

    def send_now(self, text: str) -> None:
        if self.protocol.state is State.OPEN:
            # Not through the library, which makes an object for each frame: three times as dear. What it has to
            # say itself is on the socket already, so the order is kept.
            self.transport.write(masked_text_frame(text))


def websocket_base(monitor: str) -> str:
    """Return a monitor's address as `ws` or `wss`, which `http` and `https` mean too; raise `OptionError`."""
    base = monitor.strip().rstrip("/")
    scheme, _, rest = base.partition("://")
    scheme = {"http": "ws", "https": "wss"}.get(scheme.lower(), scheme.lower())
    try:
        parse_uri(f"{scheme}://{rest}")
    except (InvalidURI, ValueError):
        raise OptionError(
            f"{monitor!r} is no address of a monitor: write ws://HOST:PORT or wss://HOST:PORT"
        ) from None
    return f"{scheme}://{rest}"


def refusal(url: str, status: int) -> MonitorUnreachable:
    """Return the error for an HTTP status that came instead of a WebSocket."""
    if status in {401, 403}:
        hint = "see --token and --token-file"
        return MonitorRefused(url, f"it wants a valid token of this turbine: {hint} (HTTP {status})")
    if status < 500 and status not in {408, 429}:
        return MonitorRefused(url, f"it refuses this link (HTTP {status})")
    return MonitorUnreachable(url, f"it cannot take the link now (HTTP {status})")


def cause(error: Exception) -> str:
    """Return why no connection came about, in a few words."""
    match error:
        case TimeoutError():
            return f"no answer within {OPEN_TIMEOUT:.0f} s"
        case socket.gaierror():
            return "nobody knows a host of this name"
        case ssl.SSLCertVerificationError():
            return f"its certificate cannot be trusted: {error.verify_message}"
        case InvalidHandshake() | EOFError():
            return "it does not speak WebSocket, or went away before it answered"
        case _:
            return _system_cause(error)


def _system_cause(error: Exception) -> str:
    number = error.errno if isinstance(error, OSError) else None
    if number is None and f"[Errno {errno.ECONNREFUSED}]" in str(error):
        # All addresses of a name failed, each in its own way: one error of asyncio with all texts in it.
        number = errno.ECONNREFUSED
    text = os.strerror(number) if number else str(error)
    return text[:1].lower() + text[1:]


def tls_context(ca_file: Path | None) -> ssl.SSLContext:
    """Return how to check certificates, against those in `ca_file` where given; raise `OptionError`."""
    try:
        return ssl.create_default_context(cafile=ca_file)
    except (OSError, ssl.SSLError) as error:
        raise OptionError(f"cannot read certificates from {ca_file}: {error}") from error
