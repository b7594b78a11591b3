"""The fleet: its map, what its colours mean, and what is looked for on it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .finding import Search
from .fleet_map import FleetMap, Look
from .markup import Text, block
from .search_field import SearchField
from .tiles import Legend
from .visitor import Visitor


class FleetPanel:
    """Shows the turbines that the visitor looks for, all of them to begin with."""

    def __init__(
        self, view: Visitor, *, on_pick: Callable[[int], Any], on_look: Callable[[Look], Any]
    ) -> None:
        self._view = view
        self._on_pick = on_pick
        with block("section", "panel fleet", aria_label="Fleet"):
            with block(classes="panel-head"):
                Text("h2", text="Fleet")
                self._field = SearchField(view.search, on_search=self.search, on_enter=self._enter)
                self._legend = Legend(self.filter)
            self._nobody = Text("p", "muted")
            self._nobody.props["role"] = "status"
            self._map = FleetMap(on_pick=on_pick, on_look=on_look)

    def show(self) -> None:
        """Bring map, legend and sentence up to date."""
        picture = self._view.picture
        self._field.offer(self._view.room.sites)
        self._legend.show(self._view)
        self._map.show(picture, self._view.selected, wanted=self._view.is_open)
        self._nobody.show("" if picture.numbers else self._why_nobody())
        self._nobody.set_visibility(not picture.numbers)

    def search(self, search: Search) -> None:
        """Show what is looked for now."""
        self._view.search = search
        self.show()

    def filter(self, word: str) -> None:
        """Show the turbines that a word tells of, or all of them where these are shown already."""
        text = "" if self._view.search.text == word else word
        self._field.set(text)
        self.search(self._view.search._replace(text=text))

    def _enter(self) -> None:
        if numbers := self._view.picture.numbers:
            self._on_pick(numbers[0])

    def _why_nobody(self) -> str:
        mirror = self._view.room.mirror
        if mirror.turbines:
            return f"No turbine fits “{self._view.search.text}”."
        return f"No turbines yet. This starts five: gridws turbines --monitor {mirror.monitor_url}"
