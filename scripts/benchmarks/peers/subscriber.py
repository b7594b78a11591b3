"""The other half of a broker's way: one subscriber that checks each reading and stores them all in SQLite.

`subscriber mqtt PORT DATABASE` or `subscriber nats PORT DATABASE`: prints a line when it listens, and ends on SIGTERM
when all is stored. A message is acknowledged when its reading is committed, as gridws does; the JetStream is asked
for the acknowledgement that is cheapest, one for all messages up to the last.
"""

from __future__ import annotations

import asyncio
import json
import signal
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing
from typing import Any, Final, Literal

import msgspec
import uvloop

from ..raw_links import mqtt_connect, mqtt_length, mqtt_text

EVERY: Final = 0.25
TABLE: Final = """CREATE TABLE metrics (turbine_number INTEGER NOT NULL, measured_at INTEGER NOT NULL,
    wind_speed REAL NOT NULL, power_output_in_kwh REAL NOT NULL, operational_status TEXT NOT NULL,
    sequence INTEGER NOT NULL)"""


class Reading(msgspec.Struct, tag_field="type", tag="metrics"):
    """What a turbine says."""

    turbine_number: int
    measured_at: int
    wind_speed: float
    power_output_in_kwh: float
    operational_status: Literal["ok", "broken"]
    sequence: int


class Subscriber(asyncio.Protocol):
    """Takes messages, commits them every `EVERY` seconds, and acknowledges them then."""

    def __init__(self, database: str) -> None:
        self._connection = sqlite3.connect(database, isolation_level=None)
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = FULL")
        self._connection.execute(TABLE)
        self._decode = msgspec.json.Decoder(Reading).decode
        self._rows: list[tuple[object, ...]] = []
        self._partial = b""

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self._partial = self.take(self._partial + data)

    def take(self, data: bytes) -> bytes:
        """Take the whole messages at the begin of `data`; return the rest."""
        raise NotImplementedError

    def acknowledge(self) -> None:
        """Acknowledge what was taken so far."""
        raise NotImplementedError

    def store(self, payload: bytes) -> None:
        """Let this reading be in the next commit; one that is none is passed over."""
        try:
            self._rows.append(msgspec.structs.astuple(self._decode(payload)))
        except msgspec.MsgspecError:
            return

    def commit(self) -> None:
        """Store what came, then acknowledge it."""
        if self._rows:
            self._connection.execute("BEGIN")
            self._connection.executemany("INSERT INTO metrics VALUES (?, ?, ?, ?, ?, ?)", self._rows)
            self._connection.execute("COMMIT")
            self._rows.clear()
            self.acknowledge()

    def close(self) -> None:
        """Store what came, and let go of the database."""
        self.commit()
        self._connection.close()

    def ready(self) -> None:
        """Say that it is subscribed, and begin to commit."""
        print("ready", flush=True)
        self._later()

    def _later(self) -> None:
        self.commit()
        asyncio.get_running_loop().call_later(EVERY, self._later)


class MqttSubscriber(Subscriber):
    """A session that is kept, at QoS 1."""

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._packets: list[bytes] = []
        topic = mqtt_text(b"turbines/+/metrics") + b"\1"
        body = b"\0\1" + topic
        transport.write(mqtt_connect(b"store", clean=False) + b"\x82" + mqtt_length(len(body)) + body)

    def take(self, data: bytes) -> bytes:
        start = 0
        for kind, begin, end in mqtt_packets(data):
            if kind & 0xF0 == 0x30:
                topic = int.from_bytes(data[begin : begin + 2])
                after = begin + 2 + topic
                self._packets.append(data[after : after + 2])
                self.store(data[after + 2 : end])
            elif kind == 0x90:
                self.ready()
            start = end
        return data[start:]

    def acknowledge(self) -> None:
        self.transport.write(b"".join(b"\x40\x02" + packet for packet in self._packets))
        self._packets.clear()


class NatsSubscriber(Subscriber):
    """A durable consumer of a stream on disk, which it makes itself."""

    STREAM: Final = {"name": "bench", "subjects": ["turbines.*"], "storage": "file", "retention": "limits"}
    CONSUMER: Final = {
        "stream_name": "bench",
        "config": {
            "durable_name": "store",
            "deliver_subject": "_TO.store",
            "ack_policy": "all",
            "max_ack_pending": 1_000_000,
        },
    }

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._last: bytes | None = None
        transport.write(b'CONNECT {"verbose":false,"headers":true}\r\nSUB _TO.store 1\r\nSUB _MADE 2\r\n')
        self._ask(b"$JS.API.STREAM.CREATE.bench", self.STREAM)
        self._ask(b"$JS.API.CONSUMER.DURABLE.CREATE.bench.store", self.CONSUMER)
        self._answers = 0

    def _ask(self, subject: bytes, what: dict[str, Any]) -> None:
        text = json.dumps(what).encode()
        self.transport.write(b"PUB %b _MADE %d\r\n%b\r\n" % (subject, len(text), text))

    def take(self, data: bytes) -> bytes:
        start = 0
        while (end := data.find(b"\r\n", start)) >= 0:
            words = data[start:end].split()
            if words and words[0] == b"MSG":
                after = end + 2 + int(words[-1])
                if len(data) < after + 2:
                    break
                self._take_message(words, data[end + 2 : after])
                end = after
            elif words == [b"PING"]:
                self.transport.write(b"PONG\r\n")
            start = end + 2
        return data[start:]

    def _take_message(self, words: list[bytes], payload: bytes) -> None:
        if words[1] != b"_MADE":
            self._last = words[3]
            self.store(payload)
        elif b'"error"' in payload:
            raise SystemExit(payload.decode())
        else:
            self._answers += 1
            if self._answers == 2:
                self.ready()

    def acknowledge(self) -> None:
        if self._last is not None:
            self.transport.write(b"PUB %b 4\r\n+ACK\r\n" % self._last)


def mqtt_packets(data: bytes) -> Iterator[tuple[int, int, int]]:
    """Yield of each whole packet in `data` its first byte, and where its body begins and ends."""
    start = 0
    while True:
        length, shift, begin = 0, 0, start + 1
        while True:
            if begin >= len(data):
                return
            digit, begin = data[begin], begin + 1
            length |= (digit & 127) << shift
            shift += 7
            if digit < 128:
                break
        if begin + length > len(data):
            return
        yield data[start], begin, begin + length
        start = begin + length


async def main(kind: str, port: str, database: str) -> None:
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    with closing((MqttSubscriber if kind == "mqtt" else NatsSubscriber)(database)) as subscriber:
        await loop.create_connection(lambda: subscriber, "127.0.0.1", int(port))
        await stop.wait()


if __name__ == "__main__":
    uvloop.run(main(*sys.argv[1:]))
