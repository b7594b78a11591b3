"""`gridws backup`: a copy of the database, also while a monitor writes to it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..errors import OptionError
from ..settings import MonitorSettings
from .databases import Database, file_of

DEFAULTS = MonitorSettings()


def backup(
    file: Annotated[Path, typer.Argument(help="The copy to make; there must be nothing of this name yet.")],
    database: Database = DEFAULTS.database,
) -> None:
    """Copy the database of a running monitor, or of none, into one file and check the copy."""
    from ..process.new_file import new_file
    from ..process.progress import progress_bar
    from ..storage.sqlite.backup import back_up

    source = file_of(database)
    if source is None:
        raise OptionError("PostgreSQL copies its databases by itself: see pg_dump and pg_basebackup")
    with new_file(file) as part, progress_bar() as show:
        back_up(
            source,
            part,
            lambda done, pages: show(done / max(pages, 1), f"{done:,} of {pages:,} pages"),
        )
        size = part.stat().st_size
    typer.echo(f"{file} holds a copy of {database} ({size / 1e6:.1f} MB, checked)")
