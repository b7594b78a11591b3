"""Files that are moved, replaced or deleted under a running store, and logs that belong to another file."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from gridws.errors import StoreFailed
from gridws.settings import MonitorSettings
from gridws.storage import Opened
from gridws.storage.batches import Batch
from gridws.storage.rows import Event, Hold, LinkRow, Name, Names, Repair, StatusChange
from gridws.storage.sqlite.backup import back_up
from gridws.storage.sqlite.store import SqliteStore
from gridws.words import Deed

from ..conftest import NOW
from ..rows import moved, reading

pytestmark = pytest.mark.slow

BEFORE = [reading(7, after) for after in range(2_000)]


def rows(path: Path) -> int:
    """Return how many readings a program that is told the file's name finds in it."""
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        return int(connection.execute("SELECT count(*) FROM metrics").fetchone()[0])


@pytest.fixture
async def store(sqlite: SqliteStore) -> SqliteStore:
    """A store that acknowledged readings which are in its log only."""
    await sqlite.write(Batch(BEFORE, moved({(7, "s"): 2_000})))
    return sqlite


def back_up_of(path: Path) -> Path:
    copy = path.with_name("backup.db")
    back_up(path, copy, lambda done, pages: None)
    return copy


async def test_the_rows_of_a_file_that_was_moved_are_all_in_it(path: Path, store: SqliteStore) -> None:
    moved = path.rename(path.with_name("old.db"))

    await store.write(Batch([reading(8)]))

    assert (rows(moved), rows(path)) == (2_000, 1)
    assert str(moved) in store.notes[0]
    assert "a fresh one was begun" in store.notes[1]


async def test_an_idle_store_notices_a_move_as_well(path: Path, store: SqliteStore) -> None:
    moved = path.rename(path.with_name("old.db"))

    opened = await store.maintain(now=NOW + 1_000)

    assert opened is not None
    assert rows(moved) == 2_000


@pytest.mark.parametrize("how", [os.replace, shutil.copyfile], ids=["over it", "after it was deleted"])
async def test_a_back_up_that_is_moved_in_is_gone_on_with_as_it_is(
    path: Path, sqlite: SqliteStore, how: Callable[[Path, Path], object]
) -> None:
    await sqlite.write(Batch([reading(7)], moved({(7, "s"): 1})))
    copy = back_up_of(path)
    await sqlite.write(Batch(BEFORE, moved({(7, "s"): 2_001})))
    if how is shutil.copyfile:
        path.unlink()
    how(copy, path)

    written = await sqlite.write(Batch([reading(8)], wanted=[(7, "s")]))

    assert written.cursors == {(7, "s"): 2_001}
    assert rows(path) == 2
    (saved,) = path.parent.glob("gridws.db.saved.*Z")
    assert rows(saved) == 2_001
    assert str(saved) in sqlite.notes[0]
    assert "the one that lies there now is used" in sqlite.notes[1]


async def test_a_deleted_database_is_saved_before_it_ends(path: Path, store: SqliteStore) -> None:
    path.unlink()

    written = await store.write(Batch([reading(8)], moved({(8, "t"): 5}), wanted=[(7, "s"), (8, "t")]))

    assert written.cursors == {(7, "s"): 2_000, (8, "t"): 5}
    (saved,) = path.parent.glob("gridws.db.saved.*Z")
    assert (rows(saved), rows(path)) == (2_000, 1)
    assert saved.stat().st_mode & 0o077 == 0


async def test_a_move_waits_for_who_still_reads_and_loses_nothing(path: Path, store: SqliteStore) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM metrics").fetchone()
        await store.write(Batch([reading(7, 2_000)]))
        moved = path.rename(path.with_name("old.db"))
        with pytest.raises(StoreFailed, match="while somebody reads from it"):
            await store.write(Batch([reading(8)]))
        assert not path.exists()
        reader.execute("COMMIT")

    await store.write(Batch([reading(8)]))

    assert (rows(moved), rows(path)) == (2_001, 1)


async def test_ids_go_on_behind_those_of_the_file_that_was_moved_in(path: Path, tmp_path: Path) -> None:
    other = SqliteStore(tmp_path / "other.db", settings=MonitorSettings())
    await other.open(now=NOW)
    theirs = Repair(5_000, 9, 1, NOW, NOW, NOW + 5, "repaired")
    await other.write(Batch(repairs=[theirs], links=[LinkRow(7_000, 9, NOW, NOW + 5, "disconnected")]))
    await other.close()
    store = SqliteStore(path, settings=MonitorSettings())
    await store.open(now=NOW)
    await store.write(Batch(repairs=[Repair(1, 7, 1, NOW, NOW)]))

    (tmp_path / "other.db").replace(path)
    written = await store.write(Batch(repairs=[Repair(5_000, 7, 1, NOW, NOW, NOW + 9, "repaired")]))

    assert written.opened is not None
    assert (written.opened.last_assignment_id, written.opened.last_link_id) == (5_000, 7_000)
    assert await store.repairs(limit=10) == [theirs]
    await store.close()


@pytest.mark.parametrize("later", [True, False], ids=["used in this run", "used in a run before"])
async def test_no_id_comes_again_in_a_fresh_file(path: Path, sqlite: SqliteStore, *, later: bool) -> None:
    await sqlite.write(Batch(repairs=[Repair(41, 7, 1, NOW, NOW)], links=[LinkRow(42, 7, NOW)]))
    if not later:
        await sqlite.close()
        sqlite = SqliteStore(path, settings=MonitorSettings())
        await sqlite.open(now=NOW)
    path.unlink()
    await sqlite.write(Batch())
    await sqlite.close()
    again = SqliteStore(path, settings=MonitorSettings())

    opened = await again.open(now=NOW)
    await again.close()

    assert (opened.last_assignment_id, opened.last_link_id) == (41, 42)


SAID = [
    Event(NOW, Deed.roster, engineers=5, by="ada"),
    Event(NOW, Deed.hold, 7, until=NOW + 3_600_000, text="gearbox", by="ada"),
    Event(NOW, Deed.hold, 8, text="survey"),
    Event(NOW, Deed.name, 7, name="Anna", site="north"),
    Event(NOW, Deed.name, engineer_id=2, name="Bob"),
    Event(NOW, Deed.note, 7, text="noise at 3 Hz"),
    Event(NOW + 1, Deed.hold_ended, 8, by="ada"),
]
HELD = {7: Hold(NOW, NOW + 3_600_000, "gearbox", "ada")}
NAMES = Names({7: Name("Anna", "north")}, {2: Name("Bob", None)})


async def opened_again(path: Path, store: SqliteStore) -> Opened:
    """Return what the next run is told."""
    await store.close()
    again = SqliteStore(path, settings=MonitorSettings())
    opened = await again.open(now=NOW + 10_000)
    await again.close()
    return opened


async def test_what_people_said_goes_on_in_a_fresh_file(path: Path, store: SqliteStore) -> None:
    await store.write(Batch(events=SAID))
    path.rename(path.with_name("old.db"))

    await store.write(Batch([reading(8)]))

    told = await store.events(limit=100)
    assert [event._replace(id=0) for event in reversed(told)] == SAID
    opened = await opened_again(path, store)
    assert (opened.engineers, opened.holds, opened.names) == (5, HELD, NAMES)


async def test_what_was_said_longer_ago_than_events_are_kept_goes_on_all_the_same(
    path: Path, store: SqliteStore
) -> None:
    await store.write(Batch(events=SAID))
    with closing(sqlite3.connect(path)) as somebody, somebody:
        somebody.execute("DELETE FROM events")
    path.unlink()
    await store.write(Batch())

    opened = await opened_again(path, store)

    assert (opened.engineers, opened.holds, opened.names) == (5, HELD, NAMES)


async def test_whatever_a_back_up_says_that_is_moved_in_what_people_said_since_is_in_force(
    path: Path, store: SqliteStore
) -> None:
    theirs = Event(NOW, Deed.hold, 9, text="as it was then")
    await store.write(Batch(events=[theirs, Event(NOW, Deed.roster, engineers=2)]))
    copy = back_up_of(path)
    await store.write(Batch(events=[*SAID, Event(NOW + 2, Deed.hold_ended, 9)]))
    copy.replace(path)

    written = await store.write(Batch())

    assert written.opened is not None
    assert (written.opened.engineers, written.opened.holds, written.opened.names) == (5, HELD, NAMES)
    opened = await opened_again(path, store)
    assert (opened.engineers, opened.holds, opened.names) == (5, HELD, NAMES)


async def test_what_is_open_goes_on_in_a_fresh_file(path: Path, store: SqliteStore) -> None:
    running, link = Repair(41, 7, 1, NOW, NOW), LinkRow(42, 7, NOW)
    broken = StatusChange(7, NOW, "broken", 900.0)
    over = Repair(40, 7, 1, NOW - 9, NOW - 9, NOW - 5, "repaired")
    await store.write(Batch(repairs=[over, running], links=[link], statuses=[broken]))
    path.rename(path.with_name("old.db"))

    await store.write(Batch([reading(8)]))

    assert await store.repairs(limit=10) == [running]
    assert await store.statuses(since=0, until=NOW + 1) == [broken]
    ended = running._replace(ended_at=NOW + 9, outcome="repaired")
    await store.write(Batch(repairs=[ended], links=[link._replace(disconnected_at=NOW + 9, reason="closed")]))
    assert await store.repairs(limit=10) == [ended]
    opened = await opened_again(path, store)
    assert opened.last_seen_at == {7: BEFORE[-1].received_at, 8: reading(8).received_at}
    assert opened.last_readings == {7: BEFORE[-1], 8: reading(8)}


async def test_a_turbine_that_was_forgotten_is_not_known_in_a_fresh_file(
    path: Path, store: SqliteStore
) -> None:
    await store.write(Batch(events=[Event(NOW + 3_000, Deed.forgotten, 7)]))
    path.rename(path.with_name("old.db"))
    await store.write(Batch([reading(8)]))

    opened = await opened_again(path, store)

    assert opened.last_seen_at == {8: reading(8).received_at}


async def test_millions_of_streams_go_on_in_slices(path: Path, store: SqliteStore) -> None:
    streams = {(number, "s"): number for number in range(8, 25_008)}
    await store.write(Batch(cursors=moved(streams)))
    path.unlink()

    written = await store.write(Batch(wanted=[(7, "s"), *streams]))

    assert written.cursors == {(7, "s"): 2_000, **streams}


async def test_what_people_said_goes_on_also_where_the_file_was_moved_while_the_disk_failed(
    path: Path, store: SqliteStore
) -> None:
    await store.write(Batch(events=SAID))
    store._writer.submit(store._database.close).result()
    path.rename(path.with_name("old.db"))

    await store.write(Batch([reading(8)]))

    opened = await opened_again(path, store)
    assert (opened.engineers, opened.holds, opened.names) == (5, HELD, NAMES)


async def test_what_is_carried_over_waits_until_the_next_file_takes_it(
    path: Path, store: SqliteStore
) -> None:
    await store.write(Batch(events=SAID))
    moved = path.rename(path.with_name("old.db"))
    path.write_text("my poems, 1994 to 2003\n" * 100)
    with pytest.raises(StoreFailed):
        await store.write(Batch([reading(8)]))
    path.unlink()

    await store.write(Batch([reading(8)]))

    assert rows(moved) == 2_000
    opened = await opened_again(path, store)
    assert (opened.engineers, opened.holds, opened.names) == (5, HELD, NAMES)


async def test_a_log_that_was_replaced_goes_aside(path: Path, store: SqliteStore) -> None:
    log = Path(f"{path}-wal")
    other = log.with_name("other-wal")
    other.write_bytes(log.read_bytes()[:-8_000])
    other.replace(log)

    await store.write(Batch([reading(8)]))

    (aside,) = path.parent.glob("gridws.db.foreign-log.*Z")
    assert str(aside) in store.notes[0]
    await store.close()
    assert rows(path) == 2_001


def die(store: SqliteStore) -> None:
    """Leave the files as a kill does: with all that was committed in the log."""
    connection = store._database._connection
    assert connection is not None
    path = store._database.real
    kept = {suffix: Path(f"{path}{suffix}").read_bytes() for suffix in ("-wal", "-shm")}
    inodes = {suffix: Path(f"{path}{suffix}-kept") for suffix in kept}
    for suffix, name in inodes.items():
        os.link(f"{path}{suffix}", name)
    store._writer.submit(store._database.let_go).result()
    for suffix, name in inodes.items():
        name.write_bytes(kept[suffix])
        name.rename(f"{path}{suffix}")


async def test_a_log_left_by_a_crash_is_not_played_into_a_back_up(path: Path, sqlite: SqliteStore) -> None:
    await sqlite.write(Batch([reading(7)]))
    copy = back_up_of(path)
    await sqlite.write(Batch(BEFORE))
    shutil.copyfile(path, path.with_name("old.db"))
    die(sqlite)
    copy.replace(path)
    again = SqliteStore(path, settings=MonitorSettings())

    await again.open(now=NOW)
    await again.close()

    (aside,) = path.parent.glob("gridws.db.foreign-log.*Z")
    assert str(aside) in again.notes[0]
    assert rows(path) == 1
    assert aside.stat().st_size > 100_000


async def test_a_log_left_by_a_crash_is_played_into_its_own_file_wherever_both_were_copied(
    path: Path, store: SqliteStore, tmp_path: Path
) -> None:
    die(store)
    there = shutil.copytree(path.parent, tmp_path / "there", ignore=lambda folder, names: {"there"})
    again = SqliteStore(there / path.name, settings=MonitorSettings())

    await again.open(now=NOW)
    await again.close()

    assert rows(there / path.name) == 2_000
    assert again.notes == ()
