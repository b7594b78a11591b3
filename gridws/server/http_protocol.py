"""The HTTP side of our server: uvicorn's, with limits that uvicorn does not have.

A connection has `handshake_timeout` for a whole request, body included, from its first byte or, for the first
request, from the accept. So idle connections, half requests and requests that drip in are gone after that.
Between two requests uvicorn's own keep-alive time-out holds. A response that nobody takes is cut as well.
A request has at most `max_request_bytes`, headers included: uvicorn would take a gigabyte in these seconds.
Above the limit connections are reset at once: accepting to the last file descriptor would stop the server for
everybody.

Whatever the parsers think of a request, it is answered with a sentence, behind the answers that are still due,
and the connection ends: see `last_words`. An upgrade that is none to a WebSocket is ignored (RFC 9110 section
7.8): the parser stops at every upgrade, so it is given the request again without that header.
"""

from __future__ import annotations

import asyncio
from collections import deque
from http import HTTPStatus
from typing import Any, Final

from httptools import HttpParserError, HttpParserUpgrade
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from ..access.request import Refusal
from ..process.pipelining import PipelinedHttpProtocol
from .connections import Connections
from .last_words import end_after_last_words, write_last_words
from .upgrades import (
    NOT_BEHIND,
    NOT_HTTP,
    asks_for_websocket,
    head_without_upgrade,
    objection_to,
    path_of,
    plainly,
    values_of,
)
from .websocket_protocol import TurbineProtocol

NO_PROXY: Final = Refusal(HTTPStatus.METHOD_NOT_ALLOWED, "This is no proxy: it connects nobody to others.")


class TooLarge(Exception):
    """A request says that more will come than it may have: the way out of the parser."""


class GuardedHttpProtocol(PipelinedHttpProtocol):
    """Made for each connection that is accepted."""

    def __init__(
        self,
        config: Config,
        server_state: Connections,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._shared = server_state
        self._deadline: asyncio.TimerHandle | None = None
        self._received = 0  # bytes of the request that is being read
        self._unread: RequestResponseCycle | None = None  # its headers are read, its body is not yet
        self._refusal: Refusal | None = None

    # What the transport tells.

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn's
        if len(self.connections) >= self._shared.limit:
            self.transport = transport
            self._shared.monitor.counters.connections_refused += 1
            transport.abort()
            return
        super().connection_made(transport)
        self._arm()

    def data_received(self, data: bytes) -> None:
        if self._refusal is not None:
            return
        if self._deadline is None and not self.unanswered:
            self._arm()
        self._unset_keepalive_if_required()
        limit = self._shared.monitor.settings.max_request_bytes
        while data:
            room = limit - self._received
            if not room:
                self._refuse(self._too_large)
                return
            self._received += min(room, len(data))
            data = self._parse(data[:room], data[room:])

    def pause_writing(self) -> None:
        super().pause_writing()
        self._arm()

    def resume_writing(self) -> None:
        super().resume_writing()
        self._disarm()

    def connection_lost(self, exc: Exception | None) -> None:
        self._disarm()
        super().connection_lost(exc)

    # Requests.

    def _parse(self, data: bytes, behind: bytes) -> bytes:
        """Have data parsed, and return what the parser is to be given next."""
        try:
            self.parser.feed_data(data)
        except HttpParserUpgrade as upgrade:
            return self._upgrade(data[upgrade.args[0] :] + behind)
        except HttpParserError as error:
            self._refuse(self._too_large if isinstance(error.__context__, TooLarge) else NOT_HTTP)
            return b""
        return behind

    @property
    def _too_large(self) -> Refusal:
        limit = self._shared.monitor.settings.max_request_bytes
        return Refusal(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"A request has at most {limit:,} bytes.")

    def _should_upgrade(self) -> bool:
        return True  # so that uvicorn leaves every upgrade to `_upgrade`

    def on_headers_complete(self) -> None:
        lengths = [value for value in values_of(b"content-length", self.headers) if value.isdigit()]
        if any(int(value) > self._shared.monitor.settings.max_request_bytes for value in lengths):
            raise TooLarge  # the parser stops, before anybody answers a request that will never be whole
        super().on_headers_complete()
        if not self.parser.should_upgrade():
            self._unread = self.cycle

    def on_message_complete(self) -> None:
        if not self.parser.should_upgrade():
            self._received = 0
            self._unread = None
            self._disarm()
        super().on_message_complete()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self._refusal is not None and not self.unanswered and not self.transport.is_closing():
            self._say_last_words(self._refusal)

    # Upgrades.

    def _upgrade(self, rest: bytes) -> bytes:
        """Begin a WebSocket, or return the request as if it had not asked for another protocol."""
        if self.scope["method"] == "CONNECT":
            self._refuse(NO_PROXY)
        elif not asks_for_websocket(self.scope["method"], self.headers):
            self._received = 0
            version = self.scope["http_version"]
            return head_without_upgrade(self.scope["method"], self.url, version, self.headers) + rest
        elif self.unanswered:
            self._refuse(NOT_BEHIND)
        else:
            self._open_websocket(rest)
        return b""

    def _open_websocket(self, early: bytes) -> None:
        """Hand the connection over, with what the peer has said already behind its request."""
        objection = objection_to(self.url, self.headers)
        if objection is not None:
            self._refuse(objection)
            return
        self._disarm()
        self.url = path_of(self.url)
        self.headers[:] = plainly(self.headers)
        self.handle_websocket_upgrade()
        protocol = self.transport.get_protocol()
        if isinstance(protocol, TurbineProtocol):
            protocol.hand_over(early)
        # Parser and protocol hold each other; without this both stay until the garbage collector comes by.
        self.parser = None  # type: ignore[assignment] # as uvicorn does at the end

    # Refusals.

    def _refuse(self, refusal: Refusal) -> None:
        """Hear no more; answer at once, or behind the answers that are still due."""
        self._refusal = refusal
        if self._unread is not None and self._unread.response_complete:
            self._end_quietly()  # it has its answer already, such as that it needs a token
            return
        self._give_up_unread()
        if not self.unanswered:
            self._say_last_words(refusal)

    def _give_up_unread(self) -> None:
        """Tell the application that the rest of the request which it began to read never comes."""
        unread = self._unread
        if unread is not None and not unread.response_started:
            unread.disconnected = True
            unread.waiting_for_100_continue = False  # or it would be asked for the rest
            unread.message_event.set()
            self.unanswered.discard(unread)
            self.pipeline = deque(waiting for waiting in self.pipeline if waiting[0] is not unread)

    def _say_last_words(self, refusal: Refusal) -> None:
        self._shared.note_refusal(self.client, refusal)
        write_last_words(self.transport, refusal)
        self._end_quietly()

    def _end_quietly(self) -> None:
        self._disarm()
        self._unset_keepalive_if_required()
        self.connections.discard(self)
        if not self.transport.is_closing():
            end_after_last_words(self.transport, self._shared)
        self.parser = None  # type: ignore[assignment] # as above

    def _arm(self) -> None:
        self._disarm()
        self._deadline = self.loop.call_later(
            self._shared.monitor.settings.handshake_timeout, self.transport.abort
        )

    def _disarm(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
