"""Servers under the same load, in turn: a machine that is slower in one minute is so for all of them.

All are started, all links are opened; then each is loaded for a round while the others rest, round after round, and
its median round counts. All run on one core, all load comes from the other one.
"""

from __future__ import annotations

import contextlib
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from .figures import Figure, percentile
from .processes import Process, load

PROBE: Final = 2_000_000
"""Number of the first turbine that breaks and is mended over and over, to measure the way of an engineer."""
ROUNDS: Final = 4
WARM_UP: Final = 1.5
"""Seconds of load before anything is counted."""
SETTLES: Final = 1.0
"""Seconds after the load in which what is on its way through a server is stored."""


@dataclass(frozen=True, kw_only=True)
class Server:
    """A server that runs: what it is, its processes, its port and protocol, and where it stores, if it does.

    `beside` returns the seconds of CPU of another server that stores for it, `count` the readings stored there.
    """

    what: str
    processes: Sequence[Process]
    port: int
    protocol: str = "gridws"
    database: Path | None = None
    beside: Callable[[], float] | None = None
    count: Callable[[], int] | None = None


Opening = Callable[[Path], AbstractContextManager[Server]]
"""Starts a server whose files go into this folder."""


@dataclass(frozen=True, kw_only=True)
class Loading:
    """How a server is loaded."""

    links: int
    rate: int
    seconds: float
    hello: bool = False
    probe: bool = False


class Contender:
    """A server, its load, and what was seen of both."""

    def __init__(self, server: Server, generator: Process, how: Loading) -> None:
        self.server, self._generator, self._how = server, generator, how
        self._rounds: list[dict[str, Any]] = []
        self._cpus: list[float] = []
        self._besides: list[float] = []
        self._written = 0
        empty = self._memory()
        generator.ask(do="open", first=1, count=how.links, hello=how.hello)
        generator.ask(do="send", rate=how.rate, seconds=WARM_UP)
        self._bytes = self._memory() - empty

    def go(self) -> None:
        """Load it for one round."""
        cpu, beside, written = self._cpu(), self._beside(), self._written_so_far()
        probe = PROBE if self._how.probe else None
        seconds = self._how.seconds / ROUNDS
        answer = self._generator.ask(do="send", rate=self._how.rate, seconds=seconds, probe=probe)
        self._rounds.append(answer)
        self._cpus.append((self._cpu() - cpu) / answer["sent"])
        self._besides.append((self._beside() - beside) / answer["sent"])
        self._written += self._written_so_far() - written

    def figure(self) -> Figure:
        """Return what a frame and a link cost."""
        cpu, how = statistics.median(self._cpus), self._how
        sent = sum(each["sent"] for each in self._rounds)
        times = [each for one in self._rounds for each in one.get("times", [])]
        return Figure(
            what=self.server.what,
            links=how.links,
            rate=how.rate,
            cpu_us_a_frame=round(cpu * 1e6, 1),
            server_us_a_frame=round(statistics.median(self._besides) * 1e6, 1)
            if self.server.beside
            else None,
            cores=round(cpu * how.rate, 2),
            kib_a_link=round(self._bytes / how.links / 1024, 1),
            sent=int(sent + how.rate * WARM_UP),
            late_s=round(max(each["late"] for each in self._rounds), 2),
            round_trip_ms_50=percentile(times, 0.5),
            round_trip_ms_99=percentile(times, 0.99),
            bytes_written_a_reading=round(self._written / sent) if self.server.database else None,
        )

    def _cpu(self) -> float:
        return sum(process.cpu() for process in self.server.processes)

    def _beside(self) -> float:
        return self.server.beside() if self.server.beside is not None else 0.0

    def _memory(self) -> int:
        return sum(process.memory() for process in self.server.processes)

    def _written_so_far(self) -> int:
        return sum(process.written() for process in self.server.processes)


def contest(openings: Sequence[Opening], how: Loading) -> list[Figure]:
    """Load all of them in turn; return their figures, each with its ratio to the first one's."""
    with tempfile.TemporaryDirectory(prefix="gridws-bench-") as folder:
        with contextlib.ExitStack() as stack:
            contenders = []
            for place, opening in enumerate(openings):
                files = Path(folder) / str(place)
                files.mkdir()
                server = stack.enter_context(opening(files))
                generator = stack.enter_context(load(server.port, server.protocol))
                contenders.append(Contender(server, generator, how))
            for _ in range(ROUNDS):
                for contender in contenders:
                    contender.go()
            time.sleep(SETTLES)
            figures = [contender.figure() for contender in contenders]
            for contender, figure in zip(contenders, figures, strict=True):
                if contender.server.count is not None:
                    figure.stored = contender.server.count()
        for contender, figure in zip(contenders, figures, strict=True):
            if contender.server.database is not None:
                count_stored(contender.server.database, figure)
            figure.compare(figures[0])
    return figures


def count_stored(database: Path, figure: Figure) -> None:
    """Add to the figure what the file holds."""
    with contextlib.closing(sqlite3.connect(database)) as connection:
        (figure.stored,) = connection.execute("SELECT count(*) FROM metrics").fetchone()
    figure.bytes_on_disk_a_reading = round(database.stat().st_size / max(1, figure.stored or 0))
