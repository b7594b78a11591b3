"""The HTTP side of our server: uvicorn's, with limits that uvicorn does not have.

A connection has `handshake_timeout` for a whole request, body included, from its first byte or, for the first
request, from the accept. So idle connections, half requests and requests that drip in are gone after that.
Between two requests uvicorn's own keep-alive time-out holds. A response that nobody takes is cut as well.
A request has at most `max_request_bytes`, headers included: uvicorn would take a gigabyte in these seconds.
Above the limit connections are reset at once: accepting to the last file descriptor would stop the server for
everybody.
"""

from __future__ import annotations

import asyncio
import sys
from typing import Any

from httptools import HttpParserUpgrade
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from .connections import Connections
from .turbine_protocol import TurbineProtocol


class GuardedHttpProtocol(HttpToolsProtocol):
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
        self._data = b""  # what is being parsed

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn's
        if len(self.connections) >= self._shared.limit:
            self.transport = transport
            self._shared.monitor.numbers.connections_refused += 1
            transport.abort()
            return
        super().connection_made(transport)
        self._arm()

    def data_received(self, data: bytes) -> None:
        if self._deadline is None and not self._answering:
            self._arm()
        self._received += len(data)
        self._data = data
        if self._received > self._shared.monitor.settings.max_request_bytes:
            self._refuse_size()
            return
        super().data_received(data)
        self._data = b""

    def on_message_complete(self) -> None:
        self._received = 0
        self._disarm()
        super().on_message_complete()

    def handle_websocket_upgrade(self) -> None:
        # uvicorn is handling the parser's exception, which says where the request ended, and forgets what follows.
        upgrade = sys.exception()
        super().handle_websocket_upgrade()
        protocol = self.transport.get_protocol()
        if isinstance(protocol, TurbineProtocol) and protocol.link is not None:
            self.transport.set_protocol(protocol.link)
            early = self._data[upgrade.args[0] :] if isinstance(upgrade, HttpParserUpgrade) else b""
            if early:
                protocol.link.data_received(early)
        # Parser and protocol hold each other; without this both stay until the garbage collector comes by.
        self.parser = None  # type: ignore[assignment] # as uvicorn does at the end

    def pause_writing(self) -> None:
        super().pause_writing()
        self._arm()

    def resume_writing(self) -> None:
        super().resume_writing()
        self._disarm()

    def connection_lost(self, exc: Exception | None) -> None:
        self._disarm()
        super().connection_lost(exc)

    @property
    def _answering(self) -> bool:
        cycle: RequestResponseCycle | None = (
            self.cycle
        )  # None before the first request, whatever uvicorn's type says
        return cycle is not None and not cycle.response_complete

    def _refuse_size(self) -> None:
        sentence = f"A request has at most {self._shared.monitor.settings.max_request_bytes} bytes.\n"
        self.transport.write(
            "HTTP/1.1 413 Content Too Large\r\ncontent-type: text/plain; charset=utf-8\r\n"
            f"content-length: {len(sentence)}\r\nconnection: close\r\n\r\n{sentence}".encode()
        )
        self.transport.close()

    def _arm(self) -> None:
        self._disarm()
        self._deadline = self.loop.call_later(
            self._shared.monitor.settings.handshake_timeout, self.transport.abort
        )

    def _disarm(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
