"""Which files are read, and which are refused in one sentence."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from gridws.errors import StoreUnusable
from gridws.settings import MonitorSettings
from gridws.storage.batches import Batch
from gridws.storage.sqlite.reader import open_reader
from gridws.storage.sqlite.store import SqliteStore

from ..conftest import NOW
from ..rows import reading


def count(path: Path) -> int:
    with open_reader(path) as connection:
        found: int = connection.execute("SELECT count(*) FROM metrics").fetchone()[0]
    return found


def _text(path: Path) -> None:
    path.write_text("These are no readings.")


def _other_program(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE recipes (id INTEGER)")


def _newer(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA application_id = 0x67726964")
        connection.execute("PRAGMA user_version = 99")


def _nothing(path: Path) -> None:
    """Make nothing."""


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (_nothing, "there is no such file"),
        (Path.mkdir, "is a directory"),
        (os.mkfifo, "it is not a file"),
        (_text, "the file is not an SQLite database"),
        (Path.touch, "it is empty; no monitor has used it yet"),
        (_other_program, "it is a database of another program"),
        (_newer, "a newer gridws wrote it"),
    ],
)
def test_what_is_no_database_of_ours_is_refused(path: Path, make: Callable[[Path], None], words: str) -> None:
    make(path)

    with pytest.raises(StoreUnusable, match=words), open_reader(path):
        pass


async def test_what_a_monitor_just_committed_is_seen(sqlite: SqliteStore, path: Path) -> None:
    await sqlite.write(Batch(readings=[reading()]))

    assert count(path) == 1


async def test_a_reader_cannot_write(sqlite: SqliteStore, path: Path) -> None:
    with pytest.raises(StoreUnusable, match="readonly"), open_reader(path) as connection:
        connection.execute("DELETE FROM metrics")


async def test_a_closed_database_is_read_where_nothing_can_be_made_beside_it(path: Path) -> None:
    store = SqliteStore(path, settings=MonitorSettings())
    await store.open(now=NOW)
    await store.write(Batch(readings=[reading()]))
    await store.close()
    Path(f"{path}-shm").symlink_to("no/such/place")  # as good as read-only media, also for root

    assert count(path) == 1


async def test_a_log_that_cannot_be_read_is_no_reason_to_show_old_rows(
    sqlite: SqliteStore, path: Path, tmp_path: Path
) -> None:
    await sqlite.write(Batch(readings=[reading()]))
    copy = tmp_path / "copy.db"
    copy.write_bytes(path.read_bytes())
    Path(f"{copy}-wal").write_bytes(Path(f"{path}-wal").read_bytes())
    Path(f"{copy}-shm").symlink_to("no/such/place")

    with pytest.raises(StoreUnusable, match="unable to open"):
        count(copy)


async def test_a_damaged_database_is_told_of(path: Path) -> None:
    store = SqliteStore(path, settings=MonitorSettings())
    await store.open(now=NOW)
    await store.write(Batch(readings=[reading(after=n) for n in range(2000)]))
    await store.close()
    pages = bytearray(path.read_bytes())
    pages[4096 * 3 :] = b"\xa5" * (len(pages) - 4096 * 3)
    path.write_bytes(pages)

    with pytest.raises(StoreUnusable, match="the file is damaged"):
        count(path)
