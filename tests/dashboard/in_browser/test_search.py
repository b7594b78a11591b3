"""What is looked for, and the address that names it."""

from __future__ import annotations

import pytest
from chromium import Chromium
from processes import Command

from .seen import CARD, CARDS, until_tile

pytestmark = [
    pytest.mark.needs("chromium"),
    pytest.mark.slow,
    pytest.mark.asyncio(loop_scope="package"),
]


async def test_a_slash_goes_to_the_field_and_enter_to_the_first_that_is_found(
    browser: Chromium, sixty: Command
) -> None:
    page = await browser.open(sixty.url)
    await page.until(f"{CARDS} === 60")

    await page.press("/")
    await page.type("ok 4")
    await page.until(f"{CARDS} === 10")
    await page.press("Enter")

    await page.until_said("Turbine 4\n")
    await page.press("Escape")
    await page.until(f"{CARDS} === 60")


@pytest.mark.parametrize("selector", [".entry:has(.swatch.waiting)", ".tile.alarm"], ids=["legend", "tile"])
async def test_what_counts_turbines_shows_them_alone_until_it_is_pressed_again(
    browser: Chromium, sixty: Command, selector: str
) -> None:
    page = await browser.open(sixty.url)
    await page.until(f"{CARDS} === 60")
    await page.until_said("5 of 6")

    await page.click(selector)

    await page.until(f"{CARDS} === 6")
    await page.until("document.querySelector('[type=search]').value === 'waiting'")
    await page.click(selector)
    await page.until(f"{CARDS} === 60")


async def test_what_nobody_fits_is_said(browser: Chromium, few: Command) -> None:
    page = await browser.open(few.url + "/?find=nonsense")

    await page.until_said("No turbine fits “nonsense”.")


async def test_cards_bear_names_and_a_site_is_all_that_is_shown_of_it(
    browser: Chromium, few: Command
) -> None:
    page = await browser.open(few.url)
    await page.until(f"{CARDS} === 12 && {CARD.format(0)}.startsWith('1 Wind 1 ✓ ok South ')")
    await until_tile(page, "waiting", "1")

    await page.evaluate(
        "const sites = document.querySelector('[aria-label^=Site]');"
        "sites.value = 'South'; sites.dispatchEvent(new Event('change'))"
    )

    await page.until(f"{CARDS} === 6")
    await until_tile(page, "waiting", "0")
    await until_tile(page, "online", "6")
    await page.until_said("nobody waits")
    await page.until("location.search.includes('site=South')")
    await page.load()
    await page.until(f"{CARDS} === 6 && document.querySelector('[aria-label^=Site]')?.value === 'South'")


async def test_a_link_shows_the_same_again_and_so_does_a_reload(browser: Chromium, sixty: Command) -> None:
    page = await browser.open(sixty.url + "/?turbine=7&find=ok&sort=waiting")
    await page.until_said("Turbine 7\n")
    await page.until(f"{CARDS} === 54")
    assert await page.evaluate("document.querySelector('.search select').value") == "waiting"

    await page.click(".card:nth-child(9)")
    await page.until_said("Turbine 9\n")
    await page.until("location.search === '?turbine=9&find=ok&sort=waiting'")
    await page.load()

    await page.until_said("Turbine 9\n")
    await page.until(f"{CARDS} === 54")
