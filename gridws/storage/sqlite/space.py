"""How much of the disk the database takes, and how much of it is free."""

from __future__ import annotations

import shutil
from contextlib import suppress
from pathlib import Path

from .. import Space


def space_of(path: Path) -> Space:
    """Return what the files at a path take, which is no link; raise `OSError` where the disk does not say."""
    return Space(
        database_bytes=_size(path),
        log_bytes=_size(path.with_name(f"{path.name}-wal")),
        free_bytes=shutil.disk_usage(path.parent).free,
    )


def _size(path: Path) -> int:
    with suppress(FileNotFoundError):
        return path.stat().st_size
    return 0
