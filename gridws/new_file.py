"""A file that is there whole or not at all: written under another name beside it, then renamed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .errors import OptionError, system_words


@contextmanager
def new_file(path: Path) -> Iterator[Path]:
    """Give an empty file to write to, for its owner only, that becomes `path` at the end.

    Raise `OptionError` where there is something already, or nothing can be written; what failed leaves nothing.
    """
    if path.exists() or path.is_symlink():
        raise OptionError(f"{path} exists already; choose another name, or delete it first")
    part = path.with_name(f"{path.name}.part{os.getpid()}")
    try:
        os.close(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    except OSError as error:
        raise OptionError(f"cannot write {path}: {system_words(error)}") from error
    try:
        yield part
        _sync(part)
        part.rename(path)
        _sync(path.absolute().parent)
    finally:
        part.unlink(missing_ok=True)


def _sync(path: Path) -> None:
    """Have it on the disk before a rename, or the end of the command, says that it is there."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
