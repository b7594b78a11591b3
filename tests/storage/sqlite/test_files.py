"""Which files the store takes, which it refuses, and what it does with a broken one."""

from __future__ import annotations

import sqlite3
import stat
import struct
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from gridws.errors import StoreUnusable
from gridws.settings import MonitorSettings
from gridws.storage.batches import Batch
from gridws.storage.rows import Event, Hold, LinkRow, Repair
from gridws.storage.sqlite import files
from gridws.storage.sqlite.store import SqliteStore
from gridws.words import Deed

from ..conftest import NOW
from ..rows import ALWAYS, reading


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

    await store.open(now=NOW)
    await store.close()

    assert "was damaged" in store.notes[0]


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

    assert (opened.last_assignment_id, store.notes) == (0, ())


async def test_a_second_monitor_is_refused_until_the_first_ends(path: Path, sqlite: SqliteStore) -> None:
    reason = await refusal(path)
    await sqlite.close()
    second = make(path)

    await second.open(now=NOW)
    await second.close()

    assert reason == "another monitor is using it"


@pytest.mark.parametrize("link", [Path.symlink_to, Path.hardlink_to], ids=["symbolic", "hard"])
async def test_a_second_monitor_is_refused_by_whatever_name_it_comes(
    path: Path, sqlite: SqliteStore, link: Callable[[Path, Path], None]
) -> None:
    (path.parent / "elsewhere").mkdir()
    other = path.parent / "elsewhere" / "other.db"
    link(other, path)

    reason = await refusal(other)

    assert reason == "another monitor is using it"
    assert not list(other.parent.glob("*-wal"))


async def test_a_look_into_the_file_takes_no_lock_away(path: Path, sqlite: SqliteStore) -> None:
    await sqlite.write(Batch([reading()]))
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("SELECT count(*) FROM metrics").fetchone()

    assert await refusal(path) == "another monitor is using it"


async def test_a_linked_database_lies_and_is_put_aside_where_the_file_is(path: Path) -> None:
    there = path.parent / "there"
    there.mkdir()
    path.symlink_to(there / "real.db")
    await leave_unclean(path)
    with (there / "real.db").open("r+b") as file:
        file.seek(4096 * 20)
        file.write(b"\xa5" * 4096 * 5)
    store = make(path)

    await store.open(now=NOW)
    await store.close()

    assert len(list(there.glob("real.db.corrupt.*Z"))) == 1
    assert path.is_symlink()
    assert {each.name for each in path.parent.iterdir()} == {path.name, "there"}


async def test_all_files_are_for_their_owner_only(path: Path, sqlite: SqliteStore) -> None:
    await sqlite.write(Batch(readings=[reading()]))

    modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()}

    assert modes == dict.fromkeys(("gridws.db", "gridws.db-wal", "gridws.db-shm", "gridws.db-lock"), 0o600)


async def test_after_a_crash_an_intact_database_is_kept(path: Path) -> None:
    await leave_unclean(path)
    store = make(path)

    await store.open(now=NOW)

    assert store.notes == ()
    assert len(await store.readings(7, **ALWAYS)) == 2_000
    await store.close()


async def test_broken_pages_are_put_aside_and_a_fresh_database_begins(path: Path) -> None:
    await leave_unclean(path)
    with path.open("r+b") as file:
        file.seek(4096 * 20)
        file.write(b"\xa5" * 4096 * 5)
    broken = path.read_bytes()
    store = make(path)

    await store.open(now=NOW)

    (aside,) = path.parent.glob("gridws.db.corrupt.*Z")
    assert aside.read_bytes() == broken
    assert str(aside) in store.notes[0]
    await store.write(Batch(readings=[reading(8)]))
    assert (await store.readings(7, **ALWAYS), await store.readings(8, **ALWAYS)) == ([], [reading(8)])
    await store.close()


@pytest.mark.parametrize(("largest", "is_noticed"), [(1_000_000, True), (100, False)])
async def test_of_a_large_file_only_small_tables_are_read_at_the_start(
    path: Path, monkeypatch: pytest.MonkeyPatch, largest: int, *, is_noticed: bool
) -> None:
    monkeypatch.setattr(files, "CHECKED_WHOLE", 0)
    monkeypatch.setattr(files, "SMALL_TABLE", largest)
    store = make(path)
    await store.open(now=NOW)
    await store.write(Batch(links=[LinkRow(number, 7, NOW, NOW, "lost") for number in range(1, 2_000)]))
    await store.close()
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE meta SET value = 0 WHERE key = 'clean'")
        (root,) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'links'").fetchone()
    leaf = first_child(path, root)
    with path.open("r+b") as file:
        file.seek((leaf - 1) * 4096)
        file.write(b"\xa5" * 4096)
    again = make(path)

    await again.open(now=NOW)
    await again.close()

    assert bool(again.notes) == is_noticed


def first_child(path: Path, page: int) -> int:
    """Return the page that the first cell of an inner page of a table leads to."""
    content = path.read_bytes()[(page - 1) * 4096 :]
    (cell,) = struct.unpack_from(">H", content, 12)
    return int.from_bytes(content[cell : cell + 4])


async def test_of_a_damaged_database_what_people_said_goes_on_and_no_id_comes_again(path: Path) -> None:
    store = make(path)
    await store.open(now=NOW)
    said = [Event(NOW, Deed.roster, engineers=5), Event(NOW, Deed.hold, 7, text="gearbox")]
    await store.write(Batch(repairs=[Repair(41, 7, 1, NOW, NOW)], links=[LinkRow(42, 7, NOW)], events=said))
    await store.close()
    await leave_unclean(path)
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size - 4096 * 20)
    again = make(path)

    opened = await again.open(now=NOW)
    await again.close()

    assert "was damaged" in again.notes[0]
    assert (opened.engineers, opened.holds) == (5, {7: Hold(NOW, None, "gearbox", None)})
    assert opened.last_assignment_id > 41
    assert opened.last_link_id > 42


async def test_behind_a_file_of_which_nothing_can_be_read_ids_begin_far_ahead(path: Path) -> None:
    await leave_unclean(path)
    with path.open("r+b") as file:
        file.seek(100)
        file.write(b"\xa5" * 3996)
    store = make(path)

    opened = await store.open(now=NOW)
    await store.close()

    assert min(opened.last_assignment_id, opened.last_link_id) > 1_000_000


async def test_a_broken_schema_is_put_aside(path: Path) -> None:
    await leave_unclean(path)
    with path.open("r+b") as file:
        file.seek(100)
        file.write(b"\xa5" * 3996)
    store = make(path)

    await store.open(now=NOW)
    await store.close()

    assert "was damaged" in store.notes[0]


async def test_a_truncated_file_is_put_aside(path: Path) -> None:
    await leave_unclean(path)
    with path.open("r+b") as file:
        file.truncate(4096 * 3)
    store = make(path)

    await store.open(now=NOW)
    await store.close()

    assert "was damaged" in store.notes[0]


async def test_after_a_clean_end_the_rows_are_easy_to_read_for_people(path: Path) -> None:
    await leave_unclean(path, rows=1)

    with closing(sqlite3.connect(path)) as connection:
        connection.row_factory = sqlite3.Row
        row = dict(connection.execute("SELECT * FROM metrics LIMIT 5").fetchone())

    assert row == row | reading()._asdict()


async def test_sqlite_itself_calls_the_database_intact(path: Path) -> None:
    await leave_unclean(path)

    with closing(sqlite3.connect(path)) as connection:
        answers = [
            connection.execute(f"PRAGMA {check}").fetchall() for check in ("integrity_check", "quick_check")
        ]

    assert answers == [[("ok",)], [("ok",)]]
