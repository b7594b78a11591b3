"""`gridws config`: what every option is now, and why."""

from __future__ import annotations

import json
from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from typer.core import TyperCommand, TyperGroup, TyperOption
from typer.exceptions import TyperException

from ..errors import OptionError
from .configuration import options_of, read_file
from .databases import shown
from .mistakes import FILE, sentence_of, source_of

SECRET: Final = {"token", "webhook-secret"}
"""Options whose values are shown to nobody."""


def config(
    context: typer.Context,
    command: Annotated[str | None, typer.Argument(help="This command only.")] = None,
) -> None:
    """Print the options that are in force, and where each comes from, as a configuration file.

    The file has a table for each command, with options as they are written on the command line. A variable counts
    more than the file, and an option more than both: gridws config > gridws.toml is a beginning.
    """
    group = context.find_root().command
    commands = group.commands if isinstance(group, TyperGroup) else {}
    shown = {name: each for name, each in commands.items() if options_of(each) and command in {None, name}}
    if not shown:
        raise OptionError(f"there is no command {command!r} with options")
    file = context.meta.get(FILE)
    tables = read_file(Path(file), commands) if file else {}
    for name, each in shown.items():
        if isinstance(each, TyperCommand):
            inner = typer.Context(each, info_name=name, parent=context.parent)
            inner.default_map = tables.get(name, {})
            typer.echo("\n".join([f"[{name}]", *_lines(inner, options_of(each)), ""]))


def _lines(context: typer.Context, options: dict[str, TyperOption]) -> Iterator[str]:
    for key, option in options.items():
        value = _value_of(context, option)
        source = source_of(context, option).partition(", ")[0]
        if value in {None, ()} if not isinstance(value, list) else not value:
            yield f"# {key} is not set"
        elif key in SECRET:
            yield f"# {key} is set by {source}"
        else:
            yield f"{f'{key} = {_toml(value)}':<40} # {source}"


def _value_of(context: typer.Context, option: TyperOption) -> Any:
    """Return the value of an option in this context as its command would get it."""
    try:
        value, _ = option.handle_parse_result(context, {}, [])
    except TyperException as error:
        raise OptionError(sentence_of(error)) from error
    return value


def _toml(value: object) -> str:
    """Return a value as TOML writes it, which for these is as JSON does."""
    if isinstance(value, Enum):
        value = value.value
    if isinstance(value, Path | str):
        value = shown(str(value))
    return json.dumps(value, ensure_ascii=False)
