"""A copy of the database while a monitor writes to it.

Rule 1: the copy shows one moment. The pages are read within one transaction, so whatever is written meanwhile
waits in the log, which grows until the copy is done. Rule 2: it is one file without a log, and looked through
before it gets its name.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Final

from ...errors import StoreFailed
from . import files
from .reader import open_reader

_PAGES: Final = 4_096
"""Copied at a time: 16 MiB, between two looks at Ctrl-C and two moves of the progress bar."""

Progress = Callable[[int, int], None]
"""Called with the pages copied and all pages."""


def back_up(database: Path, copy: Path, progress: Progress) -> None:
    """Copy the database into the empty file `copy`; raise `StoreUnusable`, or `StoreFailed` for the copy."""
    with open_reader(database) as source:
        source.execute("BEGIN")
        source.execute("SELECT count(*) FROM sqlite_master").fetchone()
        _copy(source, copy, progress)


def _copy(source: sqlite3.Connection, copy: Path, progress: Progress) -> None:
    try:
        with closing(sqlite3.connect(copy, isolation_level=None)) as target:
            source.backup(target, pages=_PAGES, progress=lambda _, left, total: progress(total - left, total))
            target.execute("PRAGMA journal_mode = DELETE")
            damage = files.damage_of(target)
    except sqlite3.Error as error:
        raise StoreFailed(str(copy), str(error)) from error
    if damage is not None:
        raise StoreFailed(str(copy), f"the copy, and so perhaps the database, is damaged ({damage})")
