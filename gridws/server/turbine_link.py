"""The fast `Link`: from the transport straight to the session, without a task or a queue.

It has a timer only while it closes or is not read from.

Whole unfragmented text frames, which is nearly all there is, are unmasked here. Everything else (fragments,
pings, closes, mistakes) goes to a `websockets` parser that is made for it and dropped again when nothing is
in progress: at every frame's end the parser would be at its start anyway. That way is slow, so a peer that goes it
too often is heard no more.

A closing link keeps reading and discards: closing a socket with unread data would destroy the close frame
that tells the peer why. It is aborted when the peer takes too long.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Final

from websockets.frames import CloseCode as StandardCode
from websockets.frames import Frame, Opcode
from websockets.protocol import OPEN
from websockets.server import ServerProtocol
from websockets.speedups import apply_mask

from ..monitor.rate import Rate
from ..monitor.session import Session
from ..wire.framing import MASKED, PING, WHOLE_TEXT, payload_span, text_frame
from .connections import Connections

LONGEST_REASON: Final = 123
"""Bytes of a close frame's reason, RFC 6455 section 5.5."""

REASONS: Final[dict[int, str]] = {
    StandardCode.MESSAGE_TOO_BIG: "too_large",
    StandardCode.INVALID_DATA: "not_utf8",
    StandardCode.PROTOCOL_ERROR: "protocol_error",
    StandardCode.POLICY_VIOLATION: "flood",
}
"""What `links` keeps for a link that the parser ended."""

_log = logging.getLogger("gridws.websocket")


class _AtHand(asyncio.Protocol):
    """What is asked for each frame lies side by side, as in the session."""

    __slots__ = ("_at_ease", "_heard", "_take_quickly")


class TurbineLink(_AtHand):
    """One turbine's connection after its handshake.

    `_at_ease` is the session while nothing is the matter: all before was taken, and whole frames may come.
    """

    __slots__ = (
        "_choked",
        "_close_timer",
        "_deaf",
        "_fragments",
        "_has_left",
        "_max_bytes",
        "_other_rate",
        "_parser",
        "_partial",
        "_paused",
        "_pinged",
        "_session",
        "_shared",
        "transport",
    )

    def __init__(self, transport: asyncio.Transport, shared: Connections) -> None:
        self.transport = transport
        self._shared = shared
        self._take_quickly = shared.take_quickly
        self._max_bytes = shared.monitor.settings.max_frame_bytes
        self._session: Session | None = None
        self._at_ease: Session | None = None
        self._parser: ServerProtocol | None = None
        self._other_rate: Rate | None = None  # most links never need one
        self._partial = b""
        self._fragments: bytearray | None = None
        self._close_timer: asyncio.TimerHandle | None = None
        self._heard = True
        self._pinged = self._paused = self._choked = self._deaf = False
        self._has_left = False

    def open(self, turbine_number: int) -> None:
        """Begin the session; the handshake is done."""
        self._shared.everybody.add(self)
        self._shared.keepalive.add(self)
        self._session = self._shared.monitor.connect(turbine_number, self)
        self._note_ease()

    def _note_ease(self) -> None:
        is_busy = self._partial or self._paused or self._deaf or self._parser is not None
        self._at_ease = None if is_busy else self._session

    # What the session asks for.

    def send(self, text: str) -> None:
        if self._close_timer is not None:
            return
        self._write(text_frame(text))

    def _write(self, data: bytes) -> None:
        self.transport.write(data)
        if (
            self._choked
            and self.transport.get_write_buffer_size() > self._shared.monitor.settings.max_down_bytes
        ):
            # Not now: whoever sends is in the middle of a step that this loss would begin anew.
            asyncio.get_running_loop().call_soon(self._cut, "not_reading")

    def close(self, code: int, reason: str) -> None:
        self._session = self._at_ease = None
        if self._close_timer is not None or self.transport.is_closing():
            return
        parser = self._borrow_parser()
        parser.send_close(code, reason.encode()[:LONGEST_REASON].decode(errors="ignore"))
        self._write_parsed(parser)
        self.resume_reading()
        self._close_within_time()

    def pause_reading(self) -> None:
        if not self._paused and not self._has_left and not self.transport.is_closing():
            self._paused, self._at_ease = True, None
            self.transport.pause_reading()
            self._shared.departures.watch(self)

    def resume_reading(self) -> None:
        if self._paused and not self.transport.is_closing():
            self._paused = False
            self._shared.departures.forget(self)
            asyncio.get_running_loop().call_soon(self._read_on)

    def peer_left(self) -> None:
        """Read all that a peer that left has still sent, and so come to its end."""
        self._has_left = True
        self.resume_reading()

    def _read_on(self) -> None:
        """Take what was read before the pause, then read on; in a step of its own, as it calls the session."""
        if self._partial and not self._deaf and not self._paused:
            self._receive_frames(self._partial)
        self._note_ease()
        if not self._paused and not self.transport.is_closing():
            self.transport.resume_reading()

    # What the server asks for.

    def shutdown(self) -> None:
        """Close: the server stops."""
        self.close(StandardCode.SERVICE_RESTART, "the monitor stops; connect again soon")

    def look_after(self) -> None:
        """Ping a peer that said nothing since the last call, cut one that does not answer."""
        silent = not self._heard and not self._paused
        self._heard = False
        if not silent:
            self._pinged = False
        elif self._pinged:
            self._cut("no_pong")
        elif self._close_timer is None:
            self._pinged = True
            self.transport.write(PING)

    # What the transport tells.

    def data_received(self, data: bytes) -> None:
        self._heard = True
        session = self._at_ease
        if session is None or not self._take_quickly(session, data):
            self._receive_frames(self._partial + data)
            self._note_ease()

    def _receive_frames(self, data: bytes) -> None:
        start, size = 0, len(data)
        while start < size and not self._deaf and not self._paused:
            payload, end = payload_span(data, start)
            if not payload or (end > size and end - payload <= self._max_bytes):
                break
            self._receive_frame(data[start:end], payload - start, end - payload)
            start = end
        self._partial = data[start:]

    def pause_writing(self) -> None:
        self._choked = True

    def resume_writing(self) -> None:
        self._choked = False

    def eof_received(self) -> None:
        self._lose("disconnected")

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - how it was lost tells nothing
        self._lose("disconnected")
        self._shared.everybody.discard(self)
        self._shared.keepalive.discard(self)
        self._shared.departures.forget(self)
        if self._close_timer is not None:
            self._close_timer.cancel()

    # Frames.

    def _receive_frame(self, frame: bytes, payload: int, length: int) -> None:
        """Take a frame whose payload begins there and is so long, or the beginning of one that is too large."""
        is_text = frame[0] == WHOLE_TEXT and frame[1] & MASKED and length <= self._max_bytes
        if not is_text or self._parser is not None:
            self._receive_other(frame)
        elif self._session is not None and not self._take_quickly(self._session, frame):
            self._receive_text(apply_mask(frame[payload:], frame[payload - 4 : payload]))

    def _receive_text(self, payload: bytes | bytearray) -> None:
        if self._session is None:
            return
        try:
            text = payload.decode()
        except UnicodeDecodeError:
            parser = self._borrow_parser()
            parser.fail(StandardCode.INVALID_DATA, "the frame is not valid UTF-8")
            self._fail(parser, StandardCode.INVALID_DATA)
        else:
            self._session.receive(text)

    def _takes_other(self) -> bool:
        if self._other_rate is None:
            settings = self._shared.monitor.settings
            self._other_rate = Rate(
                per_second=settings.other_frames_per_second, burst=settings.other_frames_burst
            )
        return self._other_rate.take(self._shared.monitor.clock.now().seconds)

    def _receive_other(self, data: bytes) -> None:
        parser = self._borrow_parser()
        if not self._takes_other():
            parser.fail(StandardCode.POLICY_VIOLATION, "too many control frames or pieces of frames")
            self._fail(parser, StandardCode.POLICY_VIOLATION)
            return
        parser.receive_data(data)
        for event in parser.events_received():
            if isinstance(event, Frame):
                self._receive_event(event)
        if self._deaf:
            return
        if parser.parser_exc is not None:
            self._fail(parser, parser.close_sent.code if parser.close_sent else StandardCode.PROTOCOL_ERROR)
            return
        self._write_parsed(parser)
        if parser.close_rcvd is not None:
            self._finish()
        elif parser.state is OPEN and parser.current_size is None:
            self._parser = None

    def _receive_event(self, frame: Frame) -> None:
        if frame.opcode is Opcode.BINARY and self._session is not None:
            self._session.receive_binary()
        elif frame.opcode is Opcode.TEXT:
            self._receive_piece(bytearray(frame.data), last=frame.fin)
        elif frame.opcode is Opcode.CONT and self._fragments is not None:
            self._fragments += frame.data
            self._receive_piece(self._fragments, last=frame.fin)

    def _receive_piece(self, so_far: bytearray, *, last: bool) -> None:
        self._fragments = None if last else so_far
        if last:
            self._receive_text(so_far)

    def _borrow_parser(self) -> ServerProtocol:
        if self._parser is None:
            self._parser = ServerProtocol(state=OPEN, max_size=self._max_bytes, logger=_log)
        return self._parser

    # The end.

    def _write_parsed(self, parser: ServerProtocol) -> None:
        self._write(b"".join(parser.data_to_send()))

    def _fail(self, parser: ServerProtocol, code: int) -> None:
        """Say what was wrong and listen no more: the frames cannot be told apart any longer."""
        self._write_parsed(parser)
        self._deaf = True
        self._lose(REASONS.get(code, "protocol_error"))
        self.resume_reading()
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self._close_within_time()

    def _finish(self) -> None:
        """Both sides have said their close."""
        self._deaf = True
        self._lose("disconnected")
        self.transport.close()
        self._close_within_time()

    def _close_within_time(self) -> None:
        if self._close_timer is None:
            loop = asyncio.get_running_loop()
            self._close_timer = loop.call_later(
                self._shared.monitor.settings.close_timeout, self.transport.abort
            )

    def _cut(self, reason: str) -> None:
        self._lose(reason)
        self.transport.abort()

    def _lose(self, reason: str) -> None:
        session, self._session = self._session, None
        self._at_ease = None
        if session is not None:
            session.lost(reason)
