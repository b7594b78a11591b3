"""How a connection ends that was refused: its answer arrives, whatever its peer still sends, and it ends in time.

A socket that is closed with unread data in it is reset, and a reset destroys an answer that the peer has not
read yet. So our half is closed, and what comes is read and forgotten until the peer closes the other half, or
for `close_timeout`.
"""

from __future__ import annotations

import asyncio

from ..access.request import Refusal
from .connections import Connections


class LastWords(asyncio.Protocol):
    """Takes the place of a protocol that has written its last; made by `end_after_last_words`."""

    def __init__(self, transport: asyncio.Transport, shared: Connections) -> None:
        self.transport = transport
        self._everybody = shared.everybody
        self._timer = asyncio.get_running_loop().call_later(
            shared.monitor.settings.close_timeout, transport.abort
        )

    def begin(self) -> None:
        """Close our half; TLS has none, but discards by itself what comes until its peer has closed."""
        self._everybody.add(self)
        self.transport.set_protocol(self)
        self.transport.resume_reading()
        if self.transport.can_write_eof():
            self.transport.write_eof()
        else:
            self.transport.close()

    def shutdown(self) -> None:
        """End now: the server stops."""
        self.transport.close()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - how it was lost tells nothing
        self._timer.cancel()
        self._everybody.discard(self)


def end_after_last_words(transport: asyncio.Transport, shared: Connections) -> None:
    """End a connection on which the last is written."""
    LastWords(transport, shared).begin()


def write_last_words(transport: asyncio.Transport, refusal: Refusal) -> None:
    """Answer a request that could not even be read."""
    body = f"{refusal.sentence}\n".encode()
    head = [
        f"HTTP/1.1 {refusal.status} {refusal.status.phrase}",
        *(f"{name}: {value}" for name, value in refusal.headers),
        "content-type: text/plain; charset=utf-8",
        f"content-length: {len(body)}",
        "connection: close",
    ]
    transport.write("\r\n".join([*head, "", ""]).encode("latin-1") + body)
