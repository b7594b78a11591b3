"""`gridws backup`: a copy of the database, also while a monitor writes to it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..settings import MonitorSettings
from . import Database

DEFAULTS = MonitorSettings()


def backup(
    file: Annotated[Path, typer.Argument(help="The copy to make; there must be nothing of this name yet.")],
    database: Database = DEFAULTS.database,
) -> None:
    """Copy the database of a running monitor, or of none, into one file and check the copy."""
    from ..new_file import new_file
    from ..progress import progress_bar
    from ..storage.backup import back_up

    with new_file(file) as part, progress_bar() as show:
        back_up(
            database,
            part,
            lambda done, pages: show(done / max(pages, 1), f"{done:,} of {pages:,} pages"),
        )
        size = part.stat().st_size
    typer.echo(f"{file} holds a copy of {database} ({size / 1e6:.1f} MB, checked)")
