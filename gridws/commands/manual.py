"""`gridws manual`: the pages of the manual, which lie in `gridws/manual/`; a page's heading says what it is about."""

from __future__ import annotations

from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Annotated

import typer

from ..errors import OptionError


def pages() -> dict[str, Traversable]:
    """Return the manual's pages by name, in the order of the alphabet."""
    found = {each.name: each for each in files("gridws").joinpath("manual").iterdir()}
    return {name.removesuffix(".md"): found[name] for name in sorted(found) if name.endswith(".md")}


def manual(
    page: Annotated[str | None, typer.Argument(help="A page; without one, what pages there are.")] = None,
) -> None:
    """Show a page of the manual, rendered on a terminal and as it is written in a pipe."""
    known = pages()
    if page is None:
        for name, file in known.items():
            typer.echo(f"{name:<12} {_heading(file)}")
        return
    if page not in known:
        raise OptionError(f"the manual has no page {page!r}; it has {', '.join(known)}")
    _show(known[page].read_text(encoding="utf-8"))


def _heading(page: Traversable) -> str:
    return page.read_text(encoding="utf-8").partition("\n")[0].removeprefix("# ")


def _show(text: str) -> None:
    from rich.console import Console

    console = Console()
    if console.is_terminal:
        from .rendered import rendered

        console.print(rendered(text))
    else:
        typer.echo(text, nl=False)
