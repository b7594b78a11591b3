"""A copy of a database that is being written to."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from gridws.errors import OptionError, OutputFailed, StoreFailed, StoreUnusable
from gridws.process.new_file import new_file
from gridws.settings import MonitorSettings
from gridws.storage.batches import Batch
from gridws.storage.sqlite import backup
from gridws.storage.sqlite.backup import back_up
from gridws.storage.sqlite.store import SqliteStore

from ..conftest import NOW
from ..rows import ALWAYS, reading


def ignore(_done: int, _all: int) -> None:
    """Look away."""


async def test_a_copy_of_a_running_store_is_a_database_that_another_goes_on_with(
    sqlite: SqliteStore, path: Path, tmp_path: Path
) -> None:
    rows = [reading(after=n) for n in range(5)]
    await sqlite.write(Batch(readings=rows))

    with new_file(tmp_path / "copy.db") as part:
        back_up(path, part, ignore)

    store = SqliteStore(tmp_path / "copy.db", settings=MonitorSettings())
    await store.open(now=NOW)
    assert await store.readings(7, **ALWAYS) == rows[::-1]
    await store.close()


async def test_what_is_committed_during_the_copy_is_not_in_it(
    sqlite: SqliteStore, path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backup, "_PAGES", 16)
    await sqlite.write(Batch(readings=[reading(n) for n in range(1, 20_001)]))
    later = [reading(7, after=n) for n in (1, 2, 3)]
    written: list[int] = []

    def write_meanwhile(done: int, _all: int) -> None:
        written.append(done)
        some = [later.pop() for _ in later[-1:]]
        sqlite._writer.submit(lambda: [sqlite._write(Batch(readings=[row])) for row in some]).result()

    with new_file(tmp_path / "copy.db") as part:
        back_up(path, part, write_meanwhile)

    store = SqliteStore(tmp_path / "copy.db", settings=MonitorSettings())
    await store.open(now=NOW)
    assert len(written) > 3
    assert len(await store.readings(7, **ALWAYS)) == 1
    assert len(await sqlite.readings(7, **ALWAYS)) == 4
    await store.close()


async def test_a_copy_is_one_file_for_its_owner(sqlite: SqliteStore, path: Path, tmp_path: Path) -> None:
    await sqlite.write(Batch(readings=[reading()]))
    folder = tmp_path / "copies"
    folder.mkdir()

    with new_file(folder / "copy.db") as part:
        back_up(path, part, ignore)

    assert [file.name for file in folder.iterdir()] == ["copy.db"]
    assert stat.S_IMODE((folder / "copy.db").stat().st_mode) == 0o600


def test_what_is_there_is_never_overwritten(tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.write_text("mine")

    with pytest.raises(OptionError, match="exists already"), new_file(precious):
        pass

    assert precious.read_text() == "mine"


def test_a_copy_that_failed_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(StoreUnusable), new_file(tmp_path / "copy.db") as part:
        back_up(tmp_path / "missing.db", part, ignore)

    assert list(tmp_path.iterdir()) == []


def test_a_copy_that_cannot_be_made_says_why(tmp_path: Path) -> None:
    with (
        pytest.raises(OutputFailed, match="no such file or directory"),
        new_file(tmp_path / "no" / "copy.db"),
    ):
        pass


async def test_the_copy_of_a_damaged_database_is_refused(path: Path, tmp_path: Path) -> None:
    store = SqliteStore(path, settings=MonitorSettings())
    await store.open(now=NOW)
    await store.write(Batch(readings=[reading(after=n) for n in range(2000)]))
    await store.close()
    pages = bytearray(path.read_bytes())
    pages[-4096 * 4 :] = b"\xa5" * 4096 * 4
    path.write_bytes(pages)

    with pytest.raises(StoreFailed, match="damaged"), new_file(tmp_path / "copy.db") as part:
        back_up(path, part, ignore)

    assert not (tmp_path / "copy.db").exists()
