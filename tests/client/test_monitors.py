"""Clients of several monitors: who begins with which, and where they go when one is away."""

from __future__ import annotations

from pathlib import Path

import pytest
from live_monitor import served
from scripted_monitor import ScriptedMonitor, running

from gridws.client.monitors import Monitors
from gridws.errors import MonitorUnreachable, OptionError
from gridws.settings import TurbineSettings
from gridws.turbines.dialing import Dialer
from gridws.turbines.fleet import run_fleet
from gridws.viewers.mirror import Mirror
from gridws.wire.frames import CloseCode


def ignore(text: str) -> None:
    """Receive nothing."""


async def address_of_nobody() -> str:
    async with ScriptedMonitor() as monitor:
        return monitor.url


@pytest.mark.parametrize("written", ["ws://a:1,ws://b:2", "ws://a:1, http://b:2/", " ws://a:1  ws://b:2,"])
def test_addresses_stand_between_commas_and_go_round(written: str) -> None:
    monitors = Monitors(written)

    assert len(monitors) == 2
    assert [monitors.address(turn).base for turn in range(3)] == ["ws://a:1", "ws://b:2", "ws://a:1"]


@pytest.mark.parametrize("written", ["", ",", "ws://a:1,nowhere"])
def test_one_that_is_no_address_refuses_them_all(written: str) -> None:
    with pytest.raises(OptionError, match="is no address of a monitor"):
        Monitors(written)


def test_certificates_go_with_addresses_of_which_all_use_them() -> None:
    with pytest.raises(OptionError, match="--ca-file"):
        Monitors("ws://a:1,wss://b:2", Path("ca.pem"))


async def test_a_fleet_is_spread_over_the_monitors_by_number() -> None:
    async with ScriptedMonitor() as even, ScriptedMonitor() as odd:
        settings = TurbineSettings(count=2, first_number=6, monitor=f"{even.url},{odd.url}")
        async with running(run_fleet(settings)):
            numbers = [(await monitor.next_link()).turbine_number for monitor in (even, odd)]

    assert numbers == [6, 7]


async def test_a_turbine_takes_the_next_address_after_each_failure() -> None:
    async with ScriptedMonitor(refuse_with=503) as full, ScriptedMonitor() as there:
        dialer = Dialer(f"{await address_of_nobody()},{full.url},{there.url}")
        for words in ("connection refused", "HTTP 503"):
            with pytest.raises(MonitorUnreachable, match=words):
                await dialer.dial(3, ignore)

        link = await dialer.dial(3, ignore)
        again = await dialer.dial(3, ignore)

        assert len(there.links) == 2
        await link.leave()
        await again.leave()


@pytest.mark.parametrize(
    ("code", "is_elsewhere"),
    [
        (CloseCode.RESTART, True),
        (CloseCode.MOVED, True),
        (CloseCode.SILENT, False),
        (CloseCode.POLICY, False),
    ],
)
async def test_a_turbine_goes_on_elsewhere_where_the_monitor_says_so(
    code: CloseCode, *, is_elsewhere: bool
) -> None:
    async with ScriptedMonitor() as first, ScriptedMonitor() as second:
        dialer = Dialer(f"{first.url},{second.url}")
        for monitor in (first, second if is_elsewhere else first, first):
            link = await dialer.dial(2, ignore)
            await (await monitor.next_link()).close(code)
            await link.lost()


async def test_a_turbine_that_fails_moves_no_other() -> None:
    async with ScriptedMonitor(refuse_with=503) as full, ScriptedMonitor() as there:
        dialer = Dialer(f"{full.url},{there.url}")
        with pytest.raises(MonitorUnreachable):
            await dialer.dial(2, ignore)

        link = await dialer.dial(1, ignore)

        assert there.links[0].turbine_number == 1
        await link.leave()


async def test_a_look_takes_the_first_monitor_that_answers() -> None:
    async with served() as live:
        mirror = Mirror(f"{await address_of_nobody()},{live.url('')}")

        await mirror.look()

        assert mirror.monitor_url == live.url("")
        assert mirror.connected


async def test_a_viewer_that_stays_goes_on_at_the_next_monitor() -> None:
    async with served() as live:
        mirror = Mirror(f"{await address_of_nobody()},{live.url('')}")

        async with running(mirror.run()):
            while not mirror.connected:
                await mirror.changed(mirror.version)

            assert mirror.monitor_url == live.url("")
