"""What the store says of the disk that it is on."""

from __future__ import annotations

from pathlib import Path

from gridws.settings import MonitorSettings
from gridws.storage.batches import Batch
from gridws.storage.sqlite.store import SqliteStore

from ..conftest import NOW
from ..rows import reading


async def test_database_log_and_free_space_are_measured_at_the_start_and_by_upkeep(path: Path) -> None:
    store = SqliteStore(path, settings=MonitorSettings())
    await store.open(now=NOW)
    begun = store.space
    await store.write(Batch(readings=[reading(number) for number in range(1, 2_000)]))

    await store.maintain(now=NOW + 1)

    assert begun is not None
    assert store.space is not None
    assert begun.database_bytes > 0
    assert store.space.log_bytes > begun.log_bytes
    assert store.space.free_bytes > 0
    await store.close()


async def test_space_is_measured_where_the_file_is_and_not_where_a_link_to_it_is(path: Path) -> None:
    there = path.parent / "there"
    there.mkdir()
    path.symlink_to(there / "real.db")
    store = SqliteStore(path, settings=MonitorSettings())
    await store.open(now=NOW)
    await store.write(Batch(readings=[reading(number) for number in range(1, 2_000)]))

    await store.maintain(now=NOW + 1)

    assert store.space is not None
    assert store.space.log_bytes > 100_000
    await store.close()


async def test_a_folder_that_is_gone_changes_nothing_that_was_known(path: Path) -> None:
    store = SqliteStore(path, settings=MonitorSettings())
    await store.open(now=NOW)
    known = store.space
    path.parent.rename(path.parent.with_name("moved"))

    await store.maintain(now=NOW + 1)

    assert store.space == known
    await store.close()
