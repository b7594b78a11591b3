"""A turbine's `Link` over a WebSocket: the `websockets` library's connection, with a short way for what is frequent.

A whole text frame is handed over inside the connection's own callback, and one that is sent goes straight to
the socket: no object, no queue, no task. Everything else (the handshake, control frames, fragments, mistakes,
the end) is the library's, which therefore gets whole frames only, from the first one on.
"""

from __future__ import annotations

import asyncio
from typing import Any, Final

from websockets.asyncio.client import ClientConnection
from websockets.client import ClientProtocol
from websockets.frames import CloseCode, Frame, Opcode
from websockets.protocol import Event, State

from .framing import MASKED, WHOLE_TEXT, masked_text_frame, payload_span
from .link import Loss, Receive

MAX_FRAME_BYTES: Final = 64 * 1024
END_OF_ANSWER: Final = b"\r\n\r\n"
MASKED_PING: Final = b"\x89\x80\0\0\0\0"
"""Without a payload there is nothing to mask."""


class WebSocketLink:
    """A `Link` over an open WebSocket."""

    __slots__ = ("_connection",)

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def send(self, text: str) -> None:
        """Write the frame to the socket."""
        self._connection.send_now(text)

    async def lost(self) -> Loss:
        """Wait until the TCP connection has ended."""
        await self._connection.wait_closed()
        return Loss(self._connection.close_code or 1006, self._connection.close_reason or "")

    async def close(self) -> None:
        """Say that the turbine is going away."""
        await self._connection.close(1001)


class Connection(ClientConnection):
    """A connection that hands frames over at once instead of queueing them for a task that awaits `recv`."""

    def __init__(self, receive: Receive, protocol: ClientProtocol, **options: Any) -> None:
        super().__init__(protocol, **options)
        self._receive = receive
        self._fragments: bytes | None = None
        self._partial = b""
        # Whether the library has been given whole frames only, so that the next byte begins another.
        self._in_step = False
        self._heard = True
        self._timer: asyncio.TimerHandle | None = None

    def send_now(self, text: str) -> None:
        if self.protocol.state is State.OPEN:
            # Not through the library, which makes an object for each frame: three times as dear. What it has to
            # say itself is on the socket already, so the order is kept.
            self.transport.write(masked_text_frame(text))

    # What the transport tells.

    def data_received(self, data: bytes) -> None:
        self._heard = True
        if self._in_step:
            self._receive_frames(self._partial + data)
        else:
            opening = self.response is None
            super().data_received(data)
            # Nearly always the answer comes alone. If not, the library reads this link to its end.
            alone = data.endswith(END_OF_ANSWER) and data.count(END_OF_ANSWER) == 1
            self._in_step = opening and alone and self.response is not None

    def connection_lost(self, exc: Exception | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
        super().connection_lost(exc)

    # Frames.

    def _receive_frames(self, data: bytes) -> None:
        start, size = 0, len(data)
        while start < size and self.protocol.state is State.OPEN:
            payload, end = payload_span(data, start)
            fits = end - payload <= MAX_FRAME_BYTES
            if not payload or (end > size and fits):
                self._partial = data[start:]
                return
            if fits and self._is_text(data[start], data[start + 1]):
                self._receive_text(data[payload:end])
            else:
                super().data_received(data[start:end])
            start = end
        self._partial = b""
        if self.protocol.state is not State.OPEN:
            self._in_step = False
            super().data_received(data[start:])

    def _is_text(self, first: int, second: int) -> bool:
        return first == WHOLE_TEXT and second < MASKED and self.protocol.current_size is None

    def process_event(self, event: Event) -> None:
        if self.response is None or not isinstance(event, Frame):
            super().process_event(event)
        elif event.opcode in {Opcode.TEXT, Opcode.CONT}:
            self._receive_part(event)
        elif event.opcode is Opcode.CLOSE:
            # The peer should end the TCP connection now; nobody waits for one that does not.
            self.loop.call_later(self.close_timeout or 0.0, self.transport.abort)

    def _receive_part(self, frame: Frame) -> None:
        if frame.opcode is Opcode.TEXT:
            self._fragments = b""
        if self._fragments is None:
            return  # a part of a binary message, which no monitor sends
        self._fragments += frame.data
        if frame.fin:
            data, self._fragments = self._fragments, None
            self._receive_text(data)

    def _receive_text(self, data: bytes) -> None:
        try:
            text = data.decode()
        except UnicodeDecodeError:
            self.protocol.fail(CloseCode.INVALID_DATA, "the frame is not valid UTF-8")
            self.send_data()
        else:
            self._receive(text)

    # Keepalive.

    def start_keepalive(self) -> None:
        """Ping every `ping_interval`, and cut a peer of whom nothing was heard since: a timer, no task."""
        self._timer = self.loop.call_later(self.ping_interval or 0.0, self._look_after)

    def _look_after(self) -> None:
        if not self._heard:
            self.transport.abort()
        elif self.protocol.state is State.OPEN:
            self._heard = False
            self.transport.write(MASKED_PING)
            self.start_keepalive()
        else:
            # This end said close, over a mistake of the peer's, which should end the TCP connection now.
            self._timer = self.loop.call_later(self.close_timeout or 0.0, self.transport.abort)
