"""The command line: reads options, builds, runs. What a command needs is imported when it runs."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from functools import wraps
from importlib.metadata import version
from typing import Annotated

import typer
from typer.core import TyperGroup
from typer.exceptions import TyperException

from .commands import asyncapi, backup, dashboard, demo, export, monitor, report, token, turbines, watch
from .commands.secrets import VARIABLE
from .errors import GridError, OptionError
from .settings import ENVIRONMENT_PREFIX

app = typer.Typer(
    name="gridws",
    help="Watches wind turbines, keeps every reading and sends engineers to the broken ones.",
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


@app.callback(invoke_without_command=True)
def gridws(
    context: typer.Context,
    show_version: Annotated[bool, typer.Option("--version", help="Show the version and exit.")] = False,  # noqa: FBT002
) -> None:
    """Answer whoever gives no command: the version, or else what there is."""
    if isinstance(context.command, TyperGroup):
        _warn_of_unknown_variables(context.command)
    if context.invoked_subcommand is None:
        typer.echo(f"gridws {version('gridws')}" if show_version else context.get_help())


def _warn_of_unknown_variables(group: TyperGroup) -> None:
    """Say which variables look like ours and are no option's: a misspelt one would be ignored without a word."""
    known = {each.envvar for command in group.commands.values() for each in command.params} | {VARIABLE}
    unknown = [name for name in os.environ if name.startswith(ENVIRONMENT_PREFIX) and name not in known]
    if unknown:
        _say(f"no command has an option for {', '.join(sorted(unknown))}; --help names the variables", 0)


def _until_stopped(command: Callable[..., None]) -> Callable[..., None]:
    """Return a command that runs until somebody stops it, so being stopped, however early, is its good end."""

    @wraps(command)
    def run(**options: object) -> None:
        with suppress(KeyboardInterrupt):
            command(**options)

    return run


# What a command does, short enough for one line of `gridws --help`; its own --help says more.
for command, name, does in (
    (_until_stopped(monitor.monitor), "monitor", "Watch turbines and send engineers"),
    (_until_stopped(turbines.turbines), "turbines", "Run turbines that break"),
    (_until_stopped(watch.watch), "watch", "Show the fleet in this terminal"),
    (_until_stopped(dashboard.dashboard), "dashboard", "Serve the web page"),
    (_until_stopped(demo.demo), "demo", "Show it all with one command"),
    (report.report, "report", "Availability, energy, failures, repairs"),
    (export.export, "export", "Write a table as CSV"),
    (backup.backup, "backup", "Copy the database, also while it runs"),
    (token.token, "token", "Make a token"),
    (asyncapi.asyncapi, "asyncapi", "Print the WebSocket API for machines"),
):
    app.command(name, short_help=does)(command)


def main() -> None:
    """Run `gridws`: a mistake in an option is one line and exit code 2, trouble at run time one line and 1."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        code = app(standalone_mode=False)
    except TyperException as error:
        # typer leaves in what pydantic puts before the words of a mistake.
        code = _say(error.format_message().replace(": Value error, ", ": "), 2)
    except OptionError as error:
        code = _say(str(error), 2)
    except GridError as error:
        code = _say(str(error), 1)
    except KeyboardInterrupt:
        code = 0  # before a command began
    except (BrokenPipeError, SystemExit):
        # Whoever read our output has seen enough, which typer makes an exit of. What is left in the buffer must
        # not complain at the end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 0
    sys.exit(code or 0)


def _say(sentence: str, code: int) -> int:
    sys.stderr.write(f"gridws: {' '.join(sentence.split()).rstrip('.')}\n")
    return code
