"""The configuration file: the options of each command in a table of its name, written as in `gridws monitor --port`.

    [monitor]
    host = ["localhost", "192.0.2.7"]
    database = "/var/lib/gridws/gridws.db"

    [report]
    database = "/var/lib/gridws/gridws.db"

It is `gridws.toml` in the current folder, where there is one, or what `--config` or `GRIDWS_CONFIG` names. A variable
counts more than the file, and an option more than both.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from typer.core import TyperGroup, TyperOption

from ..errors import OptionError, system_words
from .mistakes import FILE, key_of, params_of, wanted

DEFAULT_FILE: Final = Path("gridws.toml")
NOT_IN_A_FILE: Final = {"config", "help"}

Table = dict[str, Any]


def take_up(context: typer.Context, file: Path | None) -> Path | None:
    """Let the options of this command have the values that the file has for them; the callback of `--config`."""
    if file is None and DEFAULT_FILE.exists():
        file = DEFAULT_FILE
    if file is None or context.resilient_parsing:
        return None
    group = context.find_root().command
    if isinstance(group, TyperGroup):
        context.meta[FILE] = str(file)
        context.default_map = read_file(file, group.commands).get(context.info_name or "", {})
    return file


ConfigFile = Annotated[
    Path | None,
    typer.Option(
        "--config",
        envvar="GRIDWS_CONFIG",
        is_eager=True,
        callback=take_up,
        readable=False,  # what is wrong with the file is said in one way
        help=f"A file with options; {DEFAULT_FILE} in this folder unless given. See `gridws config --help`.",
    ),
]


def options_of(command: object) -> dict[str, TyperOption]:
    """Return the options of a command that a file may set, by their names in it."""
    options = {key_of(each): each for each in params_of(command) if isinstance(each, TyperOption)}
    return {key: each for key, each in options.items() if key not in NOT_IN_A_FILE}


def read_file(file: Path, commands: Mapping[str, object]) -> dict[str, Table]:
    """Return what a file sets for each command, by the names of the functions' parameters.

    Raises `OptionError` for a file that cannot be read, for names that are no command's or option's, and for what
    cannot be a value of its option; whether it is within bounds is seen when the option is used.
    """
    options = {name: options_of(command) for name, command in commands.items()}
    known = {name: found for name, found in options.items() if found}
    tables: dict[str, Table] = {}
    for name, table in _parsed(file).items():
        if name not in known or not isinstance(table, dict):
            raise OptionError(f"{file}: there is no command for [{name}]{_perhaps(name, known)}")
        tables[name] = dict(_settings(f"{file}, [{name}]", table, known[name]))
    return tables


def _parsed(file: Path) -> Table:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise OptionError(f"cannot read --config {file}: {system_words(error)}") from error
    except UnicodeDecodeError as error:
        raise OptionError(f"--config {file} is no text") from error
    except tomllib.TOMLDecodeError as error:
        raise OptionError(f"--config {file} is no TOML: {str(error)[:1].lower()}{str(error)[1:]}") from error


def _settings(where: str, table: Table, options: dict[str, TyperOption]) -> Iterator[tuple[str, object]]:
    for key, value in table.items():
        if key not in options:
            raise OptionError(f"{where}: there is no option {key}{_perhaps(key, options)}")
        option = options[key]
        values = value if option.multiple and isinstance(value, list) else [value]
        if not all(_may_be(each, option) for each in values):
            raise OptionError(f"{where} {key}: {value!r} is not {wanted(option)}")
        yield option.name, values if option.multiple else value


def _may_be(value: object, option: TyperOption) -> bool:
    """Return whether this is a value of TOML that stands for one of the option; a port is not true."""
    return isinstance(value, bool) if option.is_flag else type(value) in {str, int, float}


def _perhaps(name: str, known: Mapping[str, object]) -> str:
    close = get_close_matches(name.replace("_", "-"), known, n=1)
    return f", perhaps {close[0]}" if close else ""
