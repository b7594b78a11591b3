"""Which files the store takes, which it refuses, and what it does with a broken one."""

from __future__ import annotations

import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import pytest

from gridws.errors import StoreUnusable
from gridws.settings import MonitorSettings
from gridws.storage import Batch
from gridws.storage.sqlite import SqliteStore

from .conftest import NOW
from .rows import ALWAYS, reading


def make(path: Path) -> SqliteStore:
    return SqliteStore(path, settings=MonitorSettings())


async def refusal(path: Path) -> str:
    """Return the reason for which the file is refused."""
    with pytest.raises(StoreUnusable) as refused:
        await make(path).open(now=NOW)
    return refused.value.reason


async def leave_unclean(path: Path, *, rows: int = 2_000) -> None:
    """Leave a database behind as a monitor does that died after its last commit."""
    store = make(path)
    await store.open(now=NOW)
    await store.write(Batch(readings=[reading(after=after) for after in range(rows)]))
    await store.close()
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE meta SET value = 0 WHERE key = 'clean'")


async def test_a_file_that_is_no_database_is_refused_and_untouched(path: Path) -> None:
    path.write_text("my poems, 1994 to 2003\n" * 100)
    before = path.read_bytes(), path.stat().st_mtime_ns

    reason = await refusal(path)

    assert reason == "the file is not an SQLite database"
    assert (path.read_bytes(), path.stat().st_mtime_ns) == before
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("tables", [1, 500])
@pytest.mark.parametrize("mode", ["DELETE", "WAL"])
async def test_a_database_of_another_program_is_refused_and_untouched(
    path: Path, mode: str, tables: int
) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(f"PRAGMA journal_mode = {mode}")
        for number in range(tables):
            connection.execute(f"CREATE TABLE poems_{number} (text)")
    before = path.read_bytes()

    reason = await refusal(path)

    assert reason == "it is a database of another program"
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


async def test_a_newer_schema_is_refused_and_untouched(path: Path) -> None:
    await leave_unclean(path)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 999")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    Path(f"{path}-lock").unlink()
    before = path.read_bytes()

    reason = await refusal(path)

    assert reason.startswith("a newer gridws wrote it (schema 999")
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


async def test_a_newer_schema_that_only_the_log_tells_of_is_refused_too(path: Path) -> None:
    await leave_unclean(path)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 999")

        reason = await refusal(path)

    assert reason.startswith("a newer gridws wrote it (schema 999")


async def test_a_damaged_head_is_damage_and_not_another_program(path: Path) -> None:
    await leave_unclean(path)
    with path.open("r+b") as file:
        file.seek(16)
        file.write(b"\xa5" * 84)
    store = make(path)

    opened = await store.open(now=NOW)
    await store.close()

    assert "was damaged" in opened.notes[0]


async def test_a_missing_folder_is_refused(tmp_path: Path) -> None:
    assert await refusal(tmp_path / "nowhere" / "gridws.db") == "its folder does not exist"


async def test_a_folder_is_refused(tmp_path: Path) -> None:
    assert await refusal(tmp_path) == "is a directory"


async def test_a_place_that_cannot_be_written_is_refused() -> None:
    assert await refusal(Path("/proc/gridws.db")) != ""


async def test_an_empty_file_is_a_fresh_database(path: Path) -> None:
    path.touch()
    store = make(path)

    opened = await store.open(now=NOW)
    await store.close()

    assert (opened.last_assignment_id, opened.notes) == (0, ())


async def test_a_second_monitor_is_refused_until_the_first_ends(path: Path, sqlite: SqliteStore) -> None:
    reason = await refusal(path)
    await sqlite.close()
    second = make(path)

    await second.open(now=NOW)
    await second.close()

    assert reason == "another monitor is using it"


async def test_all_files_are_for_their_owner_only(path: Path, sqlite: SqliteStore) -> None:
    await sqlite.write(Batch(readings=[reading()]))

    modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()}

    assert modes == dict.fromkeys(("gridws.db", "gridws.db-wal", "gridws.db-shm", "gridws.db-lock"), 0o600)


async def test_after_a_crash_an_intact_database_is_kept(path: Path) -> None:
    await leave_unclean(path)
    store = make(path)

    opened = await store.open(now=NOW)

    assert opened.notes == ()
    assert len(await store.readings(7, **ALWAYS)) == 2_000
    await store.close()


async def test_broken_pages_are_put_aside_and_a_fresh_database_begins(path: Path) -> None:
    await leave_unclean(path)
    with path.open("r+b") as file:
        file.seek(4096 * 20)
        file.write(b"\xa5" * 4096 * 5)
    broken = path.read_bytes()
    store = make(path)

    opened = await store.open(now=NOW)

    (aside,) = path.parent.glob("gridws.db.corrupt.*Z")
    assert aside.read_bytes() == broken
    assert str(aside) in opened.notes[0]
    await store.write(Batch(readings=[reading(8)]))
    assert (await store.readings(7, **ALWAYS), await store.readings(8, **ALWAYS)) == ([], [reading(8)])
    await store.close()


async def test_a_broken_schema_is_put_aside(path: Path) -> None:
    await leave_unclean(path)
    with path.open("r+b") as file:
        file.seek(100)
        file.write(b"\xa5" * 3996)
    store = make(path)

    opened = await store.open(now=NOW)
    await store.close()

    assert "was damaged" in opened.notes[0]


async def test_a_truncated_file_is_put_aside(path: Path) -> None:
    await leave_unclean(path)
    with path.open("r+b") as file:
        file.truncate(4096 * 3)
    store = make(path)

    opened = await store.open(now=NOW)
    await store.close()

    assert "was damaged" in opened.notes[0]


async def test_after_a_clean_end_the_rows_are_easy_to_read_for_people(path: Path) -> None:
    await leave_unclean(path, rows=1)

    with closing(sqlite3.connect(path)) as connection:
        cursor = connection.execute("SELECT * FROM metrics LIMIT 5")
        row = cursor.fetchone()

    assert [column[0] for column in cursor.description][:5] == [
        "turbine_number",
        "measured_at",
        "wind_speed",
        "power_output_in_kwh",
        "operational_status",
    ]
    assert row[:5] == (7, NOW, 8.5, 1250.25, "ok")
