"""What is known of each turbine, and what viewers get of it."""

from __future__ import annotations

import pytest
from watching_world import World

from gridws.monitor import fleet_state
from gridws.monitor.delta import Delta
from gridws.wire.frames import encode, parse_watch
from gridws.words import OperationalStatus

BROKEN = OperationalStatus.broken


def test_totals_count_what_is_online() -> None:
    world = World(engineers=1)
    for number in (1, 2, 3):
        world.connect(number)
        world.read(number, 100.0)
        world.report(number, BROKEN)
    world.lose(3)

    totals = world.fleet_state.totals()

    assert (totals.turbines, totals.online, totals.broken, totals.waiting) == (3, 2, 2, 1)
    assert (totals.engineers, totals.engineers_free, totals.under_repair) == (1, 0, 1)
    assert totals.power_output_in_kwh == 200.0


def test_power_beyond_what_a_float_holds_still_makes_a_frame() -> None:
    world = World()
    for number in (1, 2):
        world.connect(number)
        world.read(number, 1.7e308)

    snapshot = world.fleet_state.snapshot([])

    assert parse_watch(encode(snapshot)) == snapshot


@pytest.mark.parametrize(
    ("power", "shown"), [(1234.5678, 1234.57), (-0.126, -0.13), (0.0, 0.0), (1e300, 1e300)]
)
def test_viewers_get_hundredths_and_the_api_gets_all(power: float, shown: float) -> None:
    world = World()
    world.connect(1)
    world.read(1, power)

    changes = world.fleet_state.changes(Delta(readings={1}))

    assert changes.readings == [(1, 10.0, shown, 0)]
    assert world.fleet_state.states([1])[0].power_output_in_kwh == power


def test_a_turbine_whose_state_changed_is_sent_whole_and_not_as_a_reading_too() -> None:
    world = World()
    world.connect(1)
    world.read(1, 5.0)

    changes = world.fleet_state.changes(Delta(turbines={1}, readings={1}))

    assert [state.turbine_number for state in changes.turbines] == [1]
    assert changes.readings == []


def test_only_turbines_that_are_offline_are_forgotten() -> None:
    world = World()
    world.connect(1)
    world.connect(2)
    world.lose(2)

    forgotten = world.fleet_state.forget_before(world.clock.now().at + 1)

    assert forgotten == [2]
    assert world.fleet_state.changes(Delta(turbines={1, 2})).removed == [2]


def test_of_too_many_turbines_those_unseen_for_longest_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fleet_state, "MOST_AWAY", 20)
    world = World()
    for number in range(1, 31):
        world.connect(number)
        world.clock.move(1)
    for number in range(1, 26):
        world.lose(number)
    assert world.fleet_state.is_full

    forgotten = world.fleet_state.forget_before(0)

    assert forgotten == list(range(1, 11))
    assert not world.fleet_state.is_full


def test_a_fleet_that_is_all_online_is_not_looked_through_again_and_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(fleet_state, "MOST_AWAY", 20)
    world = World()
    for number in range(1, 31):
        world.connect(number)

    assert world.fleet_state.forget_before(0) == []

    assert not world.fleet_state.is_full
