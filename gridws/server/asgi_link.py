"""The `Link` over an ASGI WebSocket: for tests, and for servers other than ours.

Slower than `turbine_link` and equal to it in all that a peer can see. One task always sits in `receive`,
except while reading is paused: an ASGI server tells of a lost peer only there. Another one sends what is
queued.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Final

from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketDisconnected

from ..access.admission import NO_SUCH_TURBINE, admit, turbine_number_in
from ..access.guard import Guard
from ..monitor.monitor import GridMonitor
from ..monitor.session import Session
from ..settings import MonitorSettings
from ..wire.frames import CloseCode
from .asgi_socket import abort, handshake_of, refuse

REASONS: Final = {CloseCode.TOO_LARGE: "too_large", CloseCode.NOT_UTF8: "not_utf8", 1002: "protocol_error"}
"""What `links` keeps where the server says why it ended a connection."""


async def serve_turbine(
    websocket: WebSocket, monitor: GridMonitor, guard: Guard, turbine_number: str
) -> None:
    """Serve one turbine's link from its handshake to its end."""
    handshake = handshake_of(websocket)
    number = turbine_number_in(turbine_number)
    refusal = admit(handshake, guard, accepting=monitor.accepting, wait=monitor.seconds_to_wait)
    if refusal is not None or number is None:
        refusal = refusal or NO_SUCH_TURBINE
        monitor.counters.link_refused(refusal.status)
        await refuse(websocket, refusal)
        return
    try:
        await websocket.accept(subprotocol=handshake.subprotocol)
    except WebSocketDisconnect:
        return
    link = AsgiLink(websocket, monitor.settings)
    session = monitor.connect(number, link)
    try:
        await link.serve(session)
    finally:
        session.lost(link.end_reason)


class LinkOver(Exception):
    """Nothing more can go up or down: the way out of the task group, no error."""


class AsgiLink:
    """Queues what goes down, bounded by `max_down_bytes`; `end_reason` is what `links` keeps of its end."""

    def __init__(self, websocket: WebSocket, settings: MonitorSettings) -> None:
        self.end_reason = "disconnected"
        self._websocket = websocket
        self._settings = settings
        self._texts: deque[str] = deque()
        self._unsent = 0
        self._closing: tuple[int, str] | None = None
        self._to_send = asyncio.Event()
        self._ending = asyncio.Event()
        self._reading = asyncio.Event()
        self._reading.set()

    async def serve(self, session: Session) -> None:
        """Carry frames up and down until the connection is over."""
        try:
            async with asyncio.TaskGroup() as tasks:
                parts = [tasks.create_task(self._send_queued()), tasks.create_task(self._end_in_time())]
                await self._receive_for(session)
                # No error ends the group: it would meet a server's cancellation, which Python 3.13 then tells again.
                for part in parts:
                    part.cancel()
        except* (LinkOver, WebSocketDisconnect, WebSocketDisconnected):
            pass

    # What the session asks for.

    def send(self, text: str) -> None:
        if self._ending.is_set():
            return
        self._texts.append(text)
        self._unsent += len(text)
        self._to_send.set()
        if self._unsent > self._settings.max_down_bytes:
            self.end_reason = "not_reading"
            self._ending.set()

    def close(self, code: int, reason: str) -> None:
        self._closing = (code, reason)
        self._to_send.set()
        self._ending.set()
        self._reading.set()

    def pause_reading(self) -> None:
        self._reading.clear()

    def resume_reading(self) -> None:
        self._reading.set()

    # Its tasks.

    async def _receive_for(self, session: Session) -> None:
        while True:
            await self._reading.wait()
            message = await self._websocket.receive()
            if message["type"] == "websocket.disconnect":
                self.end_reason = REASONS.get(message.get("code", 0), self.end_reason)
                return
            text = message.get("text")
            if text is None:
                session.receive_binary()
            else:
                session.receive(text)

    async def _send_queued(self) -> None:
        while self._texts or self._closing is None:
            if not self._texts:
                self._to_send.clear()
                await self._to_send.wait()
                continue
            text = self._texts.popleft()
            await self._websocket.send_text(text)
            self._unsent -= len(text)
        await self._websocket.close(*self._closing)

    async def _end_in_time(self) -> None:
        await self._ending.wait()
        if self._closing is not None:
            await asyncio.sleep(self._settings.close_timeout)
        abort(self._websocket)
        raise LinkOver
