"""What is deleted from the file itself, and what a failed batch leaves behind."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from gridws.errors import StoreFailed
from gridws.settings import MonitorSettings
from gridws.storage import Batch
from gridws.storage.sqlite import SqliteStore

from .conftest import NOW
from .rows import ALWAYS, reading

HOUR = 3_600_000


def stored(path: Path, table: str) -> set[int]:
    """Return the turbines that have rows in the table."""
    with closing(sqlite3.connect(path)) as connection:
        return {number for (number,) in connection.execute(f"SELECT turbine_number FROM {table}")}


async def test_normal_and_stray_readings_leave_the_file_when_they_are_old(path: Path) -> None:
    store = SqliteStore(path, settings=MonitorSettings(retain_readings=3_600, retain_minutes=3_600))
    await store.open(now=NOW)
    later = NOW + 2 * HOUR
    ahead = reading(2, measured_at=NOW + 100 * HOUR)
    past_but_just_received = reading(3, received_at=later)
    await store.write(Batch(readings=[reading(1), ahead, past_but_just_received, reading(4, 2 * HOUR)]))
    await store.maintain(now=later)

    await store.maintain(now=later + 1)
    await store.maintain(now=later + 2)

    assert stored(path, "metrics") == {3, 4}
    assert stored(path, "minutes") >= {2, 3, 4}
    assert await store.readings(3, **ALWAYS) == [past_but_just_received]
    await store.close()


async def test_minutes_leave_the_file_when_they_are_old(path: Path) -> None:
    store = SqliteStore(path, settings=MonitorSettings(retain_readings=3_600, retain_minutes=3_600))
    await store.open(now=NOW)
    await store.write(Batch(readings=[reading(1), reading(4, 2 * HOUR)]))
    await store.maintain(now=NOW + 2 * HOUR)

    await store.maintain(now=NOW + 2 * HOUR + 1)

    assert stored(path, "minutes") == {4}
    await store.close()


async def test_a_batch_that_fails_at_its_end_leaves_no_trace(sqlite: SqliteStore) -> None:
    connection, before = sqlite._database.connection(), dict(sqlite._database.meta)
    denied = {(sqlite3.SQLITE_INSERT, "meta")}
    connection.set_authorizer(
        lambda action, table, *_: sqlite3.SQLITE_DENY if (action, table) in denied else sqlite3.SQLITE_OK
    )

    with pytest.raises(StoreFailed):
        await sqlite.write(Batch([reading()], {(7, "s"): 9}))

    assert sqlite._database.meta == before
    written = await sqlite.write(Batch(cursors={(8, "t"): 5}, wanted=[(7, "s"), (8, "t")]))
    assert written.cursors == {(7, "s"): None, (8, "t"): 5}
    assert await sqlite.readings(7, **ALWAYS) == []
