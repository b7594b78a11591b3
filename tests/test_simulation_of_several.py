"""Seeds with two and three monitors that share a pool, a few of the many that `scripts/simulate --several` plays."""

from __future__ import annotations

from multiprocessing import get_context

import pytest
from simulation.several.breakages import BREAKAGES, Breakage, a_refused_stream_is_acknowledged, first_found
from simulation.several.schedule import cut_a_wire, send_a_turbine_elsewhere, slow_the_database_down
from simulation.several.story import Result, simulate

pytestmark = pytest.mark.slow

SEEDS = range(1, 31)


@pytest.fixture(scope="module")
def results() -> dict[int, Result]:
    with get_context("spawn").Pool(2) as pool:
        return dict(zip(SEEDS, pool.map(simulate, SEEDS, chunksize=5), strict=True))


def test_nothing_is_lost_and_nobody_is_in_two_places(results: dict[int, Result]) -> None:
    failed = {seed: result.failures for seed, result in results.items() if result.failures}
    assert failed == {}, "see scripts/simulate --several --first SEED --seeds 1 --verbose"


def test_the_schedules_are_worth_the_name(results: dict[int, Result]) -> None:
    assert sum(result.crashes for result in results.values()) > 20
    assert sum(result.evictions for result in results.values()) > 20
    assert sum(result.called_back for result in results.values()) > 0
    assert sum(result.assignments for result in results.values()) > 300
    assert sum(result.acknowledged for result in results.values()) > 5_000


def test_a_seed_always_plays_the_same(results: dict[int, Result]) -> None:
    assert simulate(7) == results[7]


def test_an_engineer_is_not_sent_where_what_waits_here_will_end_it() -> None:
    """A slow database, and a turbine that is ok and breaks again while nobody hears of it."""
    kinds = (slow_the_database_down, send_a_turbine_elsewhere, cut_a_wire)
    failed = {seed: failures for seed in range(25, 40) if (failures := simulate(seed, kinds=kinds).failures)}
    assert failed == {}


@pytest.mark.parametrize(
    "breakage", [each for each in BREAKAGES if each is not a_refused_stream_is_acknowledged]
)
def test_a_mistake_is_seen(breakage: Breakage) -> None:
    assert first_found(breakage, seeds=200) is not None
