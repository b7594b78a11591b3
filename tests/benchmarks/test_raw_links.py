"""The load speaks each protocol as its server reads it; a subscriber reads messages in whatever pieces they come."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scripts.benchmarks.peers.subscriber import MqttSubscriber, NatsSubscriber, Subscriber, mqtt_packets
from scripts.benchmarks.raw_links import PING, READING, TEXT, frames_in, masked, mqtt_length, mqtt_text

READINGS = [READING % (turbine, 1_700_000_000_000, turbine) for turbine in range(1, 4)]
PACKETS = [b"\0\1", b"\0\2", b"\0\3"]


def published(payload: bytes, packet: bytes) -> bytes:
    body = mqtt_text(b"turbines/7/metrics") + packet + payload
    return b"\x32" + mqtt_length(len(body)) + body


def delivered(payload: bytes, place: int) -> bytes:
    return b"MSG turbines.7 1 $JS.ACK.%d %d\r\n%b\r\n" % (place, len(payload), payload)


class Wire:
    """A transport that keeps what was written."""

    def __init__(self) -> None:
        self.written: list[bytes] = []

    def write(self, data: bytes) -> None:
        self.written.append(data)


MESSAGES: dict[type[Subscriber], bytes] = {
    MqttSubscriber: b"".join(map(published, READINGS, PACKETS)),
    NatsSubscriber: b"".join(map(delivered, READINGS, range(3))),
}
ACKNOWLEDGED: dict[type[Subscriber], bytes] = {
    MqttSubscriber: b"".join(b"\x40\x02" + packet for packet in PACKETS),
    NatsSubscriber: b"PUB $JS.ACK.2 4\r\n+ACK\r\n",
}


def stored(database: Path) -> list[tuple[int, int]]:
    with closing(sqlite3.connect(database)) as connection:
        return connection.execute("SELECT turbine_number, sequence FROM metrics").fetchall()


@pytest.mark.parametrize(
    ("length", "digits"),
    [(0, b"\0"), (127, b"\x7f"), (128, b"\x80\1"), (16_383, b"\xff\x7f"), (16_384, b"\x80\x80\1")],
)
def test_a_length_of_mqtt_has_seven_bits_a_byte(length: int, digits: bytes) -> None:
    assert mqtt_length(length) == digits


@given(st.lists(st.binary(max_size=300), max_size=5), st.binary(max_size=1))
def test_packets_are_found_and_what_is_not_whole_is_left(bodies: list[bytes], rest: bytes) -> None:
    data = b"".join(b"\x30" + mqtt_length(len(body)) + body for body in bodies) + rest
    assert [data[begin:end] for _, begin, end in mqtt_packets(data)] == bodies


@pytest.mark.parametrize("size", [0, 125, 126, 300])
def test_a_masked_frame_has_its_length_and_its_payload(size: int) -> None:
    frame = masked(b"x" * size)
    assert frame[0] == TEXT
    assert frame.endswith(b"\0\0\0\0" + b"x" * size)


def test_frames_of_a_server_are_told_apart() -> None:
    long = b"y" * 200
    data = b"\x81\x02hi" + b"\x89\x01p" + b"\x81\x7e\x00\xc8" + long
    assert list(frames_in(data)) == [(TEXT, b"hi"), (PING, b"p"), (TEXT, long)]


@pytest.mark.parametrize("kind", MESSAGES)
def test_messages_are_stored_in_whatever_pieces_they_come(kind: type[Subscriber], tmp_path: Path) -> None:
    with closing(kind(str(tmp_path / "a.db"))) as subscriber:
        subscriber.connection_made(Wire())
        data = MESSAGES[kind]
        for begin, end in pairwise([0, 1, 2, 40, 41, 190, len(data) - 1, len(data)]):
            subscriber.data_received(data[begin:end])
    assert stored(tmp_path / "a.db") == [(1, 1), (2, 2), (3, 3)]


@pytest.mark.parametrize("kind", MESSAGES)
def test_messages_are_acknowledged_when_they_are_committed(kind: type[Subscriber], tmp_path: Path) -> None:
    with closing(kind(str(tmp_path / "a.db"))) as subscriber:
        wire = Wire()
        subscriber.connection_made(wire)
        before = len(wire.written)
        subscriber.data_received(MESSAGES[kind])
        assert wire.written[before:] == []
        subscriber.commit()
        assert wire.written[before:] == [ACKNOWLEDGED[kind]]


@pytest.mark.parametrize("text", [b"{", b'{"type":"status"}', json.dumps({"type": "metrics"}).encode()])
def test_what_is_no_reading_is_passed_over(text: bytes, tmp_path: Path) -> None:
    with closing(MqttSubscriber(str(tmp_path / "a.db"))) as subscriber:
        subscriber.store(text)
    assert stored(tmp_path / "a.db") == []
