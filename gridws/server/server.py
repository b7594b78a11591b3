"""uvicorn, started and above all stopped the way a monitor needs it.

Stopping: one signal or ten mean the same. Links hear 1012 and get `graceful_shutdown` to go, whoever is left
is aborted, and only then the application ends (its last commit). The exit code is 0: a signal is not raised
again.
"""

from __future__ import annotations

import asyncio
import resource
import socket
from collections.abc import Callable
from contextlib import suppress
from types import FrameType
from typing import Any, Final

from starlette.types import ASGIApp
from uvicorn import Config, Server

from ..access.guard import Guard
from ..monitor.monitor import GridMonitor
from .connections import Connections
from .http_protocol import GuardedHttpProtocol
from .websocket_protocol import TurbineProtocol

BACKLOG: Final = 2048
"""Connections that wait for `accept`: a fleet that reconnects all at once."""
KEPT_DESCRIPTORS: Final = 64
"""File descriptors for everything but connections: database, log, sockets that listen."""
MOST_DESCRIPTORS: Final = 2**20
"""What counts as unlimited: more connections than one process can serve."""
CANCELLED_WITHIN: Final = 1.0
"""Seconds for handlers that were cancelled to end."""


class MonitorServer(Server):
    """Serves one monitor until `stop` or a signal."""

    def __init__(
        self, config: Config, monitor: GridMonitor, guard: Guard, on_listening: Callable[[], None]
    ) -> None:
        super().__init__(config)
        self._monitor = monitor
        self._on_listening = on_listening
        self.stopping_since: float | None = None
        """When it began to stop, by the loop's clock; None before."""
        limit = descriptor_limit()
        self._backlog = min(BACKLOG, limit // 4)
        # As many connections as the backlog holds may be accepted in one go before the first can be refused.
        self.connections = Connections(monitor, guard, limit=limit - KEPT_DESCRIPTORS - self._backlog)
        self.server_state = self.connections

    def stop(self) -> None:
        """Begin to stop; `serve` returns when it is done."""
        self.should_exit = True

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002 - as `signal` calls it
        self.should_exit = True

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start the application, then listen; `should_exit` is set when the application did not start."""
        await self.lifespan.startup()
        if self.lifespan.should_exit:
            self.should_exit = True
            return
        config, loop = self.config, asyncio.get_running_loop()
        # asyncio takes no times where there is no TLS.
        times: dict[str, Any] = {}
        if config.ssl is not None:
            settings = self._monitor.settings
            times["ssl_handshake_timeout"] = settings.handshake_timeout
            times["ssl_shutdown_timeout"] = settings.close_timeout
        self.servers = [
            await loop.create_server(
                self._make_protocol,
                sock=each,
                ssl=config.ssl,
                backlog=self._backlog,
                **times,
            )
            for each in sockets or []
        ]
        self.started = True
        self._on_listening()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Let nobody in, say goodbye, wait a little, cut, and end the application."""
        self.stopping_since = asyncio.get_running_loop().time()
        for server in self.servers:
            server.close()
        for each in sockets or []:
            each.close()
        self._monitor.close_links()
        for connection in list(self.server_state.connections):
            connection.shutdown()
        await self._wait_for_connections(self._monitor.settings.graceful_shutdown)
        self._cut_connections()
        await self._wait_for_connections(CANCELLED_WITHIN)
        await self.lifespan.shutdown()

    def _make_protocol(self) -> asyncio.Protocol:
        return GuardedHttpProtocol(self.config, self.connections, self.lifespan.state)

    async def _wait_for_connections(self, within: float) -> None:
        # uvicorn's sets tell nobody when they become empty.
        loop = asyncio.get_running_loop()
        until = loop.time() + within
        while (self.server_state.connections or self.server_state.tasks) and loop.time() < until:  # noqa: ASYNC110
            await asyncio.sleep(0.02)

    def _cut_connections(self) -> None:
        self.connections.abort_all()
        for task in self.server_state.tasks:
            task.cancel()


def make_server(
    app: ASGIApp,
    monitor: GridMonitor,
    guard: Guard,
    *,
    on_listening: Callable[[], None] = lambda: None,
) -> MonitorServer:
    """Return a server for the sockets of `open_sockets`; run it with `serve(sockets)`.

    `guard` is the one that `app` asks, too. `on_listening` is called once links can be made.
    """
    settings = monitor.settings
    config = Config(
        app,
        http=GuardedHttpProtocol,
        ws=TurbineProtocol,
        ws_max_size=settings.max_frame_bytes,
        ws_ping_interval=settings.ping_interval,
        ws_ping_timeout=settings.ping_timeout,
        ws_per_message_deflate=False,
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        ssl_certfile=settings.ssl_certfile,
        ssl_keyfile=settings.ssl_keyfile,
    )
    return MonitorServer(config, monitor, guard, on_listening)


def descriptor_limit() -> int:
    """Raise this process's limit of open files as far as it may, and return what it is then."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        with suppress(ValueError, OSError):  # macOS refuses the limit that it calls unlimited
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return MOST_DESCRIPTORS if limit == resource.RLIM_INFINITY else min(limit, MOST_DESCRIPTORS)
