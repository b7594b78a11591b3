"""How long a start takes, beside the bare import of what it cannot do without."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from .figures import Figure, columns
from .processes import MEASURED_CORE, ROOT, monitor, pinned, python

COLUMNS: Final = columns("ratio", "ms")
TRIES: Final = 5
"""The best of these counts, and the starts alternate: a start is disturbed often and helped never."""


def starts() -> Iterator[Figure]:
    """Yield the time of each start, with its ratio to the bare import."""
    kinds: dict[str, Callable[[], float]] = {
        "python, import fastapi and uvicorn": lambda: _ran([sys.executable, "-c", "import fastapi, uvicorn"]),
        "gridws --help": lambda: _ran(python("gridws", "--help")),
        "gridws monitor, until it listens": _listened,
    }
    times: dict[str, list[float]] = {what: [] for what in kinds}
    for _ in range(TRIES):
        for what, run in kinds.items():
            times[what].append(run())
    figures = [Figure(what=what, ms=round(min(each) * 1000)) for what, each in times.items()]
    for figure in figures:
        figure.compare(figures[0])
        yield figure


def _ran(command: list[str]) -> float:
    began = time.monotonic()
    subprocess.run(pinned(command, MEASURED_CORE), cwd=ROOT, check=True, capture_output=True, timeout=60)
    return time.monotonic() - began


def _listened() -> float:
    with tempfile.TemporaryDirectory(prefix="gridws-bench-") as folder:
        began = time.monotonic()
        with monitor(Path(folder) / "bench.db"):
            return time.monotonic() - began
