"""How any client reaches a monitor: its address, TLS, how long to wait, and why it did not work, in words."""

from __future__ import annotations

import errno
import os
import re
import socket
import ssl
from pathlib import Path
from typing import Any, Final

from websockets.exceptions import InvalidHandshake, InvalidURI
from websockets.http11 import Response
from websockets.uri import parse_uri

from ..errors import MonitorRefused, MonitorUnreachable, OptionError, system_words
from ..printable import printable

OPEN_TIMEOUT: Final = 10.0
CLOSE_TIMEOUT: Final = 0.5
"""Seconds that a peer gets to answer a close frame; a whole fleet has to end within one."""
PING_INTERVAL: Final = 20.0
"""Seconds between pings, and until a missing pong counts as a loss: notices a monitor that hangs."""
REFUSED_DELAY: Final = 30.0
"""Seconds until a monitor that refused is asked again: somebody has to change something first."""
NO_LINK: Final = (OSError, InvalidHandshake, EOFError, InvalidURI, ValueError)
"""What opening a link raises; the last two where the answer sends us on to what is no WebSocket address."""
NOT_TLS: Final = {"WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "HTTP_REQUEST", "PACKET_LENGTH_TOO_LONG"}
"""What OpenSSL calls an answer in plain text, depending on its version and on the text."""


ROUTES: Final = re.compile(
    r"(.*?)/(ws|api|healthz|readyz|metrics|docs|login|logout|openapi\.json|asyncapi\.json)(/.*)?"
)
"""A monitor's address with one of its routes behind it, and before it, at the most, where a proxy has put it."""
LONGEST_SENTENCE: Final = 300
"""Characters that a monitor may need to say why it refuses somebody."""


def websocket_base(monitor: str) -> str:
    """Return a monitor's address as `ws` or `wss`, which `http` and `https` mean too; raise `OptionError`."""
    scheme, _, rest = monitor.strip().rstrip("/").partition("://")
    scheme = {"http": "ws", "https": "wss"}.get(scheme.lower(), scheme.lower())
    asked = f"{scheme}://{rest}"
    base = re.split("[?#]", asked)[0]
    try:
        parse_uri(base).host.encode("idna")
    except (InvalidURI, ValueError):
        raise OptionError(
            f"{monitor!r} is no address of a monitor: write ws://HOST:PORT or wss://HOST:PORT"
        ) from None
    if base != asked:
        raise OptionError(f"{monitor!r} has a query, which an address of a monitor has not: write {base}")
    host, slash, path = rest.partition("/")
    route = ROUTES.fullmatch(f"{slash}{path}")
    if route:
        raise OptionError(
            f"{monitor!r} is the address of something on a monitor: write {scheme}://{host}{route[1]}"
        )
    return base


def refusal(
    url: str,
    response: Response,
    *,
    wanted: str = "a valid token of this turbine: see --token and --token-file",
    asked: str = "link",
) -> MonitorUnreachable:
    """Return the error for an HTTP answer that came instead of a WebSocket, with what the monitor says in it."""
    status, says = response.status_code, _sentence_in(response)
    # A monitor says why; web servers answer without a word where they have no WebSocket.
    if status == 403 and not response.body:
        return MonitorRefused(
            url, f"it is no monitor, perhaps a dashboard, or it wants a token (HTTP {status})"
        )
    if status in {401, 403}:
        return MonitorRefused(url, f"it wants {wanted} (HTTP {status}){says}")
    if status < 500 and status not in {408, 429}:
        return MonitorRefused(url, f"it refuses this {asked} (HTTP {status}){says}")
    return MonitorUnreachable(url, f"it cannot take this {asked} now (HTTP {status}){says}")


def _sentence_in(response: Response) -> str:
    """Return a monitor's sentence behind a colon; nothing for the page of some web server."""
    kinds = response.headers.get_all("Content-Type")
    if not any(kind.startswith("text/plain") for kind in kinds):
        return ""
    text = bytes(response.body).decode(errors="replace").strip().rstrip(".")
    return f": {printable(text, longest=LONGEST_SENTENCE)}" if text else ""


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
