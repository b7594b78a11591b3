"""The command line: reads options, builds, runs. What a command needs is imported when it runs."""

from __future__ import annotations

import signal
import sys
from contextlib import suppress
from importlib.metadata import version
from typing import Annotated, Final

import typer
from typer.core import TyperGroup
from typer.exceptions import TyperException

from .commands import (
    asyncapi,
    backup,
    config,
    copy,
    dashboard,
    demo,
    export,
    forget,
    hold,
    manual,
    monitor,
    names,
    note,
    plan,
    put_next,
    report,
    shipped,
    token,
    turbines,
    watch,
)
from .commands.beginning import begins
from .commands.mistakes import sentence_of
from .commands.plain_command import PlainCommand
from .commands.variables import pass_over
from .errors import GridError, OptionError, system_words
from .printable import printable
from .process.output import hush_errors_nobody_reads, hush_output, prepare_streams

app = typer.Typer(
    name="gridws",
    help="Watches wind turbines, keeps every reading and sends engineers to the broken ones.",
    context_settings={"help_option_names": ["-h", "--help"]},
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
        for sentence in pass_over(context.command):
            _say(sentence, 0)
    if context.invoked_subcommand is None:
        typer.echo(f"gridws {version('gridws')}" if show_version else context.get_help())


SERVICES: Final = {"monitor", "turbines", "watch", "dashboard", "demo"}

# What a command does, short enough for one line of `gridws --help`; its own --help says more.
for command, name, does in (
    (monitor.monitor, "monitor", "Watch turbines and send engineers"),
    (turbines.turbines, "turbines", "Run turbines that break"),
    (watch.watch, "watch", "Show the fleet in this terminal"),
    (dashboard.dashboard, "dashboard", "Serve the web page"),
    (demo.demo, "demo", "Show it all with one command"),
    (report.report, "report", "Availability, energy, failures, repairs"),
    (plan.plan, "plan", "How many engineers are enough"),
    (export.export, "export", "Write a table as CSV or Parquet"),
    (backup.backup, "backup", "Copy the database, also while it runs"),
    (copy.copy, "copy", "Move a SQLite file into PostgreSQL"),
    (hold.hold, "hold", "Send nobody to turbines where people are"),
    (put_next.put_next, "next", "Let a waiting turbine go first"),
    (names.names, "names", "Name turbines and engineers by CSV"),
    (note.note, "note", "Tell and keep a note on a turbine"),
    (forget.forget, "forget", "Have turbines forgotten that are no more"),
    (token.token, "token", "Make a token"),
    (config.config, "config", "Print the options that are in force"),
    (asyncapi.asyncapi, "asyncapi", "Print the WebSocket API for machines"),
    (shipped.grafana, "grafana", "Print a dashboard for Grafana"),
    (shipped.alerts, "alerts", "Print alert rules for Prometheus"),
    (shipped.haproxy, "haproxy", "Print a configuration for HAProxy"),
    (manual.manual, "manual", "Show a page of the manual"),
):
    app.command(name, cls=PlainCommand, short_help=does)(begins(command, service=name in SERVICES))


def main() -> None:
    """Run `gridws`: a mistake in an option is one line and exit code 2, trouble at run time one line and 1."""
    prepare_streams()
    code = _run()
    hush_errors_nobody_reads()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # or who is impatient gets a traceback of the exit
    sys.exit(code)


def _run() -> int:
    try:
        code: int = app(standalone_mode=False, prog_name="gridws") or 0
        sys.stdout.flush()
    except KeyboardInterrupt:
        return 0  # before a command began
    except BrokenPipeError:
        return _seen_enough()
    except SystemExit as ending:  # of shell completion, or what typer makes of a broken pipe
        return _seen_enough() if isinstance(ending.__context__, OSError) else int(ending.code or 0)
    except (TyperException, GridError, OSError) as error:
        return _complain(error)
    return code


def _seen_enough() -> int:
    hush_output()  # whoever read it went away
    return 0


def _complain(error: TyperException | GridError | OSError) -> int:
    if isinstance(error, OSError):
        hush_output()
        return _say(f"cannot write {error.filename or 'the output'}: {system_words(error)}", 1)
    if isinstance(error, GridError):
        return _say(str(error), 2 if isinstance(error, OptionError) else 1)
    return _say(sentence_of(error), 2)


def _say(sentence: str, code: int) -> int:
    with suppress(OSError):
        sys.stderr.write(f"gridws: {printable(' '.join(sentence.split())).rstrip('.')}\n")
        sys.stderr.flush()
    return code
