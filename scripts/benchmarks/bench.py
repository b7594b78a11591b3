"""Every figure of the README's table in one command, each beside a peer from the same run.

The server under test runs on one core, the load comes from another process on another core. CPU is what the
kernel charges the server's process, all of its threads; memory is its resident size.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
TICK = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")
SERVER_CORE, LOAD_CORE = 0, 1


class Process:
    """A child pinned to one core, whose CPU and memory can be read."""

    def __init__(self, command: list[str], core: int) -> None:
        self.child = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=HERE.parent.parent,
            preexec_fn=lambda: os.sched_setaffinity(0, {core % (os.cpu_count() or 1)}),
        )

    def line(self) -> str:
        assert self.child.stdout is not None
        line = self.child.stdout.readline()
        if not line:
            raise SystemExit(f"{self.child.args} ended with {self.child.wait()}")
        return line

    def ask(self, **order: object) -> dict[str, Any]:
        assert self.child.stdin is not None
        self.child.stdin.write(json.dumps(order) + "\n")
        self.child.stdin.flush()
        answer: dict[str, Any] = json.loads(self.line())
        return answer

    def cpu(self) -> float:
        """Return the seconds of CPU used so far."""
        fields = Path(f"/proc/{self.child.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / TICK

    def memory(self) -> int:
        """Return the resident bytes."""
        return int(Path(f"/proc/{self.child.pid}/statm").read_text().split()[1]) * PAGE

    def stop(self) -> None:
        self.child.terminate()
        try:
            self.child.wait(20)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait()


@dataclass
class Figure:
    """One line of the table."""

    what: str
    links: int
    rate: int
    cpu_us_a_frame: float
    core: float
    kib_a_link: float
    sent: int
    stored: int | None = None
    late_s: float = 0.0
    assigned_ms_50: float | None = None
    assigned_ms_99: float | None = None


@contextlib.contextmanager
def monitor(database: Path) -> Iterator[tuple[Process, int]]:
    """A whole monitor, its defaults on."""
    command = [sys.executable, "-m", "gridws", "monitor", "--port", "0", "--database", str(database)]
    server = Process([*command, "--log-level", "error"], SERVER_CORE)
    try:
        yield server, int(server.line().split("localhost:")[1].split()[0])
    finally:
        server.stop()


@contextlib.contextmanager
def peer(kind: str) -> Iterator[tuple[Process, int]]:
    """One of the peers."""
    server = Process([sys.executable, "-m", "scripts.benchmarks.peers", kind], SERVER_CORE)
    try:
        yield server, int(server.line())
    finally:
        server.stop()


@contextlib.contextmanager
def load(port: int, path: str) -> Iterator[Process]:
    """A load generator that aims at this port."""
    generator = Process([sys.executable, "-m", "scripts.benchmarks.load"], LOAD_CORE)
    try:
        generator.ask(do="target", host="127.0.0.1", port=port, path=path)
        yield generator
    finally:
        generator.stop()


LINKS = "/ws/turbines/{n}"


def measure(
    what: str,
    server: Process,
    port: int,
    *,
    links: int,
    rate: int,
    seconds: float,
    path: str = LINKS,
    hello: bool = False,
    probe: dict[str, object] | None = None,
) -> Figure:
    """Open links, load them for a while, and say what a frame and a link cost the server."""
    with load(port, path) as generator:
        before = server.memory()
        generator.ask(do="open", first=1, count=links, hello=hello)
        generator.ask(do="send", rate=rate, seconds=1.5)  # warm
        memory = (server.memory() - before) / links
        cpu = server.cpu()
        answer = generator.ask(do="send", rate=rate, seconds=seconds, probe=probe)
        time.sleep(0.3)
        cpu = server.cpu() - cpu
    times = sorted(answer.get("times", []))
    return Figure(
        what=what,
        links=links,
        rate=rate,
        cpu_us_a_frame=round(cpu / answer["sent"] * 1e6, 1),
        core=round(cpu / answer["seconds"], 2),
        kib_a_link=round(memory / 1024, 1),
        sent=int(answer["sent"] + rate * 1.5),
        late_s=round(answer["late"], 2),
        assigned_ms_50=round(statistics.median(times) * 1000, 2) if times else None,
        assigned_ms_99=round(times[int(len(times) * 0.99)] * 1000, 2) if times else None,
    )


def measure_monitor(what: str, *, links: int, rate: int, seconds: float) -> Figure:
    """The whole way: a monitor with defaults, everything stored, dispatch latency on the side."""
    with tempfile.TemporaryDirectory(prefix="gridws-bench-") as folder:
        database = Path(folder) / "bench.db"
        with monitor(database) as (server, port):
            probe: dict[str, object] = {"number": 2_000_000, "echo": False}
            figure = measure(
                what, server, port, links=links, rate=rate, seconds=seconds, hello=True, probe=probe
            )
        with contextlib.closing(sqlite3.connect(database)) as rows:
            figure.stored = rows.execute("SELECT count(*) FROM metrics").fetchone()[0]
    return figure


def measure_peer(kind: str, what: str, *, links: int, rate: int, seconds: float) -> Figure:
    """A peer under the same load."""
    path = "/post_metrics" if kind == "post" else LINKS
    probe: dict[str, object] | None = {"number": 2_000_000, "echo": True} if kind == "echo" else None
    with peer(kind) as (server, port):
        return measure(
            what,
            server,
            port,
            links=links,
            rate=rate,
            seconds=seconds,
            path=path,
            hello=kind == "route",
            probe=probe,
        )


def cases(seconds: float) -> Iterator[Figure]:
    """All cases, the quick way first."""
    yield measure_monitor("gridws, all stored", links=5_000, rate=5_000, seconds=seconds)
    yield measure_peer("websockets", "bare websockets server", links=3_000, rate=12_000, seconds=seconds)
    yield measure_monitor("gridws, all stored", links=3_000, rate=12_000, seconds=seconds)
    yield measure_peer("route", "gridws on the FastAPI route", links=3_000, rate=12_000, seconds=seconds)
    yield measure_peer("post", "original design, HTTP POST", links=200, rate=2_000, seconds=seconds)
    yield measure_peer("echo", "bare echo server", links=2_000, rate=2_000, seconds=seconds)
    yield measure_monitor("gridws, all stored", links=2_000, rate=2_000, seconds=seconds)
    yield measure_monitor("gridws, all stored", links=9_000, rate=45_000, seconds=seconds)


COLUMNS = {
    "what": "what",
    "links": "links",
    "rate": "frames/s",
    "cpu_us_a_frame": "µs a frame",
    "core": "cores",
    "kib_a_link": "KiB a link",
    "sent": "sent",
    "stored": "stored",
    "assigned_ms_50": "assigned p50 ms",
    "assigned_ms_99": "p99 ms",
}


def row(values: dict[str, object]) -> str:
    """One aligned line of the table."""
    return "  ".join(
        f"{'' if values[key] is None else values[key]!s:{'<' if key == 'what' else '>'}{max(len(title), 28 if key == 'what' else 8)}}"
        for key, title in COLUMNS.items()
    )


def main() -> None:
    """Run everything, print the table, write bench.json."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=10.0, help="how long each case is loaded")
    parser.add_argument("--only", help="cases whose name contains this")
    parser.add_argument("--output", type=Path, default=Path("bench.json"))
    options = parser.parse_args()
    print(row({key: title for key, title in COLUMNS.items()}), flush=True)
    figures = []
    for figure in cases(options.seconds):
        figures.append(figure)
        print(row(asdict(figure)), flush=True)
    options.output.write_text(json.dumps([asdict(figure) for figure in figures], indent=2) + "\n")


if __name__ == "__main__":
    main()
