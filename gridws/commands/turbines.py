"""`gridws turbines`: runs turbines that break, until Ctrl-C or SIGTERM."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..errors import OptionError
from ..logs import LogFormat, LogLevel, configure
from ..settings import MAX_TURBINE_NUMBER, TurbineSettings, WindKind
from . import CaFile, Level, MonitorUrl, Style, Token
from .secrets import SecretFile, read_secret

DEFAULTS = TurbineSettings()


def turbines(
    count: Annotated[
        int, typer.Option(envvar="GRIDWS_COUNT", min=1, max=1_000_000, help="How many turbines to run.")
    ] = DEFAULTS.count,
    first_number: Annotated[
        int,
        typer.Option(
            envvar="GRIDWS_FIRST_NUMBER",
            min=1,
            max=MAX_TURBINE_NUMBER,
            help="The number of the first; the others follow. Give each process its own range.",
        ),
    ] = DEFAULTS.first_number,
    monitor: MonitorUrl = DEFAULTS.monitor,
    upload_frequency: Annotated[
        float,
        typer.Option(envvar="GRIDWS_UPLOAD_FREQUENCY", min=0.05, help="Seconds between two readings."),
    ] = DEFAULTS.upload_frequency,
    time_to_fail: Annotated[
        float | None,
        typer.Option(
            envvar="GRIDWS_TIME_TO_FAIL",
            min=0.01,
            help="Seconds until a turbine breaks; by default each life draws its own, 1 to 30.",
        ),
    ] = None,
    time_to_repair: Annotated[
        float | None,
        typer.Option(
            envvar="GRIDWS_TIME_TO_REPAIR",
            min=0.01,
            help="Seconds that a repair takes; by default each turbine draws its own once, 1 to 5.",
        ),
    ] = None,
    wind: Annotated[
        WindKind,
        typer.Option(
            envvar="GRIDWS_WIND", help="A wind that changes, or always the same 100 m/s and 3000 kW."
        ),
    ] = DEFAULTS.wind,
    seed: Annotated[
        int | None,
        typer.Option(envvar="GRIDWS_SEED", help="Makes winds and breakdowns the same in every run."),
    ] = None,
    buffer: Annotated[
        int,
        typer.Option(
            envvar="GRIDWS_BUFFER",
            min=1,
            help="Readings that each turbine keeps while the monitor is away or has not stored them.",
        ),
    ] = DEFAULTS.buffer,
    token: Token = None,
    token_file: Annotated[
        Path | None,
        typer.Option(
            envvar="GRIDWS_TOKEN_FILE",
            help="Tokens of many turbines: in each line a turbine's number, a space and its token.",
        ),
    ] = None,
    secret_file: SecretFile = None,
    ca_file: CaFile = None,
    log_level: Level = LogLevel.info,
    log_format: Style = LogFormat.text,
) -> None:
    """Run turbines that send readings, break, and are repaired, until Ctrl-C."""
    if first_number + count - 1 > MAX_TURBINE_NUMBER:
        raise OptionError(f"the last turbine's number would be above {MAX_TURBINE_NUMBER}")
    settings = TurbineSettings(
        count=count,
        first_number=first_number,
        monitor=monitor,
        upload_frequency=upload_frequency,
        time_to_fail=time_to_fail,
        time_to_repair=time_to_repair,
        wind=wind,
        seed=seed,
        buffer=buffer,
        token=token,
        token_file=token_file,
        secret=read_secret(secret_file),
        ca_file=ca_file,
    )
    configure(log_level, log_format)
    run_turbines(settings)


def run_turbines(settings: TurbineSettings) -> None:
    """Run a fleet in this process until a signal."""
    from ..fleet import run_fleet
    from ..running import run_until_signal, spared

    run_until_signal(spared(run_fleet(settings)))
