"""What every store promises to reports and exports."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, Final, NamedTuple

import pytest
from an_hour import BEGIN, COLLECTED, HOUR, MINUTE, REPAIRS, ROWS, STATUSES, at, readings
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from postgres import Server

from gridws.report.reporting import Report, make_report, report_of
from gridws.settings import MAX_MEASURED_AT, MonitorSettings
from gridws.spans import Span
from gridws.storage.batches import Batch
from gridws.storage.memory import MemoryStore
from gridws.storage.postgres.store import PostgresStore
from gridws.storage.records import Collected, Records, Slice, Table, TurbineRows
from gridws.storage.rows import Event, LinkRow, Name, Names, Reading, Repair, StatusChange
from gridws.storage.sqlite import slices as sqlite_slices
from gridws.storage.sqlite.store import SqliteStore

from .conftest import AnyStore, Restart

pytestmark = pytest.mark.slow

FIRST_LINK = LinkRow(1, 7, at(-30))
ALWAYS = Span(0, MAX_MEASURED_AT + 1)


@pytest.fixture
async def store(again: Restart) -> AnyStore:
    """Return a store that was opened before the hour."""
    opened = again()
    await opened.open(now=at(-40))
    return opened


async def report_from(store: AnyStore, span: Span = HOUR, *, now: int, number: int | None = None) -> Report:
    return await store.read(lambda records: report_of(records, span, now=now, turbine_number=number))


async def slices_from(
    store: AnyStore, table: Table, span: Span = ALWAYS, number: int | None = None
) -> list[Slice]:
    return await store.read(lambda records: list(records.slices(table, span, number)))


async def rows_from(
    store: AnyStore, table: Table, span: Span = ALWAYS, number: int | None = None
) -> list[tuple[Any, ...]]:
    return [tuple(row) for piece in await slices_from(store, table, span, number) for row in piece.rows]


async def write_the_hour(store: AnyStore) -> None:
    await store.write(
        Batch(
            links=[FIRST_LINK],
            statuses=[*STATUSES[7], *STATUSES[8]],
            repairs=[*REPAIRS[7], *REPAIRS[8]],
        )
    )
    await store.maintain(now=at(60))


def figures_without_energy(report: Report) -> list[object]:
    return [
        (
            row.turbine_number,
            row.availability,
            row.lost_energy_in_kwh,
            row.mean_waiting_in_seconds,
            row.outcomes,
        )
        for row in (report.fleet, *report.turbines)
    ]


async def test_names_are_those_of_now_and_a_site_has_a_report_of_its_own(store: AnyStore) -> None:
    await write_the_hour(store)
    events = [
        Event(at(1), "name", 7, name="Anna", site="north"),
        Event(at(2), "name", engineer_id=2, name="Bob"),
        Event(at(3), "name", 7, name="Berta", site="north"),
    ]
    await store.write(Batch(events=events))

    names = await store.read(lambda records: records.names())
    report = await store.read(lambda records: report_of(records, HOUR, now=at(60), site="north"))

    assert names == Names({7: Name("Berta", "north")}, {2: Name("Bob", None)})
    (turbine,) = report.turbines
    assert (turbine.turbine_number, turbine.name, turbine.site) == (7, "Berta", "north")
    assert report.fleet.ok_in_seconds == turbine.ok_in_seconds
    assert {engineer.engineer_id: engineer.name for engineer in report.engineers} == {1: None, 2: "Bob"}


async def test_the_roster_is_told_with_all_its_changes(store: AnyStore) -> None:
    said = [Event(at(3), "roster", engineers=0, by="ada"), Event(at(1), "roster", engineers=5)]
    await store.write(Batch(events=[*said, Event(at(2), "note", text="quiet")]))

    roster = await store.read(lambda records: records.roster())

    assert [event._replace(id=0) for event in roster] == said[::-1]


async def test_the_hour_reads_as_it_was_worked_out(store: AnyStore) -> None:
    await write_the_hour(store)

    report = await report_from(store, now=at(60))

    expected = make_report(ROWS, HOUR, COLLECTED)
    assert figures_without_energy(report) == figures_without_energy(expected)
    assert report.engineers == expected.engineers


async def test_one_turbine_can_be_asked_for(store: AnyStore) -> None:
    await write_the_hour(store)

    report = await report_from(store, now=at(60), number=8)

    assert [row.turbine_number for row in report.turbines] == [8]
    assert report.fleet.repaired == 1
    assert [row.engineer_id for row in report.engineers] == [3]


async def test_energy_is_the_same_before_and_after_it_is_rolled_up(again: Restart) -> None:
    store = again()
    await store.open(now=at(-40))
    await store.write(Batch(links=[FIRST_LINK], readings=readings(7, 0, 0.5, 1, 1.5, power=1200.0)))
    before = await report_from(store, now=at(2))
    await store.close()

    store = again()
    await store.open(now=at(2))
    after = await report_from(store, now=at(2))

    assert before.fleet.energy_in_kwh == pytest.approx(30.0)
    assert after.fleet.energy_in_kwh == pytest.approx(30.0)


@pytest.mark.parametrize(
    ("begin", "end", "kwh"),
    [(0, 3, 60.0), (0.1, 2.9, 56.0), (1.1, 1.2, 2.0), (-9, 0.25, 5.0), (2.75, 9, 5.0), (3, 9, 0.0)],
)
async def test_a_reading_counts_for_the_part_of_its_time_in_the_range(
    store: AnyStore, begin: float, end: float, kwh: float
) -> None:
    await store.write(Batch(links=[FIRST_LINK], readings=readings(7, 0, 0.5, 1, 1.5)))
    await store.maintain(now=at(2))
    await store.write(Batch(readings=readings(7, 2, 2.5, 3)))

    report = await report_from(store, Span(at(begin), at(end)), now=at(9))

    assert report.fleet.energy_in_kwh == pytest.approx(kwh)


@pytest.mark.parametrize("upkeep_at", [-40, 200])
async def test_a_reading_behind_a_gap_stands_for_a_minute(store: AnyStore, upkeep_at: int) -> None:
    await store.write(Batch(links=[FIRST_LINK], readings=readings(7, 0, 9)))
    await store.maintain(now=at(upkeep_at))

    report = await report_from(store, Span(at(8.5), at(8.75)), now=at(9))

    assert report.fleet.energy_in_kwh == pytest.approx(5.0)


async def test_all_tries_at_a_failure_count_however_long_ago(store: AnyStore) -> None:
    tries = [Repair(n, 7, 1, at(-40), at(-40 + 10 * n), at(-35 + 10 * n), "timed_out") for n in range(1, 4)]
    await store.write(
        Batch(
            links=[FIRST_LINK],
            repairs=[
                Repair(99, 8, 1, at(-40), at(-40), at(-39), "repaired"),
                *tries,
                Repair(100, 7, 1, at(-40), at(10), at(20), "repaired"),
            ],
        )
    )

    report = await report_from(store, now=at(60))

    assert report.fleet.mean_time_to_repair_in_seconds == 60 * 60
    assert report.fleet.mean_repairing_in_seconds == 25 * 60
    assert report.fleet.outcomes == {"repaired": 1}


async def test_what_held_before_a_lost_link_is_remembered(store: AnyStore) -> None:
    changes = [
        StatusChange(7, at(-20), "broken", 5.0),
        StatusChange(7, at(-10), None, 5.0),
        StatusChange(7, at(10), "broken", 5.0),
    ]
    await store.write(Batch(links=[FIRST_LINK], statuses=changes))

    report = await report_from(store, Span(BEGIN, at(11)), now=at(11))

    assert report.fleet.failures == 0
    assert report.fleet.unknown_in_seconds == 10 * 60


async def test_a_monitor_that_died_knows_nothing_any_more(store: AnyStore) -> None:
    await store.write(Batch(links=[FIRST_LINK], statuses=[StatusChange(7, at(10), "ok", None)]))

    report = await report_from(store, now=at(10) + 3 * MINUTE)

    assert report.collected_until == at(10)
    assert report.fleet.ok_in_seconds == 0


async def test_a_turbine_gone_for_weeks_is_left_out(again: Restart) -> None:
    weeks_ago = at(-2 * 7 * 24 * 60)
    store = again()
    await store.open(now=weeks_ago)
    gone = StatusChange(7, weeks_ago, None, None)
    link = LinkRow(1, 7, weeks_ago, weeks_ago, "silent")
    await store.write(Batch(links=[link], statuses=[gone, StatusChange(8, at(0), "ok", None)]))

    report = await report_from(store, now=at(1))

    assert [row.turbine_number for row in report.turbines] == [8]


async def test_holds_are_told_from_their_beginning(store: AnyStore) -> None:
    hold = Event(at(-30), "hold", 7, until=at(20), text="gearbox", by="anna")
    ended = Event(at(15), "hold_ended", 7, by="anna")
    others = [Event(at(0), "note", 7, text="it rains"), Event(at(0), "hold", 8), Event(at(60), "hold", 7)]
    await store.write(Batch(links=[FIRST_LINK], statuses=STATUSES[7], events=[hold, *others, ended]))

    def holds_of(records: Records) -> list[Event]:
        (row,) = records.report_rows(HOUR, now=at(60))[1]
        return [event._replace(id=0) for event in row.events]

    assert await store.read(holds_of) == [hold, ended]


@pytest.mark.parametrize(("ended", "shown"), [([], [7]), ([Event(at(-1), "hold_ended", 7)], [])])
async def test_a_held_turbine_is_told_of_however_long_it_is_silent(
    again: Restart, ended: list[Event], shown: list[int]
) -> None:
    weeks_ago = at(-3 * 7 * 24 * 60)
    store = again()
    await store.open(now=weeks_ago)
    link, silent = LinkRow(1, 7, weeks_ago, weeks_ago, "silent"), StatusChange(7, weeks_ago, None, None)
    held = Event(weeks_ago, "hold", 7)
    await store.write(Batch(links=[link], statuses=[silent], events=[held, *ended]))
    await store.maintain(now=at(60))
    await store.write(Batch())

    report = await report_from(store, now=at(60))

    assert [row.turbine_number for row in report.turbines] == shown


async def test_a_forgotten_turbine_is_told_of_when_it_comes_back(store: AnyStore) -> None:
    await write_the_hour(store)
    await store.write(Batch(readings=readings(7, 1, 2), events=[Event(at(60), "forgotten", 7)]))
    await store.maintain(now=at(121))
    gone = await report_from(store, now=at(61))

    await store.write(Batch(statuses=[StatusChange(7, at(62), "ok", None)]))

    back = await report_from(store, now=at(63))
    assert [row.turbine_number for row in gone.turbines] == [8]
    assert [row.turbine_number for row in back.turbines] == [7, 8]


async def test_what_is_past_its_age_is_said_to_be_unknown(store: AnyStore) -> None:
    days = 86_400_000
    await store.write(Batch(links=[FIRST_LINK], readings=readings(7, 0, 1)))
    await store.maintain(now=at(0) + 50 * days)
    await store.maintain(now=at(0) + 50 * days)
    await store.write(Batch())

    report = await report_from(store, now=at(0) + 50 * days)

    assert (report.energy_since or 0) > at(0) + 10 * days
    assert report.fleet.availability_by_energy is None


async def test_an_unused_store_has_nothing_to_tell(store: AnyStore) -> None:
    report = await report_from(store, now=at(60))

    assert report.turbines == []
    assert report.collected_since is None
    assert await slices_from(store, Table.metrics) == []


async def test_readings_come_by_time(store: AnyStore) -> None:
    late, early = readings(8, 0.5), readings(7, 0)

    await store.write(Batch(readings=[*late, *early]))

    assert await rows_from(store, Table.metrics) == [*early, *late]


async def test_repairs_come_by_id(store: AnyStore) -> None:
    running = REPAIRS[7][1]._replace(ended_at=None, outcome=None)

    await store.write(Batch(repairs=[running, *REPAIRS[8]]))

    assert await rows_from(store, Table.repairs) == [*REPAIRS[8], running]


@pytest.mark.parametrize("number", [None, 7])
async def test_readings_of_a_range_are_those_measured_in_it(store: AnyStore, number: int | None) -> None:
    rows = readings(7, -0.001, 0, 59.999, 60)
    await store.write(Batch(readings=rows))

    assert await rows_from(store, Table.metrics, HOUR, number) == rows[1:3]


async def test_what_overlaps_a_range_is_in_it(store: AnyStore) -> None:
    before, over = LinkRow(1, 7, at(-9), at(-1), "silent"), LinkRow(2, 7, at(-1), at(1), "silent")
    open_, after = LinkRow(3, 7, at(59)), LinkRow(4, 7, at(60))
    await store.write(Batch(links=[before, over, open_, after]))

    assert await rows_from(store, Table.links, HOUR) == [over, open_]


@pytest.mark.parametrize("table", [Table.repairs, Table.links])
async def test_one_turbine_of_the_other_tables(store: AnyStore, table: Table) -> None:
    links = [LinkRow(1, 7, at(0)), LinkRow(2, 8, at(0))]
    await store.write(Batch(repairs=[*REPAIRS[7], *REPAIRS[8]], links=links))

    assert [row[1] for row in await rows_from(store, table, number=8)] == [8]


async def test_one_turbine_is_the_same_as_its_rows_of_all(store: AnyStore) -> None:
    moments = [n / 7 for n in range(300, 1500)]
    await store.write(Batch(readings=[*readings(7, *moments), *readings(8, *moments)]))
    await store.maintain(now=at(90))
    replayed = Reading(7, at(-5000), 0.1 + 0.2, 1.0, "ok", at(100))
    await store.write(Batch(readings=[*readings(7, 100), replayed, *readings(8, 100)]))

    found = await rows_from(store, Table.metrics, number=7)

    assert found == [row for row in await rows_from(store, Table.metrics) if row[0] == 7]
    assert len(found) == 1202


async def test_the_last_slice_says_that_all_is_done(store: AnyStore) -> None:
    await store.write(Batch(readings=readings(7, 0, 1, 2)))

    pieces = await slices_from(store, Table.metrics)

    assert (pieces[-1].done, sum(len(piece.rows) for piece in pieces)) == (1.0, 3)


async def test_slices_lose_nothing_and_repeat_nothing(
    store: AnyStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Many readings of one turbine in one second, so that slices end within a turbine's second.
    rows = [Reading(number, at(0), float(n), 1.0, "ok", at(0)) for n in range(20) for number in (1, 2, 3)]
    await store.write(Batch(readings=rows, repairs=[*REPAIRS[7], *REPAIRS[8]]))
    whole = await rows_from(store, Table.metrics), await rows_from(store, Table.repairs)

    monkeypatch.setattr(sqlite_slices, "_ROWS", 1)

    assert (await rows_from(store, Table.metrics), await rows_from(store, Table.repairs)) == whole
    assert len(whole[0]) == 60


@pytest.mark.parametrize("what", ["report", "export"])
async def test_whoever_goes_away_ends_what_was_read_for_him(store: AnyStore, what: str) -> None:
    await write_the_hour(store)
    begun, ended = threading.Event(), threading.Event()

    def read_for_ever(records: Records) -> None:
        try:
            while True:
                begun.set()
                rows = records.report_rows(HOUR, now=at(60))[1], records.slices(Table.repairs, HOUR)
                list(rows[what == "export"])
        finally:
            ended.set()

    reading = asyncio.create_task(store.read(read_for_ever))
    await asyncio.to_thread(begun.wait)

    reading.cancel()

    with pytest.raises(asyncio.CancelledError):
        await reading
    await asyncio.to_thread(ended.wait)


numbers = st.integers(1, 3)
statuses = st.builds(
    StatusChange,
    numbers,
    st.integers(-25, 70).map(at),
    st.sampled_from(["ok", "broken", None]),
    st.sampled_from([None, 0.0, 1200.5]),
)
STEPS: Final = [0, 1, 999, 1_000, 30_000, 59_999, 60_000, 60_001, 400_000]
spans = st.builds(
    lambda since, length: Span(since, since + length),
    st.integers(at(-3), at(20)),
    st.one_of(st.integers(1, 3 * MINUTE), st.integers(1, 60 * MINUTE)),
)


@st.composite
def measured(draw: st.DrawFn) -> list[Reading]:
    """Draw the readings of three turbines, each one's in order, near each other and behind gaps, some received late."""
    found: list[Reading] = []
    for number in (1, 2, 3):
        moment = at(draw(st.integers(-3, 3)))
        for step, power, late in draw(
            st.lists(
                st.tuples(
                    st.sampled_from(STEPS),
                    st.sampled_from([0.0, 600.5, 2000.0]),
                    st.sampled_from([5, 90_000]),
                ),
                max_size=15,
            )
        ):
            moment += step
            found.append(Reading(number, moment, 8.0, power, "ok", moment + late))
    return sorted(found, key=lambda row: row.measured_at)


@st.composite
def tries(draw: st.DrawFn) -> list[Repair]:
    """Draw the assignments of three turbines, each one's one after the other, some at the same failure."""
    found: list[Repair] = []
    for number in (1, 2, 3):
        end = broken = -40
        for waits, works, is_next in draw(
            st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9), st.booleans()), max_size=6)
        ):
            broken = end if is_next else broken
            begin, end = end + waits, end + waits + works
            outcome = "repaired" if is_next else "timed_out"
            found.append(Repair(0, number, works + 1, at(broken), at(begin), at(end), outcome))
    return [row._replace(id=place) for place, row in enumerate(found, start=1)]


KNOWN: Final = Collected(at(-30), at(200))


class Story(NamedTuple):
    """What is written, so many readings of it rolled up, and the range that is asked for."""

    readings: list[Reading]
    rolled_up: int
    statuses: list[StatusChange]
    repairs: list[Repair]
    span: Span


stories = st.builds(Story, measured(), st.integers(0, 45), st.lists(statuses, max_size=30), tries(), spans)


@settings(max_examples=8, derandomize=True, deadline=None)
@given(stories)
def test_both_stores_tell_the_same(tmp_path_factory: pytest.TempPathFactory, story: Story) -> None:
    path = tmp_path_factory.mktemp("both") / "gridws.db"

    sqlite, memory = asyncio.run(told_by(story, SqliteStore(path, settings=KEEPING)))

    assert_same(sqlite, memory)
    assert_times_are_those_of_all_rows(story.statuses, story.span, sqlite[1])


@settings(
    max_examples=8,
    derandomize=True,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(stories)
def test_postgres_tells_the_same(postgres_server: Server, story: Story) -> None:
    async def both() -> list[tuple[Any, ...]]:
        url = await postgres_server.create("told", "template_gridws")
        try:
            return await told_by(story, PostgresStore(url, settings=KEEPING))
        finally:
            await postgres_server.drop("told")

    postgres, memory = asyncio.run(both())

    assert_same(postgres, memory)


def assert_same(found: tuple[Any, ...], expected: tuple[Any, ...]) -> None:
    assert found[0] == expected[0] == KNOWN
    assert [row[:3] for row in found[1]] == [row[:3] for row in expected[1]]
    energies = [[row.energy_in_kwh for row in rows] for rows in (found[1], expected[1])]
    assert energies[0] == pytest.approx(energies[1])
    assert found[2:] == expected[2:]


KEEPING: Final = MonitorSettings(retain_readings=None)


async def told_by(story: Story, store: AnyStore) -> list[tuple[Any, ...]]:
    return [await told(each, story) for each in (store, MemoryStore(settings=KEEPING))]


async def told(store: AnyStore, story: Story) -> tuple[Any, ...]:
    """Write the story and return all that is told of its range."""
    await store.open(now=at(-40))
    await store.write(
        Batch(
            story.readings[: story.rolled_up],
            links=[FIRST_LINK],
            statuses=story.statuses,
            repairs=story.repairs,
        )
    )
    await store.maintain(now=at(200))
    await store.write(Batch(story.readings[story.rolled_up :]))

    def everything(records: Records) -> tuple[Any, ...]:
        known, rows = records.report_rows(story.span, now=at(200))
        tables = [
            [row for piece in records.slices(table, story.span) for row in map(tuple, piece.rows)]
            for table in Table
        ]
        return known, [row._replace(statuses=list(row.statuses)) for row in rows], *tables

    found = await store.read(everything)
    await store.close()
    return found


def assert_times_are_those_of_all_rows(
    changes: list[StatusChange], span: Span, rows: Sequence[TurbineRows]
) -> None:
    in_order = sorted((row for row in changes if row.at < span.until), key=lambda row: row.at)
    of_each = [[row for row in in_order if row.turbine_number == number] for number in (1, 2, 3)]
    expected = make_report((TurbineRows(r[0].turbine_number, r, [], 0.0) for r in of_each if r), span, KNOWN)
    found = make_report(
        [row._replace(repairs=[], energy_in_kwh=0.0) for row in rows if row.statuses], span, KNOWN
    )
    assert found == expected


def plain_sum(rows: Sequence[Reading], span: Span) -> float:
    """Return what a turbine's readings, in their order, say that it delivered in the range, in kWh."""
    steps = [(row, max(before.measured_at, row.measured_at - MINUTE)) for before, row in pairwise(rows)]
    return sum(
        row.power_output_in_kwh * span.cut(begin, row.measured_at).length / 3_600_000 for row, begin in steps
    )


@settings(max_examples=8, derandomize=True, deadline=None)
@given(measured(), st.integers(0, 45), st.lists(spans, min_size=5, max_size=20))
def test_energy_is_a_plain_sum_over_the_readings(
    tmp_path_factory: pytest.TempPathFactory, rows: list[Reading], rolled_up: int, ranges: list[Span]
) -> None:
    path = tmp_path_factory.mktemp("energy") / "gridws.db"

    async def energies() -> list[float]:
        store = SqliteStore(path, settings=MonitorSettings(retain_readings=None))
        await store.open(now=at(-40))
        await store.write(Batch(rows[:rolled_up], links=[FIRST_LINK]))
        await store.maintain(now=at(200))
        await store.write(Batch(rows[rolled_up:]))
        found = [(await report_from(store, span, now=at(200))).fleet.energy_in_kwh for span in ranges]
        await store.close()
        return found

    of_each = [[row for row in rows if row.turbine_number == number] for number in (1, 2, 3)]
    assert asyncio.run(energies()) == [
        pytest.approx(sum(plain_sum(own, span) for own in of_each)) for span in ranges
    ]
