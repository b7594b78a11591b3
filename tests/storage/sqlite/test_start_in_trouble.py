"""A start on a disk in trouble: the monitor is let in, nothing is stored, and it mends by itself."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from disks import Trouble, closed_to_everybody, full, locked, mounted, read_only

from gridws.errors import StoreFailed, StoreUnusable
from gridws.settings import MonitorSettings
from gridws.storage.batches import Batch
from gridws.storage.rows import LinkRow, Repair
from gridws.storage.sqlite.store import SqliteStore

from ..conftest import NOW
from ..rows import ALWAYS, moved, reading

pytestmark = pytest.mark.slow


def make(path: Path) -> SqliteStore:
    return SqliteStore(path, settings=MonitorSettings())


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    with mounted(tmp_path / "disk", megabytes=3) as folder:
        yield folder


TROUBLES = pytest.mark.parametrize("trouble", [full, read_only, locked, closed_to_everybody])


async def leave_behind(path: Path) -> None:
    """Leave what a run leaves behind that was killed in the middle of a repair."""
    store = make(path)
    await store.open(now=NOW)
    await store.write(
        Batch([reading()], moved({(7, "s"): 1}), [Repair(5, 7, 1, NOW, NOW)], [LinkRow(9, 7, NOW)])
    )
    store._writer.submit(store._database.let_go).result()


@TROUBLES
async def test_a_store_opens_in_trouble_and_mends_by_itself(disk: Path, trouble: Trouble) -> None:
    await leave_behind(disk / "gridws.db")
    store = make(disk / "gridws.db")

    with trouble(disk):
        opened = await store.open(now=NOW + 1_000)
        with pytest.raises(StoreFailed):
            await store.write(Batch([reading(after=500)] * 2_000, moved({(7, "s"): 2})))
    first = opened.last_assignment_id + 1
    begun = Repair(first, 7, 1, NOW, NOW + 1_000)
    written = await store.write(Batch([reading(8)], repairs=[begun], wanted=[(7, "s")]))

    assert opened.trouble is not None
    assert written.cursors == {(7, "s"): 1}
    assert written.opened is not None
    assert written.opened.last_assignment_id >= opened.last_assignment_id
    assert await store.repairs(limit=10) == [begun, Repair(5, 7, 1, NOW, NOW, NOW, "monitor_stopped")]
    assert await store.readings(8, **ALWAYS) == [reading(8)]
    await store.close()


@TROUBLES
async def test_no_id_is_used_again_whatever_start_was_in_trouble(disk: Path, trouble: Trouble) -> None:
    await leave_behind(disk / "gridws.db")
    begun: list[tuple[int, int]] = []
    for later in range(3):
        store = make(disk / "gridws.db")
        with trouble(disk):
            opened = await store.open(now=NOW + later)
            begun.append((opened.last_assignment_id, opened.last_link_id))
            await store.close()
    store = make(disk / "gridws.db")
    await store.open(now=NOW + 60_000)
    await store.close()

    assert min(min(ids) for ids in begun) > 1_000_009
    assert len({ids[0] for ids in begun}) == len({ids[1] for ids in begun}) == 3
    assert max(max(ids) for ids in begun) < 2**53 - 10**9


async def test_what_can_be_read_is_known_although_nothing_can_be_written(disk: Path) -> None:
    store = make(disk / "gridws.db")
    await store.open(now=NOW)
    await store.write(Batch([reading()]))
    await store.close()
    again = make(disk / "gridws.db")

    with read_only(disk):
        opened = await again.open(now=NOW + 1_000)
        await again.close()

    assert opened.trouble == "read-only file system"
    assert opened.last_readings == {7: reading()}


async def test_a_fresh_database_on_a_full_disk_begins_when_there_is_room(disk: Path) -> None:
    store = make(disk / "gridws.db")

    with full(disk):
        opened = await store.open(now=NOW)
    await store.write(Batch([reading()]))

    assert opened.trouble == "the disk is full"
    assert await store.readings(7, **ALWAYS) == [reading()]
    await store.close()


async def test_a_place_where_nothing_can_be_made_is_refused(disk: Path) -> None:
    with read_only(disk), pytest.raises(StoreUnusable, match="read-only file system"):
        await make(disk / "gridws.db").open(now=NOW)


async def test_another_programs_file_is_refused_also_where_nothing_can_be_written(disk: Path) -> None:
    (disk / "gridws.db").write_text("my poems, 1994 to 2003\n" * 100)

    with read_only(disk), pytest.raises(StoreUnusable, match="not an SQLite database"):
        await make(disk / "gridws.db").open(now=NOW)
