"""The WebSocket protocol of our server: turbines get a `TurbineLink`, all other routes go on to FastAPI.

For a turbine this object lives as long as the handshake; `GuardedHttpProtocol` then lets the link take its
place. For viewers it is uvicorn's own protocol with three differences: the app can see the transport (what is
unsent, and a way to abort); a peer that does not answer pings is aborted, since uvicorn only closes it, and a
close waits for ever for a peer that does not read; and so is one that says much, since there is nothing to say.
"""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import Any, Final

from uvicorn.config import Config
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.http11 import Request, Response

from ..access.admission import TURBINE_ROUTE, Handshake, admit
from ..access.request import Refusal
from ..settings import AFTER_STALL
from .asgi_socket import TRANSPORT_EXTENSION
from .connections import Connections
from .last_words import end_after_last_words, write_last_words
from .turbine_link import TurbineLink

NOT_PLAIN: Final = Refusal(HTTPStatus.BAD_REQUEST, "A request for a WebSocket is a plain GET without a body.")


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
        self._asked: Request | None = None
        self._early = b""  # what a viewer said before it was let in
        self._waited = False  # once for the pong of this ping, because of a stall
        self._said = 0.0  # bytes that count against the viewer, fewer with time
        self._said_at = 0.0

    def data_received(self, data: bytes) -> None:
        """Take what a viewer says, unless it floods: thousands of empty frames would hold up everybody."""
        if self._asked is not None:
            settings, now = self.shared.monitor.settings, self.loop.time()
            # Not while it does not read: what it is answered, a pong for each ping, waits in our memory.
            quiet = now - self._said_at if self.writable.is_set() else 0.0
            forgotten = quiet * settings.viewer_says_per_second
            self._said = max(0.0, self._said - forgotten) + len(data)
            self._said_at = now
            if self._said > settings.viewer_says_burst:
                self.transport.abort()
                return
        if self._asked is not None and not self.handshake_complete:
            self._early += data  # the parser could not answer a mistake in it yet
        else:
            super().data_received(data)

    def handle_connect(self, event: Request) -> None:
        """Answer a turbine's handshake here, leave all others to the app."""
        self._asked = event
        address = self.client[0] if self.client else ""
        handshake = Handshake(event.path, event.headers.raw_items(), address=address)
        if handshake.path.startswith(TURBINE_ROUTE):
            self._answer_turbine(event, handshake)
            return
        super().handle_connect(event)
        if not self.transport.is_closing():
            self.scope["extensions"][TRANSPORT_EXTENSION] = {"transport": self.transport}

    def hand_over(self, early: bytes) -> None:
        """Let whoever serves this connection from now on take its place, and give it what came early."""
        if self.link is not None:
            self.transport.set_protocol(self.link)
        elif self._asked is None:
            self._refuse_unreadable()
        elif self.close_sent and not self.transport.is_closing():
            self.connections.discard(self)
            end_after_last_words(self.transport, self.shared)
        successor = self.transport.get_protocol()
        if early and isinstance(successor, asyncio.Protocol):
            successor.data_received(early)

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
        if self._early and self.handshake_complete and not self.close_sent:
            early, self._early = self._early, b""
            super().data_received(early)

    def _answer_turbine(self, event: Request, handshake: Handshake) -> None:
        monitor = self.shared.monitor
        refusal = admit(
            handshake, self.shared.guard, accepting=monitor.accepting, wait=monitor.seconds_to_wait
        )
        if refusal is not None:
            monitor.counters.link_refused(refusal.status)
        turbine_number = handshake.turbine_number
        response = self._refuse(refusal) if refusal else self.conn.accept(event)
        if response.status_code == HTTPStatus.SWITCHING_PROTOCOLS and handshake.subprotocol:
            response.headers["Sec-WebSocket-Protocol"] = handshake.subprotocol
        self.conn.send_response(response)
        self.transport.write(b"".join(self.conn.data_to_send()))
        if response.status_code != HTTPStatus.SWITCHING_PROTOCOLS or turbine_number is None:
            self.handshake_complete = self.close_sent = True
            return
        self.connections.discard(self)
        self.link = TurbineLink(self.transport, self.shared)
        self.link.open(turbine_number)

    def _refuse_unreadable(self) -> None:
        self.connections.discard(self)
        self.shared.note_refusal(self.client, NOT_PLAIN)
        write_last_words(self.transport, NOT_PLAIN)
        end_after_last_words(self.transport, self.shared)

    def _refuse(self, refusal: Refusal) -> Response:
        response = self.conn.reject(refusal.status, refusal.sentence + "\n")
        for name, value in refusal.headers:
            response.headers[name] = value
        return response
