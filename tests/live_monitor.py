"""A whole monitor on a free port, and peers that know no better than to send bytes."""

from __future__ import annotations

import asyncio
import json
import socket
import struct
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from typing import Any

import uvicorn
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.frames import Frame, Opcode
from websockets.typing import Subprotocol

from gridws.access.guard import Guard
from gridws.monitor.monitor import GridMonitor
from gridws.process.listening import open_sockets
from gridws.server.server import make_server
from gridws.settings import MonitorSettings
from gridws.web.app import create_app

PATIENCE = 30.0
HURRIED = MonitorSettings(tick=0.02, close_timeout=0.3, graceful_shutdown=0.5)
"""Limits that a test reaches within milliseconds."""


@dataclass
class LiveMonitor:
    """A monitor that is served; `server` stops it."""

    monitor: GridMonitor
    server: uvicorn.Server
    port: int

    def url(self, path: str) -> str:
        return f"ws://127.0.0.1:{self.port}{path}"

    def turbine(self, number: object = 7, *, subprotocols: Sequence[str] | None = None) -> connect:
        offered = [Subprotocol(name) for name in subprotocols] if subprotocols else None
        return connect(self.url(f"/ws/turbines/{number}"), subprotocols=offered, compression=None, proxy=None)

    @property
    def end_reasons(self) -> list[str]:
        return list(self.monitor.counters.links_lost)


@asynccontextmanager
async def served(adapter: str = "fast", *, engineers: int = 3, **limits: Any) -> AsyncIterator[LiveMonitor]:
    """Serve a monitor by our own server, or by uvicorn's and the FastAPI route."""
    monitor = GridMonitor(engineers, settings=replace(HURRIED, **limits))
    guard = Guard(monitor.settings)
    app = create_app(monitor, guard)
    plain = uvicorn.Config(
        app,
        lifespan="on",
        log_config=None,
        ws="websockets-sansio",
        ws_max_size=monitor.settings.max_frame_bytes,
        timeout_graceful_shutdown=1,
    )
    server = make_server(app, monitor, guard) if adapter == "fast" else uvicorn.Server(plain)
    sockets = open_sockets(("127.0.0.1",), 0)
    live = LiveMonitor(monitor, server, sockets[0].getsockname()[1])
    serving = asyncio.create_task(server.serve(sockets))
    await until(lambda: server.started)
    try:
        yield live
    finally:
        server.should_exit = True
        await serving


async def until(fact: Callable[[], object]) -> None:
    """Wait for a fact."""
    async with asyncio.timeout(PATIENCE):
        while not fact():  # noqa: ASYNC110 - facts tell nobody when they come true
            await asyncio.sleep(0)


async def hear(peer: ClientConnection) -> dict[str, Any]:
    """Return the next frame that the peer gets."""
    async with asyncio.timeout(PATIENCE):
        heard: dict[str, Any] = json.loads(await peer.recv())
        return heard


async def hear_type(peer: ClientConnection, wanted: str) -> dict[str, Any]:
    """Return the next frame of this type."""
    while (heard := await hear(peer))["type"] != wanted:
        pass
    return heard


async def hear_close(peer: ClientConnection) -> int | None:
    """Wait until the peer's connection is over; return the code that it was told."""
    async with asyncio.timeout(PATIENCE):
        with suppress(ConnectionClosed):
            while True:
                await peer.recv()
    return peer.close_code


def client_frame(opcode: Opcode, data: bytes, *, fin: bool = True, rsv1: bool = False) -> bytes:
    """Return a client's frame as bytes, right or wrong."""
    frame = Frame(opcode, data, fin=fin, rsv1=rsv1)
    frame.check = lambda: None  # type: ignore[method-assign]
    return frame.serialize(mask=True)


def upgrade_request(path: str) -> bytes:
    """Return the request with which a WebSocket begins."""
    return (
        f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
    ).encode()


class RawPeer:
    """A socket that sends what it is told and reads only when it is told."""

    def __init__(self, kernel_socket: socket.socket) -> None:
        self._socket = kernel_socket

    async def send(self, data: bytes) -> None:
        await asyncio.get_running_loop().sock_sendall(self._socket, data)

    def leave(self, *, reset: bool = False) -> None:
        if reset:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self._socket.close()
        else:
            self._socket.shutdown(socket.SHUT_WR)

    async def read(self, size: int = 65_536) -> bytes:
        async with asyncio.timeout(PATIENCE):
            try:
                return await asyncio.get_running_loop().sock_recv(self._socket, size)
            except ConnectionResetError:
                return b""

    async def read_to_end(self) -> bytes:
        data = b""
        while piece := await self.read():
            data += piece
        return data

    async def read_until(self, words: bytes) -> bytes:
        data = b""
        while words not in data and (piece := await self.read()):
            data += piece
        return data

    async def upgrade(self, path: str) -> bytes:
        await self.send(upgrade_request(path))
        return await self.read(400)


@asynccontextmanager
async def raw_peer(port: int) -> AsyncIterator[RawPeer]:
    """Connect a raw peer whose kernel takes little, so that it is soon seen not to read."""
    with socket.socket() as kernel_socket:
        kernel_socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        kernel_socket.setblocking(False)
        await asyncio.get_running_loop().sock_connect(kernel_socket, ("127.0.0.1", port))
        yield RawPeer(kernel_socket)
