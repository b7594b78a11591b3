"""One monitor a database, by whatever name it reaches the file.

Two locks, and the system drops both with the process. One goes with the file itself, so it holds through symbolic
and hard links; where the system has no such lock, the other one is all there is. That one, `NAME-lock` beside the
file, goes with the name: nobody begins anew there while our file is moved away and the next one is not there yet.
It also keeps which file the log beside it belongs to. SQLite goes by the name alone, and after a crash it would play
the log that was left behind into whatever file was moved there meanwhile.

Whoever closes a file loses all of SQLite's locks of this process on it. So the file is kept open, and is let go of
only where SQLite has no connection to it.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Final

from ...errors import StoreUnusable

_SET_LOCK: Final = getattr(fcntl, "F_OFD_SETLK", None) if os.uname().sysname == "Linux" else None
"""Locks of an open file: unlike `flock`, they are in no network folder the same ones as SQLite's."""
_UNUSED_BYTE: Final = 2**62
"""SQLite locks bytes from 2^30 on, a few hundred."""
_LOCKED_BYTE: Final = struct.pack("hhqqi4x", fcntl.F_WRLCK, os.SEEK_SET, _UNUSED_BYTE, 1, 0)

Identity = tuple[int, int]
"""Device and inode: which file it is, whatever its name."""


def identity_of(path: Path | str) -> Identity | None:
    """Return which file is at the path, links followed; None where there is none, or nobody can tell."""
    try:
        found = os.stat(path)  # noqa: PTH116 - before each batch, and pathlib's costs three times as much
    except OSError:
        return None
    return found.st_dev, found.st_ino


class Lock:
    """The right to be the one monitor of the database at a path."""

    def __init__(self) -> None:
        self._name: int | None = None
        self._file: int | None = None

    def acquire(self, path: Path) -> None:
        """Take both locks, and make the file where there is none; keep those that are of the same files already.

        `path` is the real one. Raise `StoreUnusable` when another monitor is at it, `OSError` when the file or the
        one beside it cannot be opened for writing.
        """
        name = f"{path}-lock"
        if self._name is None or identity_of(name) != _identity(self._name):
            _close(self._name)
            self._name = None
            self._name = _locked(name, path, _lock_by_name)
        if self._file is None or identity_of(path) != _identity(self._file):
            before, self._file = self._file, None
            try:
                self._file = _locked(path, path, _lock_file)
            finally:
                _close(before)  # last: while a deleted file is open, no other one gets its inode

    def release(self) -> None:
        """Give the locks back. `NAME-lock` stays: deleting it could take the lock of one who just opened it."""
        for descriptor in (self._name, self._file):
            _close(descriptor)
        self._name = self._file = None

    def remember_log(self, log: Identity | None) -> None:
        """Keep that this log belongs to the file that is locked."""
        if self._name is not None:
            text = json.dumps([self.file, log]).encode()
            os.truncate(self._name, os.pwrite(self._name, text, 0))

    def has_log_of_another(self, path: Path) -> bool:
        """Return whether the log beside `path` was left behind by another file than the one that is locked."""
        if self._name is None:
            return False
        try:
            file, log = json.loads(os.pread(self._name, 1_000, 0))
        except ValueError:  # nothing is kept yet
            return False
        is_known = log is not None and _as_kept(identity_of(f"{path}-wal")) == log
        return is_known and _as_kept(self.file) != file

    @property
    def file(self) -> Identity | None:
        """Which file is locked."""
        return None if self._file is None else _identity(self._file)

    def place(self) -> Path | None:
        """Return where the locked file is now, by its present name; None: it has none, or nobody can tell."""
        try:
            found = Path(f"/proc/self/fd/{self._file}").readlink()
        except OSError:
            return None
        return found if identity_of(found) == self.file else None

    def is_deleted(self) -> bool:
        """Return whether the locked file has no name any more, and ends with us."""
        return self._file is not None and os.fstat(self._file).st_nlink == 0


def _locked(name: Path | str, database: Path, lock: Callable[[int], None]) -> int:
    descriptor = os.open(name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        lock(descriptor)
    except OSError as error:
        os.close(descriptor)
        if error.errno not in {errno.EAGAIN, errno.EACCES}:
            raise
        raise StoreUnusable(str(database), "another monitor is using it") from error
    return descriptor


def _lock_by_name(descriptor: int) -> None:
    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _lock_file(descriptor: int) -> None:
    if _SET_LOCK is None:
        return
    try:
        fcntl.fcntl(descriptor, _SET_LOCK, _LOCKED_BYTE)
    except OSError as error:
        if error.errno not in {errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP}:  # there are none here
            raise


def _identity(descriptor: int) -> Identity:
    found = os.fstat(descriptor)
    return found.st_dev, found.st_ino


def _as_kept(identity: Identity | None) -> list[int] | None:
    return None if identity is None else list(identity)


def _close(descriptor: int | None) -> None:
    if descriptor is not None:
        os.close(descriptor)
