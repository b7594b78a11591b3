"""`gridws next`: a running monitor lets a waiting turbine go first."""

from __future__ import annotations

from typing import Annotated

import typer

from ..settings import DEFAULT_MONITOR_URL, MAX_TURBINE_NUMBER
from . import CaFile, MonitorUrls, Token, monitors_api


def put_next(
    turbine: Annotated[int, typer.Argument(min=1, max=MAX_TURBINE_NUMBER, help="The turbine's number.")],
    reason: Annotated[str | None, typer.Option(help="Why, for those who wait longer for it.")] = None,
    monitor: MonitorUrls = [DEFAULT_MONITOR_URL],
    token: Token = None,
    ca_file: CaFile = None,
) -> None:
    """Have a monitor send the next free engineer to a turbine that waits, whoever waits longer.

    One that does not wait is refused. It takes an operator's token where the monitor wants tokens.
    """
    api = monitors_api(monitor, token, ca_file)
    state = api.call("PUT", f"/turbines/{turbine}/next", {"reason": reason} if reason else {})
    engineer = state["engineer_id"]
    typer.echo(f"engineer {engineer} is at turbine {turbine}" if engineer else f"turbine {turbine} is next")
