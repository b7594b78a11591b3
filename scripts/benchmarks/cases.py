"""What is measured: frames, links and dispatch beside peers, our turbines beside bare clients, starts."""

from __future__ import annotations

import contextlib
import json
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from .archive import history
from .processes import LOAD_CORE, MEASURED_CORE, ROOT, Process, load, monitor, peer, running

LINKS: Final = "/ws/turbines/{n}"
PROBE: Final = 2_000_000
"""Number of the turbine that breaks and is mended over and over, to measure the way of an engineer."""
ROUNDS: Final = 4
"""Each case is measured so often, one after the other, and its median CPU counts: these machines have neighbours."""
WARM_UP: Final = 1.5
"""Seconds of load before anything is counted."""


@dataclass(kw_only=True)
class Figure:
    """One line of the table; what a case does not measure is None."""

    what: str
    links: int | None = None
    rate: int | None = None
    cpu_us_a_frame: float | None = None
    cores: float | None = None
    kib_a_link: float | None = None
    sent: int | None = None
    stored: int | None = None
    late_s: float | None = None
    """How far the load fell behind its pace at worst: above a tenth of a second the machine was too busy."""
    round_trip_ms_50: float | None = None
    round_trip_ms_99: float | None = None
    bytes_on_disk_a_reading: float | None = None
    bytes_written_a_reading: float | None = None
    ms: float | None = None


@dataclass(kw_only=True)
class Loading:
    """How a server is loaded."""

    links: int
    rate: int
    seconds: float
    path: str = LINKS
    hello: bool = False
    probe: str | None = None


def measure(what: str, server: Process, port: int, how: Loading) -> Figure:
    """Open links, load them for a while, and say what a frame and a link cost the server."""
    probe = {"number": PROBE, "echo": how.probe == "echo"} if how.probe else None
    with load(port, how.path) as generator:
        empty = server.memory()
        generator.ask(do="open", first=1, count=how.links, hello=how.hello)
        generator.ask(do="send", rate=how.rate, seconds=WARM_UP)
        memory, cpu, written = server.memory() - empty, server.cpu(), server.written()
        rounds, cpus = [], []
        for _ in range(ROUNDS):
            rounds.append(generator.ask(do="send", rate=how.rate, seconds=how.seconds / ROUNDS, probe=probe))
            cpu, before = server.cpu(), cpu
            cpus.append((cpu - before) / rounds[-1]["sent"])
        time.sleep(0.3)
        written = server.written() - written
    sent = sum(each["sent"] for each in rounds)
    figure = Figure(
        what=what,
        links=how.links,
        rate=how.rate,
        cpu_us_a_frame=round(statistics.median(cpus) * 1e6, 1),
        cores=round(statistics.median(cpus) * how.rate, 2),
        kib_a_link=round(memory / how.links / 1024, 1),
        sent=int(sent + how.rate * WARM_UP),
        late_s=round(max(each["late"] for each in rounds), 2),
    )
    times = sorted(time for each in rounds for time in each.get("times", []))
    if times:
        figure.round_trip_ms_50 = round(statistics.median(times) * 1000, 2)
        figure.round_trip_ms_99 = round(times[int(len(times) * 0.99)] * 1000, 2)
    if how.hello:
        figure.bytes_written_a_reading = round(written / sent)
    return figure


def whole_way(*, links: int, rate: int, seconds: float, probe: bool = True) -> Figure:
    """Measure a monitor with its defaults, everything stored, with `probe` an engineer's way on the side."""
    how = Loading(links=links, rate=rate, seconds=seconds, hello=True, probe="engineer" if probe else None)
    with tempfile.TemporaryDirectory(prefix="gridws-bench-") as folder:
        database = Path(folder) / "bench.db"
        with monitor(database) as (server, port):
            figure = measure("gridws, all stored", server, port, how)
        with contextlib.closing(sqlite3.connect(database)) as connection:
            (figure.stored,) = connection.execute("SELECT count(*) FROM metrics").fetchone()
        figure.bytes_on_disk_a_reading = round(database.stat().st_size / max(1, figure.stored or 0))
    return figure


def other(kind: str, what: str, *, links: int, rate: int, seconds: float) -> Figure:
    """Measure a peer under the same load."""
    how = Loading(links=links, rate=rate, seconds=seconds, hello=kind == "route")
    how.path = "/post_metrics" if kind == "post" else LINKS
    how.probe = "echo" if kind == "echo" else None
    with peer(kind) as (server, port):
        return measure(what, server, port, how)


def turbines(*, count: int, seconds: float, bare: bool) -> Figure:
    """Measure the process that the turbines run in; the monitor it talks to runs on the other core."""
    with (
        tempfile.TemporaryDirectory(prefix="gridws-bench-") as folder,
        monitor(Path(folder) / "bench.db", LOAD_CORE) as (_, port),
    ):
        url = f"ws://127.0.0.1:{port}"
        command = ["gridws", "turbines", "--count", str(count), "--monitor", url, "--log-level", "error"]
        if bare:
            command = ["scripts.benchmarks.peers", "clients", url, str(count)]
        began = time.monotonic()
        with running(command, MEASURED_CORE) as process:
            empty = _memory_at_start(process)
            _wait_online(port, count)
            online = time.monotonic() - began
            time.sleep(2.0)
            cpu, memory, began = process.cpu(), process.memory(), time.monotonic()
            time.sleep(seconds)
            cpu, lasted = process.cpu() - cpu, time.monotonic() - began
    return Figure(
        what=f"{'bare clients' if bare else 'gridws turbines'}, ms until all are online",
        links=count,
        rate=count,
        cpu_us_a_frame=round(cpu / lasted / count * 1e6, 1),
        cores=round(cpu / lasted, 2),
        kib_a_link=round((memory - empty) / count / 1024, 1),
        ms=round(online * 1000),
    )


def _memory_at_start(process: Process) -> int:
    time.sleep(0.7)  # the imports; the first few hundred links are then on their way
    return process.memory()


def _wait_online(port: int, count: int) -> None:
    for _ in range(600):
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
            text = answer.read().decode()
        if float(text.split("\ngridws_turbines_online ")[1].split()[0]) >= count:
            return
        time.sleep(0.1)
    raise SystemExit(f"{count} turbines are not online after a minute")


def starts() -> Iterator[Figure]:
    """Measure how long it takes until `--help` is printed, and until the monitor listens: the best of three."""
    command = [sys.executable, "-m", "gridws", "--help"]
    yield Figure(
        what="gridws --help",
        ms=_best_of_three(
            lambda: subprocess.run(command, cwd=ROOT, check=True, capture_output=True, timeout=60)
        ),
    )
    with tempfile.TemporaryDirectory(prefix="gridws-bench-") as folder:

        def listen() -> None:
            with monitor(Path(folder) / "bench.db"):
                pass

        yield Figure(what="gridws monitor, started and stopped", ms=_best_of_three(listen))


def _best_of_three(run: Callable[[], object]) -> float:
    times = []
    for _ in range(3):
        began = time.monotonic()
        run()
        times.append(time.monotonic() - began)
    return round(min(times) * 1000)


def all_cases(seconds: float, history_minutes: int) -> dict[str, Callable[[], Iterator[Figure]]]:
    """Return every group of cases by its name; a group holds what is compared with each other."""

    def frames() -> Iterator[Figure]:
        load = {"links": 3_000, "rate": 12_000}
        yield other("websockets", "bare websockets server", **load, seconds=seconds)
        yield other("websockets-uvloop", "bare websockets server on uvloop", **load, seconds=seconds)
        # Without a probe, which costs nothing elsewhere: it would be counted as the frames' cost.
        yield whole_way(**load, seconds=seconds, probe=False)
        yield other("route", "gridws on the FastAPI route", **load, seconds=seconds)
        yield other("post", "the original design, HTTP POST", links=200, rate=2_000, seconds=seconds)

    def dispatch() -> Iterator[Figure]:
        yield other("echo", "bare echo server", links=2_000, rate=2_000, seconds=seconds)
        yield whole_way(links=2_000, rate=2_000, seconds=seconds)

    def fleets() -> Iterator[Figure]:
        yield whole_way(links=5_000, rate=5_000, seconds=seconds)
        yield whole_way(links=9_000, rate=45_000, seconds=seconds)

    def clients() -> Iterator[Figure]:
        yield turbines(count=2_000, seconds=seconds, bare=True)
        yield turbines(count=2_000, seconds=seconds, bare=False)

    def archive() -> Iterator[Figure]:
        for what, value in history(turbines=10_000, minutes=history_minutes):
            yield Figure(what=what, ms=value)

    return {
        "frames": frames,
        "dispatch": dispatch,
        "fleets": fleets,
        "turbines": clients,
        "history": archive,
        "starts": starts,
    }


def as_json(figures: list[Figure], machine: dict[str, object]) -> str:
    """Return all figures and the machine that they are of."""
    rows = [{name: value for name, value in vars(figure).items() if value is not None} for figure in figures]
    return json.dumps({"machine": machine, "figures": rows}, indent=2) + "\n"
