"""`gridws export`: readings, repairs or links as CSV."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, BinaryIO

import typer

from ..exporting import Table
from ..progress import progress_bar
from ..settings import MAX_MEASURED_AT, MonitorSettings
from . import Database
from .report import From, Since, To, Turbine, say_nothing_of

DEFAULTS = MonitorSettings()


def export(
    table: Annotated[Table, typer.Argument(help="What to export.")],
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", help="The file to make; standard output unless given.", metavar="FILE"
        ),
    ] = None,
    since: Since = None,
    begin: From = None,
    end: To = None,
    turbine: Turbine = None,
    database: Database = DEFAULTS.database,
) -> None:
    """Write a table as CSV: everything, or a range of time; times are ISO 8601 in UTC.

    Readings are chosen by when they were measured, repairs and links when a part of them lies in the range. What
    a monitor stores during the export may be missing or half told.
    """
    import time

    from ..exporting import export as export_rows
    from ..spans import Span, parse_span
    from ..storage.reader import open_reader

    now = time.time_ns() // 1_000_000
    span = parse_span(since, begin, end, now=now)
    if end is None:  # a turbine whose clock is ahead is part of everything
        span = Span(span.since, MAX_MEASURED_AT + 1)
    with open_reader(database) as connection, _opened(output) as file, progress_bar(file) as show:
        rows = 0
        for chunk in export_rows(connection, table, span, turbine):
            file.write(chunk.text.encode())
            rows += chunk.rows
            show(chunk.done, f"{rows:,} rows")
        file.flush()
    if turbine is not None and not rows:
        say_nothing_of(turbine)


@contextmanager
def _opened(output: Path | None) -> Iterator[BinaryIO]:
    from ..new_file import new_file

    if output is None:
        yield typer.get_binary_stream("stdout")
        return
    with new_file(output) as part, part.open("wb") as file:
        yield file
