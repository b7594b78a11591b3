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
from typing import IO, Any, Final

ROOT: Final = Path(__file__).parent.parent.parent
PAGE: Final = os.sysconf("SC_PAGE_SIZE")
MEASURED_CORE, LOAD_CORE = 0, 1


def python(module: str, *arguments: str) -> list[str]:
    """Return the command that runs a module with our own Python."""
    return [sys.executable, "-m", module, *arguments]


def pinned(command: list[str], core: int | None) -> list[str]:
    """Return the command held on one core, where one is named, from its first moment: Go counts cores only then."""
    return command if core is None else ["taskset", "-c", str(core % (os.cpu_count() or 1)), *command]


class Process:
    """A child pinned to one core, where one is named; its errors go where ours go, or to `errors`."""

    def __init__(self, command: list[str], core: int | None, errors: IO[bytes] | None = None) -> None:
        self.child = subprocess.Popen(
            pinned(command, core),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            cwd=ROOT,
        )

    def line(self) -> str:
        """Wait for the next line that it prints."""
        line = self.child.stdout.readline() if self.child.stdout else ""
        if not line:
            raise SystemExit(f"{self.child.args!r} ended with {self.child.wait()}")
        return line

    def ask(self, **order: object) -> dict[str, Any]:
        """Send one order as a line of JSON and wait for the answer."""
        self.tell(**order)
        answer: dict[str, Any] = self.answer()
        return answer

    def tell(self, **order: object) -> None:
        """Send one order, whose answer is wanted later."""
        if self.child.stdin is not None:
            self.child.stdin.write(json.dumps(order) + "\n")
            self.child.stdin.flush()

    def answer(self) -> Any:
        """Wait for the answer to the order sent last."""
        return json.loads(self.line())

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
        for pipe in (self.child.stdin, self.child.stdout):
            if pipe is not None:
                with contextlib.suppress(BrokenPipeError):
                    pipe.close()

    def _proc(self, name: str) -> str:
        return Path(f"/proc/{self.child.pid}/{name}").read_text()


@contextlib.contextmanager
def running(command: list[str], core: int | None, errors: IO[bytes] | None = None) -> Iterator[Process]:
    """A process while it is needed."""
    process = Process(command, core, errors)
    try:
        yield process
    finally:
        process.stop()


@contextlib.contextmanager
def monitor(
    database: Path | str, *options: str, core: int | None = MEASURED_CORE, log: Path | None = None
) -> Iterator[tuple[Process, int]]:
    """A whole monitor, its defaults on, and its port; it logs mistakes only, or all as usual into the file `log`."""
    command = python("gridws", "monitor", "--port", "0", "--database", str(database), *options)
    if log is None:
        command += ["--log-level", "error"]
    with (
        contextlib.nullcontext() if log is None else log.open("ab") as errors,
        running(command, core, errors) as process,
    ):
        yield process, int(process.line().split("localhost:")[1].split()[0])


@contextlib.contextmanager
def bare(kind: str, *arguments: str) -> Iterator[tuple[Process, int]]:
    """One of the servers of `peers/bare.py`, and its port."""
    with running(python("scripts.benchmarks.peers.bare", kind, *arguments), MEASURED_CORE) as process:
        yield process, int(process.line())


@contextlib.contextmanager
def load(port: int, protocol: str) -> Iterator[Process]:
    """A load generator that aims at this port."""
    with running(python("scripts.benchmarks.load"), LOAD_CORE) as process:
        process.ask(do="target", host="127.0.0.1", port=port, protocol=protocol)
        yield process
