"""A paced load of raw turbines from one process: cheap enough that one core outruns what it measures.

Each link is an `asyncio.Protocol` that writes ready-made WebSocket frames (mask key zero, which the server has to
apply like any other). Reads commands as JSON lines on standard input and answers each with one line.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import struct
import sys
import time
from collections.abc import Callable
from typing import Any

import uvloop

UPGRADE = (
    "GET {path} HTTP/1.1\r\nHost: {host}:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
PROBES = 8
"""Turbines that break and are mended in turn: a single one would be over its rate of 20 frames a second."""
STEP = 0.005
"""Seconds between two rounds of sending."""


def masked(payload: bytes) -> bytes:
    """Return a whole masked text frame; the mask of four zeros leaves the payload as it is."""
    if len(payload) < 126:
        return bytes((0x81, 0x80 | len(payload))) + b"\0\0\0\0" + payload
    return b"\x81\xfe" + struct.pack("!H", len(payload)) + b"\0\0\0\0" + payload


def texts_in(data: bytes) -> list[bytes]:
    """Return the payloads of the server's small whole frames in `data`."""
    texts, start = [], 0
    while start + 2 <= len(data):
        length, start = data[start + 1], start + 2
        if length == 126:
            length, start = int.from_bytes(data[start : start + 2]), start + 2
        texts.append(data[start : start + length])
        start += length
    return texts


class RawLink(asyncio.Protocol):
    """One turbine's connection; `on_text` is called with each payload when somebody listens."""

    def __init__(self, number: int, request: bytes, opened: asyncio.Future[None]) -> None:
        self.number = number
        self.sequence = 0
        self.on_text: Callable[[bytes], None] | None = None
        self._request = request
        self._opened = opened

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        if not self._opened.done():
            ok = data.startswith(b"HTTP/1.1 101")
            self._opened.set_result(None) if ok else self._opened.set_exception(OSError(data[:200].decode()))
        elif self.on_text is not None:
            for text in texts_in(data):
                self.on_text(text)

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._opened.done():
            self._opened.set_exception(exc or ConnectionError("refused"))

    def send_reading(self, now: int) -> None:
        self.sequence += 1
        self.transport.write(masked(READING % (self.number, now, self.sequence)))


class RawPost(RawLink):
    """The original's turbine: one HTTP POST for each reading, on a connection that is kept."""

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        self._opened.set_result(None)

    def send_reading(self, now: int) -> None:
        self.sequence += 1
        body = READING % (self.number, now, self.sequence)
        self.transport.write(POST % len(body) + body)


class Load:
    """All links of this process."""

    def __init__(self, host: str, port: int, path: str) -> None:
        self.host, self.port, self.path = host, port, path
        self.links: list[RawLink] = []

    async def open(self, first: int, count: int, *, hello: bool) -> None:
        gate = asyncio.Semaphore(100)

        async def one(number: int) -> RawLink:
            async with gate:
                return await self.connect(number)

        self.links = list(await asyncio.gather(*[one(first + i) for i in range(count)]))
        if hello:
            for link in self.links:
                text = (
                    b'{"type":"hello","turbine_number":%d,"stream":"bench","upload_frequency_in_seconds":20}'
                )
                link.transport.write(masked(text % link.number))
            await asyncio.sleep(1.0)

    async def connect(self, number: int) -> RawLink:
        loop = asyncio.get_running_loop()
        opened: asyncio.Future[None] = loop.create_future()
        request = UPGRADE.format(path=self.path.format(n=number), host=self.host, port=self.port).encode()
        kind = RawLink if self.path.startswith("/ws") else RawPost
        _, link = await loop.create_connection(lambda: kind(number, request, opened), self.host, self.port)
        await opened
        return link

    async def send(self, rate: float, seconds: float) -> dict[str, float]:
        """Send `rate` readings a second over all links in turn; say how many went out and how late it was."""
        began, sent, late, at = time.perf_counter(), 0, 0.0, 0
        total = int(rate * seconds)
        while sent < total:
            due = min(total, int((time.perf_counter() - began) * rate) + 1)
            now = int(time.time() * 1000)
            for _ in range(due - sent):
                link = self.links[at]
                at = (at + 1) % len(self.links)
                link.send_reading(now)
            late = max(late, (due - sent) / rate)
            sent = due
            await asyncio.sleep(STEP)
        return {"sent": sent, "seconds": time.perf_counter() - began, "late": late}

    async def probe(self, number: int, seconds: float, *, echo: bool) -> dict[str, list[float]]:
        """Break and mend one turbine after the other; return how long each answer took, in seconds."""
        links = [await self.connect(number + place) for place in range(PROBES)]
        answer: asyncio.Queue[bytes] = asyncio.Queue()
        for link in links:
            link.on_text = answer.put_nowait
        times, until = [], time.perf_counter() + seconds
        for link in itertools.cycle(links):
            began = time.perf_counter()
            if began > until:
                break
            link.transport.write(masked(STATUS % (link.number, b"broken")))
            while True:
                text = await asyncio.wait_for(answer.get(), 10)
                if echo or b"engineer_assigned" in text:
                    break
            times.append(time.perf_counter() - began)
            if not echo:
                link.transport.write(masked(STATUS % (link.number, b"ok")))
            await asyncio.sleep(0.02)
        for link in links:
            link.transport.close()
        return {"times": times}


READING = (
    b'{"type":"metrics","turbine_number":%d,"wind_speed":8.31,"power_output_in_kwh":1204.7,'
    b'"operational_status":"ok","measured_at":%d,"sequence":%d}'
)
POST = (
    b"POST /post_metrics HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    b"Content-Length: %d\r\n\r\n"
)
STATUS = b'{"type":"status","turbine_number":%d,"operational_status":"%s"}'


async def main() -> None:
    loop = asyncio.get_running_loop()
    lines = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    load: Load | None = None
    async for line in lines:
        order = json.loads(line)
        verb = order.pop("do")
        answer: object = {}
        if verb == "target":
            load = Load(**order)
        elif load is not None and verb == "open":
            await load.open(**order)
        elif load is not None and verb == "send":
            probe = order.pop("probe", None)
            tasks = [load.send(**order)]
            if probe:
                tasks.append(load.probe(seconds=order["seconds"] - 0.5, **probe))  # type: ignore[arg-type]
            answer = {key: value for part in await asyncio.gather(*tasks) for key, value in part.items()}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    uvloop.run(main())
