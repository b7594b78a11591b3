"""Turbines and viewers behind the haproxy whose file comes with the package."""

from __future__ import annotations

import asyncio
import csv
import os
import urllib.error
import urllib.request
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final, NamedTuple

import pytest
from live_monitor import LiveMonitor, served, until

from gridws.commands.shipped import BALANCER
from gridws.process.listening import open_sockets
from gridws.settings import TurbineSettings
from gridws.storage.memory import MemoryStore
from gridws.turbines.fleet import run_fleet
from gridws.viewers.mirror import Mirror

pytestmark = pytest.mark.needs("haproxy")

CONFIGURATION: Final = Path(__file__).parent.parent / "gridws" / "watching" / BALANCER


# Tests see what it thinks of the monitors; its own file has nothing that others could read.
STATISTICS: Final = """
frontend statistics
    bind "${STATISTICS}"
    stats enable
    stats uri /
"""


class Balancer(NamedTuple):
    """A running haproxy: where clients go, and where its statistics are."""

    address: str
    statistics: str

    async def until(self, **states: str) -> None:
        """Wait until it thinks so of each monitor, as one that stores what it is told."""
        async with asyncio.timeout(10):
            while await asyncio.to_thread(self._states) != states:
                pass

    def _states(self) -> dict[str, str]:
        try:
            with urllib.request.urlopen(f"http://{self.statistics}/;csv") as answer:
                rows = csv.DictReader(answer.read().decode().removeprefix("# ").splitlines())
        except urllib.error.URLError:  # it is not up yet
            return {}
        return {
            row["svname"]: row["status"] for row in rows if row["pxname"] == "ready" and row["svname"] in "ab"
        }


@asynccontextmanager
async def balanced(folder: Path, a: LiveMonitor, b: LiveMonitor) -> AsyncIterator[Balancer]:
    """Run haproxy before two monitors; give it once it takes both for ready."""
    (folder / "statistics.cfg").write_text(STATISTICS, encoding="utf-8")
    front, statistics = open_sockets(("127.0.0.1",), 0) + open_sockets(("127.0.0.1",), 0)
    balancer = Balancer(*(f"127.0.0.1:{each.getsockname()[1]}" for each in (front, statistics)))
    where = {"BIND": f"fd@{front.fileno()}", "STATISTICS": f"fd@{statistics.fileno()}", "CHECK_EVERY": "20ms"}
    monitors = {f"MONITOR_{name}": f"127.0.0.1:{each.port}" for name, each in (("A", a), ("B", b))}
    with front, statistics:  # they are its own then: no other process can take a port in between
        process = await asyncio.create_subprocess_exec(
            *("haproxy", "-db", "-q", "-f", str(CONFIGURATION), "-f", str(folder / "statistics.cfg")),
            env=os.environ | where | monitors,
            pass_fds=(front.fileno(), statistics.fileno()),
            stdout=asyncio.subprocess.DEVNULL,
        )
    try:
        await balancer.until(a="UP", b="UP")
        yield balancer
    finally:
        process.kill()
        await process.wait()


@asynccontextmanager
async def fleet(balancer: Balancer, first_number: int, count: int) -> AsyncIterator[None]:
    settings = TurbineSettings(
        count=count, first_number=first_number, monitor=f"ws://{balancer.address}", upload_frequency=0.1
    )
    task = asyncio.create_task(run_fleet(settings))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])


def set_failure(live: LiveMonitor, failure: str | None) -> None:
    assert isinstance(live.monitor.store, MemoryStore)
    live.monitor.store.failure = failure


async def test_new_links_go_where_there_are_fewest_of_those_that_can_store(tmp_path: Path) -> None:
    async with served(retry_after=0.05) as a, served() as b, balanced(tmp_path, a, b) as balancer:
        of_a, of_b = a.monitor.sessions, b.monitor.sessions
        async with fleet(balancer, 1, 8):
            await until(lambda: len(of_a) + len(of_b) == 8)
            assert (len(of_a), len(of_b)) == (4, 4)

            set_failure(a, "the disk is full")
            await balancer.until(a="DOWN", b="UP")
            async with fleet(balancer, 101, 4):
                await until(lambda: len(of_a) + len(of_b) == 12)
                assert (len(of_a), len(of_b)) == (4, 8)

                set_failure(a, None)
                await balancer.until(a="UP", b="UP")
                async with fleet(balancer, 201, 4):
                    await until(lambda: len(of_a) + len(of_b) == 16)
                    assert (len(of_a), len(of_b)) == (8, 8)


async def test_where_no_monitor_can_store_links_are_taken_all_the_same(tmp_path: Path) -> None:
    async with served(retry_after=0.05) as a, served() as b, balanced(tmp_path, a, b) as balancer:
        async with fleet(balancer, 1, 2):
            await until(lambda: len(a.monitor.sessions) + len(b.monitor.sessions) == 2)
            set_failure(a, "the disk is full")
            set_failure(b, "the disk is full")
            await balancer.until(a="DOWN", b="DOWN")
        mirror = Mirror(f"ws://{balancer.address}")

        async with fleet(balancer, 11, 1):
            await until(lambda: 11 in a.monitor.sessions or 11 in b.monitor.sessions)
            await mirror.look()

        assert mirror.turbines.keys() & {1, 2, 11}
