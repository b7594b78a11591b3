"""Disks of a test's own, and what can be wrong with one for a while; only root can mount them."""

from __future__ import annotations

import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager, suppress
from pathlib import Path

Trouble = Callable[[Path], AbstractContextManager[None]]
"""What is wrong with the disk at a folder, or with the database in it, until it is left."""


@contextmanager
def mounted(folder: Path, *, megabytes: int) -> Iterator[Path]:
    """Mount a disk in memory."""
    folder.mkdir()
    call("mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "gridws-test", folder)
    try:
        yield folder
    finally:
        call("umount", "--lazy", folder)


@contextmanager
def full(folder: Path) -> Iterator[None]:
    """Leave not a byte."""
    ballast = folder / "ballast"
    with ballast.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(b"x" * 4096)
    yield
    ballast.unlink()


@contextmanager
def read_only(folder: Path) -> Iterator[None]:
    """Let nothing be written; the system refuses that while a file is open for writing."""
    call("mount", "-o", "remount,ro", folder)
    yield
    call("mount", "-o", "remount,rw", folder)


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Let another process write for long."""
    with closing(sqlite3.connect(folder / "gridws.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


@contextmanager
def closed_to_everybody(folder: Path) -> Iterator[None]:
    """Let another process have the database for itself, so that it cannot even be read."""
    with closing(sqlite3.connect(folder / "gridws.db", isolation_level=None)) as other:
        other.execute("PRAGMA locking_mode = EXCLUSIVE")
        other.execute("BEGIN EXCLUSIVE")
        other.execute("UPDATE meta SET value = value")
        yield
        other.execute("ROLLBACK")


def call(*command: str | Path) -> None:
    """Run a command that works."""
    subprocess.run(command, check=True, capture_output=True)
