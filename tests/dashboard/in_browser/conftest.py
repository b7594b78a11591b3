"""A browser, and dashboards of fleets of some sizes, for all modules here."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from big_fleet import BigFleet
from chromium import Chromium
from processes import Command, dashboard, monitor_and_page, turbine

from .seen import Grid


@pytest_asyncio.fixture(scope="package", loop_scope="package")
async def chromium() -> AsyncIterator[Chromium]:
    async with Chromium() as chromium:
        yield chromium


@pytest_asyncio.fixture(loop_scope="package")
async def browser(chromium: Chromium) -> AsyncIterator[Chromium]:
    """A browser whose tabs end with the test: they would go on showing what happens."""
    yield chromium
    await chromium.close_pages()


@pytest_asyncio.fixture(scope="package", loop_scope="package")
async def grid(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Grid]:
    """A dashboard with a real monitor, one engineer and one turbine's readings; each test has turbines of its own."""
    async with monitor_and_page(tmp_path_factory.mktemp("grid")) as (monitor, server):
        async with turbine(monitor, 1) as first:
            await first.say("ok", wind_speed=7.25)
            await first.say("ok", wind_speed=7.5)
        yield Grid(monitor, server)


@pytest_asyncio.fixture(scope="package", loop_scope="package")
async def five(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Command]:
    """A dashboard that shows five turbines."""
    async with BigFleet(5) as fleet, dashboard(fleet.url, tmp_path_factory.mktemp("five")) as server:
        yield server


@pytest_asyncio.fixture(scope="package", loop_scope="package")
async def few(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Command]:
    """A dashboard that shows twelve turbines with names, at two sites."""
    folder = tmp_path_factory.mktemp("few")
    async with BigFleet(12, sites=["North", "South"]) as fleet, dashboard(fleet.url, folder) as server:
        yield server


@pytest_asyncio.fixture(scope="package", loop_scope="package")
async def sixty(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Command]:
    """A dashboard that shows the most turbines that are cards."""
    async with BigFleet(60) as fleet, dashboard(fleet.url, tmp_path_factory.mktemp("sixty")) as server:
        yield server
