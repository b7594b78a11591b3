"""A signal ends the monitor within its time, whoever is connected; and a day on which nothing goes wrong."""

from __future__ import annotations

import signal
import time

import pytest
from live_monitor import raw_peer
from websockets.asyncio.client import connect

from .checker import Checker, at_work
from .programs import PROMISED, Site, until

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("signals", [[signal.SIGTERM], [signal.SIGINT, signal.SIGINT]], ids=["once", "twice"])
async def test_a_signal_ends_the_monitor_whoever_is_connected(
    here: Site, signals: list[signal.Signals]
) -> None:
    monitor = await here.monitor()
    turbines = here.turbines(monitor.url, "--count", 20, "--upload-frequency", 0.1, "--time-to-fail", 0.5)
    checker = Checker(901, monitor.url)
    async with (
        at_work(checker),
        raw_peer(monitor.port) as mute_turbine,
        raw_peer(monitor.port) as mute_viewer,
        connect(f"{monitor.url}/ws/watch", proxy=None),
    ):
        await mute_turbine.upgrade("/ws/turbines/902")
        await mute_viewer.upgrade("/ws/frames")
        await monitor.until_number("gridws_turbines_online", lambda count: count == 22)
        await checker.acknowledges(10)

        told_at = time.monotonic()
        for number in signals:
            monitor.signal(number)
        code = await monitor.ended(within=PROMISED)

        assert time.monotonic() - told_at < PROMISED
        assert code == 0
        await until(lambda: checker.close_codes)
    assert checker.close_codes[0] == 1012
    assert "Traceback" not in monitor.log.read_text()
    stored = checker.stored(monitor)
    assert stored[: checker.acknowledged] == list(range(1, checker.acknowledged + 1))
    assert monitor.rows("SELECT count(*) FROM repairs WHERE outcome IS NULL") == [(0,)]
    assert monitor.rows("SELECT count(*) FROM links WHERE disconnected_at IS NULL") == [(0,)]
    assert await turbines.stop() == 0


async def test_a_monitor_and_two_fleets_on_a_quiet_day(here: Site) -> None:
    monitor = await here.monitor("--engineers", 2)
    options = ("--upload-frequency", 0.2, "--time-to-fail", 1, "--time-to-repair", 0.2)
    fleets = [here.turbines(monitor.url, "--count", 3, *options)]
    fleets.append(here.turbines(monitor.url, "--count", 4, "--first-number", 4, *options))

    await monitor.until_number(
        'gridws_assignments_ended_total{outcome="repaired"}', lambda count: count >= 14
    )

    status, turbines = await monitor.get("/api/v1/turbines")
    assert status == 200
    assert [turbine["turbine_number"] for turbine in turbines] == [1, 2, 3, 4, 5, 6, 7]
    assert all(turbine["online"] for turbine in turbines)
    assert [await fleet.stop() for fleet in fleets] == [0, 0]
    assert await monitor.stop() == 0
    assert monitor.rows("SELECT count(DISTINCT turbine_number) FROM repairs WHERE outcome = 'repaired'") == [
        (7,)
    ]
    assert monitor.rows("SELECT DISTINCT reason FROM links") == [("disconnected",)]
