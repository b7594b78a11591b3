"""A pytest plug-in: what a machine lacks leaves tests out, and one line at the end says which and how to get it.

`@pytest.mark.needs("chromium")` names something of `NEEDS`; tests that use a fixture of `OF_FIXTURES` need it by
themselves. Whatever is found out about the machine is found out once, and only when a test asks.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections import Counter
from collections.abc import Callable
from functools import cache
from typing import Final, NamedTuple

import pytest
from chromium import find_chromium
from postgres import find_programs


class Need(NamedTuple):
    """Something that not every machine has, in words that go on from "needs", and how to get it."""

    words: str
    cure: str
    met: Callable[[], bool]


def has(program: str) -> bool:
    return shutil.which(program) is not None


def is_root() -> bool:
    return os.geteuid() == 0


def can_mount_a_disk() -> bool:
    """Try it: in most containers root may not."""
    with tempfile.TemporaryDirectory() as folder:
        return is_root() and mounts("-t", "tmpfs", "gridws-test", folder)


def can_mount_an_image() -> bool:
    if not (is_root() and has("mkfs.ext4")):
        return False
    with tempfile.TemporaryDirectory() as folder, tempfile.NamedTemporaryFile() as image:
        image.truncate(2**20)
        return succeeds("mkfs.ext4", "-q", image.name) and mounts("-o", "loop", image.name, folder)


def mounts(*arguments: str) -> bool:
    return has("mount") and succeeds("mount", *arguments) and succeeds("umount", "--lazy", arguments[-1])


def succeeds(*command: str) -> bool:
    return subprocess.run(command, check=False, capture_output=True).returncode == 0


NEEDS: Final = {
    "chromium": Need("Chromium", "apt-get install chromium", lambda: find_chromium() is not None),
    "curl": Need("curl", "apt-get install curl", lambda: has("curl")),
    "sqlite3": Need("the program sqlite3", "apt-get install sqlite3", lambda: has("sqlite3")),
    "postgres": Need(
        "PostgreSQL's programs", "apt-get install postgresql", lambda: find_programs() is not None
    ),
    "mosquitto": Need("mosquitto", "apt-get install mosquitto", lambda: has("mosquitto")),
    "promtool": Need("promtool", "apt-get install prometheus", lambda: has("promtool")),
    "haproxy": Need("HAProxy", "apt-get install haproxy", lambda: has("haproxy")),
    "root": Need("root", "be root", is_root),
    "disks": Need("a disk of their own", "be root with the right to mount", can_mount_a_disk),
    "devices": Need(
        "a device of their own",
        "apt-get install e2fsprogs, be root with the right to mount",
        can_mount_an_image,
    ),
}

OF_FIXTURES: Final = {
    "disk": "disks",
    "small_disk": "disks",
    "device": "devices",
    "postgres_server": "postgres",
}


@cache
def met(name: str) -> bool:
    return NEEDS[name].met()


@pytest.hookimpl(tryfirst=True)  # before tests are chosen by their marks
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        for fixture in OF_FIXTURES.keys() & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.needs(OF_FIXTURES[fixture]))


def pytest_runtest_setup(item: pytest.Item) -> None:
    missing = [name for mark in item.iter_markers("needs") for name in mark.args if not met(name)]
    if missing:
        pytest.skip(f"needs {NEEDS[missing[0]].words}")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    reasons = Counter(str(report.longrepr[-1]) for report in terminalreporter.stats.get("skipped", ()))
    parts = [
        f"{count} for want of {need.words} ({need.cure})"
        for need in NEEDS.values()
        if (count := reasons[f"Skipped: needs {need.words}"])
    ]
    if parts:
        terminalreporter.write_line(f"Left out: {', '.join(parts)}.", yellow=True)
