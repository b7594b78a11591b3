"""The whole answer: which pools, how sure, which one to take, in writing."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace

import pytest

from gridws.plan.answer import Question, answer_from_model, answer_from_record, sizes_around, steady
from gridws.plan.laws import Law
from gridws.plan.model import DAY, HOUR, Cause, Model, RecordedShifts, Shift, dinwoodie, parse_shift
from gridws.plan.play import LOST, Interruption
from gridws.plan.pools import Prices
from gridws.plan.recommendation import Targets
from gridws.plan.record import History, Life, Record
from gridws.plan.text import as_csv, as_json, as_table

pytestmark = pytest.mark.slow

SMALL = Model(turbines=5, causes=(Cause(Law("exponential", 60), Law("exponential", 20)),), horizon=2_000)
QUICK = Question(sizes=(1, 2, 3), precision=0.02)


def complete(seconds: float) -> Life:
    return Life(seconds, complete=True, first=False)


FLEET = Record(
    1_000,
    [
        History([complete(20 + n), complete(40), complete(60)], [5.0 + n], [Interruption(100, 120, LOST)])
        for n in range(12)
    ],
)


def test_the_same_seed_gives_the_same_bytes() -> None:
    first, second = (as_json(answer_from_model(SMALL, QUICK)) for _ in range(2))

    assert first == second


def test_another_seed_gives_another_answer() -> None:
    first, second = (as_json(answer_from_model(SMALL, replace(QUICK, seed=seed))) for seed in (1, 2))

    assert first != second


def test_it_plays_until_it_is_sure() -> None:
    answer = answer_from_model(SMALL, QUICK)

    assert answer.is_sure
    assert answer.pools[-1].availability.half_width <= 0.02


def test_it_says_when_time_was_over_first() -> None:
    answer = answer_from_model(SMALL, replace(QUICK, precision=1e-9, gives_up=lambda: True))

    assert not answer.is_sure
    assert "Time was over after 3 runs, before it was as sure as ± 0.00 %" in as_table(answer)


def test_theory_stands_beside_a_long_run_and_agrees() -> None:
    answer = answer_from_model(steady(SMALL, horizon=True), QUICK)

    theories = [pool.theory.availability for pool in answer.pools if pool.theory]
    assert theories == pytest.approx([0.533967, 0.716418, 0.746441], abs=1e-6)
    assert answer.notes == []


@pytest.mark.parametrize(
    "model",
    [
        replace(SMALL, travel=5.0),
        replace(SMALL, turbines=2, shift=parse_shift("07-19")),
        replace(SMALL, causes=(Cause(Law("exponential", 60), Law("fixed", 20)),)),
        Model(turbines=5, causes=dinwoodie(), horizon=1_000 * HOUR),
    ],
    ids=["travel", "a shift", "fixed repairs", "several causes"],
)
def test_there_is_no_theory_where_none_holds(model: Model) -> None:
    answer = answer_from_model(steady(model, start=True), QUICK)

    assert [pool.theory for pool in answer.pools] == [None] * 3


def test_the_fewest_engineers_that_meet_the_target_are_recommended() -> None:
    answer = answer_from_model(SMALL, replace(QUICK, targets=Targets(availability=0.66)))

    assert answer.recommendation == (2, "the fewest engineers that meet the target for sure")


def test_a_target_for_the_wait_counts_too() -> None:
    answer = answer_from_model(SMALL, replace(QUICK, targets=Targets(wait=30.0)))

    assert answer.recommendation.engineers == 2


def test_a_target_that_nobody_meets_is_said() -> None:
    answer = answer_from_model(SMALL, replace(QUICK, targets=Targets(availability=0.99)))

    assert (
        "Not even 3 engineers meet the target for sure: with one there at once each time it would be 75.00 %."
        in as_table(answer)
    )


def test_what_no_engineer_changes_is_said_where_they_work_by_day() -> None:
    causes = (Cause(Law("exponential", 300 * HOUR), Law("fixed", HOUR)),)
    model = Model(turbines=5, causes=causes, horizon=60 * DAY, shift=Shift(7 * HOUR, 19 * HOUR))

    answer = answer_from_model(model, QUICK)

    assert answer.recommendation.engineers == 1
    assert answer.recommendation.reason.endswith(". The rest of the waiting is the night")


def test_pools_are_looked_at_until_one_more_adds_little_also_where_they_work_half_of_the_day() -> None:
    causes = (Cause(Law("exponential", 200 * HOUR), Law("exponential", 8 * HOUR)),)
    model = Model(turbines=50, causes=causes, horizon=30 * DAY, shift=Shift(7 * HOUR, 19 * HOUR))

    sizes = sizes_around(model, Targets())

    assert sizes[0] <= 4
    assert sizes[-1] >= 7


def test_with_one_pool_nothing_is_recommended() -> None:
    answer = answer_from_model(SMALL, replace(QUICK, sizes=(2,)))

    assert answer.recommendation.engineers is None
    assert "With one pool there is nothing to compare; --engineers 1-3 has more." in as_table(answer)


@pytest.mark.parametrize("turbines", [1, 2])
def test_more_engineers_than_turbines_are_never_asked_for(turbines: int) -> None:
    answer = answer_from_model(replace(SMALL, turbines=turbines), replace(QUICK, sizes=None))

    assert [pool.engineers for pool in answer.pools] == list(range(1, turbines + 1))
    assert answer.recommendation == (turbines, "one for each turbine; more have nothing to do")


def test_of_a_large_fleet_the_pools_are_looked_at_where_one_more_begins_to_add_little() -> None:
    causes = (Cause(Law("exponential", 200 * HOUR), Law("exponential", 8 * HOUR)),)
    model = Model(turbines=1_000, causes=causes, horizon=30 * DAY)

    sizes = sizes_around(model, Targets())

    assert sizes == range(39, 47), "38.5 are always at work"


def test_times_without_anybody_are_said_to_be_played_again() -> None:
    record = replace(FLEET, shifts=RecordedShifts(1_000, ((0, 250),)))

    answer = answer_from_record(record, replace(SMALL, shift=record.shifts), QUICK)

    assert "Beware: for 25 % of the time nobody was on the roster" in as_table(answer)
    assert answer.notes != answer_from_record(record, SMALL, QUICK).notes


@pytest.mark.parametrize(("engineer", "taken"), [(0.001, 3), (500.0, 1)])
def test_the_least_cost_is_recommended_where_prices_are_known(engineer: float, taken: int) -> None:
    prices = Prices(power=1_000, energy=0.1, engineer=engineer)

    answer = answer_from_model(SMALL, replace(QUICK, prices=prices))

    assert answer.recommendation == (taken, "the least cost")


def test_pools_are_found_around_what_is_needed() -> None:
    model = Model(turbines=50, causes=(Cause(Law("exponential", 300), Law("exponential", 20)),), horizon=1)

    assert list(sizes_around(model, Targets())) == [3, 4, 5, 6, 7, 8]


def test_one_turbine_needs_one_engineer() -> None:
    assert list(sizes_around(replace(SMALL, turbines=1), Targets())) == [1]


def test_no_engineers_is_an_answer_too() -> None:
    answer = answer_from_model(SMALL, replace(QUICK, sizes=(0, 1)))

    table = as_table(answer)
    assert answer.pools[0].utilisation is None
    assert table.splitlines()[3].split()[:2] == ["0", f"{answer.pools[0].availability.value * 100:.2f}"]


def test_a_record_is_played_as_long_as_it_was() -> None:
    model = replace(SMALL, turbines=12, horizon=FLEET.seconds)

    answer = answer_from_record(FLEET, model, QUICK)

    assert answer.source == "record"
    assert answer.horizon == 1_000
    assert answer.estimates is not None
    assert answer.estimates.complete_lives == 36
    shares = [pool.availability.value for pool in answer.pools]
    assert shares == sorted(shares)


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        (Record(0, []), "Nothing of a turbine is recorded in this range."),
        (
            Record(7_200, [History([Life(7_200, complete=False, first=True)])]),
            "at least 0.542 h.",
        ),
        (
            Record(100, [History([complete(50)])]),
            "No repair ended in this range, so nobody knows how long one takes; say it with --repair.",
        ),
    ],
    ids=["an empty file", "no failures yet", "no repair yet"],
)
def test_what_a_record_cannot_tell_is_said(record: Record, reason: str) -> None:
    answer = answer_from_record(record, None, QUICK)

    assert f"{reason}\n" in as_table(answer)
    assert json.loads(as_json(answer))["pools"] == []
    assert as_csv(answer) == "engineers\n"


def test_the_json_has_the_names_that_others_read() -> None:
    found = json.loads(as_json(answer_from_model(steady(SMALL, horizon=True), QUICK)))

    assert list(found) == [
        "source", "turbines", "horizon_in_seconds", "seed", "recommended", "reason", "pools", "estimates",
    ]  # fmt: skip
    assert list(found["pools"][0]) == [
        "engineers", "availability", "availability_half_width", "availability_by_energy", "utilisation",
        "wait_mean_in_seconds", "wait_p50_in_seconds", "wait_p95_in_seconds", "waiting_share", "replications",
        "failures", "repaired", "still_waiting", "overtime_in_seconds", "lost_energy_in_kwh", "cost", "theory",
    ]  # fmt: skip
    assert list(found["pools"][0]["theory"]) == [
        "availability", "utilisation", "wait_mean_in_seconds", "wait_p95_in_seconds",
    ]  # fmt: skip


def test_the_csv_has_a_row_for_each_pool() -> None:
    rows = list(csv.DictReader(io.StringIO(as_csv(answer_from_model(SMALL, QUICK)))))

    assert [row["engineers"] for row in rows] == ["1", "2", "3"]
    assert rows[0]["theory_availability"] == ""
