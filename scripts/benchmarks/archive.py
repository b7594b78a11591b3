"""How quickly an old database answers while readings come in: the store by itself, filled as fast as it takes them.

The readings are of the newest minutes; one turbine's month and the fleet's day are written as roll-ups, which is
what they are read from.
"""

from __future__ import annotations

import asyncio
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from contextlib import closing
from pathlib import Path
from typing import Final

from gridws.settings import MonitorSettings
from gridws.storage import Batch, Reading
from gridws.storage.sqlite import SqliteStore

MINUTE: Final = 60_000
DAY: Final = 24 * 60
MONTH: Final = 30 * DAY
ASKED: Final = 7
"""The turbine whose history is asked for."""
TIMES: Final = 15


class Filled:
    """A store with the readings of `turbines` over the last `minutes`, one a second each, that goes on."""

    def __init__(self, path: Path, *, turbines: int, minutes: int) -> None:
        self.path = path
        self.store = SqliteStore(path, settings=MonitorSettings())
        self.turbines = turbines
        self.at = int(time.time() * 1000) - minutes * MINUTE
        self.commits: list[float] = []

    async def fill(self) -> None:
        """Write all, then the roll-ups of the time before."""
        began = self.at
        opened = await self.store.open(now=self.at)
        assert not opened.last_readings  # noqa: S101 - a fresh file
        while self.at < time.time() * 1000:
            await self.write()
            await self.store.maintain(now=self.at)
        await self.store.maintain(now=self.at + 2 * MINUTE)
        with closing(sqlite3.connect(self.path, timeout=30)) as connection, connection:
            _roll_up_before(connection, began // MINUTE, self.turbines)

    async def write(self) -> None:
        """Commit one second of the fleet, in four batches as the monitor does."""
        for quarter in range(4):
            at = self.at + quarter * 250
            readings = [
                Reading(number, at, 8.25 + number % 7, 1200.5 + number % 90, "ok", at)
                for number in range(1 + quarter, self.turbines + 1, 4)
            ]
            began = time.perf_counter()
            await self.store.write(Batch(readings=readings))
            self.commits.append((time.perf_counter() - began) / len(readings))
        self.at += 1000


def _roll_up_before(connection: sqlite3.Connection, minute: int, turbines: int) -> None:
    connection.executemany(
        "INSERT INTO minutes VALUES (?, ?, 60, 60, 480, 7, 9, 72000, 1100, 1300, 20, ?)",
        ((ASKED, minute - back, (minute - back) * MINUTE) for back in range(1, MONTH)),
    )
    connection.executemany(
        "INSERT INTO fleet_minutes VALUES (?, ?, ?, ?, ?)",
        (
            (minute - back, turbines, 60 * turbines, 1200.0 * turbines, 20.0 * turbines)
            for back in range(1, DAY)
        ),
    )


def history(*, turbines: int, minutes: int) -> dict[str, float]:
    """Return how many milliseconds each question takes at the median, while the fleet goes on reporting."""
    with tempfile.TemporaryDirectory(prefix="gridws-bench-") as folder:
        return asyncio.run(
            _history(Filled(Path(folder) / "old.db", turbines=turbines, minutes=minutes), minutes)
        )


async def _history(filled: Filled, minutes: int) -> dict[str, float]:
    await filled.fill()
    store, now = filled.store, filled.at
    questions: dict[str, Callable[[], Awaitable[object]]] = {
        f"readings of a turbine's last {minutes} minutes": lambda: store.readings(
            ASKED, since=now - minutes * MINUTE, until=now, limit=10_000
        ),
        "minutes of a turbine's last month": lambda: store.minutes(
            ASKED, since=now - MONTH * MINUTE, until=now
        ),
        "minutes of the fleet's last day": lambda: store.fleet_minutes(since=now - DAY * MINUTE, until=now),
    }
    filled.commits.clear()
    for _ in range(4):
        await filled.write()
    alone = statistics.median(filled.commits)
    filled.commits.clear()
    ingest = asyncio.create_task(_go_on(filled))
    answers = {what: await _median(question) for what, question in questions.items()}
    ingest.cancel()
    await asyncio.wait([ingest])
    slower = (statistics.median(filled.commits) / alone - 1) * 100
    answers[f"of {filled.turbines * minutes * 60 / 1e6:g} M readings; a commit is slower by (%)"] = round(
        slower, 1
    )
    await store.close()
    return answers


async def _go_on(filled: Filled) -> None:
    while True:
        began = time.monotonic()
        await filled.write()
        await asyncio.sleep(max(0.0, 1 - (time.monotonic() - began)))


async def _median(question: Callable[[], Awaitable[object]]) -> float:
    times = []
    for _ in range(TIMES):
        began = time.perf_counter()
        await question()
        times.append(time.perf_counter() - began)
        await asyncio.sleep(0.1)
    return round(statistics.median(times) * 1000, 1)
