"""What a supervisor hears of a monitor over the socket of sd_notify."""

from __future__ import annotations

import asyncio
import configparser
import os
import re
import signal
import socket
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from processes import start_monitor

from gridws.commands.manual import pages
from gridws.process.service import notify, prove_life

pytestmark = pytest.mark.slow


@pytest.fixture(params=["path", "abstract"])
def supervisor(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[socket.socket]:
    address = str(tmp_path / "notify") if request.param == "path" else f"@gridws-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(address.replace("@", "\0"))
        listener.settimeout(10)
        monkeypatch.setenv("NOTIFY_SOCKET", address)
        yield listener


def test_the_supervisor_hears_that_it_is_ready(supervisor: socket.socket) -> None:
    notify("READY=1")

    assert supervisor.recv(100) == b"READY=1"


@pytest.mark.parametrize("address", ["", "relative", "/no/such/socket"])
def test_without_one_nothing_is_said(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", address)

    notify("READY=1")


async def test_the_watchdog_hears_of_life_again_and_again(
    supervisor: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WATCHDOG_USEC", "20000")
    supervisor.setblocking(False)

    proving = asyncio.create_task(prove_life())
    heard = [await asyncio.get_running_loop().sock_recv(supervisor, 100) for _ in range(3)]
    proving.cancel()
    with suppress(asyncio.CancelledError):
        await proving

    assert heard == [b"WATCHDOG=1"] * 3


@pytest.mark.parametrize(("microseconds", "pid"), [("", ""), ("0", ""), ("often", ""), ("20000", "1")])
async def test_who_has_no_watchdog_proves_nothing(
    microseconds: str, pid: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WATCHDOG_USEC", microseconds)
    monkeypatch.setenv("WATCHDOG_PID", pid or str(os.getpid()))

    async with asyncio.timeout(10):
        await prove_life()


async def test_a_monitor_is_ready_when_it_listens_and_proves_its_life(
    supervisor: socket.socket, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("WATCHDOG_USEC", "100000")
    monkeypatch.delenv("WATCHDOG_PID", raising=False)
    supervisor.setblocking(False)

    monitor = await start_monitor(tmp_path)
    heard = {await asyncio.get_running_loop().sock_recv(supervisor, 100) for _ in range(5)}
    await monitor.end(signal.SIGTERM)

    assert heard == {b"READY=1", b"WATCHDOG=1"}


def test_the_unit_of_the_manual_uses_what_the_monitor_offers() -> None:
    text = re.search(r"```ini\n(.*?)```", pages()["operating"].read_text(encoding="utf-8"), re.DOTALL)
    assert text
    unit = configparser.ConfigParser(interpolation=None)
    unit.optionxform = str  # type: ignore[assignment,method-assign]  # the names keep their capitals
    unit.read_string(text[1])

    service = unit["Service"]
    assert service["Type"] == "notify"
    assert "-HUP" in service["ExecReload"]
    assert int(service["WatchdogSec"]) > 0
    assert service["UMask"] == "0077"
    assert service["CapabilityBoundingSet"] == ""
