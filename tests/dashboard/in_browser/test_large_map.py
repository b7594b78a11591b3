"""A fleet too large for cards: one canvas."""

from __future__ import annotations

from collections.abc import AsyncIterator
from itertools import pairwise

import pytest
import pytest_asyncio
from big_fleet import BigFleet
from chromium import Chromium
from processes import Command, dashboard

pytestmark = [
    pytest.mark.needs("chromium"),
    pytest.mark.slow,
    pytest.mark.asyncio(loop_scope="package"),
]


@pytest_asyncio.fixture(scope="module", loop_scope="package")
async def many(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[tuple[BigFleet, Command]]:
    """A dashboard that shows five thousand turbines."""
    async with BigFleet(5_000) as fleet, dashboard(fleet.url, tmp_path_factory.mktemp("many")) as server:
        yield fleet, server


async def test_five_thousand_turbines_are_one_canvas_that_keys_walk_on(
    browser: Chromium, many: tuple[BigFleet, Command]
) -> None:
    fleet, server = many
    page = await browser.open(server.url)
    await page.until_said("waiting 500")

    await page.until("document.querySelector('canvas')?.checkVisibility()")  # not before it has its turbines
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


@pytest.mark.parametrize("width", [1024, 390])
async def test_cells_too_small_for_numbers_have_those_of_their_rows_at_the_edge(
    browser: Chromium, many: tuple[BigFleet, Command], width: int
) -> None:
    page = await browser.open(many[1].url, width, 800)
    await page.until_said("of 5,000")

    await page.evaluate(
        "window.drawn = [];"
        "document.querySelector('.fleet-map canvas').getContext('2d').fillText ="
        "  text => { if (text === '1') window.drawn = []; window.drawn.push(text); }"
    )  # a drawing begins with the first turbine
    await page.look(width - 1, 800)

    await page.until("window.drawn.length > 4")
    drawn = [int(text) for text in await page.evaluate("window.drawn")]
    steps = {after - before for before, after in pairwise(drawn)}
    assert drawn[0] == 1
    assert len(steps) == 1
    assert steps.pop() % 100 == 0
