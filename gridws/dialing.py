"""The way from a turbine to its monitor over a WebSocket, on the `websockets` library."""

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
from websockets.http11 import Response
from websockets.typing import Subprotocol
from websockets.uri import parse_uri

from .errors import MonitorRefused, MonitorUnreachable, OptionError, system_words
from .frames import SUBPROTOCOL
from .link import Link, Receive
from .turbine_tokens import TokenOf
from .websocket_link import MAX_FRAME_BYTES, Connection, WebSocketLink

OPEN_TIMEOUT: Final = 10.0
CLOSE_TIMEOUT: Final = 0.5
"""Seconds that a peer gets to answer a close frame; a whole fleet has to end within one."""
PING: Final = 20.0
"""Seconds between pings, and until a missing pong counts as a loss: notices a monitor that hangs."""
NO_LINK: Final = (OSError, InvalidHandshake, EOFError, InvalidURI, ValueError)
"""What opening a link raises; the last two where the answer sends us on to what is no WebSocket address."""
NOT_TLS: Final = {"WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "HTTP_REQUEST", "PACKET_LENGTH_TOO_LONG"}
"""What OpenSSL calls an answer in plain text, depending on its version and on the text."""


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
        self._options = tls_options(self.base, ca_file)
        self._token_of: TokenOf = token if callable(token) else lambda _number: token

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
            raise refusal(self.base, error.response) from error
        except NO_LINK as error:
            raise MonitorUnreachable(self.base, cause(error, self.base)) from error
        return WebSocketLink(cast("Connection", connection))

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
            return Connection(receive, protocol, **settings)

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


def websocket_base(monitor: str) -> str:
    """Return a monitor's address as `ws` or `wss`, which `http` and `https` mean too; raise `OptionError`."""
    base = monitor.strip().rstrip("/")
    scheme, _, rest = base.partition("://")
    scheme = {"http": "ws", "https": "wss"}.get(scheme.lower(), scheme.lower())
    try:
        parse_uri(f"{scheme}://{rest}").host.encode("idna")
    except (InvalidURI, ValueError):
        raise OptionError(
            f"{monitor!r} is no address of a monitor: write ws://HOST:PORT or wss://HOST:PORT"
        ) from None
    return f"{scheme}://{rest}"


def refusal(
    url: str,
    response: Response,
    *,
    wanted: str = "a valid token of this turbine: see --token and --token-file",
    asked: str = "link",
) -> MonitorUnreachable:
    """Return the error for an HTTP answer that came instead of a WebSocket."""
    status = response.status_code
    # A monitor says why; web servers answer without a word where they have no WebSocket.
    if status == 403 and not response.body:
        return MonitorRefused(
            url, f"it is no monitor, perhaps a dashboard, or it wants a token (HTTP {status})"
        )
    if status in {401, 403}:
        return MonitorRefused(url, f"it wants {wanted} (HTTP {status})")
    if status < 500 and status not in {408, 429}:
        return MonitorRefused(url, f"it refuses this {asked} (HTTP {status})")
    return MonitorUnreachable(url, f"it cannot take this {asked} now (HTTP {status})")


def cause(error: Exception, url: str) -> str:
    """Return why no connection to `url` came about, in a few words."""
    match error:
        case TimeoutError():
            return f"no answer within {OPEN_TIMEOUT:.0f} s"
        case socket.gaierror():
            return "nobody knows a host of this name"
        case ssl.SSLError():
            return _tls_cause(error)
        case InvalidURI() | ValueError():
            return (
                "it sends us on to what is no address of a monitor; perhaps it wants wss:// instead of ws://"
            )
        case InvalidHandshake() | EOFError() | ConnectionResetError(errno=None):
            other = "ws://" if url.startswith("wss:") else "wss://"
            return f"it does not speak WebSocket, or went away before it answered; perhaps it wants {other}"
        case _:
            return _system_cause(error)


def _tls_cause(error: ssl.SSLError) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate cannot be trusted: {error.verify_message}"
    if error.reason in NOT_TLS:
        return "it does not speak TLS; try ws://"
    return f"TLS failed: {(error.reason or str(error)).replace('_', ' ').lower()}"


def _system_cause(error: Exception) -> str:
    number = error.errno if isinstance(error, OSError) else None
    if number is None and f"[Errno {errno.ECONNREFUSED}]" in str(error):
        # All addresses of a name failed, each in its own way: one error of asyncio with all texts in it.
        number = errno.ECONNREFUSED
    text = os.strerror(number) if number else str(error)
    return text[:1].lower() + text[1:]


def tls_options(base: str, ca_file: Path | None) -> dict[str, Any]:
    """Return what to connect with: a context where `base` begins with `wss`; raise `OptionError`.

    It is one for all links: each costs milliseconds and a copy of the certificates.
    """
    if base.startswith("wss:"):
        return {"ssl": tls_context(ca_file)}
    if ca_file is not None:
        raise OptionError("--ca-file goes with an address that begins with wss://")
    return {}


def tls_context(ca_file: Path | None) -> ssl.SSLContext:
    """Return how to check certificates, against those in `ca_file` where given; raise `OptionError`."""
    try:
        return ssl.create_default_context(cafile=ca_file)
    except ssl.SSLError as error:
        raise OptionError(
            f"cannot use the certificates in {ca_file}: there is none, or none in PEM form"
        ) from error
    except OSError as error:
        raise OptionError(f"cannot read certificates from {ca_file}: {system_words(error)}") from error
