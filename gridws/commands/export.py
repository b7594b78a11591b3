"""`gridws export`: readings, repairs or links as CSV or Parquet."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Annotated, BinaryIO

import typer

from ..errors import OptionError
from ..process.progress import progress_bar
from ..report.exporting import Times, WriteRows, csv_writer
from ..settings import MAX_MEASURED_AT, MonitorSettings
from ..storage.records import Table
from .databases import Database, file_of, open_records
from .destination import dated, opened
from .report import From, Since, To, Turbine, say_nothing_of

DEFAULTS = MonitorSettings()
_PARQUET = ".parquet"


def export(
    table: Annotated[Table, typer.Argument(help="What to export.")],
    output: Annotated[
        str | None,
        typer.Option(
            "--output",
            "-o",
            help="The file to make, - for standard output; NAME.parquet is Parquet, and %F becomes today's date.",
            metavar="FILE",
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace the file if there is one already.")] = False,
    times: Annotated[
        Times, typer.Option(help="How CSV has times: ISO 8601, or so that a spreadsheet takes them as dates.")
    ] = Times.iso,
    since: Since = None,
    begin: From = None,
    end: To = None,
    turbine: Turbine = None,
    database: Database = DEFAULTS.database,
) -> None:
    """Write a table as CSV or Parquet: everything, or a range of time; times are in UTC.

    Readings are chosen by when they were measured, repairs and links when a part of them lies in the range. What
    a monitor stores during the export may be missing or half told.
    """
    import time

    from ..spans import Span, parse_span

    now = time.time_ns() // 1_000_000
    span = parse_span(since, begin, end, now=now)
    if end is None:  # a turbine whose clock is ahead is part of everything
        span = Span(span.since, MAX_MEASURED_AT + 1)
    name = dated(output, now=now / 1000) if output else output
    with (
        open_records(database) as records,
        opened(name, force=force, database=file_of(database)) as file,
        progress_bar(file) as show,
        _writer(name, file, table, times) as write,
    ):
        count = 0
        for rows, done in records.slices(table, span, turbine):
            write(rows)
            count += len(rows)
            show(done, f"{count:,} rows")
    if turbine is not None and not count:
        say_nothing_of(turbine)


def _writer(
    name: str | None, file: BinaryIO, table: Table, times: Times
) -> AbstractContextManager[WriteRows]:
    if name is None or not name.endswith(_PARQUET):
        return csv_writer(file, table, times)
    if times is not Times.iso:
        raise OptionError("--times is for CSV; Parquet has times of its own kind")
    try:
        from ..report.parquet import parquet_writer
    except ImportError:
        raise OptionError("Parquet takes one more package: pip install 'gridws[parquet]'") from None
    return parquet_writer(file, table)
