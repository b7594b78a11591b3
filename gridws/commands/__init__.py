"""One module for each command of `gridws`, and the options that several of them share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..logs import LogFormat, LogLevel

MonitorUrl = Annotated[
    str,
    typer.Option("--monitor", envvar="GRIDWS_MONITOR", help="Where the monitor is, as ws:// or wss:// URL."),
]
Database = Annotated[
    Path,
    typer.Option(
        "--database",
        envvar="GRIDWS_DATABASE",
        readable=False,  # what is wrong with a database is trouble of one kind: the store says it
        help="The SQLite file that keeps everything.",
    ),
]
Level = Annotated[LogLevel, typer.Option("--log-level", envvar="GRIDWS_LOG_LEVEL", help="How much is said.")]
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
