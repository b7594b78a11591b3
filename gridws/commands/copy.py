"""`gridws copy`: what an SQLite file holds, moved into PostgreSQL."""

from __future__ import annotations

import asyncio
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from ..errors import OptionError
from ..process.progress import Show, progress_bar
from ..settings import MonitorSettings
from .databases import asyncpg_wanted, file_of, shown

if TYPE_CHECKING:
    from ..storage.copying import Progress
    from ..storage.postgres.target import Target
    from ..storage.sqlite.source import Source

DEFAULTS = MonitorSettings()
ROWS: Final = 20_000
"""Rows of a slice: a transaction of a quarter of a second, and 10 MB."""


def copy(
    source: Annotated[
        Path,
        typer.Option(
            "--from", metavar="FILE", readable=False, help="The SQLite file; no monitor may run on it."
        ),
    ] = Path(DEFAULTS.database),
    target: Annotated[
        str,
        typer.Option(
            "--to",
            envvar="GRIDWS_DATABASE",
            metavar="URL",
            help="The database, as postgresql://USER@HOST/NAME: an empty one, or where a copy was broken off.",
        ),
    ] = "",
) -> None:
    """Move a fleet from its SQLite file into PostgreSQL: once, as a whole, and checked row by row.

    Broken off, the same command goes on where it was. The file stays as it is.
    """
    if file_of(target) is not None:
        raise OptionError("--to names no database of PostgreSQL: write postgresql://USER@HOST/NAME")
    with asyncpg_wanted():
        from ..storage.postgres.target import open_target
    from ..storage.sqlite.source import open_source

    with open_source(source) as found, progress_bar() as show, asyncio.Runner() as runner:
        try:
            progress = runner.run(_copy(found, open_target(target, found.meta), show))
        except KeyboardInterrupt:
            typer.echo("gridws: the copy is not done; the same command goes on with it", err=True)
            raise
    rows = f"{progress['metrics'].done:,} readings, {progress['repairs'].done:,} repairs"
    typer.echo(f"{shown(target)} holds what {source} does: {rows}, and all else (checked)")


async def _copy(
    source: Source, opened: AbstractAsyncContextManager[Target], show: Show
) -> dict[str, Progress]:
    from ..storage.copying import KEPT, Progress

    async with opened as target:
        progress = await target.progress()
        if not progress:
            progress = {table.name: Progress(source.count(table)) for table in KEPT}
            await target.expect(progress)
        await _fill(source, target, progress, show)
        for table in KEPT:
            show(1.0, f"checking {table.name}")
            await target.check(table, progress[table.name])
        await target.finish()
    return progress


async def _fill(source: Source, target: Target, progress: dict[str, Progress], show: Show) -> None:
    from ..storage.copying import KEPT

    whole = sum(each.expected for each in progress.values())
    for table in KEPT:
        own = progress[table.name]
        while (part := source.part(table, own.after, ROWS)).rows:
            own.add(part.rows, part.keys[-1])
            await target.take(table, part.rows, part.keys, own)
            done = sum(each.done for each in progress.values())
            show(done / max(whole, 1), f"{done:,} of {whole:,} rows")
