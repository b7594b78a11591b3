"""Who may talk to the page: pages of its own origin only, and on the loopback only under a loopback's name.

A page of another site could otherwise open a WebSocket to this one in the visitor's browser, and a name that
is made to mean 127.0.0.1 (DNS rebinding) would make that site this one's origin.
"""

from __future__ import annotations

import ipaddress
from http import HTTPStatus

from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocketClose

DEFAULT_PORTS = {"http": ":80", "https": ":443"}


def is_loopback(host: str) -> bool:
    """Return whether a host name or address means this machine only."""
    name = host.strip("[]").lower()
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return name == "localhost" or name.endswith(".localhost")


def host_name(header: str) -> str:
    """Return the host in a `Host` header, without the port."""
    if header.startswith("["):
        return header.partition("]")[0].strip("[")
    return header.partition(":")[0]


class OriginGuard:
    """Refuses requests from elsewhere before anything else sees them."""

    def __init__(self, app: ASGIApp, *, loopback: bool, allow_origins: tuple[str, ...] = ()) -> None:
        self.app = app
        self._loopback = loopback
        self._allowed = {origin.rstrip("/").lower() for origin in allow_origins}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve the request, or refuse it with 403 and a sentence."""
        sentence = self._objection(scope) if scope["type"] in {"http", "websocket"} else None
        if sentence is None:
            await self.app(scope, receive, send)
        elif scope["type"] == "websocket":
            await WebSocketClose(1008, sentence)(scope, receive, send)
        else:
            await PlainTextResponse(sentence + "\n", HTTPStatus.FORBIDDEN)(scope, receive, send)

    def _objection(self, scope: Scope) -> str | None:
        headers = {name: value.decode("latin-1") for name, value in scope["headers"]}
        host = headers.get(b"host", "")
        if self._loopback and not is_loopback(host_name(host)):
            return f"This dashboard answers to localhost, not to {host_name(host) or 'no name at all'}."
        origin = headers.get(b"origin")
        if origin is None or self._is_own(origin.lower(), scope["scheme"], host.lower()):
            return None
        return f"Pages of {origin} may not use this dashboard; --allow-origin would let them."

    def _is_own(self, origin: str, scheme: str, host: str) -> bool:
        scheme = {"ws": "http", "wss": "https"}.get(scheme, scheme)
        own = f"{scheme}://{host.removesuffix(DEFAULT_PORTS[scheme])}"
        return origin == own or origin in self._allowed
