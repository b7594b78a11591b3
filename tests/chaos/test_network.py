"""Links that are slow, cut or half-open, and processes that are frozen."""

from __future__ import annotations

import signal

import pytest

from .checker import Checker, at_work
from .programs import Site, until
from .proxy import proxy

pytestmark = pytest.mark.slow

SILENCE = 5.0
"""Seconds: the shortest silence time-out, which a turbine of one reading a second has."""
SILENT = 'gridws_links_lost_total{reason="silent"}'


async def test_a_half_open_link_costs_its_engineer_within_the_silence_timeout_and_the_turbine_comes_back(
    here: Site,
) -> None:
    monitor = await here.monitor("--engineers", 1)
    async with proxy(monitor.port) as way:
        gone, waiting = Checker(1, way.url), Checker(2, monitor.url)
        gone.status = waiting.status = "broken"
        async with at_work(gone):
            await until(lambda: gone.assignments)
            async with at_work(waiting):
                await waiting.acknowledges(1)

                way.swallows = True

                await until(lambda: waiting.assignments, within=SILENCE + 5)
                assert await monitor.number(SILENT) == 1
                way.swallows = False
                way.cut()
                await gone.acknowledges(3)
    await monitor.stop()
    assert monitor.rows("SELECT DISTINCT outcome FROM repairs WHERE turbine_number = 1") == [
        ("disconnected",)
    ]
    assert gone.stored(monitor)[: gone.acknowledged] == list(range(1, gone.acknowledged + 1))


async def test_a_link_that_is_reset_costs_its_engineer_at_once_and_nothing_else(here: Site) -> None:
    monitor = await here.monitor("--engineers", 1)
    async with proxy(monitor.port) as way:
        way.delay = 0.2
        cut, waiting = Checker(1, way.url), Checker(2, monitor.url)
        cut.status = waiting.status = "broken"
        async with at_work(cut):
            await until(lambda: cut.assignments)
            async with at_work(waiting):
                await waiting.acknowledges(1)
                await cut.acknowledges(5)

                way.refuses = True
                way.cut()

                await until(lambda: waiting.assignments, within=SILENCE - 1)
                way.refuses = False
                await cut.acknowledges(5)
                way.cut()
                await cut.acknowledges(5)
    await monitor.stop()
    stored = cut.stored(monitor)
    assert stored[: cut.acknowledged] == list(range(1, cut.acknowledged + 1))
    assert len(set(stored)) == len(stored)
    assert waiting.connections == 1


async def test_nobody_is_called_silent_after_the_monitor_itself_was_frozen(here: Site) -> None:
    monitor = await here.monitor()
    here.turbines(monitor.url, "--count", 20, "--upload-frequency", 1, "--time-to-fail", 3600)
    checker = Checker(901, monitor.url)
    async with at_work(checker):
        await monitor.until_number("gridws_turbines_online", lambda count: count == 21)

        monitor.signal(signal.SIGSTOP)
        taken = checker.taken
        await until(lambda: checker.taken >= taken + (SILENCE + 1.5) * 11)
        monitor.signal(signal.SIGCONT)

        await checker.acknowledges(checker.taken - checker.acknowledged)
        assert await monitor.number(SILENT) == 0
        assert checker.connections == 1


async def test_a_frozen_turbine_is_called_silent_and_comes_back_when_it_thaws(here: Site) -> None:
    monitor = await here.monitor("--engineers", 1)
    turbine = here.turbines(
        monitor.url, "--count", 1, "--upload-frequency", 0.5, "--time-to-fail", 0.5, "--time-to-repair", 3600
    )
    waiting = Checker(2, monitor.url)
    waiting.status = "broken"
    await monitor.until_number("gridws_engineers_free", lambda count: count == 0)
    async with at_work(waiting):
        await waiting.acknowledges(1)

        turbine.signal(signal.SIGSTOP)

        await until(lambda: waiting.assignments, within=SILENCE + 5)
        assert await monitor.number(SILENT) == 1
        turbine.signal(signal.SIGCONT)
        await monitor.until_number("gridws_turbines_online", lambda count: count == 2)
