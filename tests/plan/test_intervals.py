"""Intervals against tables."""

from __future__ import annotations

import math

import pytest

from gridws.plan.intervals import mean_of, poisson_interval, quantile, student


@pytest.mark.parametrize(
    ("degrees", "t"), [(1, 12.7062), (4, 2.7764), (5, 2.5706), (9, 2.2622), (30, 2.0423)]
)
def test_student_is_that_of_the_tables(degrees: int, t: float) -> None:
    assert student(degrees) == pytest.approx(t, rel=1e-3)


def test_ten_failures_in_a_thousand_hours() -> None:
    low, high = poisson_interval(10)

    assert 1000 / high == pytest.approx(54.38, abs=0.01)
    assert 1000 / low == pytest.approx(208.53, abs=0.01)


def test_no_failure_in_a_thousand_hours_bounds_the_rate() -> None:
    low, high = poisson_interval(0)

    assert low == 0
    assert high / 1000 == pytest.approx(0.0036889, abs=1e-7)


def test_one_run_cannot_tell_how_sure_it_is() -> None:
    assert mean_of([0.5]) == (0.5, math.inf)


def test_the_half_width_shrinks_with_the_runs() -> None:
    assert mean_of([1.0, 2.0, 3.0]) == pytest.approx((2.0, 4.30265 / math.sqrt(3)))


@pytest.mark.parametrize(("share", "value"), [(0.5, 2), (0.95, 4), (0.0, 1)])
def test_a_quantile_is_one_of_the_values(share: float, value: int) -> None:
    assert quantile([1, 2, 3, 4], share) == value


def test_nothing_has_no_quantile() -> None:
    assert quantile([], 0.5) is None
