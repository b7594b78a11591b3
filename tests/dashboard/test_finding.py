"""What a visitor finds, and in what order."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import pytest
from watching_world import World

from gridws.dashboard.finding import Order, Search
from gridws.dashboard.search_field import search_in
from gridws.viewers.replica import Replica
from gridws.wire.frames import TurbineState
from gridws.words import OperationalStatus


def turbines() -> Iterable[TurbineState]:
    """Return 1 ok, 2 under repair, 12 and 3 waiting (12 broke first), 120 offline, 4 without a status."""
    world = World(engineers=1)
    for number in (1, 2, 12, 3, 120, 4):
        world.connect(number)
    world.report(1, OperationalStatus.ok)
    for number in (2, 12, 3):
        world.report(number, OperationalStatus.broken)
        world.clock.move(1)
    world.lose(120)
    replica = Replica()
    replica.apply(world.fleet_state.snapshot([]))
    return replica.turbines.values()


def numbers(search: Search, available: dict[int, float] | None = None) -> list[int]:
    return [each.turbine_number for each in search.of(turbines(), available or {})]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", [1, 2, 3, 4, 12, 120]),
        ("12", [12, 120]),
        ("2-4", [2, 3, 4]),
        ("10 - 20", [12]),
        ("waiting", [3, 12]),
        ("being repaired", [2]),
        ("Broken", [2, 3, 12]),
        ("offline", [120]),
        ("online", [1, 2, 3, 4, 12]),
        ("broken 1", [12]),
        ("nonsense", []),
    ],
)
def test_numbers_and_words_find_turbines(text: str, found: list[int]) -> None:
    assert numbers(Search(text)) == found


def test_names_and_sites_find_turbines() -> None:
    named = [replace(each, name="Anna Süd", site="Nordhafen") for each in turbines()][:1]

    assert Search("süd nord").of(named, {}) == named
    assert Search("süd west").of(named, {}) == []


def test_a_site_leaves_its_own_turbines() -> None:
    placed = [replace(each, site="North" if each.turbine_number < 10 else "South") for each in turbines()]

    assert [each.turbine_number for each in Search("waiting", site="South").of(placed, {})] == [12]
    assert [each.turbine_number for each in Search(site="North").of(placed, {})] == [1, 2, 3, 4]
    assert Search(site="Nor").of(placed, {}) == []


def test_those_that_wait_longest_come_first_then_those_under_repair() -> None:
    assert numbers(Search(order=Order.waiting)) == [12, 3, 2, 1, 4, 120]


def test_the_lowest_availability_comes_first_and_an_unknown_one_last() -> None:
    available = {1: 0.9, 2: 0.5, 3: 1.0, 12: 0.0}

    assert numbers(Search(order=Order.availability), available) == [12, 2, 1, 3, 4, 120]


@pytest.mark.parametrize("order", ["", None, "by luck", 7])
def test_an_order_that_makes_no_sense_is_that_by_number(order: object) -> None:
    assert search_in("7", order) == Search("7", Order.number)


@pytest.mark.parametrize("site", ["", None])
def test_no_site_is_all_of_them(site: object) -> None:
    assert search_in("", "number", site).site is None
    assert search_in("", "number", "North").site == "North"
