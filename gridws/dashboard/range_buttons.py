"""Buttons that choose the range of the charts."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from .markup import Button, block
from .ranges import RANGES
from .visitor import Visitor


class RangeButtons:
    """A button for each of the usual ranges; they stand wherever a chart follows the choice."""

    def __init__(self, view: Visitor, on_choose: Callable[[], Any]) -> None:
        self._view = view
        self._on_choose = on_choose
        with block(classes="push ranges", role="group", aria_label="Range of the charts") as self.group:
            self._buttons = {
                key: Button(each.words, partial(self._choose, key)) for key, each in RANGES.items()
            }
        self.show()

    def show(self) -> None:
        """Show which one is chosen."""
        for key, button in self._buttons.items():
            button.press(pressed=key == self._view.range.key)

    def _choose(self, key: str) -> Any:
        self._view.range = RANGES[key]
        return self._on_choose()
