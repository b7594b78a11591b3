"""`gridws hold`: a running monitor sends nobody to turbines, or does so again."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from ..client.http_api import HttpApi
from ..errors import OptionError, OrderRefused
from ..settings import DEFAULT_MONITOR_URL, MAX_TURBINE_NUMBER
from ..spans import local_time, parse_duration, parse_time
from . import CaFile, MonitorUrls, Token, monitors_api


def hold(
    turbines: Annotated[
        list[int],
        typer.Argument(min=1, max=MAX_TURBINE_NUMBER, metavar="TURBINE", help="The numbers of the turbines."),
    ],
    length: Annotated[
        str | None,
        typer.Option("--for", metavar="LENGTH", help="How long, such as 4h or 2d; else until --end."),
    ] = None,
    until: Annotated[
        str | None, typer.Option(metavar="TIME", help="Until when, as 2026-05-31T14:30; else until --end.")
    ] = None,
    reason: Annotated[str | None, typer.Option(help="Why, for whoever sees the turbine stand.")] = None,
    end: Annotated[bool, typer.Option("--end", help="Hold them no longer.")] = False,
    monitor: MonitorUrls = [DEFAULT_MONITOR_URL],
    token: Token = None,
    ca_file: CaFile = None,
) -> None:
    """Have a monitor send nobody to turbines, while people are in them or on the way there.

    An engineer who is at one of them leaves, and nobody comes until the hold is over: by itself, or by --end. It is
    in force when this command has said so. It takes an operator's token where the monitor wants tokens.
    """
    api = monitors_api(monitor, token, ca_file)
    if end:
        if length or until or reason:
            raise OptionError("--end goes with none of --for, --until and --reason")
        for number in turbines:
            api.call("DELETE", f"/turbines/{number}/hold")
            typer.echo(f"turbine {number} is held no longer")
        return
    order = _order(length, until, reason)
    for number in turbines:
        held = api.call("PUT", f"/turbines/{number}/hold", order)
        typer.echo(f"turbine {number} is held {_end_of(held)}{_doubt(api, number)}")


def _order(length: str | None, until: str | None, reason: str | None) -> dict[str, Any]:
    if length and until:
        raise OptionError("--for and --until both say when the hold ends; give one of them")
    order: dict[str, Any] = {"reason": reason} if reason else {}
    if length:
        # By the monitor's clock: that of this machine may be wrong.
        order["duration_in_seconds"] = parse_duration(length) / 1000
    if until:
        order["until"] = parse_time(until, option="--until")
    return order


def _doubt(api: HttpApi, number: int) -> str:
    """Return a warning where nobody saw the turbine: people may be in another one than was typed."""
    try:
        api.call("GET", f"/turbines/{number}")
    except OrderRefused as error:
        return f"; beware: {str(error)[:1].lower()}{str(error)[1:]}"
    return ""


def _end_of(held: dict[str, Any]) -> str:
    return "until somebody ends it" if held["until"] is None else f"until {local_time(held['until'])}"
