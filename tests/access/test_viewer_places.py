from __future__ import annotations

import pytest

from gridws.access.viewer_places import ViewerPlaces

CROWD = "192.0.2.1"


def crowd(places: ViewerPlaces, address: str) -> int:
    """Let as many viewers of this address in as may; return how many they are."""
    viewers = 0
    while places.refuse(address) is None:
        places.take(address)
        viewers += 1
    return viewers


@pytest.mark.parametrize(("places", "share"), [(500, 250), (3, 1), (2, 1), (1, 1), (0, 0)])
def test_one_address_has_half_of_the_places(places: int, share: int) -> None:
    assert crowd(ViewerPlaces(places), CROWD) == share


def test_a_few_addresses_keep_nobody_out() -> None:
    places = ViewerPlaces(500)

    crowds = [crowd(places, f"192.0.2.{number}") for number in range(6)]

    assert crowds == [250, 125, 62, 31, 16, 8]
    assert places.refuse("198.51.100.1") is None


def test_an_operator_has_a_place_beside_a_crowd() -> None:
    places = ViewerPlaces(500)
    crowd(places, CROWD)

    assert places.refuse("198.51.100.1") is None


def test_a_whole_network_of_ipv6_is_one_address() -> None:
    places = ViewerPlaces(500)
    crowd(places, "2001:db8::1")

    assert places.refuse("2001:db8::ffff") is not None
    assert places.refuse("2001:db8:1::1") is None


def test_a_place_that_is_given_back_is_free() -> None:
    places = ViewerPlaces(2)
    crowd(places, CROWD)

    places.give_back(CROWD)

    assert places.refuse(CROWD) is None


def test_the_refused_are_told_which_limit_it_was() -> None:
    places = ViewerPlaces(2)
    crowd(places, CROWD)
    own = places.refuse(CROWD)
    crowd(places, "198.51.100.1")
    full = places.refuse(CROWD)

    assert "from your address" in (own.sentence if own else "")
    assert "2 viewers already" in (full.sentence if full else "")
