"""A file that is there whole or not at all: written in a folder of its own beside it, then moved out.

Whoever is killed leaves that folder, with half a file and what SQLite puts beside one. The next to write the file
finds nobody's lock on it, clears it, and goes on.
"""

from __future__ import annotations

import errno
import fcntl
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from ..errors import OptionError, OutputFailed, system_words

NOT_SYNCABLE: Final = {errno.EINVAL, errno.ENOTSUP}
"""What network folders say that have no such thing as a sync; what they hold is as safe as they make it."""


@contextmanager
def new_file(path: Path, *, replace: bool = False) -> Iterator[Path]:
    """Give an empty file to write to, for its owner only, that becomes `path` at the end.

    Raise `OptionError` where there is something already, unless it is a file to `replace`, which keeps its
    permissions; `OutputFailed` where nothing can be written, whoever notices it. What failed leaves nothing.
    """
    mode = 0o600
    if replace and path.is_file():
        path = path.resolve()
        mode = stat.S_IMODE(path.stat().st_mode)
    elif path.exists() or path.is_symlink():
        or_delete = ", or delete it first" if path.is_file() else ""  # nobody should delete /dev/null
        raise OptionError(f"{path} exists already; choose another name{or_delete}")
    try:
        with _part_of(path) as part:
            os.close(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
            yield part
            part.chmod(mode)
            sync(part)
            part.rename(path)
            sync(path.absolute().parent)
    except OSError as error:
        raise OutputFailed(str(path), system_words(error)) from error


@contextmanager
def _part_of(path: Path) -> Iterator[Path]:
    """Give a name in a folder that is ours as long as we live, and leave neither behind."""
    folder = path.with_name(f"{path.name}.part")
    folder.mkdir(mode=0o700, exist_ok=True)
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        _lock(descriptor, path)
        part = folder / path.name
        _clear(part)
        try:
            yield part
        finally:
            _clear(part)
            with suppress(OSError):  # somebody else's files are in it, so that it stays
                folder.rmdir()
    finally:
        os.close(descriptor)


def _lock(folder: int, path: Path) -> None:
    try:
        fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise OutputFailed(str(path), "another gridws is writing it just now") from error
    except OSError:  # a network folder without such locks
        return


def _clear(part: Path) -> None:
    for suffix in ("", "-journal", "-wal", "-shm"):
        Path(f"{part}{suffix}").unlink(missing_ok=True)


def sync(path: Path) -> None:
    """Have it on the disk before a rename, or the end of the command, says that it is there."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in NOT_SYNCABLE:
            raise
    finally:
        os.close(descriptor)
