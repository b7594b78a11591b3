"""The secret as every command gets it: from the environment or a file, never as an option, which `ps` shows."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Final

import typer

from ..errors import OptionError, system_words

VARIABLE: Final = "GRIDWS_SECRET"

SecretFile = Annotated[
    Path | None,
    typer.Option(
        "--secret-file",
        envvar="GRIDWS_SECRET_FILE",
        help="The file with the secret that signs tokens; or put the secret into the variable GRIDWS_SECRET.",
    ),
]


def read_secret(secret_file: Path | None) -> str | None:
    """Return the secret, None where there is none; raise `OptionError`, for two of them as well.

    An empty variable is none: that is how compose files pass on one that is not set.
    """
    in_variable = os.environ.get(VARIABLE) or None
    if secret_file is None:
        return in_variable
    if in_variable is not None:
        raise OptionError(f"give either {VARIABLE} or --secret-file")
    try:
        secret = secret_file.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise OptionError(f"cannot read --secret-file {secret_file}: {system_words(error)}") from error
    except UnicodeDecodeError as error:
        raise OptionError(f"--secret-file {secret_file} is no text") from error
    if not secret:
        raise OptionError(f"--secret-file {secret_file} is empty")
    return secret
