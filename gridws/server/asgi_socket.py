"""What both kinds of WebSocket routes do with an ASGI WebSocket besides sending and receiving."""

from __future__ import annotations

import asyncio
from typing import Final

from starlette.responses import PlainTextResponse
from starlette.websockets import WebSocket

from ..access.admission import Handshake
from ..access.request import Refusal

TRANSPORT_EXTENSION: Final = "gridws.transport"
"""In the `extensions` of a scope under our server: a dict whose `transport` is the asyncio transport."""


def handshake_of(websocket: WebSocket) -> Handshake:
    """Return what this client asks with."""
    headers = (
        (name.decode("latin-1"), value.decode("latin-1")) for name, value in websocket.scope["headers"]
    )
    client = websocket.scope.get("client")
    return Handshake(websocket.scope["path"], headers, address=client[0] if client else "")


async def refuse(websocket: WebSocket, refusal: Refusal) -> None:
    """Answer with a status and a sentence before the upgrade; a server that cannot do that answers 403."""
    if "websocket.http.response" in websocket.scope.get("extensions", {}):
        response = PlainTextResponse(refusal.sentence + "\n", refusal.status, dict(refusal.headers))
        await websocket.send_denial_response(response)
    else:
        await websocket.close()


def transport_of(websocket: WebSocket) -> asyncio.Transport | None:
    """Return the transport below, None under a server that does not show it."""
    extension = websocket.scope.get("extensions", {}).get(TRANSPORT_EXTENSION, {})
    # No isinstance: uvloop's transports are no asyncio.Transport.
    transport: asyncio.Transport | None = extension.get("transport")
    return transport


def abort(websocket: WebSocket) -> None:
    """Cut the connection without waiting for unsent bytes, as far as the server allows it."""
    transport = transport_of(websocket)
    if transport is not None:
        transport.abort()
