"""A paced load of raw turbines from one process: cheap enough that one core outruns what it measures.

Reads commands as JSON lines on standard input and answers each with one line.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import resource
import sys
import time

import uvloop

from .raw_links import LINKS, STATUS, RawLink, WebSocketLink

PROBES = 8
"""Turbines that break and are mended in turn: a single one would be over its rate of 20 frames a second."""
STEP = 0.005
"""Seconds between two rounds of sending."""
AT_ONCE = 100
"""Connections that are opened side by side."""


class Load:
    """All links of this process."""

    def __init__(self, host: str, port: int, protocol: str) -> None:
        self.host, self.port, self.kind = host, port, LINKS[protocol]
        self.links: list[RawLink] = []

    async def open(self, first: int, count: int, *, hello: bool) -> None:
        gate = asyncio.Semaphore(AT_ONCE)

        async def one(number: int) -> RawLink:
            async with gate:
                link = await self.connect(number)
            if hello:  # at once: the last of many links may come when the first one's silence is over
                link.say_hello()
            return link

        self.links += await asyncio.gather(*[one(first + place) for place in range(count)])
        await asyncio.sleep(1.0 if hello else 0.0)

    async def connect(self, number: int) -> RawLink:
        loop = asyncio.get_running_loop()
        opened: asyncio.Future[None] = loop.create_future()
        _, link = await loop.create_connection(
            lambda: self.kind(number, self.host, self.port, opened), self.host, self.port
        )
        await opened
        return link

    async def send(self, rate: float, seconds: float) -> dict[str, float]:
        """Send `rate` readings a second over all links in turn; say how many went out and how late it was."""
        began, sent, late = time.perf_counter(), 0, 0.0
        total, in_turn = int(rate * seconds), itertools.cycle(self.links)
        while sent < total:
            due = min(total, int((time.perf_counter() - began) * rate) + 1)
            now = int(time.time() * 1000)
            for link in itertools.islice(in_turn, due - sent):
                link.send_reading(now)
            late = max(late, (due - sent) / rate)
            sent = due
            await asyncio.sleep(STEP)
        return {"sent": sent, "seconds": time.perf_counter() - began, "late": late}

    async def probe(self, number: int, seconds: float) -> dict[str, list[float]]:
        """Break and mend one turbine after the other; return how long each engineer took, in seconds."""
        links = [await self.connect(number + place) for place in range(PROBES)]
        answers: asyncio.Queue[bytes] = asyncio.Queue()
        for link in links:
            if isinstance(link, WebSocketLink):
                link.on_text = answers.put_nowait
        times, until = [], time.perf_counter() + seconds
        for link in itertools.cycle(links):
            began = time.perf_counter()
            if began > until:
                break
            link.send(STATUS % (link.number, b"broken"))
            while b"engineer_assigned" not in await asyncio.wait_for(answers.get(), 10):
                pass
            times.append(time.perf_counter() - began)
            link.send(STATUS % (link.number, b"ok"))
            await asyncio.sleep(0.02)
        for link in links:
            link.transport.close()
        return {"times": times}


def raise_file_limit() -> int:
    """Allow this process as many open files as the system lets it; return how many."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


async def main() -> None:
    raise_file_limit()
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
                tasks.append(load.probe(seconds=order["seconds"] - 0.5, number=probe))  # type: ignore[arg-type]
            answer = {key: value for part in await asyncio.gather(*tasks) for key, value in part.items()}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    uvloop.run(main())
