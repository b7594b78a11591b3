"""Where a frame's time goes: the stages of its way one by one, in this process, the best of several rounds.

A server under load needs about twice as much: the kernel's share is not in it, and caches are never as warm.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final, cast

from websockets.speedups import apply_mask

from gridws.clock import SystemClock
from gridws.monitor.monitor import GridMonitor
from gridws.server.quick_way import quick_way
from gridws.settings import MonitorSettings
from gridws.storage.batches import Batch
from gridws.storage.rows import Cursor, Reading
from gridws.storage.sqlite.rollup import RollUp
from gridws.storage.sqlite.store import SqliteStore
from gridws.wire.frames import Metrics, encode_ack, parse_up
from gridws.wire.framing import text_frame

from .raw_links import READING, masked

LINKS: Final = 2_000
ROUNDS: Final = 15
KEY: Final = b"\x12\x34\x56\x78"


class NoLink:
    """A `Link` that leads nowhere."""

    def send(self, text: str) -> None:
        text_frame(text)

    def close(self, code: int, reason: str) -> None:
        """Nothing is open."""

    def pause_reading(self) -> None:
        """Nothing is read."""

    def resume_reading(self) -> None:
        """Nothing is read."""


def best(run: Callable[[], object], count: int) -> float:
    """Return the microseconds of CPU that one of `count` took in the best round."""
    times = []
    for _ in range(ROUNDS):
        began = time.process_time()
        run()
        times.append(time.process_time() - began)
    return min(times) / count * 1e6


def print_stages() -> None:
    """Print the stages, each with what it takes of a reading."""
    payloads = [READING % (number, int(time.time() * 1000), 1) for number in range(1, LINKS + 1)]
    texts = [payload.decode() for payload in payloads]
    masked = [apply_mask(payload, KEY) for payload in payloads]
    frames = [cast("Metrics", parse_up(text)) for text in texts]
    stages = {
        "unmask, decode": best(lambda: [apply_mask(data, KEY).decode() for data in masked], LINKS),
        "parse and check (msgspec)": best(lambda: [parse_up(text) for text in texts], LINKS),
        "the quick way, from frame to queue": _quick_way(payloads),
        "the general way, from text to queue": _session(texts),
        "roll-up": _roll_up(frames),
        "an ack (500 a second), unsent": best(lambda: [text_frame(encode_ack(1_000)) for _ in texts], LINKS),
        **_store(frames),
    }
    for what, microseconds in stages.items():
        print(f"{what:40}{microseconds:8.2f} µs")


def _session(texts: list[str]) -> float:
    monitor = GridMonitor(settings=MonitorSettings(frames_per_second=1e6, frames_burst=1e9, queue_rows=10**9))
    sessions = [monitor.connect(number, NoLink()) for number in range(1, LINKS + 1)]

    def receive() -> None:
        for session, text in zip(sessions, texts, strict=True):
            session.receive(text)

    return best(receive, LINKS)


def _quick_way(payloads: list[bytes]) -> float:
    monitor = GridMonitor(settings=MonitorSettings(frames_per_second=1e6, frames_burst=1e9, queue_rows=10**9))
    sessions = [monitor.connect(number, NoLink()) for number in range(1, LINKS + 1)]
    for session, payload in zip(sessions, payloads, strict=True):
        session.receive(payload.decode())

    frames, take = [masked(payload) for payload in payloads], quick_way(monitor)

    def receive() -> None:
        for session, frame in zip(sessions, frames, strict=True):
            take(session, frame)

    return best(receive, LINKS)


def _roll_up(frames: list[Metrics]) -> float:
    roll_up = RollUp()
    batches = iter([[_row(frame, second) for frame in frames] for second in range(ROUNDS)])
    return best(lambda: roll_up.add(next(batches)), LINKS)


def _store(frames: list[Metrics]) -> dict[str, float]:
    with tempfile.TemporaryDirectory(prefix="gridws-bench-") as folder:
        store = SqliteStore(Path(folder) / "stages.db", settings=MonitorSettings())
        loop = asyncio.new_event_loop()
        loop.run_until_complete(store.open(now=SystemClock().now().at))
        sequences = iter(range(1, 10**9))
        cursors = [Cursor((frame.turbine_number, "bench")) for frame in frames]

        def write(*, numbered: bool) -> None:
            sequence = next(sequences)
            moved = dict.fromkeys(cursors, sequence) if numbered else {}
            batch = Batch(readings=[_row(frame, sequence) for frame in frames], cursors=moved)
            loop.run_until_complete(store.write(batch))

        plain = best(lambda: write(numbered=False), LINKS)
        whole = best(lambda: write(numbered=True), LINKS)
        loop.run_until_complete(store.close())
        loop.close()
    return {"store: insert, roll-up, commit": plain, "store: cursors": max(0.0, whole - plain)}


def _row(frame: Metrics, second: int = 0) -> Reading:
    at = (frame.measured_at or 0) + second * 250
    return Reading(frame.turbine_number, at, frame.wind_speed, frame.power_output_in_kwh, "ok", at)
