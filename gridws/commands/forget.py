"""`gridws forget`: a running monitor knows turbines no more."""

from __future__ import annotations

from typing import Annotated

import typer

from ..settings import DEFAULT_MONITOR_URL, MAX_TURBINE_NUMBER
from . import CaFile, MonitorUrls, Token, monitors_api


def forget(
    turbines: Annotated[
        list[int],
        typer.Argument(min=1, max=MAX_TURBINE_NUMBER, metavar="TURBINE", help="The numbers of the turbines."),
    ],
    readings: Annotated[
        bool, typer.Option("--readings", help="Delete their readings too, not only when these are old.")
    ] = False,
    monitor: MonitorUrls = [DEFAULT_MONITOR_URL],
    token: Token = None,
    ca_file: CaFile = None,
) -> None:
    """Have a monitor forget turbines: they are gone from page and report until they come back.

    One that has a link is refused. It takes an operator's token where the monitor wants tokens.
    """
    api = monitors_api(monitor, token, ca_file)
    for number in turbines:
        api.call("DELETE", f"/turbines/{number}", **({"readings": "true"} if readings else {}))
        typer.echo(f"turbine {number} is forgotten{', and its readings are deleted' if readings else ''}")
