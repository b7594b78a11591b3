"""Seeds with two and three monitors that share a pool, a few of the many that `scripts/simulate --several` plays."""

from __future__ import annotations

from multiprocessing import get_context

import pytest
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
