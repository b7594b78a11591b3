"""The command line: reads options, builds, runs. What a command needs is imported when it runs."""

from __future__ import annotations

import sys

import typer
from typer.exceptions import TyperException

from .commands import demo, monitor, turbines, watch
from .errors import GridError, OptionError

app = typer.Typer(
    name="gridws",
    help="Watches wind turbines, keeps every reading and sends engineers to the broken ones.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
)
app.command("monitor")(monitor.monitor)
app.command("turbines")(turbines.turbines)
app.command("watch")(watch.watch)
app.command("demo")(demo.demo)


def main() -> None:
    """Run `gridws`: a mistake in an option is one line and exit code 2, trouble at run time one line and 1."""
    try:
        code = app(standalone_mode=False)
    except TyperException as error:
        code = _say(error.format_message(), 2)
    except OptionError as error:
        code = _say(str(error), 2)
    except GridError as error:
        code = _say(str(error), 1)
    except (KeyboardInterrupt, BrokenPipeError):
        # Ctrl-C before a command took over the signals, or whoever read our output has seen enough.
        code = 0
    sys.exit(code or 0)


def _say(sentence: str, code: int) -> int:
    sys.stderr.write(f"gridws: {sentence.rstrip('.')}\n")
    return code
