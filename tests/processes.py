"""`gridws` as real processes, and a turbine that does what a test says."""

from __future__ import annotations

import asyncio
import json
import re
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from websockets.asyncio.client import ClientConnection, connect

PATIENCE = 60.0
"""Seconds that any single wait may take; only a failing test, or one on a very busy machine, ever waits so long."""


class Command:
    """One running command; `url` is where it listens."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.url = ""

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])

    async def listen(self) -> None:
        assert self.process.stdout is not None
        async with asyncio.timeout(PATIENCE):
            line = (await self.process.stdout.readline()).decode()
        found = re.search(r"listens on (http://\S+)", line)
        assert found, line
        self.url = found[1]

    async def end(self, number: signal.Signals = signal.SIGTERM) -> str:
        """Signal it, wait, and return what it wrote meanwhile."""
        if self.process.returncode is None:
            self.process.send_signal(number)
        async with asyncio.timeout(PATIENCE):
            output, _ = await self.process.communicate()
        return output.decode()


async def start(*arguments: str, folder: Path) -> Command:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "gridws", *arguments),
        cwd=folder,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    command = Command(process)
    await command.listen()
    return command


async def start_monitor(folder: Path, *, port: int = 0, engineers: int = 1) -> Command:
    return await start(
        "monitor", "--port", str(port), "--engineers", str(engineers), "--log-level", "error", folder=folder
    )


@asynccontextmanager
async def dashboard(monitor_url: str, folder: Path) -> AsyncIterator[Command]:
    command = await start("dashboard", "--port", "0", "--monitor", monitor_url, folder=folder)
    try:
        yield command
    finally:
        await command.end()


@asynccontextmanager
async def monitor_and_page(folder: Path, *, engineers: int = 1) -> AsyncIterator[tuple[Command, Command]]:
    monitor = await start_monitor(folder, engineers=engineers)
    try:
        async with dashboard(monitor.url, folder) as page:
            yield monitor, page
    finally:
        await monitor.end()


class Turbine:
    """A link by hand."""

    def __init__(self, link: ClientConnection, number: int) -> None:
        self._link = link
        self._number = number

    async def say(self, status: str, wind_speed: float = 8.5, power: float = 640.0) -> None:
        frame = {
            "type": "metrics",
            "turbine_number": self._number,
            "wind_speed": wind_speed,
            "power_output_in_kwh": power,
            "operational_status": status,
        }
        await self._link.send(json.dumps(frame))

    async def vanish(self) -> None:
        await self._link.close()


@asynccontextmanager
async def turbine(monitor: Command, number: int) -> AsyncIterator[Turbine]:
    url = monitor.url.replace("http", "ws", 1)
    async with connect(f"{url}/ws/turbines/{number}", proxy=None) as link:
        yield Turbine(link, number)
