"""`gridws token`: makes a token for a turbine, a viewer or an operator."""

from __future__ import annotations

import re
from typing import Annotated, Final

import typer

from ..errors import OptionError
from ..settings import MAX_TURBINE_NUMBER
from .secrets import SecretFile, read_secret

UNITS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 7 * 86_400}
LONGEST: Final = 36_500 * 86_400
"""A hundred years: longer than any turbine."""


def token(
    turbine: Annotated[
        int | None,
        typer.Option(min=1, max=MAX_TURBINE_NUMBER, help="For this turbine: its link, and nothing else."),
    ] = None,
    viewer: Annotated[
        bool, typer.Option("--viewer", help="For who reads: dashboard, watch, the API.")
    ] = False,
    operator: Annotated[
        bool, typer.Option("--operator", help="For who reads and changes the number of engineers too.")
    ] = False,
    expires: Annotated[str, typer.Option(help="How long it is good for: 12h, 30d, 52w.")] = "30d",
    secret_file: SecretFile = None,
) -> None:
    """Print a token, signed with the monitor's secret (GRIDWS_SECRET or --secret-file), and nothing else."""
    from ..tokens import Role, make_token

    if [turbine is not None, viewer, operator].count(True) != 1:
        raise OptionError("say for whom: one of --turbine NUMBER, --viewer and --operator")
    secret = read_secret(secret_file)
    if secret is None:
        raise OptionError(
            "there is no secret: set GRIDWS_SECRET to that of the monitor, or give its --secret-file; "
            "`openssl rand -hex 32` makes a new one"
        )
    role = Role.operator if operator else Role.viewer if viewer else Role.turbine
    typer.echo(make_token(secret, role, turbine_number=turbine, expires=parse_duration(expires)))


def parse_duration(text: str) -> int:
    """Return the seconds that `12h`, `30d` or `52w` mean; raise `OptionError`."""
    found = re.fullmatch(r"([0-9]{1,10})([smhdw])", text.strip(), re.ASCII)
    seconds = int(found[1]) * UNITS[found[2]] if found else 0
    if not 0 < seconds <= LONGEST:
        raise OptionError(f"--expires {text!r} is no time: write 12h, 30d or 52w, at most a hundred years")
    return seconds
