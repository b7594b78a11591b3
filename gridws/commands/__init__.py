"""One module for each command of `gridws`, and the options that several of them share."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..errors import system_words
from ..process.logs import LEVELS, LogFormat
from ..process.output import hush_output

if TYPE_CHECKING:
    from ..client.http_api import HttpApi

MonitorUrls = Annotated[
    list[str],
    typer.Option(
        "--monitor",
        envvar="GRIDWS_MONITOR",
        metavar="URL",
        help="Where the monitor is, as ws:// or wss:// URL; repeatable where several share their engineers.",
    ),
]
Levels = Annotated[
    list[str],
    typer.Option(
        "--log-level",
        envvar="GRIDWS_LOG_LEVEL",
        metavar="LEVEL",
        autocompletion=lambda: list(LEVELS),
        help=f"How much is said: {', '.join(LEVELS)}. Also LOGGER=LEVEL, repeatable: gridws.grid=warning leaves out "
        "what happens to turbines.",
    ),
]
LogFile = Annotated[
    Path | None,
    typer.Option(
        "--log-file",
        envvar="GRIDWS_LOG_FILE",
        readable=False,  # it is written
        help="Where it is said instead of standard error; one that is moved away is begun anew.",
    ),
]
Style = Annotated[
    LogFormat,
    typer.Option("--log-format", envvar="GRIDWS_LOG_FORMAT", help="Lines for people, or JSON for machines."),
]
Token = Annotated[
    str | None,
    typer.Option(
        "--token",
        envvar="GRIDWS_TOKEN",
        help="The token for a monitor that wants one. Better in the variable: other users see options.",
    ),
]
CaFile = Annotated[
    Path | None,
    typer.Option(
        "--ca-file", envvar="GRIDWS_CA_FILE", help="Certificates to trust, for a wss:// monitor with its own."
    ),
]


def monitors_api(monitor: list[str], token: str | None, ca_file: Path | None) -> HttpApi:
    """Return the HTTP API of the monitors that the options name."""
    from ..client.http_api import HttpApi
    from ..client.monitors import Monitors

    return HttpApi(Monitors(",".join(monitor), ca_file), token=token)


def addresses(scheme: str, hosts: tuple[str, ...], port: int) -> str:
    """Return the URLs of what listens on these hosts, as a sentence names them."""
    names = (f"[{host}]" if ":" in host else host for host in dict.fromkeys(hosts))
    return " and ".join(f"{scheme}://{name}:{port}" for name in names)


def announce(sentence: str) -> None:
    """Say on standard output what goes on; that nobody can hear it is no reason to end what goes on."""
    try:
        typer.echo(sentence)
    except OSError as error:
        hush_output()
        logging.getLogger("gridws").warning("cannot write the output: %s; %s", system_words(error), sentence)
