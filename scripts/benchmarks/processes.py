"""The processes of a measurement: each pinned to a core, its CPU, memory and writes read from the kernel.

What is measured runs on one core, what loads it on another.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).parent.parent.parent
PAGE: Final = os.sysconf("SC_PAGE_SIZE")
MEASURED_CORE, LOAD_CORE = 0, 1


class Process:
    """A child pinned to one core; its errors go where ours go."""

    def __init__(self, arguments: list[str], core: int) -> None:
        self.child = subprocess.Popen(
            [sys.executable, "-m", *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )
        os.sched_setaffinity(self.child.pid, {core % (os.cpu_count() or 1)})

    def line(self) -> str:
        """Wait for the next line that it prints."""
        line = self.child.stdout.readline() if self.child.stdout else ""
        if not line:
            raise SystemExit(f"{self.child.args!r} ended with {self.child.wait()}")
        return line

    def ask(self, **order: object) -> dict[str, Any]:
        """Send one order as a line of JSON and wait for the answer."""
        if self.child.stdin is not None:
            self.child.stdin.write(json.dumps(order) + "\n")
            self.child.stdin.flush()
        answer: dict[str, Any] = json.loads(self.line())
        return answer

    def cpu(self) -> float:
        """Return the seconds of CPU used so far by all threads that are left, as the scheduler counted them."""
        threads = Path(f"/proc/{self.child.pid}/task").iterdir()
        return sum(int((thread / "schedstat").read_text().split()[0]) for thread in threads) / 1e9

    def memory(self) -> int:
        """Return the resident bytes."""
        return int(self._proc("statm").split()[1]) * PAGE

    def written(self) -> int:
        """Return the bytes that it caused to be written to a disk."""
        return int(self._proc("io").split("write_bytes: ")[1].split()[0])

    def stop(self) -> None:
        """End it, kindly first."""
        self.child.terminate()
        try:
            self.child.wait(20)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait()

    def _proc(self, name: str) -> str:
        return Path(f"/proc/{self.child.pid}/{name}").read_text()


@contextlib.contextmanager
def running(arguments: list[str], core: int) -> Iterator[Process]:
    """A process while it is needed."""
    process = Process(arguments, core)
    try:
        yield process
    finally:
        process.stop()


@contextlib.contextmanager
def monitor(database: Path, core: int = MEASURED_CORE) -> Iterator[tuple[Process, int]]:
    """A whole monitor, its defaults on, and its port."""
    options = ["--port", "0", "--database", str(database), "--log-level", "error"]
    with running(["gridws", "monitor", *options], core) as process:
        yield process, int(process.line().split("localhost:")[1].split()[0])


@contextlib.contextmanager
def peer(kind: str) -> Iterator[tuple[Process, int]]:
    """One of the servers of `peers.py`, and its port."""
    with running(["scripts.benchmarks.peers", kind], MEASURED_CORE) as process:
        yield process, int(process.line())


@contextlib.contextmanager
def load(port: int, path: str) -> Iterator[Process]:
    """A load generator that aims at this port."""
    with running(["scripts.benchmarks.load"], LOAD_CORE) as process:
        process.ask(do="target", host="127.0.0.1", port=port, path=path)
        yield process
