"""`gridws note`: something that people shall know of a turbine."""

from __future__ import annotations

from typing import Annotated

import typer

from ..settings import DEFAULT_MONITOR_URL, MAX_TURBINE_NUMBER
from . import CaFile, MonitorUrls, Token, monitors_api


def note(
    turbine: Annotated[int, typer.Argument(min=1, max=MAX_TURBINE_NUMBER, help="The turbine's number.")],
    text: Annotated[str, typer.Argument(help="One line.")],
    monitor: MonitorUrls = [DEFAULT_MONITOR_URL],
    token: Token = None,
    ca_file: CaFile = None,
) -> None:
    """Have a monitor tell everybody something of a turbine, and keep it among the events.

    It takes an operator's token where the monitor wants tokens.
    """
    monitors_api(monitor, token, ca_file).call("POST", f"/turbines/{turbine}/notes", {"text": text})
    typer.echo(f"noted of turbine {turbine}")
