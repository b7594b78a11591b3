"""`gridws demo`: the whole grid in one command."""

from __future__ import annotations

from typing import Annotated

import typer

from ..settings import DEFAULT_DASHBOARD_PORT, DEFAULT_PORT


def demo(
    port: Annotated[
        int,
        typer.Option(envvar="GRIDWS_PORT", min=0, max=65535, help="The monitor's port; 0 takes a free one."),
    ] = DEFAULT_PORT,
    dashboard_port: Annotated[
        int,
        typer.Option(
            envvar="GRIDWS_DASHBOARD_PORT", min=0, max=65535, help="The web page's port; 0 takes a free one."
        ),
    ] = DEFAULT_DASHBOARD_PORT,
    browser: Annotated[
        bool, typer.Option("--browser/--no-browser", help="Open the page in a browser, where there is one.")
    ] = True,
) -> None:
    """Show it all: a monitor with two engineers, five turbines that break soon, and the web page, until Ctrl-C."""
    from ..demo import Demo
    from ..running import run_until_signal

    run_until_signal(Demo(port=port, dashboard_port=dashboard_port, browser=browser, say=typer.echo).run())
