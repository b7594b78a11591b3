"""What a record tells of lives and repairs."""

from __future__ import annotations

from random import Random

import pytest

from gridws.plan.laws import Law
from gridws.plan.model import Cause, Model, RecordedShifts
from gridws.plan.play import HELD, LOST, STOPS, Interruption, Played, play
from gridws.plan.record import Fleet, History, Life, Record, Survival, estimate, recorded
from gridws.spans import Span
from gridws.storage.records import TurbineRows
from gridws.storage.rows import Event, Repair, StatusChange
from gridws.words import Deed

RANGE = Span(1_000_000, 1_100_000)


def at(second: float) -> int:
    return RANGE.since + round(second * 1000)


def rows(
    *changes: tuple[float, str | None],
    repairs: list[Repair] | None = None,
    held: tuple[float, float] | None = None,
) -> TurbineRows:
    statuses = [StatusChange(7, at(second), status, None) for second, status in changes]
    events = [Event(at(held[0]), Deed.hold, 7), Event(at(held[1]), Deed.hold_ended, 7)] if held else []
    return TurbineRows(7, statuses, repairs or [], 0.0, events)


def lives_of(*changes: tuple[float, str | None]) -> list[Life]:
    record = recorded([rows(*changes)], RANGE, RANGE.until)
    return record.turbines[0].lives if record.turbines else []


def test_lives_run_from_a_repair_to_the_next_failure_and_the_first_was_not_seen_to_begin() -> None:
    lives = lives_of((0, "ok"), (10, "broken"), (15, "ok"), (40, "broken"), (45, "ok"))

    assert lives == [
        Life(10, complete=True, first=True),
        Life(25, complete=True, first=False),
        Life(55, complete=False, first=False),
    ]


def test_a_life_pauses_while_there_is_no_link() -> None:
    lives = lives_of((0, "ok"), (10, None), (30, "ok"), (35, "broken"))

    assert lives == [Life(15, complete=True, first=True)]


def test_one_failure_may_be_known_in_pieces() -> None:
    lives = lives_of((0, "ok"), (10, "broken"), (20, None), (30, "broken"), (40, "ok"))

    assert lives == [Life(10, complete=True, first=True), Life(60, complete=False, first=False)]


def test_several_tries_are_one_repair_as_long_as_the_one_that_ended_it() -> None:
    tries = [
        Repair(1, 7, 1, at(10), at(11), at(14), "disconnected"),
        Repair(2, 7, 2, at(10), at(20), at(25), "repaired"),
        Repair(3, 7, 2, at(50), at(51), at(60), "timed_out"),
        Repair(4, 7, 2, at(70), at(71)),
    ]

    record = recorded([rows((0, "ok"), repairs=tries)], RANGE, RANGE.until)

    assert record.repairs == [5.0]


def test_a_turbine_of_which_nothing_is_known_is_none() -> None:
    assert recorded([rows()], RANGE, RANGE.until).turbines == []


def test_a_record_ends_where_the_monitor_ended() -> None:
    record = recorded([rows((0, "ok"))], RANGE, at(60))

    assert record.seconds == 60
    assert record.turbines[0].lives == [Life(60, complete=False, first=True)]


def test_the_mean_time_between_failures_has_all_exposure_in_it() -> None:
    lives = [Life(100, complete=True, first=False)] * 9 + [Life(100, complete=False, first=False)]
    record = Record(1_000, [History(lives, [5.0, 7.0])])

    known = estimate(record)

    assert known.mtbf_in_seconds == pytest.approx(1_000 / 9)
    assert known.repair_mean_in_seconds == 6
    assert (known.complete_lives, known.censored_lives) == (9, 1)


def test_without_a_failure_only_a_bound_is_known() -> None:
    known = estimate(Record(1_000, [History([Life(1_000, complete=False, first=True)])]))

    assert known.mtbf_in_seconds is known.mtbf_high_in_seconds is known.repair_mean_in_seconds is None
    assert known.mtbf_low_in_seconds == pytest.approx(1_000 / 3.6889, rel=1e-4)


def test_lives_beyond_what_was_seen_go_on_by_their_rate() -> None:
    seen = [Life(10, complete=True, first=False)] * 30 + [Life(10.5, complete=False, first=False)] * 30
    survival = Survival(seen, Random(1), known=True)
    chance = Random(2)

    drawn = [survival.draw(chance) for _ in range(4_000)]

    assert 0.47 < sum(life == 10 for life in drawn) / 4_000 < 0.53
    assert sum(drawn) / 4_000 == pytest.approx(10 + 0.5 * (30 * 10 + 30 * 10.5) / 30, rel=0.05)


def test_an_outage_in_the_middle_of_a_life_makes_it_no_longer() -> None:
    model = Model(turbines=1, causes=(Cause(Law("fixed", 10), Law("fixed", 5)),), horizon=50)

    played = play(
        model,
        1,
        lambda _n: iter([(10.0, 5.0)] * 9),
        interruptions_of=lambda _n: [Interruption(4.0, 24.0, LOST)],
        check_every=1,
    )

    assert played.unknown == 20
    assert played.down == 10  # from 30 to 35 and from 45 to 50
    assert played.availability == pytest.approx(20 / 30)


def test_whoever_is_at_work_when_the_link_is_lost_begins_anew() -> None:
    model = Model(turbines=1, causes=(Cause(Law("fixed", 10), Law("fixed", 5)),), horizon=40)

    played = play(
        model,
        1,
        lambda _n: iter([(10.0, 5.0), (99.0, 5.0)]),
        interruptions_of=lambda _n: [Interruption(12.0, 20.0, LOST)],
        check_every=1,
    )

    assert played.down == 2 + 5
    assert played.repaired == 1
    assert played.waits == [0]


def history_of(turbine: TurbineRows) -> History:
    (history,) = recorded([turbine], RANGE, RANGE.until).turbines
    return history


def test_a_turbine_that_stops_while_it_is_held_did_not_fail_and_its_life_goes_on() -> None:
    history = history_of(rows((0, "ok"), (12, "broken"), (30, "ok"), (50, "broken"), held=(10, 40)))

    assert history.lives == [Life(12 + 20, complete=True, first=True)]
    assert history.interruptions == [Interruption(10, 40, HELD), Interruption(12, 30, STOPS)]


def test_a_turbine_that_is_still_broken_after_it_was_held_has_failed() -> None:
    history = history_of(rows((0, "ok"), (12, "broken"), (70, "ok"), held=(10, 40)))

    assert history.lives == [
        Life(12, complete=True, first=True),
        Life(30, complete=False, first=False),
    ]


def test_a_turbine_that_was_broken_before_it_was_held_failed_once() -> None:
    history = history_of(rows((0, "ok"), (5, "broken"), (70, "ok"), held=(10, 40)))

    assert [life.complete for life in history.lives] == [True, False]


def test_outages_that_touch_are_one() -> None:
    history = history_of(rows((0, "ok"), (10, None), (20, None), (30, "ok"), (31, None), (40, "ok")))

    assert history.interruptions == [Interruption(10, 30, LOST), Interruption(31, 40, LOST)]


def by_hand(failures: list[list[tuple[float, float]]], *interruptions: Interruption) -> Played:
    """Return 100 s of one engineer; the first turbine is interrupted."""
    model = Model(turbines=len(failures), causes=(Cause(Law("fixed", 1), Law("fixed", 1)),), horizon=100)
    return play(
        model,
        1,
        lambda number: iter([*failures[number - 1], (999.0, 1.0)]),
        interruptions_of=lambda number: interruptions if number == 1 else (),
        check_every=1,
    )


def test_who_is_at_a_turbine_that_is_held_goes_on_to_the_next_one() -> None:
    played = by_hand([[(10.0, 20.0)], [(11.0, 5.0)]], Interruption(15, 50, HELD))

    assert played.planned == 35
    assert played.down == 5 + 20 + (4 + 5)
    assert played.worked == 5 + 20 + 5
    assert played.waits == [0, 4]
    assert played.availability == pytest.approx(1 - 34 / (200 - 35))


def test_a_turbine_that_runs_while_it_is_held_runs_on_and_is_waited_with_when_it_breaks() -> None:
    played = by_hand([[(20.0, 5.0)]], Interruption(10, 50, HELD))

    assert (played.planned, played.down, played.waits) == (30, 5, [0])


def test_a_life_pauses_while_the_turbine_stands_still() -> None:
    played = by_hand([[(20.0, 5.0)]], Interruption(10, 40, HELD), Interruption(15, 40, STOPS))

    assert (played.planned, played.down, played.failures) == (25, 5, 1)
    assert played.repaired == 1


def test_a_turbine_that_is_lost_and_held_at_once_goes_on_where_it_was() -> None:
    times = Interruption(10, 40, LOST), Interruption(20, 60, HELD), Interruption(40, 60, STOPS)

    played = by_hand([[(20.0, 5.0)]], *times)

    assert (played.unknown, played.planned, played.down) == (30, 20, 5)


def said(*counts: tuple[float, int]) -> list[Event]:
    return [Event(at(second), Deed.roster, engineers=count) for second, count in counts]


def test_when_nobody_was_there_nobody_is_in_the_replay() -> None:
    roster = said((-50, 0), (10, 3), (40, 0), (45, 0), (50, 2))

    record = recorded([rows((0, "ok"))], RANGE, RANGE.until, roster)

    assert record.shifts == RecordedShifts(100, ((0, 10), (40, 50)))
    assert record.shifts.share == 0.8


@pytest.mark.parametrize("roster", [said((-50, 3), (10, 2)), said((-50, 0)), [], said((200, 0))])
def test_where_somebody_was_always_there_or_never_anybody_engineers_are_there_all_the_time(
    roster: list[Event],
) -> None:
    assert recorded([rows((0, "ok"))], RANGE, RANGE.until, roster).shifts is None


def test_recorded_shifts_come_over_and_over() -> None:
    shifts = RecordedShifts(100, ((0, 10), (40, 50)))

    assert [shifts.is_on(second) for second in (0, 10, 45, 50, 99, 100, 110, 145)] == [
        False, True, False, True, True, False, True, False,
    ]  # fmt: skip
    assert [shifts.next_change(second) for second in (0, 10, 40, 50, 100, 145)] == [10, 40, 50, 100, 110, 150]
    assert [shifts.rostered(second) for second in (5, 10, 45, 100, 145)] == [0, 0, 30, 80, 110]


def test_a_fleet_drawn_twice_from_the_same_seed_is_the_same() -> None:
    record = Record(100, [History([Life(10, complete=True, first=False)], [float(n)]) for n in range(9)])

    first, second = (Fleet(record, 1, 5, turbines=4) for _ in range(2))

    assert [next(first.failures_of(n)) for n in (1, 2)] == [next(second.failures_of(n)) for n in (1, 2)]
