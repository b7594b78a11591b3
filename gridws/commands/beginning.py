"""What every command begins with: its configuration file, and signals that end it."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from contextlib import nullcontext, suppress
from functools import wraps
from inspect import Parameter
from pathlib import Path
from typing import Final

import typer

from ..errors import OptionError
from ..process.signals import listen_to_signals
from .configuration import ConfigFile
from .mistakes import with_sources

OF_EVERY_COMMAND: Final = [
    Parameter("context", Parameter.KEYWORD_ONLY, annotation=typer.Context),
    Parameter("config", Parameter.KEYWORD_ONLY, annotation=ConfigFile, default=None),
]


def begins(command: Callable[..., None], *, service: bool) -> Callable[..., None]:
    """Return a command that reads a configuration file, and is ended by a signal from its beginning on.

    A `service` runs until somebody stops it, so being stopped, however early, is its good end.
    """
    signature = inspect.signature(command, eval_str=True)
    wants_context = "context" in signature.parameters

    @wraps(command)
    def run(context: typer.Context, config: Path | None, **options: object) -> None:  # noqa: ARG001 - see its callback
        listen_to_signals(service=service)
        if wants_context:
            options["context"] = context
        try:
            with suppress(KeyboardInterrupt) if service else nullcontext():
                command(**options)
        except OptionError as error:
            raise with_sources(error, context) from error

    own = [each for name, each in signature.parameters.items() if name != "context"]
    run.__signature__ = signature.replace(parameters=[*own, *OF_EVERY_COMMAND])  # type: ignore[attr-defined]
    return run
