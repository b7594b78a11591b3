"""The commands as processes of their own, and how to ask a monitor how it is."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

PATIENCE = 30.0
"""Seconds until a fact that must come true is given up; no promise is as long as this."""
PROMISED = 6.0
"""Seconds from a signal to the end of a process, whoever is connected."""


async def until(fact: Callable[[], object], *, within: float = PATIENCE) -> None:
    """Wait for a fact."""
    async with asyncio.timeout(within):
        while not fact():  # noqa: ASYNC110 - facts of other processes tell nobody when they come true
            await asyncio.sleep(0.02)


class Program:
    """One `gridws …` process; what it prints is in `log`."""

    def __init__(self, log: Path, *arguments: object) -> None:
        self.log = log
        with log.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "gridws", *map(str, arguments)],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**os.environ, "PYTHONUNBUFFERED": "1"},
            )

    @property
    def proc(self) -> Path:
        return Path("/proc") / str(self.process.pid)

    @property
    def lines(self) -> list[str]:
        return self.log.read_text().splitlines()

    @property
    def running(self) -> bool:
        return self.process.poll() is None

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    async def ended(self, *, within: float = PATIENCE) -> int:
        await until(lambda: not self.running, within=within)
        return int(self.process.returncode)

    async def kill(self) -> None:
        self.signal(signal.SIGKILL)
        await self.ended()

    async def stop(self) -> int:
        self.signal(signal.SIGTERM)
        return await self.ended()


class Monitor(Program):
    """A monitor, with its port and its database, a file unless there is the URL of a `server`'s."""

    def __init__(
        self,
        folder: Path,
        *options: object,
        port: int = 0,
        database: Path | None = None,
        server: str | None = None,
    ) -> None:
        self.database = database or folder / "gridws.db"
        self.port = port
        number = len(list(folder.glob("monitor-*.log"))) + 1
        log, kept = folder / f"monitor-{number}.log", server or self.database
        super().__init__(log, "monitor", "--port", port, "--database", kept, *options)

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}"

    async def listening(self) -> Monitor:
        await until(lambda: self._url() or not self.running)
        found = self._url()
        assert found is not None, self.log.read_text()
        self.port = int(found[1])
        return self

    def _url(self) -> re.Match[str] | None:
        return re.search(r"listens on http://\S+:(\d+) ", self.log.read_text())

    async def get(self, path: str) -> tuple[int, Any]:
        """Return status and body of an answer."""
        status, body = await asyncio.to_thread(_get, f"http://127.0.0.1:{self.port}{path}")
        return status, json.loads(body)

    async def put(self, path: str, body: object) -> tuple[int, Any]:
        """Return status and body of the answer to an order."""
        status, answer = await asyncio.to_thread(_put, f"http://127.0.0.1:{self.port}{path}", body)
        return status, json.loads(answer)

    async def number(self, name: str) -> float:
        """Return one of the numbers for Prometheus, 0 where there is none yet."""
        _, body = await asyncio.to_thread(_get, f"http://127.0.0.1:{self.port}/metrics")
        found = re.search(rf"^{re.escape(name)} (\S+)$", body.decode(), re.MULTILINE)
        return float(found[1]) if found else 0.0

    async def until_number(
        self, name: str, fact: Callable[[float], bool], *, within: float = PATIENCE
    ) -> None:
        async with asyncio.timeout(within):
            while not fact(await self.number(name)):  # noqa: ASYNC110 - as above
                await asyncio.sleep(0.05)

    async def until_status(self, path: str, status: int, *, within: float = PATIENCE) -> Any:
        """Wait until a path answers with this status; return the body."""
        async with asyncio.timeout(within):
            while (answer := await self.get(path))[0] != status:  # noqa: ASYNC110 - as above
                await asyncio.sleep(0.05)
        return answer[1]

    async def until_note(self, words: str) -> str:
        """Wait until the health tells a sentence with these words about the database; return all that it tells."""
        async with asyncio.timeout(PATIENCE):
            while words not in (told := " ".join((await self.get("/healthz"))[1]["notes"])):  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        return told

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(f"file:{self.database}?mode=ro", uri=True)) as connection:
            return connection.execute(query).fetchall()


def _put(url: str, body: object) -> tuple[int, bytes]:
    headers = {"Content-Type": "application/json"}
    return _get(urllib.request.Request(url, json.dumps(body).encode(), headers, method="PUT"))


def _get(url: str | urllib.request.Request) -> tuple[int, bytes]:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()


class Site:
    """A folder in which programs are started; all of them end with the test."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.programs: list[Program] = []

    async def monitor(
        self, *options: object, port: int = 0, database: Path | None = None, server: str | None = None
    ) -> Monitor:
        monitor = Monitor(self.folder, *options, port=port, database=database, server=server)
        self.programs.append(monitor)
        return await monitor.listening()

    async def run(self, *arguments: object) -> int:
        """Run a command to its end; return its exit code."""
        program = Program(self.folder / f"command-{len(self.programs)}.log", *arguments)
        self.programs.append(program)
        return await program.ended()

    def turbines(self, monitor_url: str, *options: object) -> Program:
        log = self.folder / f"turbines-{len(self.programs)}.log"
        program = Program(log, "turbines", "--monitor", monitor_url, *options)
        self.programs.append(program)
        return program


@contextmanager
def site(folder: Path) -> Iterator[Site]:
    """Make a site; whoever still runs at the end is killed, also when it was stopped."""
    made = Site(folder)
    try:
        yield made
    finally:
        for program in made.programs:
            program.process.kill()
            program.process.wait()
