"""`gridws monitor`: runs the monitor until Ctrl-C or SIGTERM."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Annotated

import typer

from ..errors import GridError, OptionError
from ..logs import LogFormat, LogLevel, configure
from ..settings import MAX_ENGINEERS, MonitorSettings
from ..spans import parse_duration
from . import Database, Level, Style
from .secrets import SecretFile, read_secret

DEFAULTS = MonitorSettings()

_log = logging.getLogger("gridws")


def monitor(
    host: Annotated[
        str, typer.Option(envvar="GRIDWS_HOST", help="The address to listen on; localhost is IPv4 and IPv6.")
    ] = DEFAULTS.host,
    port: Annotated[
        int, typer.Option(envvar="GRIDWS_PORT", min=0, max=65535, help="The port; 0 takes a free one.")
    ] = DEFAULTS.port,
    engineers: Annotated[
        int,
        typer.Option(
            envvar="GRIDWS_ENGINEERS", min=0, max=MAX_ENGINEERS, help="How many engineers there are to send."
        ),
    ] = DEFAULTS.engineers,
    database: Database = DEFAULTS.database,
    repair_timeout: Annotated[
        float,
        typer.Option(
            envvar="GRIDWS_REPAIR_TIMEOUT",
            min=0.1,
            help="Seconds after which an engineer gives up on a turbine.",
        ),
    ] = DEFAULTS.repair_timeout,
    retain: Annotated[
        str,
        typer.Option(
            envvar="GRIDWS_RETAIN",
            help="How long readings are kept, such as 12h, 7d or 52w, or forever; repairs and links stay.",
        ),
    ] = "7d",
    secret_file: SecretFile = None,
    ssl_certfile: Annotated[
        Path | None,
        typer.Option(envvar="GRIDWS_SSL_CERTFILE", help="The certificate (PEM) for https:// and wss://."),
    ] = None,
    ssl_keyfile: Annotated[
        Path | None, typer.Option(envvar="GRIDWS_SSL_KEYFILE", help="The key of that certificate (PEM).")
    ] = None,
    allow_origin: Annotated[
        list[str] | None,
        typer.Option(
            envvar="GRIDWS_ALLOW_ORIGIN",
            help="A web page's origin that may connect besides our own, as https://HOST; repeatable.",
        ),
    ] = None,
    insecure: Annotated[
        bool,
        typer.Option(
            "--insecure",
            envvar="GRIDWS_INSECURE",
            help="Listen for other machines without a secret and TLS, in a network that you trust.",
        ),
    ] = DEFAULTS.insecure,
    log_level: Level = LogLevel.info,
    log_format: Style = LogFormat.text,
) -> None:
    """Watch turbines, keep their readings and send engineers, until Ctrl-C."""
    settings = MonitorSettings(
        host=host,
        port=port,
        engineers=engineers,
        database=database,
        repair_timeout=repair_timeout,
        retain_readings=_retention(retain),
        secret=read_secret(secret_file),
        ssl_certfile=ssl_certfile,
        ssl_keyfile=ssl_keyfile,
        allow_origins=tuple(allow_origin or ()),
        insecure=insecure,
    )
    configure(log_level, log_format)
    run_monitor(settings)


def _retention(text: str) -> float | None:
    if text == "forever":
        return None
    try:
        return parse_duration(text) / 1000
    except OptionError as error:
        raise OptionError(f"--retain: {error}, or forever") from None


def run_monitor(settings: MonitorSettings) -> None:
    """Run a monitor in this process until a signal; raise `GridError` for what the operator must mend."""
    import asyncio

    from ..exposure import check_exposure
    from ..running import new_event_loop

    check_exposure(settings)
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        runner.run(_serve(settings))


async def _serve(settings: MonitorSettings) -> None:
    from ..app import create_app
    from ..listening import open_sockets
    from ..monitor import GridMonitor
    from ..running import leave, spared
    from ..server import make_server
    from ..storage.sqlite import SqliteStore

    sockets = open_sockets(settings.host, settings.port)
    store = SqliteStore(settings.database, settings=settings)
    grid_monitor = GridMonitor(settings.engineers, store, settings=settings)
    try:
        await grid_monitor.start()
    except GridError:
        for listener in sockets:
            listener.close()
        raise
    deaths: list[BaseException] = []

    def on_death(error: BaseException) -> None:
        deaths.append(error)
        server.stop()

    port = sockets[0].getsockname()[1]
    server = make_server(
        create_app(grid_monitor, on_death=on_death),
        grid_monitor,
        settings,
        on_listening=lambda: _announce(settings, port),
    )
    await spared(server.serve(sockets))
    if store.is_hung:
        _log.error(
            "the disk does not answer: the monitor leaves without it, and turbines keep their readings"
        )
        if deaths:
            _log.error("the monitor died", exc_info=deaths[0])
        leave(1 if deaths else 0)
    if deaths:
        raise deaths[0]


def _announce(settings: MonitorSettings, port: int) -> None:
    scheme = "https" if settings.ssl_certfile else "http"
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    engineers = f"{settings.engineers} engineer{'' if settings.engineers == 1 else 's'}"
    typer.echo(
        f"gridws monitor listens on {scheme}://{host}:{port} ({engineers}, database {settings.database})"
    )
