"""What is looked at, and how the page is asked for it, in JavaScript."""

from __future__ import annotations

import json
from typing import NamedTuple

from chromium import Page
from processes import Command

CARD = "(document.querySelectorAll('.card')[{}]?.innerText ?? '').replace(/\\s+/g, ' ')"
CARDS = "document.querySelectorAll('.card').length"
TILE = "[...document.querySelectorAll('.tile')].find(t => t.innerText.startsWith('{}'))?.innerText.split(/\\s+/)[1]"


class Grid(NamedTuple):
    """A monitor that runs, and the dashboard that shows it."""

    monitor: Command
    page: Command


async def until_tile(page: Page, label: str, value: str) -> None:
    await page.until(f"{TILE.format(label)} === {json.dumps(value)}")
