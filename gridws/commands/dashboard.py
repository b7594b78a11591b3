"""`gridws dashboard`: the control-room page, until Ctrl-C or SIGTERM."""

from __future__ import annotations

from typing import Annotated

import typer

from ..errors import OptionError
from ..process.logs import LogFormat, configure
from ..settings import DashboardSettings
from . import CaFile, Levels, LogFile, MonitorUrls, Style, Token, addresses, announce

DEFAULTS = DashboardSettings()


def dashboard(
    host: Annotated[
        list[str],
        typer.Option(
            envvar="GRIDWS_DASHBOARD_HOST",
            metavar="HOST",
            help="An address to listen on, repeatable; localhost and :: are IPv4 and IPv6.",
        ),
    ] = list(DEFAULTS.hosts),
    port: Annotated[
        int,
        typer.Option(envvar="GRIDWS_DASHBOARD_PORT", min=0, max=65535, help="The port; 0 takes a free one."),
    ] = DEFAULTS.port,
    monitor: MonitorUrls = [DEFAULTS.monitor],
    token: Token = None,
    ca_file: CaFile = None,
    allow_origin: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ORIGIN",
            envvar="GRIDWS_ALLOW_ORIGIN",
            help="A further origin of the page, such as https://grid.example.",
        ),
    ] = None,
    insecure: Annotated[
        bool,
        typer.Option(
            "--insecure", help="Listen for others than this machine, although nobody is asked who they are."
        ),
    ] = False,
    log_level: Levels = ["info"],
    log_format: Style = LogFormat.text,
    log_file: LogFile = None,
) -> None:
    """Show the fleet as a web page, until Ctrl-C."""
    configure(log_level, log_format, log_file)
    run_dashboard(
        DashboardSettings(
            hosts=tuple(host),
            port=port,
            monitor=",".join(monitor),
            token=token,
            ca_file=ca_file,
            allow_origins=tuple(allow_origin or ()),
            insecure=insecure,
        )
    )


def run_dashboard(settings: DashboardSettings) -> None:
    """Run the page in this process until a signal; raise `GridError` for what the operator must mend."""
    import asyncio

    from ..process.lifetime import new_event_loop

    try:
        from ..access.origin import check_origins, is_loopback
        from ..dashboard.server import serve
    except ModuleNotFoundError as error:
        raise OptionError(
            f"the page needs one more package ({error.name}): pip install 'gridws[dashboard]'"
        ) from error
    check_origins(settings.allow_origins)
    exposed = [host for host in settings.hosts if not is_loopback(host)]
    if exposed and not settings.insecure:
        raise OptionError(
            f"anybody who reaches {' and '.join(exposed)} could see the fleet and act with this dashboard's token: "
            "listen on localhost behind a proxy that asks who they are, or say --insecure"
        )
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        runner.run(serve(settings, lambda port: _announce(settings, port)))


def _announce(settings: DashboardSettings, port: int) -> None:
    urls = addresses("http", settings.hosts, port)
    announce(f"gridws dashboard listens on {urls} (watches {settings.monitor})")
