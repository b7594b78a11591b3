"""Disks that are full, files that are locked, processes that die: what is kept, what is said, how it mends."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from gridws.errors import StoreFailed
from gridws.settings import MonitorSettings
from gridws.storage import Batch, LinkRow, Repair, StatusChange
from gridws.storage.sqlite import SqliteStore

from .conftest import NOW
from .rows import ALWAYS, reading


def make(path: Path) -> SqliteStore:
    return SqliteStore(path, settings=MonitorSettings())


async def failure(store: SqliteStore, batch: Batch) -> str:
    """Return the reason for which the batch is not written."""
    with pytest.raises(StoreFailed) as failed:
        await store.write(batch)
    return failed.value.reason


CHILD = """
import asyncio, sys
from pathlib import Path
from gridws.settings import MonitorSettings
from gridws.storage import Batch, LinkRow, Reading, Repair, StatusChange
from gridws.storage.sqlite import SqliteStore

NOW = int(sys.argv[2])

async def main():
    store = SqliteStore(Path(sys.argv[1]), settings=MonitorSettings())
    opened = await store.open(now=NOW)
    row = opened.last_assignment_id
    repairs, links = [Repair(row + 1, 7, 1, NOW, NOW)], [LinkRow(opened.last_link_id + 1, 7, NOW)]
    statuses = [StatusChange(7, NOW, "broken", 5.0)]
    for number in range(1, 100_000):
        at = NOW + number * 100
        readings = [Reading(turbine, at, 1.0, 60.0, "ok", at) for turbine in range(1, 51)]
        await store.write(Batch(readings, {(7, "s"): number}, repairs, links, statuses))
        repairs, links, statuses = [], [], []
        print(number, flush=True)

asyncio.run(main())
"""


def die_while_writing(path: Path, *, after: int) -> int:
    """Kill a writing process; return the last sequence that it said was committed."""
    command = [sys.executable, "-c", CHILD, str(path), str(NOW)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        acknowledged = [child.stdout.readline() for _ in range(after)]
        child.kill()
        acknowledged += child.stdout.readlines()
    return int([line for line in acknowledged if line.endswith("\n")][-1])


async def test_what_was_committed_outlives_a_kill(path: Path) -> None:
    acknowledged = die_while_writing(path, after=30)
    store = make(path)

    opened = await store.open(now=NOW + 10_000_000)
    written = await store.write(Batch(wanted=[(7, "s")]))

    last = written.cursors[7, "s"]
    assert last is not None
    assert last >= acknowledged
    kept = await store.readings(7, **ALWAYS)
    assert [row.measured_at for row in kept] == [NOW + number * 100 for number in range(last, 0, -1)]
    assert opened.last_readings[7] == kept[0]
    await store.close()


async def test_after_a_kill_nothing_is_left_open_and_no_id_is_used_again(path: Path) -> None:
    die_while_writing(path, after=10)
    store = make(path)

    opened = await store.open(now=NOW + 10_000_000)

    (repair,) = await store.repairs(limit=10)
    stopped_at = opened.last_seen_at[7]
    assert repair == Repair(1, 7, 1, NOW, NOW, stopped_at, "monitor_stopped")
    assert await store.statuses(since=0, until=2**53) == [
        StatusChange(7, NOW, "broken", 5.0),
        StatusChange(7, stopped_at, None, 5.0),
    ]
    assert (opened.last_assignment_id, opened.last_link_id) == (1_000_000, 1_000_000)
    await store.close()
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT * FROM links").fetchall() == [
            (1, 7, NOW, stopped_at, "monitor_stopped")
        ]


async def test_after_a_kill_the_minutes_hold_every_reading(path: Path) -> None:
    die_while_writing(path, after=30)
    store = make(path)
    await store.open(now=NOW + 10_000_000)

    await store.maintain(now=NOW + 10_001_000)

    kept = len(await store.readings(7, **ALWAYS))
    assert sum(minute.readings for minute in await store.minutes(7, since=0, until=2**53)) == kept
    assert sum(minute.readings for minute in await store.fleet_minutes(since=0, until=2**53)) == 50 * kept
    (energy,) = [minute.energy_in_kwh for minute in await store.minutes(7, since=0, until=2**53)]
    assert energy == pytest.approx((kept - 1) * 60.0 * 0.1 / 3600)
    await store.close()


async def test_a_lock_held_by_another_process_fails_the_batch_and_nothing_else(
    path: Path, sqlite: SqliteStore
) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        reason = await failure(sqlite, Batch(readings=[reading()]))
        other.execute("ROLLBACK")

    await sqlite.write(Batch(readings=[reading(8)]))

    assert reason == "locked by another process"
    assert (await sqlite.readings(7, **ALWAYS), await sqlite.readings(8, **ALWAYS)) == ([], [reading(8)])


async def test_a_full_file_fails_the_batch_and_recovers(sqlite: SqliteStore) -> None:
    connection = sqlite._database.connection()
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    connection.execute(f"PRAGMA max_page_count = {pages + 5}")
    rows = [reading(after=after) for after in range(5_000)]

    reason = await failure(sqlite, Batch(rows, {(7, "s"): 5_000}, wanted=[(7, "s")]))
    connection.execute("PRAGMA max_page_count = 1000000")
    written = await sqlite.write(Batch([reading()], wanted=[(7, "s")]))

    assert reason == "the disk is full"
    assert written.cursors == {(7, "s"): None}
    assert await sqlite.readings(7, **ALWAYS) == [reading()]


async def test_a_read_only_database_fails_the_batch_and_recovers(sqlite: SqliteStore) -> None:
    connection = sqlite._database.connection()
    connection.execute("PRAGMA query_only = true")

    reason = await failure(sqlite, Batch(readings=[reading()]))
    await sqlite.write(Batch(readings=[reading(8)]))

    assert reason == "the file or its folder is read-only"
    assert (await sqlite.readings(7, **ALWAYS), await sqlite.readings(8, **ALWAYS)) == ([], [reading(8)])


async def test_a_deleted_file_is_noticed_and_begun_anew(path: Path, sqlite: SqliteStore) -> None:
    await sqlite.write(Batch(readings=[reading(7)], cursors={(7, "s"): 1}))
    path.unlink()

    written = await sqlite.write(Batch([reading(8)], {(8, "t"): 5}, wanted=[(7, "s"), (8, "t")]))

    assert written.cursors == {(7, "s"): None, (8, "t"): 5}
    assert (await sqlite.readings(7, **ALWAYS), await sqlite.readings(8, **ALWAYS)) == ([], [reading(8)])
    assert "was moved or deleted" in sqlite.notes[0]


async def test_ids_in_a_failed_batch_are_not_given_back(path: Path) -> None:
    store = make(path)
    await store.open(now=NOW)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        await failure(store, Batch(repairs=[Repair(1, 7, 1, NOW, NOW)], links=[LinkRow(1, 7, NOW)]))
        await store.close()
    again = make(path)

    opened = await again.open(now=NOW + 1_000)
    await again.close()

    assert opened.last_assignment_id >= 1


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Mount a disk of 3 MB; only root can."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = shutil.which("mount")
    command = [mount or "mount", "-t", "tmpfs", "-o", "size=3m", "gridws-test", str(folder)]
    if (
        mount is None
        or os.geteuid() != 0
        or subprocess.run(command, check=False, capture_output=True).returncode
    ):
        pytest.skip("a small disk can only be mounted by root")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


async def test_a_full_disk_fails_the_batch_and_recovers_when_there_is_room(small_disk: Path) -> None:
    store = make(small_disk / "gridws.db")
    await store.open(now=NOW)
    await store.write(Batch(readings=[reading()]))
    ballast = small_disk / "ballast"
    free = shutil.disk_usage(small_disk).free
    ballast.write_bytes(b"x" * (free - 20_000))

    reason = await failure(store, Batch([reading(8, after) for after in range(5_000)], {(8, "s"): 5_000}))
    again = await failure(store, Batch([reading(8, after) for after in range(5_000)]))
    ballast.unlink()
    written = await store.write(Batch([reading(9)], wanted=[(8, "s")]))

    assert (reason, again) == ("the disk is full", "the disk is full")
    assert written.cursors == {(8, "s"): None}
    assert await store.readings(8, **ALWAYS) == []
    assert await store.readings(7, **ALWAYS) == [reading(7)]
    assert await store.readings(9, **ALWAYS) == [reading(9)]
    await store.close()


async def test_low_space_is_told_and_the_oldest_readings_make_room(small_disk: Path) -> None:
    hour = 3_600_000
    store = make(small_disk / "gridws.db")
    await store.open(now=NOW)
    await store.write(Batch(readings=[reading(after=after) for after in range(0, 5_000_000, 1_000)]))
    await store.write(Batch(readings=[reading(8, 2 * hour)]))
    (small_disk / "ballast").write_bytes(b"x" * (shutil.disk_usage(small_disk).free - 140_000))

    await store.maintain(now=NOW + 2 * hour)

    await store.maintain(now=NOW + 2 * hour + 1)
    kept = await store.readings(7, **ALWAYS)
    assert store.low_space is not None
    assert kept[-1].measured_at > NOW
    assert kept[0].measured_at == NOW + 4_999_000
    assert await store.readings(8, **ALWAYS) == [reading(8, 2 * hour)]
    await store.close()
