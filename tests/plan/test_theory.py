"""The finite-source model against values from the literature and by hand."""

from __future__ import annotations

from math import log

import pytest

from gridws.plan.theory import finite_source


@pytest.mark.parametrize(
    ("engineers", "availability", "utilisation", "wait"),
    [
        (1, 0.533967, 0.889946, 32.3664),
        (2, 0.716418, 0.597015, 3.75),
        (3, 0.746441, 0.414689, 0.381448),
    ],
)
def test_five_turbines_that_live_an_hour_and_take_twenty_minutes(
    engineers: int, availability: float, utilisation: float, wait: float
) -> None:
    theory = finite_source(5, engineers, 60, 20)

    assert theory.availability == pytest.approx(availability, abs=1e-6)
    assert theory.utilisation == pytest.approx(utilisation, abs=1e-6)
    assert theory.wait_mean == pytest.approx(wait, rel=1e-5)


def test_a_textbook_case_of_three_machines_and_two_repairmen() -> None:
    theory = finite_source(3, 2, 10, 8)

    assert theory.availability == pytest.approx(1 - 1068 / 761 / 3)
    assert theory.utilisation == pytest.approx(0.6386, abs=1e-4)
    assert theory.wait_mean == pytest.approx(0.7901, abs=1e-4)


def test_with_an_engineer_for_each_nobody_waits() -> None:
    theory = finite_source(4, 4, 60, 20)

    assert theory.availability == pytest.approx(0.75)
    assert theory.wait_mean == theory.wait_p95 == 0


def test_without_engineers_nothing_runs_in_the_end() -> None:
    assert finite_source(5, 0, 60, 20) == (0.0, None, None, None)


def test_one_engineer_keeps_the_last_of_many_waiting_as_long_as_the_tail_says() -> None:
    # Two turbines, one engineer: whoever breaks while the other is down waits for the rest of its repair.
    theory = finite_source(2, 1, 60, 20)
    busy = (1 / 3) / (1 + 1 / 3)
    expected = 20 * log(busy / 0.05)

    assert theory.wait_p95 == pytest.approx(expected, rel=1e-6)


def test_a_fleet_of_ten_thousand_is_no_harder() -> None:
    theory = finite_source(10_000, 120, 3_000, 30)

    assert 0.98 < theory.availability < 0.991
