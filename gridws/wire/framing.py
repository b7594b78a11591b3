"""Where WebSocket frames begin and end (RFC 6455 section 5.2), for the fast way of whole text frames.

Nothing is judged here: whatever is not a whole, unfragmented, masked text frame goes to the `websockets`
library.
"""

from __future__ import annotations

from collections.abc import Iterator
from os import urandom
from typing import Final

from websockets.speedups import apply_mask

WHOLE_TEXT: Final = 0x81
"""First byte of a text frame that is not fragmented: FIN, no reserved bit, opcode 1."""
MASKED: Final = 0x80
LONG_TEXT: Final = b"\x81\xfe"
"""First two bytes of such a frame, masked, of 126 to 65,535 bytes: a reading is one of some 150."""
PING: Final = b"\x89\x00"
KEYS_AT_ONCE: Final = 1024


def payload_span(data: bytes, start: int) -> tuple[int, int]:
    """Return where the payload of the frame at `start` begins and ends, (0, 0) while its header is not whole.

    The end may lie beyond what has arrived. The mask, if there is one, is the four bytes before the payload.
    """
    if len(data) - start < 2:
        return 0, 0
    second = data[start + 1]
    length = second & 0x7F
    payload = start + (6 if second & MASKED else 2)
    if length == 126:
        length = int.from_bytes(data[start + 2 : start + 4])
        payload += 2
    elif length == 127:
        length = int.from_bytes(data[start + 2 : start + 10])
        payload += 8
    return (payload, payload + length) if payload <= len(data) else (0, 0)


def masked_text_head(size: int) -> bytes:
    """Return the first bytes, up to the mask, of a whole masked text frame of so many bytes (below 65,544).

    Where no such frame has this size, what is returned begins no frame of it.
    """
    length = size - 6
    if 0 <= length < 126:
        return bytes((WHOLE_TEXT, MASKED | length))
    length = max(size - 8, 0)
    return LONG_TEXT + length.to_bytes(2) if length >= 126 else LONG_TEXT + bytes(size)


def _fresh_keys() -> Iterator[bytes]:
    """Yield masks; to ask the system for each would cost as much as the rest of a frame."""
    while True:
        drawn = urandom(KEYS_AT_ONCE * 4)
        yield from (drawn[start : start + 4] for start in range(0, len(drawn), 4))


_keys: Final = _fresh_keys()


def masked_text_frame(text: str) -> bytes:
    """Return a client's text frame: one piece, masked with a key that nobody can guess."""
    payload, key = text.encode(), next(_keys)
    length = len(payload)
    if length < 126:
        header = bytes((WHOLE_TEXT, MASKED | length))
    elif length < 65_536:
        header = LONG_TEXT + length.to_bytes(2)
    else:
        header = b"\x81\xff" + length.to_bytes(8)
    return header + key + apply_mask(payload, key)


def text_frame(text: str) -> bytes:
    """Return a server's text frame: one piece, not masked."""
    payload = text.encode()
    length = len(payload)
    if length < 126:
        return bytes((WHOLE_TEXT, length)) + payload
    if length < 65_536:
        return b"\x81\x7e" + length.to_bytes(2) + payload
    return b"\x81\x7f" + length.to_bytes(8) + payload
