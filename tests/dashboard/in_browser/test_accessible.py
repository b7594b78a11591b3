"""What axe, which knows the rules of accessibility, says of the page."""

from __future__ import annotations

from importlib.resources import files

import pytest
from chromium import Chromium
from processes import Command

pytestmark = [
    pytest.mark.needs("chromium"),
    pytest.mark.slow,
    pytest.mark.asyncio(loop_scope="package"),
]

AXE = (files("axe_core_python") / "axe.min.js").read_text(encoding="utf-8")


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
    await page.click(".card")
    await page.click("[aria-label^='Export']")
    await page.until_said("Download CSV")
    await page.click("[aria-label^='Hold']")
    await page.until_said("hold for")

    await page.evaluate(AXE)
    problems = await page.evaluate(
        "axe.run().then(found => found.violations.map(v => [v.id, v.nodes.map(n => n.html)]))"
    )

    assert problems == []
    assert await page.evaluate("document.documentElement.scrollWidth") == width
