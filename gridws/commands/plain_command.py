"""A command whose help calls values what people call them."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final, get_args

from typer.core import TyperArgument, TyperCommand, TyperOption

METAVARS: Final[dict[object, str]] = {int: "NUMBER", float: "NUMBER", str: "TEXT", Path: "FILE"}


class PlainCommand(TyperCommand):
    """Says `--port NUMBER` and `TURBINE` where typer would say `--port <int range>` and `turbine <int range>`.

    An option or an argument may have a word of its own.
    """

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        for each in self.params:
            if isinstance(each, TyperOption) and each.metavar is None and not each.type_descriptor.is_choice:
                annotation = each.type_descriptor.annotation
                (value, *_) = get_args(annotation) or (annotation,)
                each.metavar = METAVARS.get(value)
            if isinstance(each, TyperArgument):
                each.metavar = each.metavar or each.name.upper()
                if not each.type_descriptor.is_choice:
                    each.display_type_rich = _no_type  # type: ignore[method-assign]  # its name says it


def _no_type(ctx: object) -> None:
    """Say nothing where typer would say `<list[int]>`."""
