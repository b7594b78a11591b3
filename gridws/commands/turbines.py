"""`gridws turbines`: runs turbines that break, until Ctrl-C or SIGTERM."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from ..errors import OptionError
from ..process.logs import LogFormat, configure
from ..settings import MAX_TURBINE_NUMBER, TurbineSettings, WindKind
from . import CaFile, Levels, LogFile, MonitorUrls, Style, Token
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
    monitor: MonitorUrls = [DEFAULTS.monitor],
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
    log_level: Levels = ["info"],
    log_format: Style = LogFormat.text,
    log_file: LogFile = None,
) -> None:
    """Run turbines that send readings, break, and are repaired, until Ctrl-C."""
    if first_number + count - 1 > MAX_TURBINE_NUMBER:
        raise OptionError(f"the last turbine's number would be above {MAX_TURBINE_NUMBER}")
    settings = TurbineSettings(
        count=count,
        first_number=first_number,
        monitor=",".join(monitor),
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
    configure(log_level, log_format, log_file)
    run_turbines(settings, secret_file)


def run_turbines(settings: TurbineSettings, secret_file: Path | None) -> None:
    """Run a fleet in this process until a signal; files of tokens and of the secret may change meanwhile."""
    from ..process.lifetime import run_until_signal, spared
    from ..process.reloading import Reloads, Renewable
    from ..turbines.fleet import run_fleet
    from ..turbines.turbine_tokens import RenewableTokens, token_source

    tokens = RenewableTokens(lambda: token_source(replace(settings, secret=read_secret(secret_file))))
    files = tuple(filter(None, (settings.token_file, secret_file)))
    reloads = Reloads([Renewable("tokens", files, tokens.renew)] if files else [])
    run_until_signal(spared(run_fleet(settings, token_of=tokens)), reloads)
