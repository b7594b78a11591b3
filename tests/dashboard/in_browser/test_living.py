"""What goes on in the grid, seen on the page as it happens."""

from __future__ import annotations

import signal
from contextlib import AsyncExitStack
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from big_fleet import BigFleet
from chromium import Chromium
from processes import Command, dashboard, monitor_and_page, start, start_monitor, turbine

from .seen import CARD, CARDS, Grid, until_tile

SAID_OF_IT = "[...document.querySelectorAll('.turbine tr')].map(row => row.innerText)"

pytestmark = [
    pytest.mark.needs("chromium"),
    pytest.mark.slow,
    pytest.mark.asyncio(loop_scope="package"),
]

ENGINEER_BUTTONS = "[...document.querySelectorAll('[aria-label=Engineers] .push button')]"
CHOOSE = (
    "(choice => { choice.value = 60; choice.dispatchEvent(new Event('change')); })"
    "(document.querySelector('.notify'))"
)


async def test_the_page_follows_turbines_that_break_are_repaired_and_vanish(
    browser: Chromium, tmp_path: Path
) -> None:
    async with monitor_and_page(tmp_path) as (monitor, server), AsyncExitStack() as links:
        first = await links.enter_async_context(turbine(monitor, 1))
        second = await links.enter_async_context(turbine(monitor, 2))
        await first.say("ok")
        await second.say("ok")
        page = await browser.open(server.url)
        await page.until(f"{CARD.format(0)} === '1 ✓ ok 8.5 m/s 640 kW'")

        await first.say("broken", power=0)
        await page.until(f"{CARD.format(0)}.includes('being repaired')")
        await page.until_said("Engineer 1: turbine 1")
        await second.say("broken", power=0)
        await page.until(f"{CARD.format(1)}.includes('! waiting')")
        await until_tile(page, "broken", "2")
        await until_tile(page, "waiting", "1")
        await page.until_said("Engineer 1 goes to turbine 1")

        await first.say("ok")
        await page.until(f"{CARD.format(0)}.includes('ok') && {CARD.format(1)}.includes('being repaired')")
        await second.vanish()
        await page.until(f"{CARD.format(1)}.includes('offline')")
        await until_tile(page, "online", "1")
        await until_tile(page, "offline", "1")
        await page.until_said("Engineer 1: free")

        assert page.errors == []
        assert {urlsplit(url).netloc for url in page.urls if not url.startswith("data:")} == {
            urlsplit(server.url).netloc
        }


async def test_a_monitor_that_comes_back_is_shown_again_without_a_reload(
    browser: Chromium, tmp_path: Path
) -> None:
    monitor = await start_monitor(tmp_path)
    async with dashboard(monitor.url, tmp_path) as server:
        page = await browser.open(server.url)
        await page.until_said("No turbines yet")
        await page.evaluate("window.kept = true")

        await monitor.end(signal.SIGKILL)
        await page.until_said("disconnected from the monitor, trying again")
        await page.until("/what is shown is \\d+ s old/.test(document.body.innerText)")
        await page.until(f"{ENGINEER_BUTTONS}.every(button => button.disabled)")
        monitor = await start_monitor(tmp_path, port=monitor.port)
        await page.until("!document.body.innerText.includes('disconnected')")
        await page.until(f"{ENGINEER_BUTTONS}.every(button => !button.disabled)")
        async with turbine(monitor, 3) as third:
            await third.say("ok")
            await page.until(f"{CARD.format(0)}.startsWith('3 ')")

        assert await page.evaluate("window.kept") is True
        assert page.loads == 1
        assert page.errors == []
    await monitor.end()


async def test_an_engineer_added_on_one_page_is_seen_on_the_other(browser: Chromium, grid: Grid) -> None:
    one = await browser.open(grid.page.url)
    other = await browser.open(grid.page.url, dark=True)
    await other.until_said("Engineer 1: free")

    await one.click("[aria-label='Add an engineer']")

    await other.until_said("Engineer 2: free")
    await one.click("[aria-label='Take an engineer away']")
    await other.until("!document.body.innerText.includes('Engineer 2: free')")


async def test_the_page_works_out_how_many_engineers_are_enough(browser: Chromium, grid: Grid) -> None:
    page = await browser.open(grid.page.url)

    await page.click("[aria-label='Work out how many engineers are enough']")

    await page.until("/in this range|Take \\d/.test(document.querySelector('.answer').innerText)")


async def test_a_turbine_is_held_noted_and_let_go_on_the_page(browser: Chromium, grid: Grid) -> None:
    async with turbine(grid.monitor, 7) as link:
        await link.say("broken", power=0)
        page = await browser.open(grid.page.url + "/?turbine=7&find=7")
        await page.until(f"{CARD.format(0)}.includes('↻ being repaired')")
        await page.until_said("Turbine 7\n")  # the orders are for the turbine that is named above them
        await page.click("[aria-label='Hold, next, note']")
        await page.until("document.querySelector('.orders').checkVisibility()")

        await page.evaluate("document.querySelector('[name=words]').value = 'gearbox exchange'")
        await page.click(".orders [value=hold]")
        await page.until(f"{CARD.format(0)}.includes('= held')")
        await page.until_said("by somebody without a token: gearbox exchange")
        await page.until_said("Engineer 1 leaves turbine 7")
        await page.click(".orders [value=next]")
        await page.until_said("Not done: it answered HTTP 409: Turbine 7 does not wait for an engineer.")
        await page.evaluate("document.querySelector('[name=words]').value = 'crane on Tuesday'")
        await page.click(".orders [value=note]")
        await page.until_said("Note on turbine 7, by somebody without a token: crane on Tuesday")
        await page.until(f"{SAID_OF_IT}.some(row => row.includes('crane on Tuesday'))")
        assert await page.evaluate(f"{SAID_OF_IT}.some(row => row.includes(': gearbox exchange'))")
        await page.click(".orders [value=end]")
        await page.until(f"{CARD.format(0)}.includes('↻ being repaired')")

        assert page.errors == []


async def test_a_turbine_that_was_forgotten_leaves_the_page(browser: Chromium, grid: Grid) -> None:
    for number in (21, 22):
        async with turbine(grid.monitor, number) as link:
            await link.say("ok")
    page = await browser.open(grid.page.url + "/?turbine=22&find=21-22")
    await page.until(f"{CARDS} === 2 && {CARD.format(1)}.includes('offline')")

    async with httpx.AsyncClient(trust_env=False) as client:
        assert (await client.delete(f"{grid.monitor.url}/api/v1/turbines/22")).status_code == 204

    await page.until(f"{CARDS} === 1")
    await page.until_said("Turbine 22 is not there")


async def test_the_tab_tells_how_many_wait(browser: Chromium, few: Command) -> None:
    page = await browser.open(few.url)

    await page.until("document.title === '(1) gridws: wind fleet'")
    await page.until("document.querySelector('link[rel~=icon]').href.includes('%3E1%3C')")


async def test_who_asks_for_it_is_notified_once_of_a_turbine_that_waits_for_long(
    browser: Chromium, few: Command
) -> None:
    page = await browser.open(few.url)
    await page.until("document.title.startsWith('(1)')")
    assert await page.evaluate("document.querySelector('.notify').value") == "0"
    await page.evaluate(
        "window.told = []; window.Notification = class {"
        "  static requestPermission() { return Promise.resolve('granted'); }"
        "  constructor(title) { window.told.push(title); }"
        "};"
        "const now = performance.now.bind(performance); performance.now = () => now() + 61_000"
    )

    await page.evaluate(CHOOSE)

    await page.until("window.told.length === 1")
    # It looks whenever something is chosen, and at the next look all is told.
    await page.evaluate(f"{CHOOSE}; new Promise(done => setTimeout(done))")
    assert await page.evaluate("window.told") == ["Turbine 10 waits for an engineer"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_a_signal_ends_the_dashboard_cleanly_while_somebody_looks(
    browser: Chromium, tmp_path: Path, number: signal.Signals
) -> None:
    async with BigFleet(5) as fleet:
        server = await start("dashboard", "--port", "0", "--monitor", fleet.url, folder=tmp_path)
        page = await browser.open(server.url)
        await page.until_said("online")

        output = await server.end(number)

        assert server.process.returncode == 0
        assert "Traceback" not in output
