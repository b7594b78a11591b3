"""`gridws watch`: the fleet on a terminal, as a table for scripts, or as lines of JSON.

JSON lines: `snapshot` first, and again after each reconnect; then `turbine`, `removed`, `engineers`, `totals`,
`event`, one for each thing that changed, with the fields that `watch_frames.py` documents; and `connection` when the
monitor is lost.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from select import PIPE_BUF, select
from typing import Any, Final, TextIO

from pydantic_core import to_json
from rich.console import Console
from rich.live import Live

from .errors import OptionError
from .mirror import Mirror
from .replica import Change
from .terminal_view import FleetScreen, plain_lines

MOST_BEHIND: Final = 100
"""Changes that may wait for a reader of lines, who gets a snapshot instead of more."""

LOOK_AGAIN: Final = 0.05
"""Seconds between two looks at whether a pipe takes more."""

REFRESH: Final = 0.5
"""Seconds between two looks at the mirror: the monitor says nothing more often than that."""


async def watch(
    monitor_url: str,
    *,
    token: str | None = None,
    ca_file: Path | None = None,
    once: bool = False,
    json_lines: bool = False,
    output: TextIO | None = None,
) -> None:
    """Show the fleet of a monitor until cancelled, or just `once`; both with `once` is one line of JSON.

    Raises `OptionError` for an address that cannot be one and for a live view where there is no terminal;
    `MonitorUnreachable` where it was to be shown once and cannot be. A reader who went away ends it quietly.
    """
    mirror = Mirror(monitor_url, token=token, ca_file=ca_file)
    output = output or sys.stdout
    try:
        if once:
            await _show_once(mirror, output, json_lines=json_lines)
        elif json_lines:
            await _alongside(mirror, lambda: _write_changes(mirror, output))
        else:
            console = _terminal(output)
            await _alongside(mirror, lambda: _show_live(mirror, console))
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
            tasks.create_task(mirror.run())
            await show()
    except BaseExceptionGroup as group:
        raise group.exceptions[0] from None


async def _show_live(mirror: Mirror, console: Console) -> None:
    screen = FleetScreen(mirror)
    with Live(screen, console=console, screen=True, auto_refresh=False) as live:
        while True:
            live.refresh()
            await asyncio.sleep(REFRESH)


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
    for number in sorted(change.turbines & mirror.turbines.keys()):
        yield {"type": "turbine", **asdict(mirror.turbines[number])}
    for number in sorted(change.gone):
        yield {"type": "removed", "turbine_number": number}
    if change.engineers:
        yield {"type": "engineers", "engineers": mirror.engineers}
    if change.turbines or change.engineers or change.gone:
        yield {"type": "totals", "at": mirror.at, "degraded": mirror.degraded, **vars(mirror.totals)}
    for event in change.events:
        yield {"type": "event", **vars(event)}


def _snapshot(mirror: Mirror) -> dict[str, Any]:
    return {
        "type": "snapshot",
        "at": mirror.at,
        "started_at": mirror.started_at,
        "turbines": list(mirror.turbines.values()),
        "engineers": mirror.engineers,
        "totals": mirror.totals,
        "degraded": mirror.degraded,
        "events": list(mirror.events),
    }


def _line(content: dict[str, Any]) -> str:
    return to_json(content).decode()


def _hush(output: TextIO) -> None:
    """Send what is still buffered nowhere: Python flushes at its end, and would complain then."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, output.fileno())
    os.close(nowhere)
