"""`gridws monitor`: runs the monitor until Ctrl-C or SIGTERM."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..errors import OptionError
from ..process.logs import LogFormat, configure
from ..settings import MAX_ENGINEERS, MonitorSettings
from ..spans import parse_duration
from . import Levels, LogFile, Style
from .databases import Database
from .secrets import SecretFile, read_secret
from .webhooks import (
    DEFAULT_KINDS,
    LongWait,
    WebhookKinds,
    WebhookSecret,
    WebhookUrls,
    check_webhooks,
    kinds_in,
)

DEFAULTS = MonitorSettings()


def monitor(
    host: Annotated[
        list[str],
        typer.Option(
            envvar="GRIDWS_HOST",
            metavar="HOST",
            help="An address to listen on, repeatable; localhost and :: are IPv4 and IPv6.",
        ),
    ] = list(DEFAULTS.hosts),
    port: Annotated[
        int, typer.Option(envvar="GRIDWS_PORT", min=0, max=65535, help="The port; 0 takes a free one.")
    ] = DEFAULTS.port,
    engineers: Annotated[
        int,
        typer.Option(
            envvar="GRIDWS_ENGINEERS",
            min=0,
            max=MAX_ENGINEERS,
            help="How many engineers there are, until somebody changes that: then the database knows.",
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
    lease: Annotated[
        float,
        typer.Option(
            envvar="GRIDWS_LEASE",
            min=1.0,
            help="Seconds after which monitors that share a database take this one, where it is silent, for dead."
            " Below 10, a monitor that froze may leave its engineer at a turbine for a moment after another was sent.",
        ),
    ] = DEFAULTS.lease,
    retain: Annotated[
        str,
        typer.Option(
            envvar="GRIDWS_RETAIN",
            metavar="LENGTH",
            help="How long readings are kept, such as 12h, 7d or 52w, or forever.",
        ),
    ] = "7d",
    retain_history: Annotated[
        str,
        typer.Option(
            envvar="GRIDWS_RETAIN_HISTORY",
            metavar="LENGTH",
            help="How long links and changes of status are kept before sums by day are all of them; repairs stay.",
        ),
    ] = "52w",
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
            metavar="ORIGIN",
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
    webhook: WebhookUrls = None,
    webhook_secret: WebhookSecret = None,
    webhook_kinds: WebhookKinds = DEFAULT_KINDS,
    webhook_wait: LongWait = "10m",
    log_level: Levels = ["info"],
    log_format: Style = LogFormat.text,
    log_file: LogFile = None,
) -> None:
    """Watch turbines, keep their readings and send engineers, until Ctrl-C."""
    settings = MonitorSettings(
        hosts=tuple(host),
        port=port,
        engineers=engineers,
        database=database,
        repair_timeout=repair_timeout,
        lease=lease,
        retain_readings=_retention(retain, "--retain"),
        retain_history=_retention(retain_history, "--retain-history"),
        secret=read_secret(secret_file),
        ssl_certfile=ssl_certfile,
        ssl_keyfile=ssl_keyfile,
        allow_origins=tuple(allow_origin or ()),
        insecure=insecure,
        webhooks=check_webhooks(webhook or [], webhook_secret or None),
        webhook_secret=webhook_secret or None,
        webhook_kinds=kinds_in(webhook_kinds),
        long_wait=_length(webhook_wait, "--webhook-wait") if webhook else None,
    )
    configure(log_level, log_format, log_file)
    from .serving import run_monitor  # takes a second: mistakes are said before

    run_monitor(settings, secret_file)


def _length(text: str, option: str) -> float:
    try:
        return parse_duration(text) / 1000
    except OptionError as error:
        raise OptionError(f"{option}: {error}") from None


def _retention(text: str, option: str) -> float | None:
    if text == "forever":
        return None
    try:
        return parse_duration(text) / 1000
    except OptionError as error:
        raise OptionError(f"{option}: {error}, or forever") from None
