"""Serves one viewer: its texts go down one by one, what it says is ignored, and a hung one is cut.

Hung means: something waits to be sent, and within `viewer_patience` not one byte of it left. A viewer that is
merely slow makes progress and stays. For that the transport is told to hold nothing back for itself: by
default `send` returns at once until 64 KiB are buffered, and a hung viewer would look like an idle one.
"""

from __future__ import annotations

import asyncio
import fcntl
import socket
import sys
import termios
from collections.abc import Callable
from typing import Final

from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketDisconnected

from ..access.admission import admit
from ..access.guard import Guard
from ..monitor.fan_out import Viewer
from ..monitor.monitor import GridMonitor
from ..settings import MonitorSettings
from .asgi_socket import abort, handshake_of, refuse, transport_of

KERNEL_BUFFER: Final = 128 * 1024
"""Bytes that the kernel may hold for one viewer; left alone it takes megabytes before a hung one shows."""


async def serve_viewer(
    websocket: WebSocket,
    monitor: GridMonitor,
    guard: Guard,
    *,
    open_viewer: Callable[[], Viewer],
    close_viewer: Callable[[Viewer], None],
) -> None:
    """Serve one viewer from its handshake to its end; `open_viewer` is called once it is let in."""
    handshake = handshake_of(websocket)
    refusal = admit(handshake, guard, accepting=monitor.accepting, wait=monitor.seconds_to_wait)
    if refusal is None:
        refusal = guard.viewer_places.refuse(handshake.address)
        monitor.counters.viewers_refused += refusal is not None
    if refusal is not None:
        await refuse(websocket, refusal)
        return
    monitor.counters.viewers += 1
    guard.viewer_places.take(handshake.address)
    try:
        await websocket.accept(subprotocol=handshake.subprotocol)
        viewer = open_viewer()
        try:
            await _Show(websocket, viewer, monitor.settings).run()
        finally:
            close_viewer(viewer)
    except* ViewerHung:
        monitor.counters.viewers_cut += 1
        abort(websocket)
    except* (WebSocketDisconnect, WebSocketDisconnected):
        pass
    finally:
        monitor.counters.viewers -= 1
        guard.viewer_places.give_back(handshake.address)


class ViewerHung(Exception):
    """Something waits to be sent, and nothing moves: the way out of the task group, no error."""


class _Show:
    """One viewer's three tasks."""

    def __init__(self, websocket: WebSocket, viewer: Viewer, settings: MonitorSettings) -> None:
        self._websocket = websocket
        self._viewer = viewer
        self._settings = settings
        self._sent = 0
        self._sending = False
        self._transport = transport_of(websocket)
        if self._transport is not None:
            # Not 0: asyncio's TLS transport would pause at once, with nothing to send, and for ever.
            self._transport.set_write_buffer_limits(high=1)
            kernel_socket: socket.socket = self._transport.get_extra_info("socket")
            kernel_socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, KERNEL_BUFFER)
            self._descriptor = kernel_socket.fileno()

    async def run(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            parts = [tasks.create_task(self._send_texts()), tasks.create_task(self._notice_hanging())]
            await self._wait_until_gone()
            # No error ends the group: it would meet a server's cancellation, which Python 3.13 then tells again.
            for part in parts:
                part.cancel()

    async def _send_texts(self) -> None:
        while True:
            text = await self._viewer.next()
            self._sending = True
            await self._websocket.send_text(text)
            self._sending = False
            self._sent += 1

    async def _notice_hanging(self) -> None:
        loop, patience, before = asyncio.get_running_loop(), self._settings.viewer_patience, None
        while True:
            due = loop.time() + patience
            await asyncio.sleep(patience)
            now = (self._sent, self._unsent)
            stalled = loop.time() - due > self._settings.stall  # nothing could leave meanwhile
            if now == before and not stalled and (self._sending or self._unsent):
                raise ViewerHung
            before = now

    async def _wait_until_gone(self) -> None:
        while (await self._websocket.receive())["type"] != "websocket.disconnect":
            pass

    @property
    def _unsent(self) -> int:
        if self._transport is None or self._transport.is_closing():
            return 0
        return self._transport.get_write_buffer_size() + _unsent_by_kernel(self._descriptor)


def _unsent_by_kernel(descriptor: int) -> int:
    """Return how many bytes the peer has not acknowledged: the kernel asks for more only in large steps.

    0 where a kernel does not tell.
    """
    try:
        answer = fcntl.ioctl(descriptor, termios.TIOCOUTQ, bytes(4))
    except OSError:
        return 0
    return int.from_bytes(answer, sys.byteorder)
