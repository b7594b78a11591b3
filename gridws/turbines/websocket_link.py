"""A turbine's link over a WebSocket: the `websockets` library's connection, with a short way for what is frequent.

A whole text frame is handed over inside the connection's own callback, and one that is sent goes straight to
the socket: no object, no queue, no task. Everything else (the handshake, control frames, fragments, mistakes,
the end) is the library's, which therefore gets whole frames only, from the first one on.

Rule. A monitor that says nothing is asked whether it lives, and left when it does not answer: within 40 s, and
within 8 s while an engineer is here. A monitor that is frozen or cut off may have been given up by others, who
then send this turbine another engineer.
"""

from __future__ import annotations

import asyncio
from typing import Any, Final

from websockets.asyncio.client import ClientConnection
from websockets.client import ClientProtocol
from websockets.frames import CloseCode, Frame, Opcode
from websockets.protocol import Event, State

from ..settings import AFTER_STALL
from ..wire.framing import MASKED, WHOLE_TEXT, masked_text_frame, payload_span
from .link import EARLY, Loss, Receive

MAX_FRAME_BYTES: Final = 64 * 1024
END_OF_ANSWER: Final = b"\r\n\r\n"
MASKED_PING: Final = b"\x89\x80\0\0\0\0"
"""Without a payload there is nothing to mask."""
CLOSE_PING: Final = 3.0
"""Seconds between two pings while an engineer is here."""
CLOSE_PATIENCE: Final = 5.0
"""Seconds from such a ping until a monitor of which nothing was heard is left."""


class WebSocketLink(ClientConnection):
    """A `MonitorLink` that is the library's connection too.

    Invariant: while `_in_step`, the library has been given whole frames only, so that the next byte for it begins
    one, and `_partial` is the beginning of a frame that neither it nor anybody else has read. Before (during the
    handshake) and after (a close, or a frame with the handshake's end) it is given every byte as it comes.
    """

    def __init__(self, receive: Receive, protocol: ClientProtocol, **options: Any) -> None:
        super().__init__(protocol, **options)
        self._receive = receive
        self._fragments: bytes | None = None
        self._in_step = False
        self._partial = b""
        self._closely = False
        self._heard = True
        self._asked_at = 0.0
        self._due = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._why = ""

    # What a turbine asks for.

    def send_now(self, text: str) -> None:
        if self.protocol.state is State.OPEN:
            # Not through the library, which makes an object for each frame: three times as dear. What it has to
            # say itself is on the socket already, so the order is kept.
            self.transport.write(masked_text_frame(text))

    def watch(self, *, closely: bool) -> None:
        begins, self._closely = closely and not self._closely, closely
        if begins and self._timer is not None:
            self._timer.cancel()
            self._look_in(0.0)

    async def lost(self) -> Loss:
        await self.wait_closed()
        return Loss(self.close_code or 1006, self.close_reason or self._why)

    async def leave(self) -> None:
        await self.close(CloseCode.GOING_AWAY)

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
            self._timer = None
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

    # Keepalive: a timer, no task.

    def start_keepalive(self) -> None:
        self._look_in(self.ping_interval or 0.0)

    def _look_in(self, seconds: float) -> None:
        self._due = self.loop.time() + seconds
        self._timer = self.loop.call_later(seconds, self._look_after)

    def _look_after(self) -> None:
        now = self.loop.time()
        interval = CLOSE_PING if self._closely else self.ping_interval or 0.0
        leave_at = self._asked_at + (CLOSE_PATIENCE if self._closely else self.ping_timeout or 0.0)
        if self.protocol.state is not State.OPEN:
            # This end said close, over a mistake of the peer's, which should end the TCP connection now.
            self._timer = self.loop.call_later(self.close_timeout or 0.0, self.transport.abort)
        elif now - self._due > AFTER_STALL:
            # This process was held up, and what arrived meanwhile is read after the timers.
            self._look_in(AFTER_STALL)
        elif self._heard:
            self._heard = False
            self._asked_at = now
            self.transport.write(MASKED_PING)
            self._look_in(interval)
        elif now < leave_at - EARLY:
            self._look_in(leave_at - now)
        else:
            self._why = f"the monitor did not answer for {now - self._asked_at:.0f} s"
            self.transport.abort()
