"""A page's address: it names the selected turbine, the range and the search, so that a link shows the same again."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlencode

from ..settings import MAX_TURBINE_NUMBER
from .finding import EVERYTHING
from .ranges import range_in, range_in_address
from .search_field import search_in
from .visitor import Visitor


def follow(view: Visitor, query: Mapping[str, str]) -> None:
    """Look at what an address names; what makes no sense in it is left out."""
    number = query.get("turbine", "")
    if number.isascii() and number.isdigit() and 1 <= int(number[:11]) <= MAX_TURBINE_NUMBER:
        view.selected = int(number)
        view.is_open = True
    view.range = range_in(query)
    view.search = search_in(query.get("find"), query.get("sort"), query.get("site"))


def query_of(view: Visitor) -> str:
    """Return what the address names: no more than differs from a page that was just opened."""
    named: dict[str, object] = {}
    # On a phone the panel of a turbine lies over the page: a link shall not open one that nobody asked for.
    if view.selected is not None and (view.is_open or not view.narrow):
        named["turbine"] = view.selected
    named |= range_in_address(view.range)
    if view.search.text:
        named["find"] = view.search.text
    if view.search.order is not EVERYTHING.order:
        named["sort"] = view.search.order.value
    if view.search.site:
        named["site"] = view.search.site
    return urlencode(named)
