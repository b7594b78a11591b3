"""Turbines that keep what cannot be taken, offered faster than a monitor stores: the load of `--overload`.

Each makes readings at its pace and sends them in order, at most a window of 500 unacknowledged ones, and none while
its socket takes no more. A plain turbine knows no window; what its socket does not take waits with it. Orders come
as JSON lines on standard input, each is answered with one line.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import socket
import sys
import time
from typing import Any

import uvloop

from .load import PROBES, STEP, raise_file_limit
from .raw_links import STATUS, masked, request

HOST = "127.0.0.1"
WINDOW = 500
MOST_AT_ONCE = 500
"""Readings made before this process looks at what it was sent: acks, and room in its sockets."""
MOST_UNSENT = 2 * 1024
"""Bytes that wait for a socket above which a turbine keeps its readings, and bytes that the socket takes: as in a
small device. All that is on the way must still be stored when the load has fallen."""
GIVE_UP_PROBE = 30.0
"""Seconds after which an engineer that did not come counts as if it had come now."""

READING = (
    b'{"type":"metrics","turbine_number":%d,"wind_speed":8.31,"power_output_in_kwh":1204.7,'
    b'"operational_status":"ok","measured_at":%d,"sequence":%d,"historical":%s}'
)
PLAIN = (
    b'{"type":"metrics","turbine_number":%d,"wind_speed":8.3,"power_output_in_kwh":1204.7,'
    b'"operational_status":"ok"}'
)
HELLO = b'{"type":"hello","turbine_number":%d,"stream":"flood","upload_frequency_in_seconds":20}'


class Turbine(asyncio.Protocol):
    """One link; `made` readings so far, the last `sent` and `acked` of them by their sequence."""

    def __init__(self, number: int, request: bytes, opened: asyncio.Future[None], *, numbered: bool) -> None:
        self.number = number
        self.made = self.sent = self.acked = self.before_hello = self.resyncs = 0
        self.is_welcome = not numbered
        self.is_lost = False
        self._numbered = numbered
        self._request = request
        self._opened = opened
        self._choked = False
        self._partial = b""

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        transport.set_write_buffer_limits(high=MOST_UNSENT)
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, MOST_UNSENT)
        transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        if not self._opened.done():
            ok = data.startswith(b"HTTP/1.1 101")
            self._opened.set_result(None) if ok else self._opened.set_exception(OSError(data[:200].decode()))
            if ok and self._numbered:
                self.say_hello()
            return
        data = self._partial + data
        start = 0
        while start + 2 <= len(data):
            length, payload = data[start + 1], start + 2
            if length == 126:
                length, payload = int.from_bytes(data[payload : payload + 2]), payload + 2
            if payload + length > len(data):
                break
            self._take(data[payload : payload + length])
            start = payload + length
        self._partial = data[start:]

    def connection_lost(self, exc: Exception | None) -> None:
        self.is_welcome = False
        self.is_lost = True
        if not self._opened.done():
            self._opened.set_exception(exc or ConnectionError("refused"))

    def pause_writing(self) -> None:
        self._choked = True

    def resume_writing(self) -> None:
        self._choked = False
        self.push()

    def say_hello(self) -> None:
        self.is_welcome, self.before_hello = False, self.made
        self.transport.write(masked(HELLO % self.number))

    def push(self) -> None:
        """Send what is made, as far as window and socket allow."""
        if not self.is_welcome:
            return
        until = min(self.made, self.acked + WINDOW) if self._numbered else self.made
        while self.sent < until and not self._choked:
            self.sent += 1
            if self._numbered:
                historical = b"true" if self.sent <= self.before_hello else b"false"
                text = READING % (self.number, int(time.time() * 1000), self.sent, historical)
            else:
                text = PLAIN % self.number
            self.transport.write(masked(text))

    def forget_unsent(self) -> None:
        """Make as if nothing had been kept: the load falls."""
        self.made = self.sent

    def _take(self, text: bytes) -> None:
        if text.startswith(b'{"type":"ack"'):
            self.acked = json.loads(text)["sequence"]
            self.push()
        elif text.startswith(b'{"type":"resync"'):
            self.resyncs += 1
            self.say_hello()
        elif text.startswith(b'{"type":"welcome"'):
            self.sent = self.acked = json.loads(text)["last_sequence"] or 0
            self.is_welcome = True
            self.push()


class Probe(asyncio.Protocol):
    """A turbine that breaks and is mended, to measure the way of an engineer."""

    def __init__(self, request: bytes, opened: asyncio.Future[None], answers: asyncio.Queue[bytes]) -> None:
        self._request, self._opened, self._answers = request, opened, answers

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        if not self._opened.done():
            self._opened.set_result(None)
        elif b"engineer_assigned" in data:
            self._answers.put_nowait(data)


class Flood:
    """All turbines of this process."""

    def __init__(self, port: int, *, numbered: bool) -> None:
        self.port, self.numbered = port, numbered
        self.turbines: list[Turbine] = []

    async def open(self, first: int, count: int) -> None:
        gate = asyncio.Semaphore(50)
        loop = asyncio.get_running_loop()

        async def one(number: int) -> Turbine:
            async with gate:
                opened: asyncio.Future[None] = loop.create_future()
                turbine = Turbine(number, request(number, HOST, self.port), opened, numbered=self.numbered)
                await loop.create_connection(lambda: turbine, HOST, self.port)
                await opened
                return turbine

        self.turbines = list(await asyncio.gather(*[one(first + place) for place in range(count)]))

    async def send(self, rate: float, seconds: float) -> dict[str, object]:
        """Make `rate` readings a second over all turbines, or as many as this process can; say how it went."""
        began, made = time.perf_counter(), 0
        in_turn = itertools.cycle(self.turbines)
        while (passed := time.perf_counter() - began) < seconds:
            due = int(passed * rate) - made
            for turbine in itertools.islice(in_turn, min(due, MOST_AT_ONCE)):
                turbine.made += 1
                turbine.push()
            made += min(due, MOST_AT_ONCE)
            await asyncio.sleep(0 if due > MOST_AT_ONCE else STEP)
        for turbine in self.turbines:
            turbine.forget_unsent()
        return {
            "offered": made / seconds,
            "on_the_way": sum(turbine.sent - turbine.acked for turbine in self.turbines)
            if self.numbered
            else 0,
            "resyncs": sum(turbine.resyncs for turbine in self.turbines),
            "links_lost": sum(turbine.is_lost for turbine in self.turbines),
        }

    async def probe(self, seconds: float) -> list[tuple[float, float]]:
        """Break and mend turbines in turn; return when an engineer came (s since 1970), and after how long (s)."""
        loop = asyncio.get_running_loop()
        answers: asyncio.Queue[bytes] = asyncio.Queue()
        links = []
        for place in range(PROBES):
            number = 2_000_000 + place
            opened: asyncio.Future[None] = loop.create_future()
            probe = Probe(request(number, HOST, self.port), opened, answers)
            await loop.create_connection(lambda probe=probe: probe, HOST, self.port)  # type: ignore[misc]
            await opened
            links.append((number, probe))
        times, until = [], time.perf_counter() + seconds - 1.0
        for number, link in itertools.cycle(links):
            began = time.perf_counter()
            if began > until:
                break
            link.transport.write(masked(STATUS % (number, b"broken")))
            try:
                await asyncio.wait_for(answers.get(), GIVE_UP_PROBE)
            except TimeoutError:
                times.append((time.time(), GIVE_UP_PROBE))
                break
            times.append((time.time(), time.perf_counter() - began))
            link.transport.write(masked(STATUS % (number, b"ok")))
            await asyncio.sleep(0.05)
        for _, link in links:
            link.transport.close()
        return times

    def acked(self) -> dict[str, list[int]]:
        """Return by turbine's number, from the first on, what was sent and what was acknowledged."""
        return {
            "sent": [turbine.sent for turbine in self.turbines],
            "acked": [turbine.acked for turbine in self.turbines],
        }


async def main() -> None:
    raise_file_limit()
    loop = asyncio.get_running_loop()
    lines = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    flood: Flood | None = None
    async for line in lines:
        order = json.loads(line)
        verb = order.pop("do")
        answer: object = {}
        if verb == "target":
            flood = Flood(**order)
        elif flood is not None and verb == "open":
            await flood.open(**order)
        elif flood is not None and verb == "send":
            answer = await flood.send(**order)
        elif flood is not None and verb == "probe":
            answer = await flood.probe(**order)
        elif flood is not None and verb == "acked":
            answer = flood.acked()
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    uvloop.run(main())
