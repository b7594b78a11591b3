"""What monitors cost that share a PostgreSQL, beside one with a file: a reading, an engineer, and what others add.

The database runs on all cores, beside the load: on two cores it is what it is measured with.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import uvloop

from .capacity import KEPT_UP, LOWEST_RATE, STEP_LASTS, STEP_UP, TRIES, Stand, stand
from .contest import Loading, Opening, Server, contest
from .dispatch import ASSIGNED, Turbine, connect, ways_of_an_engineer
from .figures import Figure, columns, print_facts, print_table
from .frames import LINKS, RATE, gridws
from .peers.postgres import Postgres, postgres
from .processes import LOAD_CORE, MEASURED_CORE, load, monitor, running

COLUMNS: Final = columns(
    "links", "rate", "ratio", "cpu_us_a_frame", "server_us_a_frame", "kib_a_link", "sent", "stored", "late_s"
)
WAYS: Final = columns("ratio", "round_trip_ms_50", "round_trip_ms_99")
MANY: Final = 6_000
"""Links that share the rate at which monitors are at their best."""
DECIDERS: Final = 4
PATIENTS: Final = 40
"""Turbines of each monitor that break as soon as they are mended."""
DECIDING: Final = 8.0
FLEET: Final = 10_000
WATCHING: Final = 10.0
WATCH: Final = "exec {python} scripts/wscat.py ws://127.0.0.1:{port}/ws/watch >/dev/null"


def print_several(seconds: float) -> dict[str, list[dict[str, object]]]:
    """Measure all of it and print it; return the tables."""
    with tempfile.TemporaryDirectory(prefix="gridws-bench-") as name:
        folder = Path(name) / "postgres"
        folder.mkdir()
        with postgres(folder) as server:
            return {
                "readings": print_table(COLUMNS, map(vars, readings(server, seconds))),
                "engineers": print_table(WAYS, map(vars, engineers(server))),
                "pool": print_facts("monitors that share a pool", facts(server)),
            }


def readings(server: Postgres, seconds: float) -> Iterator[Figure]:
    """Yield what a reading costs a monitor with a file, and one with the database."""
    how = Loading(links=LINKS, rate=RATE, seconds=seconds, hello=True)
    yield from contest([gridws, _shared(server, "readings")], how)


def _shared(server: Postgres, name: str) -> Opening:
    @contextlib.contextmanager
    def opening(files: Path) -> Iterator[Server]:
        del files
        with monitor(server.create(name)) as (process, port):
            yield Server(
                what="gridws with PostgreSQL",
                processes=[process],
                port=port,
                beside=server.cpu,
                count=lambda: server.ask(name, "SELECT count(*) FROM metrics"),
            )

    return opening


def engineers(server: Postgres) -> Iterator[Figure]:
    """Yield how long an engineer takes where two monitors share the pool, beside a bare echo."""
    url = server.create("engineers")
    with (
        tempfile.TemporaryDirectory(prefix="gridws-bench-") as folder,
        monitor(url, "--engineers", "1", log=Path(folder) / "log") as (_, port),
        monitor(url, log=Path(folder) / "other"),
    ):
        yield from ways_of_an_engineer(port)


def facts(server: Postgres) -> dict[str, object]:
    """Return what several monitors do, and what each has to do for the others."""
    with stand(links=MANY, numbered=True) as alone:
        best = alone.best()
    together = _best_of_two(server.create("best"))
    return {
        "one with a file stores at its best, a second": round(best),
        "two with the database, of that": round(together / best, 2),
        f"decisions a second of {DECIDERS}": round(_decisions(server.create("decisions"))),
        f"cores for the page of {FLEET:,} turbines linked to another": round(
            _following(server.create("page")), 3
        ),
    }


def _best_of_two(url: str) -> float:
    """Return the readings a second that two monitors store together, one on each core."""
    half = MANY // 2
    with (
        stand(links=half, numbered=True, url=url, core=MEASURED_CORE) as one,
        stand(links=half, numbered=True, url=url, core=LOAD_CORE, first=half + 1) as other,
    ):
        best = 0.0
        for power in itertools.count():
            rate, stored = LOWEST_RATE * STEP_UP**power, 0.0
            for _ in range(TRIES):
                if stored < KEPT_UP * rate:
                    stored = max(stored, _step([one, other], rate))
            best = max(best, stored)
            if stored < KEPT_UP * rate:
                return best
    raise AssertionError


def _step(stands: Sequence[Stand], rate: float) -> float:
    """Offer this rate to all of them together; return what they store of it a second."""
    firsts = [len(each.watching.seconds) + 1 for each in stands]
    for each in stands:
        each.flood.tell(do="send", rate=rate / len(stands), seconds=STEP_LASTS)
    for each in stands:
        each.flood.answer()
    stored = 0.0
    for each, first in zip(stands, firsts, strict=True):
        each.wait_for_looks(first + 2)
        begin, *_, end = each.watching.seconds[first:]
        stored += (end.stored - begin.stored) / (end.said_at - begin.said_at)
    return min(rate, stored)


def _decisions(url: str) -> float:
    """Return how often a second an engineer is sent, where turbines break as soon as they are mended."""
    with contextlib.ExitStack() as stack:
        ports = [
            stack.enter_context(monitor(url, "--engineers", str(DECIDERS * PATIENTS), core=place))[1]
            for place in range(DECIDERS)
        ]
        return uvloop.run(_break_and_mend(ports))


async def _break_and_mend(ports: Sequence[int]) -> float:
    numbers = itertools.count(1)
    turbines = [await connect(next(numbers), port) for port in ports for _ in range(PATIENTS)]
    until = time.perf_counter() + DECIDING
    sent = sum(await asyncio.gather(*[_suffer(each, until) for each in turbines]))
    for each in turbines:
        each.is_cut()
    await asyncio.sleep(0.1)  # a loop that is closed over open connections warns
    return sent / DECIDING


async def _suffer(turbine: Turbine, until: float) -> int:
    times = 0
    while time.perf_counter() < until:
        turbine.says(b"broken")
        await turbine.hears(ASSIGNED)
        turbine.says(b"ok")
        times += 1
        await asyncio.sleep(0.1)  # or it would be over its rate
    return times


def _following(url: str) -> float:
    """Return the cores of a monitor without a link while somebody watches there what all turbines say to another."""
    with (
        monitor(url, core=LOAD_CORE) as (_, port),
        monitor(url, core=MEASURED_CORE) as (watcher, watched),
        running(["sh", "-c", WATCH.format(python=sys.executable, port=watched)], LOAD_CORE),
        load(port, "gridws") as generator,
    ):
        generator.ask(do="open", first=1, count=FLEET, hello=True)
        generator.ask(do="send", rate=FLEET, seconds=3.0)
        cpu = watcher.cpu()
        generator.ask(do="send", rate=FLEET, seconds=WATCHING)
        return (watcher.cpu() - cpu) / WATCHING
