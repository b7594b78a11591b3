"""Mistakes in options as sentences: what was wrong with which value, where it came from, and what would be right."""

from __future__ import annotations

import re
from enum import Enum
from pathlib import Path
from typing import Any, Final, get_args

import typer
from pydantic import ValidationError
from typer.core import TyperArgument, TyperCommand, TyperOption
from typer.exceptions import TyperException

from ..errors import OptionError

Param = TyperOption | TyperArgument

FILE: Final = "gridws.configuration"
"""Where a context notes which configuration file its values come from."""
PLAIN_WORDS: Final = (
    (re.compile(r"^No such command '(.*?)'"), r"there is no command \1"),
    (re.compile(r"^Got unexpected extra argument\(s\) \((.*)\)$", re.DOTALL), r"too many arguments: \1"),
    (re.compile(r"^Option '(.*?)' requires an argument"), r"\1 wants a value"),
    (re.compile(r"\. Did you mean '(.*)'\?$"), r", perhaps \1"),
    (re.compile(r"', '"), " or "),
)
"""What typer says, and how we do."""
_KINDS: Final[dict[object, str]] = {
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    Path: "a path",
}


def params_of(command: object) -> list[Param]:
    """Return the options and arguments of a command."""
    params = command.params if isinstance(command, TyperCommand) else []
    return [each for each in params if isinstance(each, TyperOption | TyperArgument)]


def name_of(param: Param) -> str:
    """Return what a person calls it: `--port`, or `TABLE` for what has no dashes."""
    return max(param.opts, key=len) if isinstance(param, TyperOption) else param.metavar or param.name.upper()


def key_of(param: Param) -> str:
    """Return its name in a configuration file."""
    return name_of(param).lstrip("-")


def source_of(context: typer.Context, param: Param) -> str:
    """Return where its value came from: a variable, a place in the file, `default`, or itself, as it was typed."""
    source = context.get_parameter_source(param.name)
    if source is None or source.name == "COMMANDLINE":
        return name_of(param)
    if source.name == "ENVIRONMENT":
        return str(param.envvar)
    if source.name == "DEFAULT_MAP":
        return f"{context.meta[FILE]}, [{context.info_name}] {key_of(param)}"
    return "default"


def sentence_of(error: TyperException) -> str:
    """Return what typer found, in plain words, and how to find out more."""
    context: typer.Context | None = getattr(error, "ctx", None)
    command = "gridws" if context is None else context.command_path
    return f"{_words_of(error, context)}; try {command} --help"


def with_sources(error: OptionError, context: typer.Context) -> OptionError:
    """Return the error, and in it where each option that it speaks of was set, unless that is plain to see."""
    found = [each for each in params_of(context.command) if _speaks_of(str(error), context, each)]
    sources = dict.fromkeys(source_of(context, each) for each in found)
    return OptionError(f"{error} (from {' and '.join(sources)})") if sources else error


def _speaks_of(sentence: str, context: typer.Context, param: Param) -> bool:
    if source_of(context, param) in {name_of(param), "default"}:
        return False
    value = context.params.get(param.name)
    texts = [each for each in (value if isinstance(value, list) else [value]) if isinstance(each, str)]
    return name_of(param) in sentence or any(len(each) > 2 and each in sentence for each in texts)


def _words_of(error: Any, context: typer.Context | None) -> str:
    param: Param | None = getattr(error, "param", None)
    if param is not None and hasattr(error, "param_type"):
        return f"{name_of(param)} is missing: {wanted(param)}"
    if param is not None and context is not None and isinstance(error.__cause__, ValidationError):
        return f"{source_of(context, param)}: {_what_is_wrong(error.__cause__, param)}"
    if hasattr(error, "possibilities"):
        perhaps = " or ".join(sorted(error.possibilities or ()))
        return f"there is no option {error.option_name}" + (f", perhaps {perhaps}" if perhaps else "")
    message = error.format_message()
    for typers, ours in PLAIN_WORDS:
        message = typers.sub(ours, message)
    return f"{message[:1].lower()}{message[1:]}".rstrip(".")


def _what_is_wrong(error: ValidationError, param: Param) -> str:
    found = error.errors()[0]
    if param.type_descriptor.is_path:  # it was looked at, and typer has the words for what it is
        return found["msg"].removeprefix("Value error, ").rstrip(".")
    return f"{_shown(found['input'])} is not {wanted(param)}"


def wanted(param: Param) -> str:
    """Return what a value must be: `a whole number from 0 to 65535`."""
    kind = param.type_descriptor
    if kind.choices is not None:
        return f"one of {', '.join(str(each.value if isinstance(each, Enum) else each) for each in kind.choices)}"
    (annotation,) = get_args(kind.annotation) or (kind.annotation,)
    return f"{_KINDS.get(annotation, 'a text')}{_range(param.min, param.max)}"


def _range(low: float | None, high: float | None) -> str:
    if low is None and high is None:
        return ""
    return f" of at least {low}" if high is None else f" from {low} to {high}"


def _shown(value: object) -> str:
    """Return a value as it was written, in quotes unless it is a number."""
    try:
        float(str(value))
    except ValueError:
        return repr(value)
    return str(value)
