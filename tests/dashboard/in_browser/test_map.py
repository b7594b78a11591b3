"""The map and the lists beside it, with few turbines and with many, on wide and on narrow screens."""

from __future__ import annotations

import pytest
from chromium import Chromium
from processes import Command

from .seen import CARDS

pytestmark = [
    pytest.mark.needs("chromium"),
    pytest.mark.slow,
    pytest.mark.asyncio(loop_scope="package"),
]

LISTS = "[...document.querySelectorAll('.crew .list, .scroll')]"
IN_SIGHT = """element => {
    const { left, top, width, height } = element.getBoundingClientRect();
    const seen = document.elementFromPoint(left + width / 2, top + height / 2);
    return element.contains(seen);
}"""
CUT = """list => {
    const end = list.getBoundingClientRect().bottom;
    return [...list.querySelectorAll('tr')]
        .filter(row => row.getBoundingClientRect().top < end - 1 && row.getBoundingClientRect().bottom > end + 1)
        .map(row => row.innerText);
}"""


async def test_keys_select_among_a_few_turbines(browser: Chromium, few: Command) -> None:
    page = await browser.open(few.url)
    await page.until(f"{CARDS} === 12")

    await page.evaluate("document.querySelector('.card').focus()")
    await page.press("End")
    await page.press("ArrowLeft")
    await page.press("Enter")

    await page.until("document.querySelector('.card[aria-pressed=true]')?.innerText.startsWith('11')")
    await page.until_said("Turbine 11 · Wind 11 · South")


@pytest.mark.parametrize("height", [700, 731, 900])
async def test_a_list_that_goes_on_ends_between_two_rows(
    browser: Chromium, sixty: Command, height: int
) -> None:
    page = await browser.open(sixty.url, 1440, height)
    await page.until(f"{CARDS} === 60")
    await page.until("document.querySelectorAll('.crew td .link').length === 5")

    await page.until(f"{LISTS}.some(list => list.scrollHeight > list.clientHeight)")
    await page.until(f"{LISTS}.flatMap({CUT}).length === 0")


async def test_on_a_narrow_screen_only_the_page_scrolls(browser: Chromium, sixty: Command) -> None:
    page = await browser.open(sixty.url, 390, 844)
    await page.until(f"{CARDS} === 60")

    scrolling = f"{LISTS}.filter(list => getComputedStyle(list).overflowY !== 'visible').length"
    assert await page.evaluate(scrolling) == 0
    assert await page.evaluate("document.documentElement.scrollHeight") > 60 / 2 * 40


async def test_sixty_turbines_are_whole_cards_with_nothing_cut_off(browser: Chromium, sixty: Command) -> None:
    page = await browser.open(sixty.url)
    await page.until(f"{CARDS} === 60")
    await page.until("document.querySelectorAll('.crew td .link').length === 5")

    await page.until(f"({IN_SIGHT})(document.querySelectorAll('.card')[59])")
    await page.until("document.documentElement.scrollHeight < 1000")  # nearly all of it in one window


@pytest.mark.parametrize(("width", "height"), [(1440, 600), (390, 844)])
async def test_the_selected_turbine_is_in_sight(
    browser: Chromium, sixty: Command, width: int, height: int
) -> None:
    page = await browser.open(sixty.url, width, height)
    await page.until(f"{CARDS} === 60")

    await page.evaluate("document.querySelectorAll('.card')[59].click()")

    await page.until_said("Turbine 60\n")
    await page.until(f"({IN_SIGHT})(document.querySelector('.card[aria-pressed=true]'))")


async def test_a_list_says_what_it_leaves_out_and_opens_to_all(browser: Chromium, sixty: Command) -> None:
    page = await browser.open(sixty.url)
    await page.until_said("5 of 6")

    await page.click("[aria-label='Waiting line'] .panel-head .link")

    await page.until("document.querySelectorAll('.crew td .link').length === 6")
    await page.until("!document.body.innerText.includes('5 of 6')")


async def test_a_tap_on_a_phone_shows_the_turbine_until_it_is_closed(
    browser: Chromium, five: Command
) -> None:
    page = await browser.open(five.url, 390, 844)
    await page.until(f"{CARDS} === 5")
    assert await page.evaluate("document.documentElement.scrollHeight") <= 3 * 844

    await page.click(".card:nth-child(4)")

    await page.until("document.querySelector('.turbine').checkVisibility()")
    await page.until_said("Turbine 4\n")
    await page.until(f"({IN_SIGHT})(document.querySelector('.turbine .chart'))")
    assert await page.evaluate("document.documentElement.scrollHeight") <= 3 * 844
    await page.click(".turbine .close")
    await page.until("!document.querySelector('.turbine').checkVisibility()")
