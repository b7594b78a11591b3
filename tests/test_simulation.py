"""Seeds of the simulation, a few of the many that `scripts/simulate` plays: nothing lost, nobody stranded."""

from __future__ import annotations

from multiprocessing import get_context

import pytest
from simulation.story import Result, simulate

pytestmark = pytest.mark.slow

SEEDS = range(1, 241)


@pytest.fixture(scope="module")
def results() -> dict[int, Result]:
    with get_context("spawn").Pool(2) as pool:
        return dict(zip(SEEDS, pool.map(simulate, SEEDS), strict=True))


def test_nothing_is_lost_and_nobody_is_stranded(results: dict[int, Result]) -> None:
    failed = {seed: result.failures for seed, result in results.items() if result.failures}
    assert failed == {}, "see scripts/simulate --first SEED --seeds 1 --verbose"


def test_the_schedules_are_worth_the_name(results: dict[int, Result]) -> None:
    assert sum(result.crashes for result in results.values()) > 50
    assert sum(result.resyncs for result in results.values()) > 100
    assert sum(result.assignments for result in results.values()) > 2_000
    assert sum(result.acknowledged for result in results.values()) > 20_000


def test_a_seed_always_plays_the_same(results: dict[int, Result]) -> None:
    assert simulate(7) == results[7]
