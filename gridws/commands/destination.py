"""Where the rows of an export go: a new file, one that is replaced, a device, standard output."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final

import typer

from ..errors import OptionError, OutputFailed, system_words
from ..process.new_file import new_file

_DATED: Final = "FYmdHMS"
_BESIDE_DATABASE: Final = ("", "-wal", "-shm", "-journal", "-lock")


def dated(name: str, *, now: float) -> str:
    """Return a name in which %F, %Y, %m, %d, %H, %M and %S are the local date and time of `now` (s since 1970)."""

    def word(found: re.Match[str]) -> str:
        letter = found[1]
        if letter == "%":
            return "%"
        if not letter or letter not in _DATED:
            raise OptionError(
                f"{found[0]!r} in {name!r} is no part of a date; write %F, or %% for a % of its own"
            )
        return time.strftime(f"%{letter}", time.localtime(now))

    return re.sub(r"%(.?)", word, name)


@contextmanager
def opened(name: str | None, *, force: bool, database: Path | None) -> Iterator[BinaryIO]:
    """Give what to write to: `-` and None are standard output, and a device or a pipe is written to as it is.

    Raise `OptionError` for a file that is there already, without `force`, and for the files of the database.
    """
    if name is None or name == "-" or _is_stdout(Path(name)):
        yield typer.get_binary_stream("stdout")
        return
    path = Path(name)
    if path.exists() and not path.is_file() and not path.is_dir():
        with _device(path) as device:
            yield device
        return
    if database is not None and path.resolve() in {
        Path(f"{database.resolve()}{end}") for end in _BESIDE_DATABASE
    }:
        raise OptionError(f"{path} is the database itself; choose another name")
    if path.is_file() and not force:
        raise OptionError(f"{path} exists already; --force replaces it")
    with new_file(path, replace=force) as part, part.open("wb") as file:
        yield file


def _is_stdout(path: Path) -> bool:
    """Return whether a path is our standard output, such as /dev/stdout, also where that is a file."""
    try:
        return os.path.samestat(path.stat(), os.fstat(1))
    except OSError:
        return False


@contextmanager
def _device(path: Path) -> Iterator[BinaryIO]:
    try:
        with path.open("wb") as file:
            yield file
    except BrokenPipeError:
        raise
    except OSError as error:
        raise OutputFailed(str(path), system_words(error)) from error
