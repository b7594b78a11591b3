"""What a frame and a link cost a monitor, beside other ways to take the same readings."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from .contest import Loading, Opening, Server, contest
from .figures import Figure, columns
from .peers.storing import STORING, Missing
from .processes import bare, monitor

LINKS: Final = 3_000
RATE: Final = 12_000
"""What all ways of a frame are compared under."""
FRAME_COLUMNS: Final = columns(
    "links", "rate", "ratio", "cpu_us_a_frame", "kib_a_link", "sent", "stored", "late_s"
)
FLEET_COLUMNS: Final = columns(
    "links", "rate", "ratio", "cpu_us_a_frame", "cores", "kib_a_link", "sent", "stored", "late_s",
    "round_trip_ms_50", "round_trip_ms_99", "bytes_on_disk_a_reading", "bytes_written_a_reading",
)  # fmt: skip


@contextlib.contextmanager
def gridws(files: Path) -> Iterator[Server]:
    """A monitor with its defaults, everything stored."""
    with monitor(files / "bench.db") as (process, port):
        yield Server(what="gridws", processes=[process], port=port, database=files / "bench.db")


@contextlib.contextmanager
def route(files: Path) -> Iterator[Server]:
    """The same on the FastAPI route instead of our own protocol class."""
    database = files / "bench.db"
    with bare("route", str(database)) as (process, port):
        yield Server(what="gridws on the FastAPI route", processes=[process], port=port, database=database)


def bare_peer(kind: str, what: str, protocol: str = "gridws") -> Opening:
    """Return how one of the bare servers is started, which store nothing."""

    @contextlib.contextmanager
    def opening(files: Path) -> Iterator[Server]:
        del files
        with bare(kind) as (process, port):
            yield Server(what=what, processes=[process], port=port, protocol=protocol)

    return opening


def whole_way(*, links: int, rate: int, seconds: float, probe: bool) -> list[Figure]:
    """Measure a monitor alone, with `probe` an engineer's way on the side, which counts as the frames' cost too."""
    return contest([gridws], Loading(links=links, rate=rate, seconds=seconds, hello=True, probe=probe))


def frames(seconds: float) -> Iterator[Figure]:
    """Compare gridws with bare servers, its own slower route, and the original design."""
    openings = [
        gridws,
        bare_peer("websockets", "bare websockets server, stores nothing"),
        bare_peer("websockets-uvloop", "the same on uvloop"),
        route,
    ]
    figures = contest(openings, Loading(links=LINKS, rate=RATE, seconds=seconds, hello=True))
    post = bare_peer("post", "the original design, HTTP POST, stores nothing", "post")
    figures += contest([post], Loading(links=200, rate=2_000, seconds=seconds))
    figures[-1].compare(figures[0])
    yield from figures


def peers(seconds: float) -> Iterator[Figure]:
    """Compare gridws with others' ways from a fleet to SQLite, as far as this machine has them."""
    openings: list[Opening] = [gridws]
    for name, find in STORING.items():
        try:
            openings.append(find())
        except Missing as why:
            print(f"{name} is left out: {why}", file=sys.stderr, flush=True)
    yield from contest(openings, Loading(links=LINKS, rate=RATE, seconds=seconds, hello=True))


def fleets(seconds: float) -> Iterator[Figure]:
    """Measure a middling fleet, and one that keeps a core busy."""
    figures = whole_way(links=5_000, rate=5_000, seconds=seconds, probe=True)
    figures += whole_way(links=9_000, rate=45_000, seconds=seconds, probe=True)
    for figure in figures:
        figure.compare(figures[0])
        yield figure
