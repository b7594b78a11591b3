"""Disks that are full, files that are locked: dispatch goes on, nothing is acknowledged, and it mends by itself."""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import sqlite3
import struct
import subprocess
from collections.abc import Iterator
from contextlib import closing
from itertools import count
from pathlib import Path
from typing import Final

import pytest
from disks import Trouble, call, full, locked, mounted, read_only

from .checker import Checker, at_work
from .programs import PROMISED, Site, until

pytestmark = pytest.mark.slow


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    with mounted(tmp_path / "disk", megabytes=8) as folder:
        yield folder


@pytest.mark.parametrize(("trouble", "reason"), [(full, "full"), (locked, "locked")], ids=["full", "locked"])
async def test_a_disk_in_trouble_stops_acknowledgements_alone_and_mends_by_itself(
    here: Site, disk: Path, trouble: Trouble, reason: str
) -> None:
    monitor = await here.monitor("--engineers", 1, database=disk / "gridws.db")
    checker, breaking = Checker(901, monitor.url), Checker(902, monitor.url)
    async with at_work(checker, breaking):
        await checker.acknowledges(5)

        with trouble(disk):
            health = await monitor.until_status("/readyz", 503)
            assert health["status"] == "degraded"
            assert reason in health["reason"]
            assert (await monitor.get("/healthz"))[0] == 200
            acknowledged = checker.acknowledged
            breaking.status = "broken"
            await until(lambda: breaking.assignments)
            taken = checker.taken
            await until(lambda: checker.taken > taken + 8)
            assert checker.acknowledged <= acknowledged + 2

        await monitor.until_status("/readyz", 200)
        await checker.acknowledges(checker.taken - acknowledged + 3)
    assert await monitor.stop() == 0
    assert [line.count("cannot be stored") for line in monitor.lines].count(1) == 1
    assert [line.count("are stored again") for line in monitor.lines].count(1) == 1
    assert checker.connections == breaking.connections == 1
    stored = checker.stored(monitor)
    assert stored[: checker.acknowledged] == list(range(1, checker.acknowledged + 1))
    assert len(set(stored)) == len(stored)


@pytest.mark.parametrize("trouble", [full, locked, read_only])
async def test_a_monitor_that_starts_in_trouble_dispatches_and_mends_by_itself(
    here: Site, disk: Path, trouble: Trouble
) -> None:
    before = await here.monitor(database=disk / "gridws.db")
    await before.stop()

    with trouble(disk):
        monitor = await here.monitor("--engineers", 1, database=disk / "gridws.db")
        assert (await monitor.get("/healthz"))[1]["status"] == "degraded"
        checker, breaking = Checker(901, monitor.url), Checker(902, monitor.url)
        async with at_work(checker, breaking):
            breaking.status = "broken"
            await until(lambda: breaking.assignments)
            assert checker.acknowledged == 0
    async with at_work(checker):
        await monitor.until_status("/readyz", 200)
        await checker.acknowledges(3)

    assert await monitor.stop() == 0
    stored = checker.stored(monitor)
    assert stored[: checker.acknowledged] == list(range(1, checker.acknowledged + 1))
    assert monitor.rows("SELECT count(*) FROM repairs") == [(len(breaking.assignments),)]


def readings(database: Path) -> list[int]:
    """Return the sequences that a file holds, as the checker measured them."""
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        found = connection.execute("SELECT wind_speed FROM metrics WHERE turbine_number = 901 ORDER BY 1")
        return [int(speed) for (speed,) in found]


def matching(folder: Path, pattern: str) -> list[Path]:
    return list(folder.glob(pattern))


@pytest.mark.parametrize("how", ["moved away", "replaced by a back-up"])
async def test_a_database_exchanged_under_a_monitor_keeps_all_that_was_acknowledged(
    here: Site, tmp_path: Path, how: str
) -> None:
    monitor = await here.monitor()
    checker = Checker(901, monitor.url)
    async with at_work(checker):
        await checker.acknowledges(5)
        copy = tmp_path / "backup.db"
        assert await here.run("backup", copy, "--database", monitor.database) == 0
        copied = readings(copy)
        await checker.acknowledges(5)
        if how == "moved away":
            monitor.database.rename(tmp_path / "old.db")
        else:
            copy.replace(monitor.database)
        told = await monitor.until_note("was moved" if how == "moved away" else "deleted or replaced")
        await checker.acknowledges(5)

    assert await monitor.stop() == 0
    assert sum("while it was in use" in line for line in monitor.lines) == 1
    (old,) = matching(tmp_path, "old.db" if how == "moved away" else "gridws.db.saved.*Z")
    assert str(old) in told
    new = readings(monitor.database)
    assert set(range(1, checker.acknowledged + 1)) <= {*readings(old), *new}
    assert len(set(new)) == len(new)
    assert how == "moved away" or new[: len(copied)] == copied


async def test_a_signal_ends_the_monitor_in_time_while_somebody_holds_its_database(
    here: Site, tmp_path: Path
) -> None:
    monitor = await here.monitor()
    checker = Checker(901, monitor.url)
    async with at_work(checker):
        await checker.acknowledges(5)
        with locked(tmp_path):
            await monitor.until_status("/readyz", 503)
            monitor.signal(signal.SIGTERM)

            code = await monitor.ended(within=PROMISED)

        assert code == 0
        monitor = await here.monitor(port=monitor.port)
        await checker.acknowledges(checker.taken - checker.acknowledged + 3)
    await monitor.stop()
    stored = checker.stored(monitor)
    assert stored[: checker.acknowledged] == list(range(1, checker.acknowledged + 1))
    assert len(set(stored)) == len(stored)


class Device:
    """A file system of its own in a file, which can be shut down as by a device that is gone, and come back."""

    SHUT_DOWN: Final = 0x8004587D
    """The kernel's FS_IOC_SHUTDOWN; its argument 2: without writing the journal first."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "device"
        self.folder.mkdir()
        self._images = (folder / f"image-{number}" for number in count())
        self._image = next(self._images)
        with self._image.open("wb") as file:
            file.truncate(32 * 2**20)
        call("mkfs.ext4", "-q", self._image)
        self.mount("rw")

    def mount(self, mode: str) -> None:
        call("mount", "-o", f"loop,{mode}", self._image, self.folder)

    def fail(self) -> None:
        """Let every read and write end in an I/O error from now on."""
        descriptor = os.open(self.folder, os.O_RDONLY)
        fcntl.ioctl(descriptor, self.SHUT_DOWN, struct.pack("I", 2))
        os.close(descriptor)

    def come_back(self, mode: str) -> None:
        """Be there again with what was on it; those who have files open still have those of the dead one."""
        call("umount", "--lazy", self.folder)
        before, self._image = self._image, next(self._images)
        shutil.copyfile(before, self._image)
        # Plays the journal, for which a read-only mount has no hand; 1 means that it mended something.
        subprocess.run(["e2fsck", "-p", self._image], check=False, capture_output=True)
        self.mount(mode)


@pytest.fixture
def device(tmp_path: Path) -> Iterator[Device]:
    device = Device(tmp_path)
    yield device
    call("umount", "--lazy", device.folder)


async def test_io_errors_and_a_disk_that_comes_back_read_only_lose_nothing_acknowledged(
    here: Site, device: Device
) -> None:
    monitor = await here.monitor("--engineers", 1, database=device.folder / "gridws.db")
    checker, breaking = Checker(901, monitor.url), Checker(902, monitor.url)
    async with at_work(checker, breaking):
        await checker.acknowledges(5)

        device.fail()
        health = await monitor.until_status("/readyz", 503)
        assert health["status"] == "degraded"
        breaking.status = "broken"
        await until(lambda: breaking.assignments)
        acknowledged = checker.acknowledged
        device.come_back("ro")
        taken = checker.taken
        await until(lambda: checker.taken > taken + 8)
        assert checker.acknowledged == acknowledged
        device.come_back("rw")

        await monitor.until_status("/readyz", 200)
        await checker.acknowledges(checker.taken - acknowledged + 3)
    assert await monitor.stop() == 0
    assert checker.connections == breaking.connections == 1
    stored = checker.stored(monitor)
    assert stored[: checker.acknowledged] == list(range(1, checker.acknowledged + 1))
    assert len(set(stored)) == len(stored)
