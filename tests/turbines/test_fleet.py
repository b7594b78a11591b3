"""Many turbines in one process, and what people read about them."""

from __future__ import annotations

import asyncio
import io
import logging
import resource
from collections.abc import Iterator

import pytest
from memory_link import Air, Heard, MemoryLink
from rich.console import Console
from scripted_monitor import ScriptedMonitor, running
from virtual_time import VirtualUtc, run

from gridws.errors import MonitorUnreachable, OptionError
from gridws.settings import TurbineSettings, WindKind
from gridws.turbines.dial_pace import DialPace
from gridws.turbines.fleet import build, check, raise_file_limit, run_fleet
from gridws.turbines.link import Receive
from gridws.turbines.turbine import WindTurbine
from gridws.turbines.turbine_news import PAUSE, ManyTurbines
from gridws.wire.frames import Hello, Metrics, TurbineMetrics
from gridws.words import OperationalStatus


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return a list that fills with what a person reads at the usual level."""
    read: list[str] = []
    caplog.set_level(logging.INFO, logger="gridws")
    # Put back at the end: the handler is the same for all tests.
    monkeypatch.setattr(caplog.handler, "emit", lambda record: read.append(record.getMessage()))
    return read


def test_the_turbines_have_consecutive_numbers() -> None:
    fleet = build(TurbineSettings(count=3, first_number=40), dial=Air().dial, news=Heard())

    assert [turbine.turbine_number for turbine in fleet] == [40, 41, 42]


def test_a_seed_repeats_a_fleet_whichever_process_a_turbine_is_in() -> None:
    def times(settings: TurbineSettings) -> Iterator[tuple[float, float]]:
        for turbine in build(settings, dial=Air().dial, news=Heard()):
            yield turbine.time_to_fail_in_seconds, turbine.time_to_repair_in_seconds

    whole = list(times(TurbineSettings(count=10, seed=4)))
    half = list(times(TurbineSettings(count=5, first_number=6, seed=4)))

    assert whole[5:] == half
    assert len(set(whole)) == 10


def test_given_times_are_used_as_they_are() -> None:
    settings = TurbineSettings(count=1, time_to_fail=0.25, time_to_repair=0.125)

    (turbine,) = build(settings, dial=Air().dial, news=Heard())

    assert (turbine.time_to_fail_in_seconds, turbine.time_to_repair_in_seconds) == (0.25, 0.125)


def test_the_wind_may_be_static() -> None:
    (turbine,) = build(TurbineSettings(count=1, wind=WindKind.static), dial=Air().dial, news=Heard())

    assert turbine.wind.speed(5.0) == 100.0


def test_turbines_speak_one_after_the_other() -> None:
    async def story() -> None:
        air = Air()
        settings = TurbineSettings(count=10, upload_frequency=1.0, time_to_fail=1e6)
        async with running(run_fleet(settings, dial=air.dial, utc=VirtualUtc(0))):
            await asyncio.sleep(2.05)

        second = sorted(link.of(Metrics)[1].measured_at or 0 for link in air.links)
        assert second == [100, 200, 300, 400, 500, 600, 700, 800, 900, 1000]
        assert all(link.of(Metrics)[0].measured_at == 0 for link in air.links)

    run(story())


def test_a_cancelled_fleet_closes_its_links() -> None:
    async def story() -> None:
        air = Air()
        async with running(run_fleet(TurbineSettings(count=30), dial=air.dial)) as fleet:
            await asyncio.sleep(1.0)
            fleet.cancel()
            with pytest.raises(asyncio.CancelledError):
                await fleet

        assert len(air.links) == 30
        assert all(link.closed for link in air.links)

    run(story())


class Torn(Air):
    """A network that fails in a way nobody expects."""

    async def dial(self, turbine_number: int, receive: Receive, /) -> MemoryLink:
        raise ZeroDivisionError(turbine_number)


def test_a_fleet_raises_what_its_first_broken_part_raised() -> None:
    async def story() -> None:
        with pytest.raises(ZeroDivisionError):
            await run_fleet(TurbineSettings(count=3), dial=Torn().dial)

    run(story())


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (TurbineSettings(count=0), "--count"),
        (TurbineSettings(first_number=0), "--first-number"),
        (TurbineSettings(first_number=2_147_483_646), "--first-number"),
        (TurbineSettings(upload_frequency=0.0), "--upload-frequency"),
        (TurbineSettings(upload_frequency=float("nan")), "--upload-frequency"),
        (TurbineSettings(time_to_fail=-1.0), "--time-to-fail"),
        (TurbineSettings(time_to_repair=float("inf")), "--time-to-repair"),
        (TurbineSettings(buffer=0), "--buffer"),
    ],
)
def test_settings_that_cannot_work_are_refused_by_name(settings: TurbineSettings, message: str) -> None:
    with pytest.raises(OptionError, match=message):
        check(settings)


async def test_a_wrong_address_is_refused_before_anything_starts() -> None:
    with pytest.raises(OptionError, match="write ws://HOST:PORT"):
        await run_fleet(TurbineSettings(monitor="nowhere"))


def test_more_turbines_than_the_system_allows_are_refused() -> None:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)

    with pytest.raises(OptionError, match="open files"):
        raise_file_limit(10**9)

    assert resource.getrlimit(resource.RLIMIT_NOFILE) == before


def test_a_small_fleet_says_each_event(lines: list[str]) -> None:
    async def story() -> None:
        air = Air()
        settings = TurbineSettings(count=1, time_to_fail=12.0, time_to_repair=4.0)
        async with running(run_fleet(settings, dial=air.dial)):
            await asyncio.sleep(12.5)
            air.link.assign(engineer_id=2)
            await asyncio.sleep(5.0)
            air.link.cut(1012)
            await asyncio.sleep(2.0)

    run(story())

    assert lines == [
        "turbine 1 is linked to the monitor",
        "turbine 1 broke after 12 s",
        "turbine 1: engineer 2 is here, repair takes 4.0 s",
        "turbine 1 is repaired",
        "turbine 1 has no link: the monitor is stopping; trying again",
        "turbine 1 is linked to the monitor",
    ]


def test_a_large_fleet_says_one_line_for_all(lines: list[str]) -> None:
    async def story() -> None:
        air = Air()
        async with running(run_fleet(TurbineSettings(count=100, time_to_fail=1e6), dial=air.dial)):
            await asyncio.sleep(10.0)
            air.failures += [MonitorUnreachable("ws://x", "connection refused") for _ in range(100)]
            for link in air.links[:100]:
                link.cut()
            await asyncio.sleep(60.0)

    run(story())

    assert lines[0] == "all 100 turbines are linked, after 0.0 s"
    assert lines[1].startswith("100 turbines have no link: the connection broke; trying again")
    assert lines[-1].endswith(" linked again, 0 not")
    assert len(lines) < 15


def test_many_turbines_are_counted_once_each_with_the_first_reason(lines: list[str]) -> None:
    async def story() -> None:
        news = ManyTurbines()
        for number in (1, 2, 3):
            news.link_lost(number, "the monitor is stopping")
        for number in (2, 3, 4):
            news.link_lost(number, "connection refused")
        await asyncio.sleep(PAUSE)
        news.linked(4)
        await asyncio.sleep(PAUSE)

    run(story())

    assert lines == [
        (
            "3 turbines have no link: the monitor is stopping; trying again. "
            "1 turbine has no link: connection refused; trying again"
        ),
        "1 turbine is linked again, 3 not",
    ]


async def test_nothing_is_said_after_the_end(lines: list[str]) -> None:
    news = ManyTurbines()
    news.link_lost(1, "connection refused")

    news.close()

    await asyncio.sleep(0)
    assert not lines


def test_handshakes_are_few_at_once() -> None:
    async def story() -> None:
        pace, at_once, counts = DialPace(at_once=8, each_second=1_000.0), set[int](), list[int]()

        async def dial(number: int) -> None:
            async with pace.turn():
                at_once.add(number)
                counts.append(len(at_once))
                await asyncio.sleep(1.0)
                at_once.remove(number)

        await asyncio.gather(*map(dial, range(100)))

        assert max(counts) == 8

    run(story())


def test_handshakes_have_a_pace() -> None:
    async def story() -> None:
        pace, loop, moments = (
            DialPace(at_once=64, each_second=400.0),
            asyncio.get_running_loop(),
            list[float](),
        )

        async def dial() -> None:
            async with pace.turn():
                moments.append(loop.time())

        await asyncio.gather(*(dial() for _ in range(2_000)))

        assert moments[-1] == pytest.approx(5.0, abs=0.01)

    run(story())


async def test_a_terminal_sees_a_bar_while_many_connect() -> None:
    screen = io.StringIO()
    console = Console(file=screen, force_terminal=True, width=80)

    async with ScriptedMonitor(obliging=True) as monitor:
        settings = TurbineSettings(count=60, monitor=monitor.url)
        async with running(run_fleet(settings, console=console)):
            await asyncio.gather(*(monitor.next_link() for _ in range(60)))

    assert "turbines linked" in screen.getvalue()


async def test_a_fleet_over_real_links_sends_and_ends() -> None:
    async with ScriptedMonitor() as monitor:
        settings = TurbineSettings(count=40, monitor=monitor.url, upload_frequency=0.2)
        async with running(run_fleet(settings)):
            links = [await monitor.next_link() for _ in range(40)]
            hellos = [await link.next(Hello) for link in links]
            for link in links:
                await link.welcome()
            readings = [await link.next(Metrics) for link in links]

        assert {hello.turbine_number for hello in hellos} == set(range(1, 41))
        assert {reading.sequence for reading in readings} == {1}
        assert {await link.closed() for link in links} == {1001}


async def test_a_turbine_is_made_with_the_arguments_of_the_assignment() -> None:
    turbine = WindTurbine(3, 0.5, 6.0, 2.0, "http://localhost:1")

    assert (turbine.turbine_number, turbine.upload_frequency_in_seconds) == (3, 0.5)
    assert (turbine.time_to_fail_in_seconds, turbine.time_to_repair_in_seconds) == (6.0, 2.0)
    assert (turbine.grid_monitor_url, turbine.time_passed_in_seconds) == ("http://localhost:1", 0.0)
    assert turbine.operational_status is OperationalStatus.ok
    assert isinstance(turbine.measure(), TurbineMetrics)
