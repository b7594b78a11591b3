"""One run of a model, against values by hand and against theory."""

from __future__ import annotations

import statistics
from functools import partial
from itertools import repeat

import pytest

from gridws.plan.laws import Law
from gridws.plan.model import HOUR, Cause, Model, Shift
from gridws.plan.play import Failures, Played, drawn_failures, play

pytestmark = pytest.mark.slow


def always(life: float, repair: float) -> Failures:
    return repeat((life, repair))


def long_run(turbines: int, life: Law, repair: Law, engineers: int, **more: float) -> list[Played]:
    causes = (Cause(life, repair),)
    model = Model(turbines=turbines, causes=causes, horizon=20_000, warm_up=1_000, **more)  # type: ignore[arg-type]
    return [play(model, engineers, partial(drawn_failures, model, 1, run)) for run in range(12)]


def exponential(mean: float) -> Law:
    return Law("exponential", mean)


def test_two_turbines_with_fixed_lives_share_an_engineer() -> None:
    cause = Cause(Law("fixed", 10), Law("fixed", 5))
    model = Model(turbines=2, causes=(cause,), horizon=35)

    played = play(model, 1, lambda _number: always(10, 5), check_every=1)

    assert played.availability == pytest.approx(0.642857, abs=1e-6)
    assert played.worked / played.rostered == pytest.approx(0.571429, abs=1e-6)
    assert played.waits == [0, 5, 0, 0]
    assert (played.failures, played.repaired, played.still_waiting) == (4, 3, 0)


def test_who_is_at_work_when_the_shift_ends_finishes_and_whoever_breaks_then_waits_for_the_morning() -> None:
    cause = Cause(Law("fixed", 20 * HOUR), Law("fixed", 10 * HOUR))
    model = Model(turbines=1, causes=(cause,), horizon=72 * HOUR, shift=Shift(7 * HOUR, 19 * HOUR))

    played = play(model, 1, lambda _number: always(20 * HOUR, 10 * HOUR), check_every=1)

    assert played.availability == pytest.approx(0.569444, abs=1e-6)
    assert played.waits == [11 * HOUR, 0]
    assert played.overtime == 4 * HOUR
    assert played.rostered == 36 * HOUR


@pytest.mark.parametrize(("engineers", "availability"), [(1, 0.533967), (2, 0.716418), (3, 0.746441)])
@pytest.mark.parametrize("life", [exponential(60), Law("weibull", 60, 2.0)], ids=["exponential", "weibull"])
def test_the_long_run_is_that_of_theory(life: Law, engineers: int, availability: float) -> None:
    runs = long_run(5, life, exponential(20), engineers)

    shares = [run.availability for run in runs]
    error = statistics.stdev(shares) / len(shares) ** 0.5
    assert statistics.mean(shares) == pytest.approx(availability, abs=4.5 * error)


@pytest.mark.parametrize(
    ("repair", "travel", "availability"),
    [
        pytest.param(Law("fixed", 20), 0.0, 0.563298, id="fixed repairs"),
        pytest.param(exponential(15), 5.0, 0.546231, id="travel before exponential repairs"),
    ],
)
def test_laws_beyond_the_theory_of_exponential_repairs(
    repair: Law, travel: float, availability: float
) -> None:
    runs = long_run(5, exponential(60), repair, 1, travel=travel)

    shares = [run.availability for run in runs]
    error = statistics.stdev(shares) / len(shares) ** 0.5
    assert statistics.mean(shares) == pytest.approx(availability, abs=4.5 * error)


def test_fixed_repairs_keep_the_engineer_busy_and_the_turbines_waiting_as_long_as_theory_says() -> None:
    runs = long_run(5, exponential(60), Law("fixed", 20), 1)

    assert statistics.mean(run.worked / run.rostered for run in runs) == pytest.approx(0.938831, rel=0.005)
    assert statistics.mean(w for run in runs for w in run.waits) == pytest.approx(26.5155, rel=0.02)


def test_more_engineers_are_never_worse_on_the_same_misfortune() -> None:
    model = Model(turbines=8, causes=(Cause(exponential(60), exponential(20)),), horizon=2_000)

    for run in range(40):
        shares = [play(model, c, partial(drawn_failures, model, 7, run)).availability for c in range(6)]
        assert shares == sorted(shares)


def test_without_engineers_every_turbine_breaks_once_and_waits_for_ever() -> None:
    model = Model(turbines=3, causes=(Cause(exponential(1), exponential(1)),), horizon=100)

    played = play(model, 0, partial(drawn_failures, model, 1, 0))

    assert (played.failures, played.repaired, played.still_waiting) == (3, 0, 3)
    assert played.rostered == 0


def test_the_same_seed_is_the_same_run() -> None:
    model = Model(turbines=8, causes=(Cause(exponential(60), exponential(20)),), horizon=2_000)

    runs = [play(model, 2, partial(drawn_failures, model, 7, 3)) for _ in range(2)]

    assert runs[0] == runs[1]
