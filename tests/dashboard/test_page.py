"""What people see, in a real Chromium, with real processes behind it."""

from __future__ import annotations

import asyncio
import json
import signal
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from importlib.resources import files
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
import pytest_asyncio
from big_fleet import BigFleet
from chromium import Chromium, Page, find_chromium
from processes import PATIENCE, Command, dashboard, monitor_and_page, start, start_monitor, turbine
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus
from websockets.typing import Origin

pytestmark = [
    pytest.mark.skipif(find_chromium() is None, reason="there is no Chromium"),
    pytest.mark.asyncio(loop_scope="module"),
]

AXE = (files("axe_core_python") / "axe.min.js").read_text(encoding="utf-8")
CARD = "(document.querySelectorAll('.card')[{}]?.innerText ?? '').replace(/\\s+/g, ' ')"
TILE = "[...document.querySelectorAll('.tile')].find(t => t.innerText.startsWith('{}'))?.innerText.split(/\\s+/)[1]"

ENGINEER_BUTTONS = "[...document.querySelectorAll('[aria-label=Engineers] .push button')]"

LISTS = "[...document.querySelectorAll('.cards, .crew .list, .scroll')]"
CUT = """list => {
    const end = list.getBoundingClientRect().bottom;
    return [...list.querySelectorAll('.card, tr')]
        .filter(row => row.getBoundingClientRect().top < end - 1 && row.getBoundingClientRect().bottom > end + 1)
        .map(row => row.innerText);
}"""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Chromium]:
    async with Chromium() as browser:
        yield browser


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def grid(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Command]:
    """A dashboard with a real monitor, which stored one turbine's readings."""
    async with monitor_and_page(tmp_path_factory.mktemp("grid")) as (monitor, server):
        async with turbine(monitor, 1) as first:
            await first.say("ok", wind_speed=7.25)
            await first.say("ok", wind_speed=7.5)
        yield server


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def few(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Command]:
    """A dashboard that shows twelve turbines."""
    async with BigFleet(12) as fleet, dashboard(fleet.url, tmp_path_factory.mktemp("few")) as server:
        yield server


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def sixty(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Command]:
    """A dashboard that shows the most turbines that are cards."""
    async with BigFleet(60) as fleet, dashboard(fleet.url, tmp_path_factory.mktemp("sixty")) as server:
        yield server


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def many(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[tuple[BigFleet, Command]]:
    """A dashboard that shows five thousand turbines."""
    async with BigFleet(5_000) as fleet, dashboard(fleet.url, tmp_path_factory.mktemp("many")) as server:
        yield fleet, server


async def until_tile(page: Page, label: str, value: str) -> None:
    await page.until(f"{TILE.format(label)} === {json.dumps(value)}")


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


async def test_an_engineer_added_on_one_page_is_seen_on_the_other(browser: Chromium, grid: Command) -> None:
    one = await browser.open(grid.url)
    other = await browser.open(grid.url, dark=True)
    await other.until_said("Engineer 1: free")

    await one.click("[aria-label='Add an engineer']")

    await other.until_said("Engineer 2: free")
    await one.click("[aria-label='Take an engineer away']")
    await other.until("!document.body.innerText.includes('Engineer 2: free')")


async def test_five_thousand_turbines_are_one_canvas_that_keys_walk_on(
    browser: Chromium, many: tuple[BigFleet, Command]
) -> None:
    fleet, server = many
    page = await browser.open(server.url)
    await page.until_said("waiting 500")

    await page.evaluate("document.querySelector('canvas').focus()")
    await page.press("ArrowRight")
    await page.until("document.querySelector('.fleet-map [aria-live]').innerText === 'Turbine 11, ok'")
    await page.press("Enter")
    await page.until_said("Turbine 11\n")
    fleet.heal(20)
    await page.until_said("waiting 499")

    assert await page.evaluate("document.querySelectorAll('*').length") < 1_500
    assert await page.evaluate("document.querySelectorAll('.card').length") == 0
    assert page.errors == []


async def test_keys_select_among_a_few_turbines(browser: Chromium, few: Command) -> None:
    page = await browser.open(few.url)
    await page.until("document.querySelectorAll('.card').length === 12")

    await page.evaluate("document.querySelector('.card').focus()")
    await page.press("End")
    await page.press("ArrowLeft")
    await page.press("Enter")

    await page.until("document.querySelector('.card[aria-pressed=true]')?.innerText.startsWith('11')")
    await page.until_said("Turbine 11\n")


async def test_escape_closes_the_form_of_the_csv(browser: Chromium, few: Command) -> None:
    page = await browser.open(few.url)
    await page.until("document.querySelectorAll('.card').length === 12")
    await page.click("[aria-label^='Export']")
    await page.until("document.querySelector('.export').checkVisibility()")

    await page.evaluate("document.querySelector('[name=from]').focus()")
    await page.press("Escape")

    await page.until("!document.querySelector('.export').checkVisibility()")
    await page.until("document.activeElement.getAttribute('aria-label')?.startsWith('Export')")


async def test_the_range_that_was_entered_stays_and_is_the_one_downloaded(
    browser: Chromium, few: Command
) -> None:
    page = await browser.open(few.url)
    await page.until("document.querySelectorAll('.card').length === 12")
    await page.click("[aria-label^='Export']")
    await page.until("document.querySelector('[name=from]').value")

    await page.evaluate(
        "for (const [name, text] of [['from', '2026-01-02T03:04'], ['to', '2026-01-02T05:06']]) {"
        "  const input = document.querySelector(`[name=${name}]`);"
        "  input.value = text;"
        "  input.dispatchEvent(new Event('input', { bubbles: true }));"
        "}"
        "HTMLAnchorElement.prototype.click = function () { window.downloaded = this.getAttribute('href'); }"
    )
    await page.evaluate("window.clock = document.querySelector('.clock').innerText")
    await page.until("document.querySelector('.clock').innerText !== window.clock")
    entered = await page.evaluate(
        "['from', 'to'].map(name => document.querySelector(`[name=${name}]`).value)"
    )
    await page.click("[type=submit]")
    url = await page.until("window.downloaded")

    assert entered == ["2026-01-02T03:04", "2026-01-02T05:06"]
    query = parse_qs(urlsplit(url).query)
    assert int(query["until"][0]) - int(query["since"][0]) == (2 * 60 + 2) * 60_000
    assert await page.evaluate("new Date(2026, 0, 2, 3, 4).getTime()") == int(query["since"][0])


@pytest.mark.parametrize("height", [700, 731, 900])
async def test_a_list_that_goes_on_ends_between_two_rows(
    browser: Chromium, sixty: Command, height: int
) -> None:
    page = await browser.open(sixty.url, 1440, height)
    await page.until("document.querySelectorAll('.card').length === 60")
    await page.until("document.querySelectorAll('.crew .link').length === 6")

    assert await page.evaluate(f"{LISTS}.filter(list => list.scrollHeight > list.clientHeight).length") > 0
    assert await page.evaluate(f"{LISTS}.flatMap({CUT})") == []


async def test_on_a_narrow_screen_only_the_page_scrolls(browser: Chromium, sixty: Command) -> None:
    page = await browser.open(sixty.url, 390, 844)
    await page.until("document.querySelectorAll('.card').length === 60")

    scrolling = f"{LISTS}.filter(list => getComputedStyle(list).overflowY !== 'visible').length"
    assert await page.evaluate(scrolling) == 0
    assert await page.evaluate("document.documentElement.scrollHeight") > 60 / 2 * 56


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [1440, 390])
async def test_axe_finds_nothing_to_complain_about(
    browser: Chromium,
    few: Command,
    width: int,
    dark: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    page = await browser.open(few.url, width, 900, dark=dark)
    await page.until_said("waiting 1")
    await page.click("[aria-label^='Export']")
    await page.until_said("Download CSV")

    await page.evaluate(AXE)
    problems = await page.evaluate(
        "axe.run().then(found => found.violations.map(v => [v.id, v.nodes.map(n => n.html)]))"
    )

    assert problems == []
    assert await page.evaluate("document.documentElement.scrollWidth") == width


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


async def test_a_turbines_readings_come_as_csv_oldest_first(grid: Command) -> None:
    now = int(time.time() * 1000)
    url = f"{grid.url}/export/turbines/1.csv?since={now - 600_000}&until={now + 600_000}"
    async with httpx.AsyncClient(trust_env=False, timeout=PATIENCE) as client, asyncio.timeout(PATIENCE):
        # The readings reach the database a moment after they were sent.
        while (answer := await client.get(url)).text.count("\n") < 3:
            pass

    head, *rows = answer.text.splitlines()
    assert head == "turbine_number,measured_at,wind_speed,power_output_in_kwh,operational_status,received_at"
    assert [row.split(",")[2] for row in rows] == ["7.25", "7.5"]
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        pytest.param("/", {"Host": "evil.example"}, 403, id="another name that means this machine"),
        pytest.param("/", {"Origin": "http://evil.example"}, 403, id="a page of another site"),
        pytest.param(
            "/_nicegui_ws/socket.io/?EIO=4&transport=polling", {"Origin": "http://a.b"}, 403, id="a poll"
        ),
        pytest.param("/healthz", {}, 200, id="a probe"),
    ],
)
async def test_only_the_pages_own_origin_is_served(
    grid: Command, path: str, headers: dict[str, str], status: int
) -> None:
    async with httpx.AsyncClient(trust_env=False) as client:
        answer = await client.get(grid.url + path, headers=headers)

    assert answer.status_code == status


async def test_another_sites_page_opens_no_websocket(grid: Command) -> None:
    url = grid.url.replace("http", "ws", 1) + "/_nicegui_ws/socket.io/?EIO=4&transport=websocket"

    with pytest.raises(InvalidStatus) as refused:
        await connect(url, origin=Origin("http://evil.example"), proxy=None)

    assert refused.value.response.status_code == 403
