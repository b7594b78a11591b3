"""`gridws watch`: the fleet in a terminal."""

from __future__ import annotations

from typing import Annotated

import typer

from ..settings import DEFAULT_MONITOR_URL
from . import CaFile, MonitorUrls, Token


def watch(
    monitor: MonitorUrls = [DEFAULT_MONITOR_URL],
    site: Annotated[str | None, typer.Option(metavar="SITE", help="The turbines of this site only.")] = None,
    once: Annotated[bool, typer.Option("--once", help="Print one table and end.")] = False,
    json_lines: Annotated[bool, typer.Option("--json", help="Print a line of JSON for each change.")] = False,
    token: Token = None,
    ca_file: CaFile = None,
) -> None:
    """Show the fleet live in this terminal until q: what needs attention first, engineers, events."""
    from ..process.lifetime import run_until_signal
    from ..viewers.terminal import watch as show

    watching = show(
        ",".join(monitor), token=token, ca_file=ca_file, site=site, once=once, json_lines=json_lines
    )
    run_until_signal(watching)
