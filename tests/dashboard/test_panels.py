"""What the page says, as NiceGUI's simulated visitor reads it: no browser, no network."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest
from big_fleet import BigFleet
from nicegui import Client
from nicegui.testing import User, user_simulation

from gridws.dashboard.archive import Archive
from gridws.dashboard.page import Page
from gridws.dashboard.room import ControlRoom
from gridws.dashboard.server import forget_unclaimed
from gridws.settings import DashboardSettings


@asynccontextmanager
async def visitor(room: ControlRoom) -> AsyncIterator[User]:
    async with user_simulation(root=lambda: Page(room, {})) as user:
        await user.open("/")
        yield user


def room_with(turbines: int, answer: int = 503) -> ControlRoom:
    room = ControlRoom(DashboardSettings(monitor="ws://monitor:1"))
    room.archive = Archive(
        lambda: "ws://monitor:1", transport=httpx.MockTransport(lambda _: httpx.Response(answer))
    )
    room.mirror.apply(BigFleet(turbines).snapshot())
    return room


async def test_a_page_without_a_monitor_says_so() -> None:
    async with visitor(ControlRoom(DashboardSettings())) as user:
        await user.should_see("disconnected from the monitor, trying again: nothing to show yet")
        await user.should_see("No turbines yet")


async def test_counts_stand_beside_their_words() -> None:
    async with visitor(room_with(30)) as user:
        await user.should_see("waiting 3")
        await user.should_see("ok 27")


async def test_the_one_who_waits_longest_is_selected_first() -> None:
    async with visitor(room_with(30)) as user:
        await user.should_see("Turbine 10")
        await user.should_see("place 1 of 3")


async def test_a_token_that_may_not_change_engineers_is_told_in_a_sentence() -> None:
    async with visitor(room_with(5, answer=403)) as user:
        user.find("+").click()
        await user.should_see("Not changed: the dashboard's token may look but not change")


@pytest.mark.slow
@pytest.mark.parametrize("visits", [20])
async def test_pages_that_no_browser_comes_for_do_not_pile_up(visits: int) -> None:
    settings = DashboardSettings(max_unclaimed=3)
    async with user_simulation(root=lambda: Page(room_with(5), {})) as user:
        for _ in range(visits):
            await user.http_client.get("/")
        for client in Client.instances.values():
            client.created -= 5

        forget_unclaimed(settings)

        assert len(Client.instances) <= 3
