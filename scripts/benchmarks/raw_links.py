"""The least that is a turbine's connection, in each protocol that a fleet is measured in.

All write ready-made bytes: a load must be much cheaper than what it measures. WebSocket frames have a mask key of
zero, which a server has to apply like any other. `opened` is done when the peer has agreed.
"""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Callable, Iterator
from typing import Any, ClassVar, Final

UPGRADE: Final = (
    "GET {path} HTTP/1.1\r\nHost: {host}:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
READING: Final = (
    b'{"type":"metrics","turbine_number":%d,"wind_speed":8.31,"power_output_in_kwh":1204.7,'
    b'"operational_status":"ok","measured_at":%d,"sequence":%d}'
)
STATUS: Final = b'{"type":"status","turbine_number":%d,"operational_status":"%s"}'
HELLO: Final = b'{"type":"hello","turbine_number":%d,"stream":"bench","upload_frequency_in_seconds":20}'
POST: Final = (
    b"POST /post_metrics HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    b"Content-Length: %d\r\n\r\n"
)
TEXT, PING, PONG = 0x81, 0x89, 0x8A


def request(number: int, host: str, port: int) -> bytes:
    """Return the upgrade request of this turbine."""
    return UPGRADE.format(path=f"/ws/turbines/{number}", host=host, port=port).encode()


def masked(payload: bytes, first: int = TEXT) -> bytes:
    """Return a whole masked frame; the mask of four zeros leaves the payload as it is."""
    if len(payload) < 126:
        return bytes((first, 0x80 | len(payload))) + b"\0\0\0\0" + payload
    return bytes((first, 0xFE)) + struct.pack("!H", len(payload)) + b"\0\0\0\0" + payload


def frames_in(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield first byte and payload of the server's small whole frames in `data`."""
    start = 0
    while start + 2 <= len(data):
        first, length, start = data[start], data[start + 1], start + 2
        if length == 126:
            length, start = int.from_bytes(data[start : start + 2]), start + 2
        yield first, data[start : start + length]
        start += length


class RawLink(asyncio.Protocol):
    """One turbine's connection."""

    def __init__(self, number: int, host: str, port: int, opened: asyncio.Future[None]) -> None:
        self.number = number
        self.sequence = 0
        self._address = (host, port)
        self._opened = opened

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        self.begin()

    def begin(self) -> None:
        """Say what opens the connection, once it is there."""

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._opened.done():
            self._opened.set_exception(exc or ConnectionError("refused"))

    def send_reading(self, now: int) -> None:
        """Send the next reading, measured `now` (ms)."""
        self.sequence += 1
        self.send(READING % (self.number, now, self.sequence))

    def send(self, payload: bytes) -> None:
        """Send this text, as the protocol has it."""

    def say_hello(self) -> None:
        """Begin a numbered stream, where the protocol knows such a thing."""

    def agree(self, said: bytes, *, ok: bool) -> None:
        """Let whoever waits for the connection know."""
        if self._opened.done():
            return
        if ok:
            self._opened.set_result(None)
        else:
            self._opened.set_exception(OSError(said[:200].decode(errors="replace")))


class WebSocketLink(RawLink):
    """A turbine of gridws, or of whoever else takes its frames; `on_text` is called with what comes back."""

    on_text: Callable[[bytes], None] | None = None

    def begin(self) -> None:
        self.transport.write(request(self.number, *self._address))

    def data_received(self, data: bytes) -> None:
        if not self._opened.done():
            self.agree(data, ok=data.startswith(b"HTTP/1.1 101"))
            return
        for first, payload in frames_in(data):
            if first == PING:
                self.transport.write(masked(payload, PONG))
            elif self.on_text is not None:
                self.on_text(payload)

    def send(self, payload: bytes) -> None:
        self.transport.write(masked(payload))

    def say_hello(self) -> None:
        self.send(HELLO % self.number)


class PostLink(RawLink):
    """The original's turbine: one HTTP POST for each reading, on a connection that is kept."""

    def begin(self) -> None:
        self.agree(b"", ok=True)

    def send(self, payload: bytes) -> None:
        self.transport.write(POST % len(payload) + payload)


class MqttLink(RawLink):
    """A turbine that publishes at QoS 1, MQTT 3.1.1."""

    PACKETS: ClassVar = 65_535

    def begin(self) -> None:
        self._topic = b"turbines/%d/metrics" % self.number
        name = b"turbine-%d" % self.number
        self.transport.write(mqtt_connect(name, clean=True))

    def data_received(self, data: bytes) -> None:
        self.agree(data, ok=data == b"\x20\x02\0\0")

    def send(self, payload: bytes) -> None:
        packet = (self.sequence - 1) % self.PACKETS + 1
        body = mqtt_text(self._topic) + struct.pack("!H", packet) + payload
        self.transport.write(b"\x32" + mqtt_length(len(body)) + body)


class NatsLink(RawLink):
    """A turbine that publishes into a JetStream and asks for its acknowledgement."""

    def begin(self) -> None:
        self._head = b"PUB turbines.%d _ACK.%d " % (self.number, self.number)
        self.transport.write(
            b'CONNECT {"verbose":false,"headers":true}\r\nSUB _ACK.%d 1\r\nPING\r\n' % self.number
        )

    def data_received(self, data: bytes) -> None:
        if not self._opened.done():
            if b"PONG" in data or b"-ERR" in data:
                self.agree(data, ok=b"PONG" in data)
        elif data.endswith(b"PING\r\n"):
            self.transport.write(b"PONG\r\n")

    def send(self, payload: bytes) -> None:
        self.transport.write(self._head + b"%d\r\n" % len(payload) + payload + b"\r\n")


LINKS: Final[dict[str, type[RawLink]]] = {
    "gridws": WebSocketLink,
    "post": PostLink,
    "mqtt": MqttLink,
    "nats": NatsLink,
}


def mqtt_length(length: int) -> bytes:
    """Return a packet's length in MQTT's 7 bits a byte."""
    digits = b""
    while True:
        length, digit = divmod(length, 128)
        digits += bytes((digit | (128 if length else 0),))
        if not length:
            return digits


def mqtt_text(text: bytes) -> bytes:
    """Return a text with its length before it."""
    return struct.pack("!H", len(text)) + text


def mqtt_connect(name: bytes, *, clean: bool) -> bytes:
    """Return the packet that opens a session without keep-alive."""
    body = mqtt_text(b"MQTT") + bytes((4, 2 if clean else 0, 0, 0)) + mqtt_text(name)
    return b"\x10" + mqtt_length(len(body)) + body
