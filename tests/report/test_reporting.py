"""The figures of an hour worked out by hand, and that they add up however time and turbines are cut."""

from __future__ import annotations

from itertools import pairwise
from math import fsum

import pytest
from an_hour import BEGIN, COLLECTED, HOUR, ROWS, STATUSES, at
from hypothesis import given
from hypothesis import strategies as st

from gridws.report.kpis import Figures, Tally, figures, percentile, tally_repairs, tally_statuses
from gridws.report.reporting import EngineerFigures, Report, make_report
from gridws.spans import Span
from gridws.storage.holds import held_spans
from gridws.storage.records import Collected, TurbineRows
from gridws.storage.rows import Event, Repair, StatusChange


@pytest.fixture(scope="module")
def report() -> Report:
    return make_report(ROWS, HOUR, COLLECTED)


def test_the_hour_of_a_turbine_that_broke_in_it(report: Report) -> None:
    assert report.turbines[0] == Figures(
        turbine_number=7,
        availability=40 / 55,
        availability_by_energy=0.25,
        ok_in_seconds=40 * 60,
        broken_in_seconds=15 * 60,
        planned_in_seconds=0,
        unknown_in_seconds=5 * 60,
        energy_in_kwh=100.0,
        lost_energy_in_kwh=300.0,  # a quarter of an hour at 1,200 kW
        failures=1,
        broken_at_end=0,
        mtbf_in_seconds=40 * 60,
        repaired=1,
        mean_time_to_repair_in_seconds=15 * 60,
        mean_waiting_in_seconds=6 * 60,  # 2 until the first engineer came, 4 until the second
        mean_repairing_in_seconds=9 * 60,
        waiting_95th_percentile_in_seconds=6 * 60,
        outcomes={"repaired": 1, "timed_out": 1},
    )


def test_the_hour_of_a_turbine_that_was_broken_when_it_began(report: Report) -> None:
    assert report.turbines[1] == Figures(
        turbine_number=8,
        availability=55 / 60,
        availability_by_energy=100 / 150,
        ok_in_seconds=55 * 60,
        broken_in_seconds=5 * 60,
        planned_in_seconds=0,
        unknown_in_seconds=0,
        energy_in_kwh=100.0,
        lost_energy_in_kwh=50.0,
        failures=0,
        broken_at_end=0,
        mtbf_in_seconds=None,
        repaired=1,
        mean_time_to_repair_in_seconds=10 * 60,
        mean_waiting_in_seconds=4 * 60,
        mean_repairing_in_seconds=6 * 60,
        waiting_95th_percentile_in_seconds=4 * 60,
        outcomes={"repaired": 1},
    )


def test_the_hour_of_the_fleet(report: Report) -> None:
    assert report.fleet == Figures(
        turbine_number=None,
        availability=95 / 115,
        availability_by_energy=200 / 550,
        ok_in_seconds=95 * 60,
        broken_in_seconds=20 * 60,
        planned_in_seconds=0,
        unknown_in_seconds=5 * 60,
        energy_in_kwh=200.0,
        lost_energy_in_kwh=350.0,
        failures=1,
        broken_at_end=0,
        mtbf_in_seconds=95 * 60,
        repaired=2,
        mean_time_to_repair_in_seconds=750,
        mean_waiting_in_seconds=300,
        mean_repairing_in_seconds=450,
        waiting_95th_percentile_in_seconds=360,
        outcomes={"repaired": 2, "timed_out": 1},
    )


def test_the_hour_of_the_engineers(report: Report) -> None:
    assert report.engineers == [
        EngineerFigures(engineer_id=1, repaired=0, assignments=1, at_work_in_seconds=240, utilisation=4 / 60),
        EngineerFigures(engineer_id=2, repaired=1, assignments=1, at_work_in_seconds=300, utilisation=5 / 60),
        EngineerFigures(engineer_id=3, repaired=1, assignments=0, at_work_in_seconds=300, utilisation=5 / 60),
    ]


def test_an_engineer_is_not_idle_before_anything_was_collected() -> None:
    rows = [TurbineRows(7, [], [Repair(1, 7, 1, at(30), at(30), at(45), "repaired")], 0.0)]

    report = make_report(rows, HOUR, Collected(at(30), at(60)))

    assert report.engineers[0].utilisation == 0.5


def test_what_still_goes_on_counts_to_the_end_of_the_range() -> None:
    rows = [
        TurbineRows(
            7,
            [StatusChange(7, at(40), "broken", 60.0)],
            [Repair(1, 7, 1, at(40), at(50), None, None)],
            0.0,
        )
    ]

    report = make_report(rows, HOUR, COLLECTED)

    assert report.fleet.broken_in_seconds == 20 * 60
    assert report.fleet.broken_at_end == 1
    assert report.fleet.repaired == 0
    assert report.engineers[0].at_work_in_seconds == 10 * 60


def test_a_repair_that_ends_after_the_range_still_goes_on_in_it() -> None:
    rows = [TurbineRows(7, [], [Repair(1, 7, 1, at(40), at(50), at(70), "repaired")], 0.0)]

    report = make_report(rows, HOUR, COLLECTED)

    assert (report.fleet.repaired, report.fleet.outcomes) == (0, {})
    assert report.engineers[0] == EngineerFigures(
        engineer_id=1, repaired=0, assignments=1, at_work_in_seconds=600, utilisation=10 / 60
    )


def test_nothing_is_known_after_a_monitor_died() -> None:
    rows = [TurbineRows(7, [StatusChange(7, at(0), "ok", None)], [], 0.0)]

    report = make_report(rows, HOUR, Collected(at(0), at(20)))

    assert report.fleet.ok_in_seconds == 20 * 60
    assert report.fleet.unknown_in_seconds == 40 * 60
    assert report.collected_until == at(20)


def test_broken_without_a_link_and_still_broken_is_one_failure() -> None:
    changes = [
        StatusChange(7, at(0), "ok", None),
        StatusChange(7, at(10), "broken", 5.0),
        StatusChange(7, at(20), None, 5.0),
        StatusChange(7, at(30), "broken", 5.0),
    ]
    tally = Tally()

    tally_statuses(tally, changes, HOUR)

    assert tally.failures == 1


def test_a_turbine_that_is_broken_at_its_first_word_has_failed() -> None:
    tally = Tally()

    tally_statuses(tally, [StatusChange(7, at(0), "broken", None)], HOUR)

    assert (tally.failures, tally.lost_energy_in_kwh) == (1, 0.0)


def with_holds(*events: Event) -> Figures:
    """Return the figures of turbine 7's hour, which is broken from 10 to 25 and without a link from 40 to 45."""
    return make_report([ROWS[0]._replace(events=events)], HOUR, COLLECTED).fleet


@pytest.mark.parametrize(
    ("events", "planned", "broken", "unknown"),
    [
        ([Event(at(5), "hold", 7, until=at(12))], 2, 13, 5),
        ([Event(at(5), "hold", 7, until=at(99)), Event(at(12), "hold_ended", 7)], 2, 13, 5),
        ([Event(at(5), "hold", 7), Event(at(12), "forgotten", 7)], 2, 13, 5),
        ([Event(at(5), "hold", 7), Event(at(12), "hold", 7, until=at(15))], 5, 10, 5),
        ([Event(at(-99), "hold", 7)], 20, 0, 0),
        ([Event(at(-99), "hold", 7, until=at(-98))], 0, 15, 5),
        ([Event(at(12), "hold_ended", 7)], 0, 15, 5),
    ],
)
def test_time_held_counts_as_planned_unless_the_turbine_is_ok(
    events: list[Event], planned: int, broken: int, unknown: int
) -> None:
    found = with_holds(*events)

    assert found.planned_in_seconds == planned * 60
    assert found.broken_in_seconds == broken * 60
    assert found.unknown_in_seconds == unknown * 60
    assert found.ok_in_seconds == 40 * 60


def test_time_held_is_neither_lost_nor_waited() -> None:
    found = with_holds(Event(at(16), "hold", 7, until=at(19)))

    assert found.lost_energy_in_kwh == 1200 * 12 / 60
    assert found.availability == 40 / 52
    assert found.mean_waiting_in_seconds == 3 * 60
    assert found.mean_repairing_in_seconds == 9 * 60


@pytest.mark.parametrize(("until", "failures"), [(9, 1), (12, 1), (25, 0), (30, 0)])
def test_who_breaks_while_held_fails_when_it_is_broken_after_that(until: int, failures: int) -> None:
    assert with_holds(Event(at(8), "hold", 7, until=at(until))).failures == failures


def test_nothing_collected_is_no_figure_instead_of_nan() -> None:
    report = make_report([], HOUR, Collected(None, None))

    assert report.collected_since is None
    assert report.fleet == figures(None, Tally())
    assert report.fleet.availability is None
    assert report.fleet.waiting_95th_percentile_in_seconds is None


def test_turbines_that_need_attention_come_first() -> None:
    lost = TurbineRows(1, [StatusChange(1, at(-5), None, None)], [], 0.0)

    report = make_report([lost, ROWS[1], ROWS[0]], HOUR, COLLECTED)

    assert [row.turbine_number for row in report.turbines] == [7, 8, 1]


@pytest.mark.parametrize(("count", "expected"), [(1, 1), (19, 19), (20, 19), (21, 20), (100, 95)])
def test_the_percentile_is_the_nearest_rank(count: int, expected: int) -> None:
    assert percentile([n * 1000 for n in range(count, 0, -1)], 95) == expected


def test_a_clock_set_back_makes_no_negative_waiting() -> None:
    tally = Tally()

    tally_repairs(tally, [Repair(1, 7, 1, at(10), at(5), at(12), "repaired")], HOUR)

    assert tally.waits == [0]


moments = st.integers(-20, 80).map(at)
changes = st.lists(
    st.builds(
        StatusChange,
        st.just(7),
        moments,
        st.sampled_from(["ok", "broken", None]),
        st.one_of(st.none(), st.floats(0, 5_000)),
    ),
    max_size=12,
).map(lambda rows: sorted(rows, key=lambda row: row.at))


def lives(number: int) -> st.SearchStrategy[TurbineRows]:
    assignments = st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9), st.integers(0, 9)), max_size=5)
    return st.builds(lambda rows, tries: _life(number, rows, tries), changes, assignments)


def _life(number: int, rows: list[StatusChange], steps: list[tuple[int, int, int]]) -> TurbineRows:
    ends = [-20]
    repairs = []
    for place, (ok, waiting, working) in enumerate(steps):
        broken = ends[-1] + ok
        ends.append(broken + waiting + working)
        repairs.append(
            Repair(place, number, 1, at(broken), at(broken + waiting), at(ends[-1]), "repaired"),
        )
    return TurbineRows(number, rows, repairs, 1.5)


holds = st.lists(
    st.builds(
        lambda begin, kind, until: Event(begin, kind, 7, until=until),
        moments,
        st.sampled_from(["hold", "hold", "hold_ended"]),
        st.one_of(st.none(), moments),
    ),
    max_size=4,
).map(lambda events: held_spans(sorted(events, key=lambda event: event.at)))


def tallied(rows: list[StatusChange], span: Span, held: list[Span]) -> Tally:
    tally = Tally()
    tally_statuses(tally, [row for row in rows if row.at < span.until], span, held)
    return tally


@given(changes, moments, holds)
def test_a_range_is_the_sum_of_its_parts(rows: list[StatusChange], cut: int, held: list[Span]) -> None:
    middle = max(HOUR.since, min(HOUR.until, cut))
    whole = tallied(rows, HOUR, held)

    parts = tallied(rows, Span(HOUR.since, middle), held)
    parts.add(tallied(rows, Span(middle, HOUR.until), held))

    assert (parts.ok, parts.broken) == (whole.ok, whole.broken)
    assert (parts.planned, parts.unknown) == (whole.planned, whole.unknown)
    assert parts.failures == whole.failures
    assert parts.lost_energy_in_kwh == pytest.approx(whole.lost_energy_in_kwh)


@given(changes, holds)
def test_all_time_since_the_first_word_is_of_one_kind(rows: list[StatusChange], held: list[Span]) -> None:
    tally = tallied(rows, HOUR, held)

    first = max(BEGIN, min([row.at for row in rows], default=HOUR.until))
    assert tally.ok + tally.broken + tally.planned + tally.unknown == max(0, HOUR.until - first)


@given(st.tuples(*map(lives, (1, 2, 3))))
def test_the_fleet_is_the_sum_of_its_turbines(rows: tuple[TurbineRows, ...]) -> None:
    inside = [
        row._replace(statuses=[change for change in row.statuses if change.at < HOUR.until]) for row in rows
    ]

    report = make_report(inside, HOUR, COLLECTED)

    fleet, turbines = report.fleet, report.turbines
    assert fleet.failures == sum(row.failures for row in turbines)
    assert fleet.repaired == sum(row.repaired for row in turbines) == sum(fleet.outcomes.values())
    assert fleet.broken_at_end == sum(row.broken_at_end for row in turbines)
    ok, broken = fsum(row.ok_in_seconds for row in turbines), fsum(row.broken_in_seconds for row in turbines)
    assert fleet.ok_in_seconds == pytest.approx(ok)
    assert fleet.availability == (pytest.approx(ok / (ok + broken)) if ok + broken else None)
    assert fleet.energy_in_kwh == pytest.approx(fsum(row.energy_in_kwh for row in turbines))
    assert fleet.lost_energy_in_kwh == pytest.approx(fsum(row.lost_energy_in_kwh for row in turbines))
    waiting = fsum((row.mean_waiting_in_seconds or 0) * row.repaired for row in turbines)
    assert (fleet.mean_waiting_in_seconds or 0) * fleet.repaired == pytest.approx(waiting)
    working = fsum((row.mean_repairing_in_seconds or 0) * row.repaired for row in turbines)
    assert (fleet.mean_repairing_in_seconds or 0) * fleet.repaired == pytest.approx(working)
    assert fsum(row.repaired for row in report.engineers) == fleet.repaired


def test_the_rows_of_the_hour_are_in_order() -> None:
    assert all(before.at <= after.at for rows in STATUSES.values() for before, after in pairwise(rows))
