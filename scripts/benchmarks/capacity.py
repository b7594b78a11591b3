"""A monitor under a flood, watched each second as an operator would, and the rate that it stores at its best.

The rate is looked for from below: more and more is offered until it keeps up no longer.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, NamedTuple

from .processes import LOAD_CORE, MEASURED_CORE, Process, monitor, python, running

BUSY: Final = "while True: pass"
ASK_WITHIN: Final = 30.0
A_SECOND: Final = 0.9
LOWEST_RATE: Final = 8_000.0
STEP_UP: Final = 1.3
STEP_LASTS: Final = 6.0
KEPT_UP: Final = 0.93
"""The share of a rate that must be stored for the rate to count as one that the monitor keeps up with."""
TRIES: Final = 2
"""Times that a rate is tried: one bad moment of a shared machine says nothing."""


@dataclass(slots=True)
class Second:
    """What the monitor said at one moment: readings stored so far, how it is, and how long it took to say so."""

    at: float
    stored: float
    status: str
    reason: str | None
    answered_in: float
    memory: int

    @property
    def said_at(self) -> float:
        """When the monitor had said it."""
        return self.at + self.answered_in


@dataclass(slots=True)
class Watching:
    """Asks the monitor each second, in a thread of its own, until it is told to stop."""

    port: int
    process: Process
    seconds: list[Second] = field(default_factory=list)
    _stop: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        """Ask until stopped."""
        while not self._stop.is_set():
            began = time.monotonic()
            health = json.loads(self._get("/healthz"))
            text = self._get("/metrics").decode()
            took = time.monotonic() - began
            stored = number_in(text, "gridws_readings_stored_total")
            self.seconds.append(
                Second(began, stored, health["status"], health["reason"], took, self.process.memory())
            )
            self._stop.wait(max(0.0, 1.0 - took))

    def _get(self, path: str) -> bytes:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=ASK_WITHIN) as answer:
            body: bytes = answer.read()
            return body

    @contextlib.contextmanager
    def going_on(self) -> Iterator[None]:
        """Ask for as long as this lasts."""
        thread = threading.Thread(target=self.run)
        thread.start()
        try:
            yield
        finally:
            self._stop.set()
            thread.join()

    def ok_since(self, since: int) -> float:
        """Return how long after the look numbered `since` the monitor was well for good, in seconds."""
        bad = [look.at for look in self.seconds[since:] if look.status != "ok"]
        return bad[-1] + 1.0 - self.seconds[since].at if bad else 0.0


def rates(seconds: Sequence[Second]) -> list[float]:
    """Return the readings stored a second, from one look to one that is about a second later."""
    found, last = [], seconds[0]
    for look in seconds[1:]:
        passed = look.said_at - last.said_at
        if passed > A_SECOND:  # an answer that was late is followed by one that is not
            found.append((look.stored - last.stored) / passed)
            last = look
    return found


def number_in(text: str, name: str) -> float:
    """Return a number of an answer of `/metrics`."""
    return float(text.split(f"\n{name} ")[1].split(maxsplit=1)[0])


class Step(NamedTuple):
    """One rate on the way up: what was offered, what of it was stored, how many cores it took, and dispatch (s)."""

    rate: float
    stored: float
    cores: float
    dispatches: list[float]

    @property
    def kept_up(self) -> bool:
        """Whether the monitor kept up with it."""
        return self.stored > KEPT_UP * self.rate


@dataclass(frozen=True, kw_only=True)
class Stand:
    """A monitor with its flood, its probe (apart from the flood, which reads late when it is busy), and its watch."""

    database: Path
    server: Process
    flood: Process
    probe: Process
    watching: Watching

    def send(self, rate: float, seconds: float) -> dict[str, float]:
        """Offer this rate for so long; return how it went."""
        return self.flood.ask(do="send", rate=rate, seconds=seconds)

    def step(self, rate: float) -> Step:
        """Offer this rate for a while; what counts is all of that time but its begin."""
        first, cpu, began = len(self.watching.seconds) + 1, self.server.cpu(), time.monotonic()
        self.probe.tell(do="probe", seconds=STEP_LASTS)
        self.send(rate, STEP_LASTS)
        cores = (self.server.cpu() - cpu) / (time.monotonic() - began)
        self.wait_for_looks(first + 2)
        begin, *_, end = self.watching.seconds[first:]
        stored = min(rate, (end.stored - begin.stored) / (end.said_at - begin.said_at))
        return Step(rate, stored, cores, [took for _, took in self.probe.answer()])

    def wait_for_looks(self, count: int) -> None:
        """Wait until there were so many looks: answers may take seconds."""
        while len(self.watching.seconds) < count:
            time.sleep(A_SECOND)

    def climb(self) -> Iterator[Step]:
        """Yield the better try of each rate, up to the first one that it does not keep up with."""
        for power in itertools.count():
            step = self.step(LOWEST_RATE * STEP_UP**power)
            for _ in range(TRIES - 1):
                if not step.kept_up:
                    step = max(step, self.step(step.rate), key=lambda each: each.stored)
            yield step
            if not step.kept_up:
                return

    def best(self) -> float:
        """Return the readings a second that it stores at its best."""
        return max(step.stored for step in self.climb())


@contextlib.contextmanager
def stand(
    *,
    links: int,
    numbered: bool,
    busy: Sequence[int] = (),
    database: Path | None = None,
    url: str | None = None,
    options: Sequence[str] = (),
    core: int = MEASURED_CORE,
    first: int = 1,
) -> Iterator[Stand]:
    """A stand on this core with so many links open, of turbines from `first` on, beside neighbours on these cores."""
    with contextlib.ExitStack() as stack:
        if database is None:
            database = (
                Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="gridws-bench-"))) / "bench.db"
            )
        server, port = stack.enter_context(monitor(url or database, *options, core=core))
        flood = stack.enter_context(running(python("scripts.benchmarks.flood"), core ^ 1))
        probe = stack.enter_context(running(python("scripts.benchmarks.flood"), None))
        stack.enter_context(neighbours(busy))
        flood.ask(do="target", port=port, numbered=numbered)
        flood.ask(do="open", first=first, count=links)
        probe.ask(do="target", port=port, numbered=False)
        watching = Watching(port, server)
        stack.enter_context(watching.going_on())
        yield Stand(database=database, server=server, flood=flood, probe=probe, watching=watching)


@contextlib.contextmanager
def neighbours(cores: Sequence[int]) -> Iterator[None]:
    """Keep these cores busy, one process for each time that a core is named."""
    with contextlib.ExitStack() as stack:
        for core in cores:
            kind = ["nice", "-n", "10"] if core == LOAD_CORE else []  # or no flood would come through
            command = ["taskset", "-c", str(core), *kind, sys.executable, "-c", BUSY]
            child = subprocess.Popen(command)
            stack.callback(child.wait)
            stack.callback(child.kill)
        yield
