"""`gridws watch`: the fleet on a terminal, as a table for scripts, or as lines of JSON.

JSON lines: `snapshot` first, and again after each reconnect; then `turbine`, `removed`, `engineers`, `totals`,
`event`, one for each thing that changed, with the fields that `watch_frames.py` documents; and `connection` when the
monitor is lost.
"""

from __future__ import annotations

import asyncio
import errno
import os
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from select import PIPE_BUF, select
from typing import Any, Final, TextIO

from pydantic_core import to_json
from rich.console import Console
from rich.live import Live

from ..client.http_api import HttpApi
from ..client.monitors import Monitors
from ..errors import GridError, OptionError
from .keys import key_typed
from .mirror import Mirror
from .plain_table import plain_lines
from .replica import Change
from .staffing import HOUR, utilisation
from .terminal_view import FleetScreen

MOST_BEHIND: Final = 100
"""Changes that may wait for a reader of lines, who gets a snapshot instead of more."""

LOOK_AGAIN: Final = 0.05
"""Seconds between two looks at whether a pipe takes more."""

REFRESH: Final = 0.5
"""Seconds between two looks at the mirror: the monitor says nothing more often than that."""


ASK_EVERY: Final = 15.0
"""Seconds between two looks at how busy the engineers were: that of an hour hardly moves."""

API_TIMEOUT: Final = 2.0
"""Seconds; a thread that asks keeps the command from ending."""


async def watch(
    monitor: str,
    *,
    token: str | None = None,
    ca_file: Path | None = None,
    site: str | None = None,
    once: bool = False,
    json_lines: bool = False,
    output: TextIO | None = None,
) -> None:
    """Show the fleet of a monitor until cancelled or `q` is typed, or just `once`; both with `once` is a line of JSON.

    Of its turbines those of a `site` only, where it is given.

    Raises `OptionError` for an address that cannot be one and for a live view where there is no terminal;
    `MonitorUnreachable` where it was to be shown once and cannot be. A reader who went away ends it quietly.
    """
    mirror = Mirror(monitor, token=token, ca_file=ca_file, site=site)
    output = output or sys.stdout
    try:
        if once:
            await _show_once(mirror, output, json_lines=json_lines)
        elif json_lines:
            await _alongside(mirror, lambda: _write_changes(mirror, output))
        else:
            console = _terminal(output)
            api = HttpApi(Monitors(monitor, ca_file), token=token, timeout=API_TIMEOUT)
            await _alongside(mirror, lambda: _show_live(mirror, console, api))
    except BrokenPipeError:
        _hush(output)


async def _show_once(mirror: Mirror, output: TextIO, *, json_lines: bool) -> None:
    await mirror.look()
    lines = [_line(_snapshot(mirror))] if json_lines else plain_lines(mirror)
    output.writelines(f"{line}\n" for line in lines)
    output.flush()


async def _alongside(mirror: Mirror, show: Callable[[], Awaitable[None]]) -> None:
    """Run the mirror for as long as it is shown."""
    try:
        async with asyncio.TaskGroup() as tasks:
            running = tasks.create_task(mirror.run())
            await show()
            running.cancel()
    except BaseExceptionGroup as group:
        raise group.exceptions[0] from None


async def _show_live(mirror: Mirror, console: Console, api: HttpApi) -> None:
    screen = FleetScreen(mirror)
    asking = asyncio.create_task(_ask_how_busy(screen, mirror, api))
    try:
        await _refresh_until_q(screen, console)
    finally:
        asking.cancel()


async def _ask_how_busy(screen: FleetScreen, mirror: Mirror, api: HttpApi) -> None:
    """Keep the share of the last hour that the engineers were at work; a monitor that is away says nothing of it."""
    while True:
        await mirror.changed(0)
        since = (mirror.monitor_now or 0) - HOUR
        try:
            report = await asyncio.to_thread(api.call, "GET", "/report", since=str(max(0, since)), limit="1")
        except GridError:
            screen.utilisation = None
        else:
            screen.utilisation = utilisation(report, len(mirror.engineers))
        await asyncio.sleep(ASK_EVERY)


async def _refresh_until_q(screen: FleetScreen, console: Console) -> None:
    with (
        _until_it_is_closed(),
        key_typed("q") as quit_typed,
        Live(screen, console=console, screen=True, auto_refresh=False) as live,
    ):
        while not quit_typed.is_set():
            live.refresh()
            with suppress(TimeoutError):
                async with asyncio.timeout(REFRESH):
                    await quit_typed.wait()


@contextmanager
def _until_it_is_closed() -> Iterator[None]:
    """Let a terminal that is closed be what a pipe is whose reader leaves."""
    try:
        yield
    except OSError as error:
        if error.errno == errno.EIO:
            raise BrokenPipeError(error.errno, "the terminal was closed") from error
        raise


def _terminal(output: TextIO) -> Console:
    console = Console(file=output, highlight=False, markup=False, emoji=False)
    if not console.is_terminal or console.is_dumb_terminal:
        raise OptionError("the live view needs a terminal; elsewhere use --once or --json")
    return console


async def _write_changes(mirror: Mirror, output: TextIO) -> None:
    changes: asyncio.Queue[Change] = asyncio.Queue()

    def note(change: Change) -> None:
        if changes.qsize() >= MOST_BEHIND:
            change = Change(everything=True)
            while not changes.empty():
                changes.get_nowait()
        changes.put_nowait(change)

    unsubscribe = mirror.subscribe(note)
    try:
        while True:
            for content in _contents(mirror, await changes.get()):
                await _write(output.fileno(), f"{_line(content)}\n".encode())
    finally:
        unsubscribe()


async def _write(descriptor: int, data: bytes) -> None:
    """Write as the reader reads: a pipe that takes nothing must not keep a signal from ending us."""
    rest = memoryview(data)
    while rest:
        if select([], [descriptor], [], 0)[1]:
            rest = rest[os.write(descriptor, rest[:PIPE_BUF]) :]
        else:
            await asyncio.sleep(LOOK_AGAIN)


def _contents(mirror: Mirror, change: Change) -> Iterator[dict[str, Any]]:
    if change.everything:
        yield _snapshot(mirror)
        return
    if change.connection:
        yield {"type": "connection", "connected": mirror.connected, "reason": mirror.trouble}
    for number in sorted(change.turbines & mirror.shown.keys()):
        yield {"type": "turbine", **asdict(mirror.turbines[number])}
    for number in sorted(change.gone):
        yield {"type": "removed", "turbine_number": number}
    if change.engineers:
        yield {"type": "engineers", "engineers": mirror.engineers}
    if change.turbines or change.engineers or change.gone:
        yield {"type": "totals", "at": mirror.at, "degraded": mirror.degraded, **vars(mirror.totals)}
    for event in filter(mirror.shows, change.events):
        yield {"type": "event", **vars(event)}


def _snapshot(mirror: Mirror) -> dict[str, Any]:
    return {
        "type": "snapshot",
        "at": mirror.at,
        "started_at": mirror.started_at,
        "turbines": list(mirror.shown.values()),
        "engineers": mirror.engineers,
        "totals": mirror.totals,
        "degraded": mirror.degraded,
        "events": list(filter(mirror.shows, mirror.events)),
    }


def _line(content: dict[str, Any]) -> str:
    # A terminal would obey C1 control characters in what a monitor says; JSON escapes those of ASCII only.
    return to_json(content, ensure_ascii=True).decode()


def _hush(output: TextIO) -> None:
    """Send what is still buffered nowhere: Python flushes at its end, and would complain then."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, output.fileno())
    os.close(nowhere)
