"""Ranges of time: on the charts, in the address, and as files."""

from __future__ import annotations

import asyncio
import time
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from chromium import Chromium
from processes import PATIENCE, Command

from .seen import CARDS, Grid

pytestmark = [
    pytest.mark.needs("chromium"),
    pytest.mark.slow,
    pytest.mark.asyncio(loop_scope="package"),
]

PRESSED = "[...document.querySelectorAll('.ranges [aria-pressed=true]')].map(button => button.innerText)"
AXES = """[...document.querySelectorAll('.power .chart, .turbine .chart')].map(chart => {
    const { min, max } = getElement(Number(chart.id.slice(1))).chart.getOption().xAxis[0];
    return [min, max];
})"""


async def test_a_range_is_kept_by_link_and_all_charts_follow_it(browser: Chromium, grid: Grid) -> None:
    page = await browser.open(grid.page.url + "/?range=7d")
    await page.until(f"({PRESSED}).every(text => text === '7 d')")

    await page.click(".power .ranges button:nth-child(4)")
    await page.until(f"({PRESSED}).every(text => text === '30 d')")
    await page.until("location.search.includes('range=30d')")

    # They are drawn one after the other, and both anew in each minute.
    await page.until(f"(axes => axes.length === 2 && String(axes[0]) === String(axes[1]))({AXES})")


async def test_a_range_of_ones_own_is_shown_and_kept_by_the_address(browser: Chromium, grid: Grid) -> None:
    page = await browser.open(grid.page.url)
    await page.until(f"{CARDS} > 0")
    await page.click("[aria-label^='Export']")
    await page.until("document.querySelector('[name=from]').value")

    await page.click("[value=show]")

    await page.until("/from=\\d+&to=\\d+/.test(location.search)")
    await page.until(f"({AXES}).every(axis => axis[1] - axis[0] > 3_600_000)")
    await page.until(f"({PRESSED}).length === 0")


async def test_escape_closes_the_form_of_the_csv(browser: Chromium, few: Command) -> None:
    page = await browser.open(few.url)
    await page.until(f"{CARDS} === 12")
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
    await page.until(f"{CARDS} === 12")
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
    await page.click("[value=csv]")
    url = await page.until("window.downloaded")

    assert entered == ["2026-01-02T03:04", "2026-01-02T05:06"]
    query = parse_qs(urlsplit(url).query)
    assert int(query["until"][0]) - int(query["since"][0]) == (2 * 60 + 2) * 60_000
    assert await page.evaluate("new Date(2026, 0, 2, 3, 4).getTime()") == int(query["since"][0])


async def test_a_turbines_readings_come_as_csv_oldest_first(grid: Grid) -> None:
    now = int(time.time() * 1000)
    url = f"{grid.page.url}/export/turbines/1.csv?since={now - 600_000}&until={now + 600_000}"
    async with httpx.AsyncClient(trust_env=False, timeout=PATIENCE) as client, asyncio.timeout(PATIENCE):
        # The readings reach the database a moment after they were sent.
        while (answer := await client.get(url)).text.count("\n") < 3:
            pass

    head, *rows = answer.text.splitlines()
    assert head == "turbine_number,measured_at,wind_speed,power_output_in_kwh,operational_status,received_at"
    assert [row.split(",")[2] for row in rows] == ["7.25", "7.5"]
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
