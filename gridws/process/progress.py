"""A progress bar on standard error, where somebody looks at a terminal and the output goes elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import BinaryIO

Show = Callable[[float, str], None]
"""Called with the share done, 0 to 1, and a few words beside the bar."""


@contextmanager
def progress_bar(output: BinaryIO | None = None) -> Iterator[Show]:
    """Show how far a job is, unless nobody sees it or its output goes to the same terminal."""
    if not sys.stderr.isatty() or (output is not None and output.isatty()):
        yield _show_nothing
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

    columns = (BarColumn(), TaskProgressColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=1.0)
        yield lambda done, words: bar.update(task, completed=done, description=words)


def _show_nothing(_done: float, _words: str) -> None:
    """Nobody looks."""
