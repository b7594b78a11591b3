"""`gridws watch`: the fleet in a terminal."""

from __future__ import annotations

from typing import Annotated

import typer

from ..settings import DEFAULT_MONITOR_URL
from . import CaFile, MonitorUrl, Token


def watch(
    monitor: MonitorUrl = DEFAULT_MONITOR_URL,
    once: Annotated[bool, typer.Option("--once", help="Print one table and end.")] = False,
    json_lines: Annotated[bool, typer.Option("--json", help="Print a line of JSON for each change.")] = False,
    token: Token = None,
    ca_file: CaFile = None,
) -> None:
    """Show the fleet live in this terminal: what needs attention first, engineers, events."""
    from ..running import run_until_signal
    from ..terminal import watch as show

    run_until_signal(show(monitor, token=token, ca_file=ca_file, once=once, json_lines=json_lines))
