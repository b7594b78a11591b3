"""Disks that are full, files that are locked, processes that die: what is kept, what is said, how it mends."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from disks import mounted
from processes import Command, turbine

from gridws.errors import StoreFailed
from gridws.settings import MonitorSettings
from gridws.storage import Written
from gridws.storage.batches import Batch
from gridws.storage.rows import LinkRow, Repair, StatusChange
from gridws.storage.sqlite.reader import open_reader
from gridws.storage.sqlite.store import SqliteStore

from ..conftest import NOW
from ..rows import ALWAYS, moved, reading


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
from gridws.storage.batches import Batch
from gridws.storage.rows import Cursor, LinkRow, Reading, Repair, StatusChange
from gridws.storage.sqlite.store import SqliteStore

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
        await store.write(Batch(readings, {Cursor((7, "s")): number}, repairs, links, statuses))
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


@pytest.mark.slow
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


OF_ANOTHER_TYPE = """
DROP VIEW streams;
ALTER TABLE metrics RENAME TO ours;
CREATE TABLE metrics (
    second INTEGER, turbine_number INTEGER, id INTEGER, measured_at INTEGER, wind_speed REAL,
    power_output_in_kwh REAL, operational_status INTEGER, received_at INTEGER
) STRICT;
"""
REFUSALS = {
    "another type": (OF_ANOTHER_TYPE, "DROP TABLE metrics; ALTER TABLE ours RENAME TO metrics"),
    "a trigger": (
        "CREATE TRIGGER no BEFORE INSERT ON metrics BEGIN SELECT RAISE(ABORT, 'no more of them'); END",
        "DROP TRIGGER no",
    ),
}


@pytest.mark.parametrize("how", REFUSALS)
async def test_what_an_altered_table_refuses_is_not_acknowledged(
    path: Path, sqlite: SqliteStore, how: str
) -> None:
    alter, mend = REFUSALS[how]
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.executescript(alter)
        reason = await failure(sqlite, Batch([reading()], moved({(7, "s"): 1})))
        other.executescript(mend)

    written = await sqlite.write(Batch([reading(8)], wanted=[(7, "s")]))

    assert "no more of them" in reason or "cannot store" in reason
    assert written == Written({(7, "s"): None})


async def test_who_writes_into_the_same_file_costs_no_reading(path: Path, sqlite: SqliteStore) -> None:
    await sqlite.write(Batch([reading()], moved({(7, "s"): 1})))
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        values = "second, turbine_number, id + 1, measured_at, 1.5, 0.0, 'ok', received_at"
        other.execute(f"INSERT INTO metrics SELECT {values} FROM metrics")
        other.execute("UPDATE meta SET value = 3 WHERE key = 'next_reading_id'")

    reason = await failure(sqlite, Batch([reading()], moved({(7, "s"): 2}), wanted=[(7, "s")]))
    written = await sqlite.write(Batch([reading()], moved({(7, "s"): 2}), wanted=[(7, "s")]))

    assert "UNIQUE constraint failed" in reason
    assert written == Written({(7, "s"): 2})
    assert len(await sqlite.readings(7, **ALWAYS)) == 3


async def test_a_full_file_fails_the_batch_and_recovers(sqlite: SqliteStore) -> None:
    connection = sqlite._database.connection()
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    connection.execute(f"PRAGMA max_page_count = {pages + 5}")
    rows = [reading(after=after) for after in range(5_000)]

    reason = await failure(sqlite, Batch(rows, moved({(7, "s"): 5_000}), wanted=[(7, "s")]))
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


@pytest.mark.parametrize("gone", ["folder", "file"])
async def test_upkeep_of_a_file_that_is_no_longer_there_waits_for_better_times(
    tmp_path: Path, gone: str
) -> None:
    folder, aside = tmp_path / "here", tmp_path / "aside"
    folder.mkdir()
    store = make(folder / "gridws.db")
    await store.open(now=NOW)
    await store.write(Batch(readings=[reading()]))
    await store.maintain(now=NOW + 1)

    folder.rename(aside)
    if gone == "file":
        folder.mkdir()
        (folder / "gridws.db").write_text("no database")
    for after in (2, 3, 120_000):
        await store.maintain(now=NOW + after)
    await failure(store, Batch(readings=[reading(8)]))
    if gone == "file":
        shutil.rmtree(folder)
    aside.rename(folder)

    await store.write(Batch(readings=[reading(9)]))
    assert await store.readings(7, **ALWAYS) == [reading()]
    assert await store.readings(9, **ALWAYS) == [reading(9)]
    await store.close()


LOOK = "import sqlite3, sys; print(*sqlite3.connect(sys.argv[1]).execute('SELECT count(*) FROM metrics').fetchone())"


def seen_by_another_process(path: Path) -> int:
    return int(subprocess.run([sys.executable, "-c", LOOK, path], check=True, capture_output=True).stdout)


async def test_who_looks_into_its_own_database_loses_no_lock(path: Path, sqlite: SqliteStore) -> None:
    await sqlite.write(Batch([reading()]))
    with open_reader(path):
        pass

    seen = seen_by_another_process(path)  # which, were it the last user, would delete the log
    await sqlite.write(Batch([reading(8)]))

    assert (seen, seen_by_another_process(path)) == (1, 2)
    assert sqlite.notes == ()


async def test_a_log_that_was_deleted_is_noticed_and_saved(path: Path, sqlite: SqliteStore) -> None:
    await sqlite.write(Batch([reading()], moved({(7, "s"): 1})))
    for suffix in ("-wal", "-shm"):
        Path(f"{path}{suffix}").unlink()

    written = await sqlite.write(Batch([reading(8)], wanted=[(7, "s")]))

    assert written.cursors == {(7, "s"): 1}
    assert seen_by_another_process(path) == 2
    assert "The log" in sqlite.notes[0]


@pytest.mark.parametrize("page", range(2, 12))
async def test_a_database_damaged_after_a_clean_end_is_put_aside(path: Path, page: int) -> None:
    store = make(path)
    await store.open(now=NOW)
    await store.write(
        Batch([reading()], moved({(7, "s"): 1}), [Repair(1, 7, 1, NOW, NOW)], [LinkRow(1, 7, NOW)])
    )
    await store.close()
    with path.open("r+b") as file:
        file.seek((page - 1) * 4096)
        file.write(b"\xab" * 4096)
    again = make(path)

    await again.open(now=NOW + 1_000)  # no damage that matters to the start, or a fresh database
    damaged = bool(again.notes)
    await again.close()

    assert any(path.parent.glob("*.corrupt.*")) == damaged


class NoAnswer:
    """A connection that fails when it commits, and from then on, although the COMMIT was done."""

    in_transaction = False

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._is_broken = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)

    def execute(self, sql: str, *values: Any) -> sqlite3.Cursor:
        cursor = None if self._is_broken else self._connection.execute(sql, *values)
        if cursor is None or sql == "COMMIT":
            self._is_broken = True
            error = sqlite3.OperationalError("disk I/O error")
            error.sqlite_errorcode = sqlite3.SQLITE_IOERR
            raise error
        return cursor

    def rollback(self) -> None:
        """There is nothing to roll back."""


def stop_answering(store: SqliteStore) -> None:
    store._database._connection = NoAnswer(store._database.connection())  # type: ignore[assignment]


async def counted(store: SqliteStore) -> tuple[int, list[int], Any]:
    """Return how many readings of turbine 7 there are, in the table and in each minute, and its energy."""
    await store.close()
    with closing(sqlite3.connect(store._path)) as connection:
        ((rows,),) = connection.execute("SELECT count(DISTINCT id) FROM metrics")
        minutes = connection.execute("SELECT readings, energy_in_kwh FROM minutes ORDER BY minute").fetchall()
    return rows, [readings for readings, _ in minutes], sum(energy for _, energy in minutes)


async def test_a_batch_that_was_committed_after_all_is_summed_up_once(sqlite: SqliteStore) -> None:
    begin = 40_000  # NOW is 20 s into its minute
    rows = [reading(after=begin + second * 1_000) for second in range(20)]
    stop_answering(sqlite)
    await failure(sqlite, Batch(rows[:10], moved({(7, "s"): 10}), [Repair(5, 7, 1, NOW, NOW)]))

    written = await sqlite.write(Batch(rows[10:], moved({(7, "s"): 20}), wanted=[(7, "s")]))
    found = await sqlite.readings(7, **ALWAYS)

    assert written.cursors == {(7, "s"): 20}
    assert found == rows[::-1]
    assert sqlite._database.meta["last_assignment_id"] == 5
    assert await counted(sqlite) == (20, [20], pytest.approx(19 * 1250.25 / 3600))


@pytest.mark.parametrize("next_step", ["a batch", "upkeep", "the end"])
async def test_minutes_that_were_committed_after_all_are_not_added_again(
    sqlite: SqliteStore, next_step: str
) -> None:
    for second in range(10):
        await sqlite.write(Batch([reading(after=40_000 + second * 1_000)]))
    stop_answering(sqlite)
    await sqlite.maintain(now=NOW + 120_000)

    if next_step == "a batch":
        await sqlite.write(Batch([reading(after=50_000)]))
    elif next_step == "upkeep":
        await sqlite.maintain(now=NOW + 180_000)

    expected = 11 if next_step == "a batch" else 10
    energy = (expected - 1) * 1250.25 / 3600
    assert await counted(sqlite) == (expected, [expected], pytest.approx(energy))


@pytest.mark.slow
async def test_a_lock_met_by_a_new_connection_does_not_bring_back_old_numbers(
    path: Path, sqlite: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop_answering(sqlite)
    await failure(sqlite, Batch([reading()]))
    connect = sqlite._database.connect
    with closing(sqlite3.connect(path, isolation_level=None, check_same_thread=False)) as other:

        def connect_and_lock() -> None:
            connect()
            other.execute("BEGIN IMMEDIATE")

        monkeypatch.setattr(sqlite._database, "connect", connect_and_lock)
        assert await failure(sqlite, Batch([reading(8)])) == "locked by another process"
        other.execute("ROLLBACK")

    await sqlite.write(Batch([reading(after=1_000)]))
    assert (await counted(sqlite))[0] == 2


@pytest.mark.slow
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
    with mounted(tmp_path / "disk", megabytes=3) as folder:
        yield folder


async def test_a_full_disk_fails_the_batch_and_recovers_when_there_is_room(small_disk: Path) -> None:
    store = make(small_disk / "gridws.db")
    await store.open(now=NOW)
    await store.write(Batch(readings=[reading()]))
    ballast = small_disk / "ballast"
    free = shutil.disk_usage(small_disk).free
    ballast.write_bytes(b"x" * (free - 20_000))

    reason = await failure(
        store, Batch([reading(8, after) for after in range(5_000)], moved({(8, "s"): 5_000}))
    )
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


HANGING = """
import sys, threading
from gridws import cli
from gridws.storage.sqlite.store import SqliteStore

setattr(SqliteStore, sys.argv[1], lambda *arguments, **options: threading.Event().wait())
sys.argv[1:] = ["monitor", "--port", "0", "--database", sys.argv[2]]
cli.main()
"""


@pytest.mark.slow
@pytest.mark.parametrize("never_returns", ["_write", "_close"])
async def test_a_monitor_whose_disk_hangs_ends_all_the_same(path: Path, never_returns: str) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", HANGING, never_returns, str(path)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    monitor = Command(process)
    await monitor.listen()
    async with turbine(monitor, 7) as it:
        await it.say("broken")
        said = await monitor.end()

    assert process.returncode == 0
    assert "the disk does not answer: the monitor leaves without it" in said
    assert "Traceback" not in said


DYING = """
from gridws.monitor.rounds import Rounds

def die(*arguments, **options):
    raise RuntimeError("a mistake of ours")

Rounds.make = die
"""


@pytest.mark.slow
async def test_a_monitor_that_dies_says_so_although_its_disk_hangs(path: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", DYING + HANGING, "_close", str(path)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate()

    assert process.returncode == 1
    assert "a mistake of ours" in said.decode()
