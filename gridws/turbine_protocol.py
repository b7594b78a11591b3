"""The WebSocket protocol of our server: turbines get a `TurbineLink`, all other routes go on to FastAPI.

For a turbine this object lives as long as the handshake; `GuardedHttpProtocol` then lets the link take its
place. For viewers it is uvicorn's own protocol with three differences: the app can see the transport (what is
unsent, and a way to abort); a peer that does not answer pings is aborted, since uvicorn only closes it, and a
close waits for ever for a peer that does not read; and so is one that says much, since there is nothing to say.
"""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import Any

from uvicorn.config import Config
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.http11 import Request, Response

from .admission import TURBINE_ROUTE, Handshake, admit
from .asgi_socket import TRANSPORT_EXTENSION
from .asking import Refusal
from .connections import Connections
from .settings import AFTER_STALL
from .turbine_link import TurbineLink


class TurbineProtocol(WebSocketsSansIOProtocol):
    """Made by `GuardedHttpProtocol` for each upgrade."""

    def __init__(
        self,
        config: Config,
        server_state: Connections,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self.shared = server_state
        self.link: TurbineLink | None = None
        self._waited = False  # once for the pong of this ping, because of a stall
        self._said = 0.0  # bytes that count against the viewer, fewer with time
        self._said_at = 0.0

    def data_received(self, data: bytes) -> None:
        """Take what a viewer says, unless it floods: thousands of empty frames would hold up everybody."""
        if self.handshake_complete:
            settings, now = self.shared.monitor.settings, self.loop.time()
            # Not while it does not read: what it is answered, a pong for each ping, waits in our memory.
            quiet = now - self._said_at if self.writable.is_set() else 0.0
            forgotten = quiet * settings.viewer_says_per_second
            self._said = max(0.0, self._said - forgotten) + len(data)
            self._said_at = now
            if self._said > settings.viewer_says_burst:
                self.transport.abort()
                return
        super().data_received(data)

    def handle_connect(self, event: Request) -> None:
        """Answer a turbine's handshake here, leave all others to the app."""
        address = self.client[0] if self.client else ""
        handshake = Handshake(event.path, event.headers.raw_items(), address=address)
        if handshake.path.startswith(TURBINE_ROUTE):
            self._answer_turbine(event, handshake)
            return
        super().handle_connect(event)
        if not self.transport.is_closing():
            self.scope["extensions"][TRANSPORT_EXTENSION] = {"transport": self.transport}

    def keepalive_timeout(self) -> None:
        """Abort, unless bytes are still leaving or a stall of the event loop may hide the pong."""
        late = self.loop.time() - self.ping_sent_at - (self.ping_timeout or 0)
        stalled = late > self.shared.monitor.settings.stall and not self._waited
        if stalled or self.transport.get_write_buffer_size():
            self._waited = stalled
            self.pong_timer = self.loop.call_later(AFTER_STALL, self.keepalive_timeout)
            return
        self.pong_timer = None
        self.transport.abort()

    def send_keepalive_ping(self) -> None:
        self._waited = False
        super().send_keepalive_ping()

    async def send(self, message: Any) -> None:
        """Send; after a refusal the handshake is over, which uvicorn forgets and logs as an error of the app."""
        await super().send(message)
        self.handshake_complete = self.handshake_complete or self.close_sent

    def _answer_turbine(self, event: Request, handshake: Handshake) -> None:
        monitor = self.shared.monitor
        refusal = admit(handshake, monitor.guard, accepting=monitor.accepting)
        turbine_number = handshake.turbine_number
        response = self._refuse(refusal) if refusal else self.conn.accept(event)
        if response.status_code == HTTPStatus.SWITCHING_PROTOCOLS and handshake.subprotocol:
            response.headers["Sec-WebSocket-Protocol"] = handshake.subprotocol
        self.conn.send_response(response)
        self.transport.write(b"".join(self.conn.data_to_send()))
        if response.status_code != HTTPStatus.SWITCHING_PROTOCOLS or turbine_number is None:
            self.handshake_complete = self.close_sent = True
            self.transport.close()
            return
        self.connections.discard(self)
        self.link = TurbineLink(self.transport, self.shared)
        self.link.open(turbine_number)

    def _refuse(self, refusal: Refusal) -> Response:
        response = self.conn.reject(refusal.status, refusal.sentence + "\n")
        for name, value in refusal.headers:
            response.headers[name] = value
        return response
