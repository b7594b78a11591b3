"""`gridws token`: makes a token for a turbine, a viewer or an operator."""

from __future__ import annotations

from typing import Annotated, Final

import typer

from ..errors import OptionError
from ..settings import MAX_TURBINE_NUMBER
from ..spans import parse_duration
from .secrets import SecretFile, read_secret

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
        bool, typer.Option("--operator", help="For who reads, and also says who is sent where.")
    ] = False,
    name: Annotated[
        str | None, typer.Option(help="Whose it is, told with all that they do: ann, or the night shift.")
    ] = None,
    expires: Annotated[str, typer.Option(help="How long it is good for: 12h, 30d, 52w.")] = "30d",
    secret_file: SecretFile = None,
) -> None:
    """Print a token, signed with the monitor's secret (GRIDWS_SECRET or --secret-file), and nothing else."""
    from ..access.tokens import Role, make_token

    if [turbine is not None, viewer, operator].count(True) != 1:
        raise OptionError("say for whom: one of --turbine NUMBER, --viewer and --operator")
    secret = read_secret(secret_file)
    if secret is None:
        raise OptionError(
            "there is no secret: set GRIDWS_SECRET to that of the monitor, or give its --secret-file; "
            "`openssl rand -hex 32` makes a new one"
        )
    role = Role.operator if operator else Role.viewer if viewer else Role.turbine
    typer.echo(make_token(secret, role, turbine_number=turbine, name=_name(name), expires=_seconds(expires)))


def _name(name: str | None) -> str | None:
    from ..access.tokens import LONGEST_NAME

    if name is not None and not (name.isprintable() and 0 < len(name.strip()) <= LONGEST_NAME):
        raise OptionError(f"--name {name!r} is no name: one line of at most {LONGEST_NAME} characters")
    return name and name.strip()


def _seconds(expires: str) -> int:
    seconds = parse_duration(expires) // 1000
    if not 0 < seconds <= LONGEST:
        raise OptionError(f"--expires {expires!r} is too short or too long: a second to a hundred years")
    return seconds
