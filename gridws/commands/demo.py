"""`gridws demo`: the whole grid in one command."""

from __future__ import annotations

from typing import Annotated

import typer

from ..errors import OptionError
from ..settings import DEFAULT_DASHBOARD_PORT, DEFAULT_PORT
from . import announce
from .databases import DEMO_DATABASE, file_of


def demo(
    port: Annotated[
        int | None,
        typer.Option(
            envvar="GRIDWS_PORT",
            min=0,
            max=65535,
            help=f"The monitor's port; {DEFAULT_PORT} unless given, and a free one where that is taken.",
        ),
    ] = None,
    dashboard_port: Annotated[
        int | None,
        typer.Option(
            envvar="GRIDWS_DASHBOARD_PORT",
            min=0,
            max=65535,
            help=f"The web page's port; {DEFAULT_DASHBOARD_PORT} unless given, and a free one where that is taken.",
        ),
    ] = None,
    database: Annotated[
        str,
        typer.Option(
            metavar="FILE", help="The SQLite file that keeps everything: another one for a second demo."
        ),
    ] = str(DEMO_DATABASE),
    browser: Annotated[
        bool, typer.Option("--browser/--no-browser", help="Open the page in a browser, where there is one.")
    ] = True,
) -> None:
    """Show it all: a monitor with two engineers, five turbines that break soon, and the web page, until Ctrl-C."""
    from ..process.lifetime import run_until_signal
    from .demonstration import Demo, port_or_free

    file = file_of(database)
    if file is None:
        raise OptionError("the demo keeps everything in a file; on PostgreSQL begin with gridws monitor")
    demo = Demo(
        port=port_or_free(port, DEFAULT_PORT),
        dashboard_port=port_or_free(dashboard_port, DEFAULT_DASHBOARD_PORT),
        database=file,
        browser=browser,
        say=announce,
    )
    run_until_signal(demo.run())
