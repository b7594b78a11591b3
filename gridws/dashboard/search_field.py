"""The field in which turbines are looked for, where they are, and the order in which they are shown."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from nicegui.element import Element
from nicegui.events import GenericEventArguments

from .finding import ORDERS, Order, Search

LONGEST: Final = 80
LONGEST_SITE: Final = 100
"""Characters that are looked at of what is looked for, and of the name of a site."""


class SearchField(Element, component="search_field.js"):
    """The field; `on_search` gets what is looked for, `on_enter` is called when the first found one is wanted."""

    def __init__(
        self, search: Search, *, on_search: Callable[[Search], Any], on_enter: Callable[[], Any]
    ) -> None:
        super().__init__()
        self._props["begin"] = {"text": search.text, "order": search.order.value, "site": search.site or ""}
        self._props["orders"] = [[order.value, words] for order, words in ORDERS.items()]

        self._sites: list[str] = []

        def tell(event: GenericEventArguments) -> None:
            on_search(search_in(*(event.args.get(name) for name in ("text", "order", "site"))))

        self.on("find", tell)
        self.on("enter", lambda _event: on_enter())

    def set(self, text: str) -> None:
        """Put another text into the field."""
        self.run_method("set", text)

    def offer(self, sites: list[str]) -> None:
        """Let one of these sites be chosen; where there is none, there is nothing to choose."""
        if sites != self._sites:
            self._sites = sites
            self.run_method("offer", sites)


def search_in(text: object, order: object, site: object = None) -> Search:
    """Return what a browser says is looked for; what makes no sense is looked for by nobody."""
    known = str(order) in set(Order)
    where = str(site)[:LONGEST_SITE] if site else None
    return Search(str(text or "")[:LONGEST], Order(str(order)) if known else Order.number, where)
