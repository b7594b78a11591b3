"""The places that there are for viewers, and how many of them one address may have.

An address gets at most half of the places that all others leave, and always the first one while any is free: one
peer with hundreds of viewers keeps nobody out, and neither do a few. Viewers that come through one proxy share
its address, and so half of all places.
"""

from __future__ import annotations

from collections import Counter
from http import HTTPStatus

from .attempts import address_key
from .request import Refusal


class ViewerPlaces:
    """Counts the viewers of each address; there are `places` in all."""

    def __init__(self, places: int) -> None:
        self._places = places
        self._taken: Counter[str] = Counter()

    def refuse(self, address: str) -> Refusal | None:
        """Return why one more viewer of this address has no place, None if it has."""
        taken, own = self._taken.total(), self._taken[address_key(address)]
        if taken >= self._places:
            return _full(f"There are {taken} viewers already: close one, or try again later.")
        share = max(1, (self._places - (taken - own)) // 2)
        if own >= share:
            return _full(f"There are {own} viewers from your address already: others need places too.")
        return None

    def take(self, address: str) -> None:
        """Give a place to a viewer."""
        self._taken[address_key(address)] += 1

    def give_back(self, address: str) -> None:
        """Take the place of a viewer that is gone."""
        key = address_key(address)
        self._taken[key] -= 1
        if not self._taken[key]:
            del self._taken[key]


def _full(sentence: str) -> Refusal:
    return Refusal(HTTPStatus.SERVICE_UNAVAILABLE, sentence)
