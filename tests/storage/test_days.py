"""Sums by day: a report over whole days says the same before and after rows went."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gridws.report.kpis import Tally
from gridws.report.kpis import tally_days as add_days
from gridws.report.kpis import tally_statuses as add_statuses
from gridws.spans import Span
from gridws.storage.days import DAY, LinkDay, link_days, status_days
from gridws.storage.rows import LinkRow, StatusChange, StatusDay

DAYS = 6
MOMENTS = st.integers(0, DAYS * DAY - 1) | st.integers(0, DAYS - 1).map(lambda day: day * DAY)
CHANGES = st.lists(
    st.builds(
        StatusChange,
        st.just(7),
        MOMENTS,
        st.sampled_from(["ok", "broken", None]),
        st.sampled_from([None, 1_200.0]),
    ),
    min_size=1,
    max_size=12,
).map(lambda changes: sorted(changes, key=lambda change: change.at))
HOLDS = st.lists(st.tuples(MOMENTS, MOMENTS).map(sorted).map(lambda ends: Span(*ends)), max_size=1)


def summed_up(
    changes: list[StatusChange], cutoff: int, held: list[Span]
) -> tuple[list[StatusDay], list[StatusChange]]:
    """Return what is kept when the changes before the cutoff went."""
    old = [change for change in changes if change.at < cutoff]
    if not old:
        return [], changes
    last = old[-1]
    end = last.at if last.operational_status is None else cutoff
    days = status_days(old, end, held, is_failing=False)
    rest = changes[len(old) :]
    is_followed = any(change.at == end for change in rest)
    return days, rest if is_followed else [last._replace(at=end), *rest]


def figures_of(days: list[StatusDay], changes: list[StatusChange], span: Span, held: list[Span]) -> object:
    tally = Tally()
    was_broken = add_days(tally, [day for day in days if day.day * DAY < span.until], span)
    shown = [change for change in changes if change.at < span.until]
    add_statuses(tally, shown, span, held, was_broken=was_broken)
    times = tally.ok, tally.broken, tally.planned, tally.unknown
    return *times, tally.failures, round(tally.lost_energy_in_kwh, 3)


@given(CHANGES, HOLDS, st.integers(0, DAYS), st.integers(0, DAYS), st.integers(0, DAYS))
def test_a_report_over_whole_days_stays_as_it_was(
    changes: list[StatusChange], held: list[Span], cutoff: int, since: int, until: int
) -> None:
    span = Span(since * DAY, max(since, until) * DAY)

    days, rest = summed_up(changes, cutoff * DAY, held)

    assert figures_of(days, rest, span, held) == figures_of([], changes, span, held)


@given(CHANGES, HOLDS, st.integers(0, DAYS))
def test_what_is_summed_up_in_two_steps_comes_to_the_same(
    changes: list[StatusChange], held: list[Span], cutoff: int
) -> None:
    always = Span(0, DAYS * DAY)
    days, rest = summed_up(changes, cutoff * DAY, held)
    is_failing = bool(days and days[-1].is_failing)

    more = status_days(rest, DAYS * DAY, held, is_failing=is_failing)

    assert figures_of([*days, *more], [], always, held) == figures_of([], changes, always, held)


def test_a_clock_that_was_set_makes_no_days() -> None:
    changes = [StatusChange(7, 0, "ok", None), StatusChange(7, 20_000 * DAY, "ok", None)]

    days = status_days(changes, 20_001 * DAY, [], is_failing=False)

    assert [day.ok_in_ms for day in days] == [0, DAY]


def test_links_are_counted_where_they_ended_and_up_in_each_day() -> None:
    links = [
        LinkRow(1, 7, DAY - 1_000, DAY + 5_000, "disconnected"),
        LinkRow(2, 7, DAY + 6_000, DAY + 7_000, "silent"),
    ]

    assert link_days(links) == [
        LinkDay(7, 1, "disconnected", 1, 5_000),
        LinkDay(7, 0, "disconnected", 0, 1_000),
        LinkDay(7, 1, "silent", 1, 1_000),
    ]
