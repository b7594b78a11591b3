"""How long turbines wait, and how busy the engineers were."""

from __future__ import annotations

from typing import Any

import pytest
from watching_world import World

from gridws.viewers.replica import Replica
from gridws.viewers.staffing import broken_for, longest_broken, longest_wait, utilisation
from gridws.words import OperationalStatus


def fleet_after(seconds: float) -> tuple[Replica, int]:
    """Return a fleet of which turbine 1 is repaired by the only engineer, and 2 waits since 10 s later."""
    world = World(engineers=1)
    for number in (1, 2, 3):
        world.connect(number)
    world.report(1, OperationalStatus.broken)
    world.clock.move(10)
    world.report(2, OperationalStatus.broken)
    world.clock.move(seconds)
    replica = Replica()
    replica.apply(world.fleet_state.snapshot([]))
    return replica, world.clock.now().at


def test_the_longest_wait_is_that_of_who_waits_and_the_longest_broken_one_may_have_an_engineer() -> None:
    fleet, now = fleet_after(5)

    assert longest_wait(fleet.turbines.values(), now) == 5_000
    assert longest_broken(fleet.turbines.values(), now) == 15_000


def test_nobody_waits_where_nobody_is_broken() -> None:
    assert longest_wait([], 1) is None
    assert longest_broken([], 1) is None


@pytest.mark.parametrize("number", [3, 99])
def test_a_turbine_that_is_well_or_unknown_has_been_broken_for_no_time(number: int) -> None:
    fleet, now = fleet_after(5)

    assert broken_for(fleet.turbines.get(number), now) == 0


def report(*at_work: float, since: int | None = 0, until: int | None = 100_000) -> dict[str, Any]:
    engineers = [{"at_work_in_seconds": seconds} for seconds in at_work]
    return {"collected_since": since, "collected_until": until, "engineers": engineers}


@pytest.mark.parametrize(
    ("told", "engineers", "share"),
    [
        pytest.param(report(50.0, 100.0), 2, 0.75, id="all of them worked"),
        pytest.param(report(50.0), 2, 0.25, id="one was sent nowhere"),
        pytest.param(report(100.0, 100.0), 1, 1.0, id="there were more before"),
        pytest.param(report(), 3, 0.0, id="nothing broke"),
        pytest.param(report(), 0, None, id="there are none"),
        pytest.param(report(since=None, until=None), 3, None, id="nothing was collected"),
    ],
)
def test_engineers_who_were_sent_nowhere_count_as_idle(
    told: dict[str, Any], engineers: int, share: float | None
) -> None:
    assert utilisation(told, engineers) == share
