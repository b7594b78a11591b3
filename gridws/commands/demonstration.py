"""`gridws demo`: monitor, turbines and dashboard as one: they start together and end together.

Each runs in a session of its own, so that Ctrl-C reaches them once, from here, and not from the terminal too.
Should this process be killed, the system tells them to end.
"""

from __future__ import annotations

import asyncio
import ctypes
import os
import shlex
import shutil
import signal
import sqlite3
import sys
import webbrowser
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from typing import Final

from ..errors import GridError, OptionError
from ..process.listening import open_sockets
from ..settings import ENVIRONMENT_PREFIX

END_WITHIN: Final = 5.0
"""Seconds that the children get to end by themselves, below the 6 s that every command promises."""
PORT_OPTIONS: Final = {"monitor": "--port", "dashboard": "--dashboard-port"}
PR_SET_PDEATHSIG: Final = 1
_MISTAKE: Final = 2
"""The exit code of a command with a mistake in its options, such as a port that is taken."""

Say = Callable[[str], None]


class DemoEnded(GridError):
    """One of the children ended although nobody asked it to."""

    def __init__(self, name: str, status: int) -> None:
        super().__init__(name, status)
        self.name = name
        self.status = status

    def __str__(self) -> str:
        how = f"with exit code {self.status}" if self.status >= 0 else f"by signal {-self.status}"
        return f"the demo ends: the {self.name} ended {how}; what it said last stands above"


def port_or_free(port: int | None, usual: int) -> int:
    """Return a port that was asked for, else the usual one, or 0 for a free one where another has that."""
    if port is not None:
        return port
    try:
        sockets = open_sockets(("localhost",), usual)
    except OptionError:
        return 0
    for each in sockets:
        each.close()
    return usual


def _not_begun(name: str, status: int) -> GridError:
    """Return the error for a child that never listened; what is a mistake in an option to it is one of ours."""
    ended = DemoEnded(name, status)
    if name == "monitor" and status != _MISTAKE:
        return GridError(f"{ended}; beside another demo, --database FILE gives this one a file of its own")
    if status != _MISTAKE:
        return ended
    return OptionError(f"{ended}; if its port is taken, {PORT_OPTIONS[name]} chooses another, 0 a free one")


class Demo:
    """The three processes; `port` and `dashboard_port` may be 0 for free ones."""

    def __init__(self, *, port: int, dashboard_port: int, database: Path, browser: bool, say: Say) -> None:
        self._port = port
        self._dashboard_port = dashboard_port
        self._database = database
        self._browser = browser
        self._say = say
        self._children: dict[str, Process] = {}
        self._begun = False

    async def run(self) -> None:
        """Run until cancelled; raise `DemoEnded` if a child ends before."""
        try:
            url = await self._start_monitor()
            self._begun = True
            await self._start("turbines", "--monitor", url.replace("http", "ws", 1), *TURBINES)
            page = await self._start_dashboard(url.replace("http", "ws", 1))
            self._say(f"Five turbines, two engineers. Look at {page}")
            self._say(f"Every frame, in another terminal: scripts/wscat.py {_frames(url)}")
            self._say("Ctrl-C ends it all.")
            if self._browser and _has_screen():
                webbrowser.open(page)
            await self._first_end()
        finally:
            await self._stop()
            if self._begun:  # otherwise it is another's, or none
                self._sum_up()

    async def _start_monitor(self) -> str:
        options = ("--port", str(self._port), "--engineers", "2", "--database", str(self._database))
        await self._start("monitor", *options, stdout=PIPE)
        return await self._announced("monitor")

    async def _start_dashboard(self, monitor: str) -> str:
        options = ("--port", str(self._dashboard_port), "--monitor", monitor)
        await self._start("dashboard", *options, stdout=PIPE)
        return await self._announced("dashboard")

    async def _start(self, name: str, *options: str, stdout: int | None = None) -> None:
        self._children[name] = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "gridws", name, *options),
            stdin=DEVNULL,
            stdout=stdout,
            env=_environment(),
            start_new_session=True,
            preexec_fn=_die_with_parent,
        )

    async def _announced(self, name: str) -> str:
        """Return the address in the line that a child prints when it listens."""
        output = self._children[name].stdout
        if output is None:
            raise DemoEnded(name, 0)
        line = (await output.readline()).decode().strip()
        address = next((word for word in line.split() if word.startswith(("http://", "https://"))), None)
        if address is None:
            raise _not_begun(name, await self._children[name].wait())
        self._say(line)
        return address

    async def _first_end(self) -> None:
        ends = {asyncio.create_task(child.wait()): name for name, child in self._children.items()}
        try:
            done, _ = await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
            first = done.pop()
            raise DemoEnded(ends[first], first.result())
        finally:
            for task in ends:
                task.cancel()

    async def _stop(self) -> None:
        running = [child for child in self._children.values() if child.returncode is None]
        for child in running:
            with suppress(ProcessLookupError):
                child.terminate()  # and not Ctrl-C, of which Python makes a traceback while it starts
        # Not `asyncio.timeout`: in a task that was cancelled, Python 3.11.0 to 3.11.2 has none that works.
        ends = [asyncio.create_task(child.wait()) for child in running]
        if ends:
            await asyncio.wait(ends, timeout=END_WITHIN)
        for child in running:
            if child.returncode is None:
                with suppress(ProcessLookupError):
                    child.kill()
        await asyncio.gather(*ends)

    def _sum_up(self) -> None:
        with suppress(sqlite3.Error), closing(sqlite3.connect(self._database)) as database:
            readings, repairs = (
                database.execute(f"SELECT count(*) FROM {table}").fetchone()[0]  # noqa: S608 - names of ours
                for table in ("metrics", "repairs")
            )
            file = shlex.quote(str(self._database))
            self._say(
                f"{self._database} holds {readings:,} readings and {repairs:,} repairs. To look at them:"
            )
            self._say(f"  {_gridws()} report --database {file}")
            if shutil.which("sqlite3"):
                self._say(f"  sqlite3 -box {file} 'SELECT * FROM repairs'")  # noqa: S608 - for people


TURBINES: Final = ("--count", "5", "--seed", "2108", "--time-to-repair", "5", "--log-level", "error")
"""With these lives one breaks after 3 s and is repaired, and another finds both engineers busy after 5 s."""


def _environment() -> dict[str, str]:
    """Return our variables without those that would make it another demo, and without a configuration file."""
    others = {name: value for name, value in os.environ.items() if not name.startswith(ENVIRONMENT_PREFIX)}
    return others | {f"{ENVIRONMENT_PREFIX}CONFIG": os.devnull}


def _gridws() -> str:
    """Return what a person types for gridws: its place, where the shell would not find it."""
    return "gridws" if shutil.which("gridws") else os.path.relpath(Path(sys.executable).parent / "gridws")


def _frames(url: str) -> str:
    return f"{url.replace('http', 'ws', 1)}/ws/frames"


def _has_screen() -> bool:
    """Return whether a browser would open a window; on a bare terminal it would take the terminal."""
    return sys.stdout.isatty() and (
        sys.platform == "darwin" or any(map(os.environ.get, ("DISPLAY", "WAYLAND_DISPLAY")))
    )


def _die_with_parent() -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
