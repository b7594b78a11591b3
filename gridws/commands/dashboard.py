"""`gridws dashboard`: the control-room page, until Ctrl-C or SIGTERM."""

from __future__ import annotations

from typing import Annotated

import typer

from ..errors import OptionError
from ..logs import LogFormat, LogLevel, configure
from ..settings import DashboardSettings
from . import CaFile, Level, MonitorUrl, Style, Token

DEFAULTS = DashboardSettings()


def dashboard(
    host: Annotated[
        str,
        typer.Option(
            envvar="GRIDWS_DASHBOARD_HOST", help="The address to listen on; localhost is IPv4 and IPv6."
        ),
    ] = DEFAULTS.host,
    port: Annotated[
        int,
        typer.Option(envvar="GRIDWS_DASHBOARD_PORT", min=0, max=65535, help="The port; 0 takes a free one."),
    ] = DEFAULTS.port,
    monitor: MonitorUrl = DEFAULTS.monitor,
    token: Token = None,
    ca_file: CaFile = None,
    allow_origin: Annotated[
        list[str] | None,
        typer.Option(
            envvar="GRIDWS_ALLOW_ORIGIN", help="A further origin of the page, such as https://grid.example."
        ),
    ] = None,
    insecure: Annotated[
        bool,
        typer.Option(
            "--insecure", help="Listen for others than this machine, although nobody is asked who they are."
        ),
    ] = False,
    log_level: Level = LogLevel.info,
    log_format: Style = LogFormat.text,
) -> None:
    """Show the fleet as a web page, until Ctrl-C."""
    configure(log_level, log_format)
    run_dashboard(
        DashboardSettings(
            host=host,
            port=port,
            monitor=monitor,
            token=token,
            ca_file=ca_file,
            allow_origins=tuple(allow_origin or ()),
            insecure=insecure,
        )
    )


def run_dashboard(settings: DashboardSettings) -> None:
    """Run the page in this process until a signal; raise `GridError` for what the operator must mend."""
    import asyncio

    from ..running import new_event_loop

    try:
        from ..dashboard.origin import is_loopback
        from ..dashboard.server import serve
    except ModuleNotFoundError as error:
        raise OptionError(
            f"the page needs one more package ({error.name}): pip install 'gridws[dashboard]'"
        ) from error
    if not (settings.insecure or is_loopback(settings.host)):
        raise OptionError(
            f"anybody who reaches {settings.host} could see the fleet and act with this dashboard's token: listen on"
            " localhost behind a proxy that asks who they are, or say --insecure"
        )
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        runner.run(serve(settings, lambda port: _announce(settings, port)))


def _announce(settings: DashboardSettings, port: int) -> None:
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    typer.echo(f"gridws dashboard listens on http://{host}:{port} (watches {settings.monitor})")
