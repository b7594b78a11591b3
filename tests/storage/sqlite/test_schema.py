"""How a file of an earlier version becomes one of today's."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Final

import pytest

from gridws.settings import MonitorSettings
from gridws.storage.batches import Batch
from gridws.storage.rows import Event, Hold, Reading, Repair
from gridws.storage.sqlite import schema
from gridws.storage.sqlite.store import SqliteStore

from ..conftest import NOW
from ..rows import ALWAYS, reading

VERSION_1: Final = Path(__file__).with_name("version_1.sqlite")
"""Written by gridws as it was before version 2, and left as by a kill: turbine 3 is broken, and engineer 2 is there."""

KILLED_WHILE_MIGRATING: Final = """
import os, signal, sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
left = int(sys.argv[2])
def count(statement):
    global left
    left -= 1
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)
connection.set_trace_callback(count)
connection.execute("PRAGMA cache_size = 1")  # so that pages reach the disk before the COMMIT
from gridws.storage.sqlite import schema
schema.migrate(connection)
"""


@pytest.fixture
def old(path: Path) -> Path:
    """Return a database of version 1."""
    shutil.copy(VERSION_1, path)
    return path


def shape(connection: sqlite3.Connection) -> dict[str, list[object]]:
    """Return every table, view and index with what SQLite knows of its columns."""
    names = [name for (name,) in connection.execute("SELECT name FROM sqlite_master")]
    return {
        name: [
            *connection.execute("SELECT * FROM pragma_table_xinfo(?)", (name,)),
            *connection.execute("SELECT * FROM pragma_index_xinfo(?)", (name,)),
        ]
        for name in names
    }


def everything(connection: sqlite3.Connection) -> dict[str, list[tuple[object, ...]]]:
    """Return the rows of version 1's tables, in its columns."""
    with closing(sqlite3.connect(VERSION_1)) as first:
        tables = [name for (name,) in first.execute("SELECT name FROM sqlite_master WHERE type <> 'index'")]
        columns = {name: first.execute(f"SELECT * FROM {name} LIMIT 0").description for name in tables}
    return {
        name: connection.execute(
            f"SELECT {', '.join(each[0] for each in columns[name])} FROM {name}"
        ).fetchall()
        for name in tables
    }


def test_a_migrated_database_has_the_tables_of_a_fresh_one(old: Path) -> None:
    with closing(sqlite3.connect(old)) as migrated, closing(sqlite3.connect(":memory:")) as fresh:
        schema.migrate(migrated)
        schema.migrate(fresh)

        assert shape(migrated) == shape(fresh)
        assert migrated.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


async def test_nothing_is_lost_by_a_migration(old: Path) -> None:
    store = SqliteStore(old, settings=MonitorSettings())

    opened = await store.open(now=NOW + 200_000)
    found = await store.readings(3, **ALWAYS)
    replayed = await store.readings(1, since=0, until=NOW, limit=10)
    written = await store.write(Batch(wanted=[(1, "s1"), (2, "s2"), (3, "s3")]))
    repairs = await store.repairs(limit=10)
    await store.close()

    assert [row.measured_at for row in found] == [NOW + at * 10_000 for at in range(11, -1, -1)]
    assert opened.last_readings[3] == found[0]
    assert replayed == [Reading(1, NOW - 3_600_000, 4.25, 400.5, "ok", NOW + 80_005)]
    assert written.cursors == {(1, "s1"): 12, (2, "s2"): 12, (3, "s3"): None}
    assert repairs == [
        Repair(2, 3, 2, NOW + 60_000, NOW + 60_001, NOW + 110_005, "monitor_stopped"),
        Repair(1, 2, 1, NOW + 25_000, NOW + 26_000, NOW + 46_000, "repaired"),
    ]


async def test_a_migrated_database_goes_on(old: Path) -> None:
    store = SqliteStore(old, settings=MonitorSettings())
    await store.open(now=NOW + 200_000)
    await store.write(Batch([reading(3, 200_000)], events=[Event(NOW, "hold", 3, text="oil", by="ann")]))
    await store.close()

    store = SqliteStore(old, settings=MonitorSettings())
    opened = await store.open(now=NOW + 300_000)
    newest = await store.readings(3, since=0, until=2**53, limit=1)
    await store.close()

    assert newest == [reading(3, 200_000)]
    assert opened.holds == {3: Hold(NOW, None, "oil", "ann")}


async def test_an_operator_is_told_of_a_migration_once(old: Path) -> None:
    notes = []
    for _ in range(2):
        store = SqliteStore(old, settings=MonitorSettings())
        await store.open(now=NOW)
        notes.append(store.notes)
        await store.close()

    told = f"The database {old} was brought from version 1 to 2; an older gridws cannot use it any more."
    assert notes == [(told,), ()]


async def test_a_database_that_cannot_be_migrated_yet_is_migrated_when_it_can(old: Path) -> None:
    store = SqliteStore(old, settings=MonitorSettings())
    with closing(sqlite3.connect(old, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        opened = await store.open(now=NOW + 200_000)
        other.execute("ROLLBACK")

    written = await store.write(Batch([reading(3, 200_000)], wanted=[(1, "s1")]))
    found = await store.readings(3, **ALWAYS)
    await store.close()

    assert opened.trouble == "locked by another process"
    assert written.cursors == {(1, "s1"): 12}
    assert len(found) == 13


@pytest.mark.parametrize("statement", [3, 9, 14, 17, 18, 20])
def test_a_process_killed_while_it_migrates_has_changed_nothing(old: Path, statement: int) -> None:
    with closing(sqlite3.connect(old)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        before = everything(connection)

    killed = subprocess.run(
        [sys.executable, "-c", KILLED_WHILE_MIGRATING, os.fspath(old), str(statement)], check=False
    )

    with closing(sqlite3.connect(old)) as connection:
        found = schema.version_of(connection), everything(connection)
        schema.migrate(connection)
        migrated = everything(connection)
        intact = connection.execute("PRAGMA integrity_check").fetchall()
    assert killed.returncode == -signal.SIGKILL
    assert found == (1, before)
    assert {name: migrated[name] for name in before} == before
    assert intact == [("ok",)]
