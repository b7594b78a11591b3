"""What our turbines cost the process that they run in, beside bare clients; the monitor has the other core."""

from __future__ import annotations

import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from .capacity import number_in
from .figures import Figure, columns
from .processes import LOAD_CORE, MEASURED_CORE, monitor, python, running

COLUMNS: Final = columns("links", "rate", "ratio", "cpu_us_a_frame", "cores", "kib_a_link", "ms")
COUNT: Final = 2_000


def turbines(seconds: float) -> Iterator[Figure]:
    """Yield the figures of bare clients, and of our turbines with their ratio to those."""
    first = None
    for is_bare in (True, False):
        figure = _clients(count=COUNT, seconds=seconds, is_bare=is_bare)
        first = first or figure
        figure.compare(first)
        yield figure


def _clients(*, count: int, seconds: float, is_bare: bool) -> Figure:
    with (
        tempfile.TemporaryDirectory(prefix="gridws-bench-") as folder,
        monitor(Path(folder) / "bench.db", core=LOAD_CORE) as (_, port),
    ):
        url = f"ws://127.0.0.1:{port}"
        command = python(
            "gridws", "turbines", "--count", str(count), "--monitor", url, "--log-level", "error"
        )
        if is_bare:
            command = python("scripts.benchmarks.peers.bare", "clients", url, str(count))
        began = time.monotonic()
        with running(command, MEASURED_CORE) as process:
            time.sleep(0.7)  # the imports; the first few hundred links are then on their way
            empty = process.memory()
            _wait_online(port, count)
            online = time.monotonic() - began
            time.sleep(2.0)
            cpu, memory, began = process.cpu(), process.memory(), time.monotonic()
            time.sleep(seconds)
            cpu, lasted = process.cpu() - cpu, time.monotonic() - began
    return Figure(
        what=f"{'bare clients' if is_bare else 'gridws turbines'}, ms until all are online",
        links=count,
        rate=count,
        cpu_us_a_frame=round(cpu / lasted / count * 1e6, 1),
        cores=round(cpu / lasted, 2),
        kib_a_link=round((memory - empty) / count / 1024, 1),
        ms=round(online * 1000),
    )


def _wait_online(port: int, count: int) -> None:
    for _ in range(600):
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
            text = answer.read().decode()
        if number_in(text, "gridws_turbines_online") >= count:
            return
        time.sleep(0.1)
    raise SystemExit(f"{count} turbines are not online after a minute")
