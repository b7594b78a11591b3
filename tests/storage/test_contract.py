"""What every store promises."""

from __future__ import annotations

import pytest

from gridws.clock import Belief
from gridws.errors import StoreFailed
from gridws.settings import MonitorSettings
from gridws.storage.batches import Batch
from gridws.storage.memory import MemoryStore
from gridws.storage.rows import Cursor, Event, Hold, LinkRow, Name, Names, Repair, StatusChange

from .conftest import NOW, AnyStore, Restart
from .rows import ALWAYS, moved, reading


async def test_a_reading_comes_back_as_it_was_written(store: AnyStore) -> None:
    row = reading(wind_speed=0.1 + 0.2, power_output_in_kwh=1e-300, operational_status="broken")

    await store.write(Batch(readings=[row]))

    assert await store.readings(7, **ALWAYS) == [row]


async def test_readings_come_newest_first_and_within_the_span(store: AnyStore) -> None:
    rows = [reading(after=after) for after in (0, 1_000, 2_000, 3_000, 400_000)]

    await store.write(Batch(readings=rows))

    assert await store.readings(7, since=NOW + 1_000, until=NOW + 400_000, limit=2) == [rows[3], rows[2]]


async def test_only_the_turbine_asked_for_is_answered(store: AnyStore) -> None:
    await store.write(Batch(readings=[reading(7), reading(8), reading(9)]))

    assert await store.readings(8, **ALWAYS) == [reading(8)]


async def test_several_readings_may_bear_the_same_moment(store: AnyStore) -> None:
    rows = [reading(wind_speed=speed) for speed in (1.0, 2.0, 2.0)]

    await store.write(Batch(readings=rows))

    assert await store.readings(7, **ALWAYS) == rows[::-1]


async def test_a_cursor_wanted_is_read_after_the_commit(store: AnyStore) -> None:
    batch = Batch(readings=[reading()], cursors=moved({(7, "s"): 41}), wanted=[(7, "s"), (8, "s")])

    written = await store.write(batch)

    assert written.cursors == {(7, "s"): 41, (8, "s"): None}


async def test_a_stream_that_was_opened_twice_in_one_batch_has_one_cursor(store: AnyStore) -> None:
    for first in (1, 3):  # unknown before, and known
        twice = {Cursor((7, "s")): first + 1, Cursor((7, "s")): first}
        written = await store.write(Batch(cursors=twice, wanted=[(7, "s")]))

        assert written.cursors == {(7, "s"): first + 1}
        assert written.rejected == 0


async def test_a_cursor_never_goes_back(store: AnyStore) -> None:
    await store.write(Batch(cursors=moved({(7, "s"): 41})))

    written = await store.write(Batch(cursors=moved({(7, "s"): 5}), wanted=[(7, "s")]))

    assert written.cursors == {(7, "s"): 41}


async def test_a_later_row_of_a_repair_replaces_the_earlier_one(store: AnyStore) -> None:
    begun = Repair(1, 7, 2, NOW, NOW)
    ended = begun._replace(ended_at=NOW + 5, outcome="repaired")

    await store.write(Batch(repairs=[begun, Repair(2, 8, 1, NOW, NOW), ended]))

    assert await store.repairs(limit=10) == [Repair(2, 8, 1, NOW, NOW), ended]


@pytest.mark.parametrize("limit", [0, 1, 2, 10])
async def test_repairs_are_found_by_turbine_and_by_time(store: AnyStore, limit: int) -> None:
    old = Repair(1, 7, 1, NOW, NOW, NOW + 10, "repaired")
    new = Repair(2, 7, 1, NOW, NOW, NOW + 20, "repaired")
    running = Repair(3, 7, 1, NOW, NOW)
    other = Repair(4, 8, 2, NOW, NOW)
    await store.write(Batch(repairs=[old, new, running, other]))

    assert await store.repairs(turbine_number=7, since=NOW + 20, limit=limit) == [running, new][:limit]
    assert await store.repairs(since=NOW + 20, limit=limit) == [other, running, new][:limit]


async def test_status_changes_come_in_their_order(store: AnyStore) -> None:
    changes = [StatusChange(7, NOW + at, "ok", 5.5) for at in (3, 1, 2)]

    await store.write(Batch(statuses=changes))

    assert await store.statuses(since=NOW + 2, until=NOW + 4) == [changes[0], changes[2]]


HOLD = Event(NOW, "hold", 7, until=NOW + 5_000, text="gearbox exchange", by="ann")


async def test_events_come_newest_first_with_ids_in_the_order_of_writing(store: AnyStore) -> None:
    rows = [HOLD, Event(NOW + 1, "roster", engineers=5), Event(NOW + 1, "note", 8, text="ice"), HOLD]

    await store.write(Batch(events=rows))

    hold, roster, note, again = (row._replace(id=place) for place, row in enumerate(rows, start=1))
    assert await store.events(limit=10) == [note, roster, again, hold]
    assert await store.events(since=NOW + 1, until=NOW + 2, limit=1) == [note]
    assert await store.events(turbine_number=7, limit=10) == [again, hold]


async def test_an_event_that_no_database_takes_changes_nothing(again: Restart) -> None:
    store = again()
    await store.open(now=NOW)
    written = await store.write(Batch(events=[HOLD._replace(text="\ud800"), HOLD._replace(turbine_number=8)]))
    await store.close()

    opened = await again().open(now=NOW)

    assert (written.rejected, list(opened.holds)) == (1, [8])


async def test_the_count_of_engineers_outlives_a_restart(again: Restart) -> None:
    store = again()
    fresh = await store.open(now=NOW)
    await store.write(Batch(events=[Event(NOW, "roster", engineers=count) for count in (5, 4)]))
    await store.close()

    opened = await again().open(now=NOW)

    assert (fresh.engineers, opened.engineers) == (None, 4)


async def test_a_hold_outlives_a_restart_until_it_is_ended(again: Restart) -> None:
    store = again()
    await store.open(now=NOW)
    by_hand = Event(NOW, "hold", 8, until=None)
    ended = [Event(NOW, "hold", 9), Event(NOW + 1, "hold_ended", 9)]
    await store.write(Batch(events=[HOLD._replace(text="oil"), HOLD, by_hand, *ended]))
    await store.close()

    opened = await again().open(now=NOW + 60_000)

    assert opened.holds == {
        7: Hold(NOW, NOW + 5_000, "gearbox exchange", "ann"),
        8: Hold(NOW, None, None, None),
    }
    assert opened.last_seen_at == {}


async def test_names_outlive_a_restart_until_they_are_taken_away(again: Restart) -> None:
    store = again()
    await store.open(now=NOW)
    names = [
        Event(NOW, "name", turbine_number=7, name="Anna", site="north"),
        Event(NOW, "name", turbine_number=8, name="Berta"),
        Event(NOW, "name", turbine_number=8),
        Event(NOW, "name", engineer_id=2, site="south"),
    ]
    await store.write(Batch([reading(7)], events=names))
    await store.close()

    opened = await again().open(now=NOW)

    assert opened.names == Names({7: Name("Anna", "north")}, {2: Name(None, "south")})
    assert opened.last_readings == {7: reading(7)}


async def test_rows_from_before_do_not_bring_a_forgotten_turbine_back(again: Restart) -> None:
    store = again()
    await store.open(now=NOW)
    await store.write(
        Batch(readings=[reading(7), reading(8)], events=[Event(NOW + 10, "forgotten", n) for n in (7, 8)])
    )
    late = [LinkRow(n, n, NOW - 5, NOW + 5, "lost") for n in (7, 8)]
    await store.write(Batch(links=late, statuses=[StatusChange(8, NOW + 11, "ok", None)]))
    await store.maintain(now=NOW + 60_000)
    await store.close()

    opened = await again().open(now=NOW + 60_000)

    assert opened.last_seen_at == {8: NOW + 11}


async def upkeep(store: AnyStore, *, times: int) -> None:
    for _ in range(times):
        await store.maintain(now=NOW + 60_000)


async def test_erased_readings_go_with_their_minutes_and_no_others(again: Restart) -> None:
    store = again()
    await store.open(now=NOW)
    old = [reading(number, after) for after in (0, 1_000, 90_000) for number in (7, 8)]
    replayed = reading(7, measured_at=NOW - 9_999_999)
    erased = Event(NOW + 100_000, "erased", 7)
    await store.write(Batch(readings=[*old, replayed], events=[erased]))
    await upkeep(store, times=1)
    await store.close()
    store = again()
    await store.open(now=NOW + 100_000)
    later = reading(7, 240_000)
    await store.write(Batch(readings=[later]))

    await upkeep(store, times=9)

    assert await store.readings(7, **ALWAYS) == [later]
    assert len(await store.readings(8, **ALWAYS)) == 3
    assert len(await store.minutes(8, since=0, until=2**53)) == 2
    assert await store.minutes(7, since=0, until=NOW + 200_000) == []
    await store.close()


async def test_a_forgotten_turbine_is_not_known_any_more(again: Restart) -> None:
    store = again()
    await store.open(now=NOW)
    named = Event(NOW, "name", 7, name="Anna")
    await store.write(Batch([reading(7), reading(8)], events=[HOLD, named]))
    lost = LinkRow(1, 7, NOW, NOW + 1, "lost")
    await store.write(Batch(links=[lost], events=[Event(NOW + 1, "forgotten", 7)]))
    kept = await store.readings(7, **ALWAYS)
    await store.close()

    opened = await again().open(now=NOW + 1_000)

    assert (opened.last_seen_at, opened.holds, opened.names.turbines) == ({8: NOW}, {}, {})
    assert kept == [reading(7)]


POISON = [
    {"wind_speed": float("nan")},
    {"measured_at": 2**64},
    {"operational_status": "\ud800"},
    {"power_output_in_kwh": None},
    {"turbine_number": None},
]


@pytest.mark.parametrize("poison", POISON)
async def test_a_row_that_no_database_takes_is_rejected_alone(
    store: AnyStore, poison: dict[str, object]
) -> None:
    rows = [reading(after=after * 1_000) for after in range(600)]
    bad = reading(after=77)._replace(**poison)  # type: ignore[arg-type]

    written = await store.write(
        Batch([*rows[:300], bad, *rows[300:]], moved({(7, "s"): 601}), wanted=[(7, "s")])
    )

    assert (written.rejected, written.cursors) == (1, {(7, "s"): 601})
    assert await store.readings(7, **ALWAYS) == rows[::-1]


async def test_an_empty_batch_is_written(store: AnyStore) -> None:
    written = await store.write(Batch())

    assert (written.cursors, written.rejected) == ({}, 0)


async def test_after_a_clean_end_ids_go_on_without_a_gap(again: Restart) -> None:
    store = again()
    begun = await store.open(now=NOW)
    link = begun.last_link_id + 9
    await store.write(Batch(repairs=[Repair(5, 7, 1, NOW, NOW)], links=[LinkRow(link, 7, NOW)]))
    await store.close()

    opened = await again().open(now=NOW + 1_000)

    assert opened.last_assignment_id == 5
    assert opened.last_link_id in {link, begun.last_link_id + 2**32}  # or each run has a block of its own


async def test_after_an_end_with_rows_left_behind_no_id_is_used_again(again: Restart) -> None:
    store = again()
    await store.open(now=NOW)
    await store.write(Batch(repairs=[Repair(5, 7, 1, NOW, NOW)], links=[LinkRow(9, 7, NOW)]))
    await store.close(complete=False)

    opened = await again().open(now=NOW + 1_000)

    assert opened.last_assignment_id > 1_000
    assert opened.last_link_id > 1_000


async def test_a_turbine_is_known_by_its_last_reading_after_a_restart(again: Restart) -> None:
    store = again()
    await store.open(now=NOW)
    await store.write(Batch(readings=[reading(7), reading(7, 1_000), reading(8)]))
    await store.close()

    opened = await again().open(now=NOW + 2_000)

    assert opened.last_readings == {7: reading(7, 1_000), 8: reading(8)}
    assert opened.last_seen_at == {7: NOW + 1_000, 8: NOW}


async def test_a_turbine_not_seen_for_long_is_not_shown(again: Restart) -> None:
    store = again()
    await store.open(now=NOW)
    await store.write(Batch(readings=[reading(7)]))
    await store.close()
    shown_for = int(MonitorSettings().turbines_shown_for * 1000)

    opened = await again().open(now=NOW + shown_for + 1)

    assert (opened.last_readings, opened.last_seen_at) == ({}, {})


async def test_a_run_knows_when_the_one_before_was(again: Restart) -> None:
    store = again()
    fresh = await store.open(now=NOW)
    await store.close()

    opened = await again().open(now=NOW + 1_000)

    assert (fresh.belief, opened.belief) == (None, Belief(NOW))


DAY = 86_400_000
DOUBT = Belief(NOW + 2_000, NOW + 1_000, 30 * DAY)


async def test_a_run_goes_on_with_the_time_and_the_doubt_of_the_one_before(again: Restart) -> None:
    store = again()
    await store.open(now=NOW)
    await store.write(Batch(readings=[reading(7)]))
    await store.maintain(now=NOW + 2_000, belief=DOUBT)
    await store.write(Batch(readings=[reading(7, 30 * DAY + 2_000)]))
    await store.close()

    second = again()
    opened = await second.open(now=NOW + 30 * DAY + 3_000)
    await second.write(Batch(readings=[reading(7, 30 * DAY + 3_000)]))
    await second.close()
    third = await again().open(now=NOW + 30 * DAY + 4_000)

    assert (opened.belief, third.belief) == (DOUBT, DOUBT)


async def test_what_a_run_left_open_ends_by_the_clock_by_which_it_began(again: Restart) -> None:
    store = again()
    await store.open(now=NOW)
    await store.write(Batch(repairs=[Repair(1, 7, 1, NOW, NOW)], links=[LinkRow(1, 7, NOW)]))
    await store.maintain(now=NOW + 2_000, belief=DOUBT)
    later = NOW + 30 * DAY + 2_000
    await store.write(Batch(repairs=[Repair(2, 8, 2, later, later)], links=[LinkRow(2, 8, later)]))
    # It waits since before the clock was set, so its times are as much later as that truly was.
    await store.write(Batch(repairs=[Repair(3, 9, 3, NOW, NOW + 2_500)]))
    await store.write(Batch(readings=[reading(7, 30 * DAY + 5_000)]))

    await store.close()
    after = again()
    await after.open(now=later + DAY)

    ended = {row.id: row.ended_at for row in await after.repairs(limit=10)}
    assert ended == {1: NOW + 2_000, 2: NOW + 30 * DAY + 5_000, 3: NOW + 2_500}


async def test_a_turbine_with_a_link_but_no_reading_has_been_seen(again: Restart) -> None:
    store = again()
    await store.open(now=NOW)
    await store.write(Batch(links=[LinkRow(1, 7, NOW, NOW + 500, "lost")]))
    await store.close()

    opened = await again().open(now=NOW + 1_000)

    assert (opened.last_readings, opened.last_seen_at) == ({}, {7: NOW + 500})


async def test_minutes_tell_mean_least_and_most(store: AnyStore) -> None:
    start = NOW - NOW % 60_000
    powers = (100.0, 200.0, 600.0)
    rows = [
        reading(measured_at=start + place * 10_000, power_output_in_kwh=power)
        for place, power in enumerate(powers)
    ]
    await store.write(Batch(readings=rows))
    await store.maintain(now=NOW + 60_000)

    (minute,) = await store.minutes(7, since=0, until=2**53)

    assert (minute.at, minute.readings, minute.ok_readings) == (start, 3, 3)
    assert minute[7:10] == (300.0, 100.0, 600.0)
    assert minute.energy_in_kwh == pytest.approx((200.0 + 600.0) * 10 / 3600)


async def test_the_power_of_the_fleet_adds_up_the_means_of_the_turbines(store: AnyStore) -> None:
    rows = [reading(number, power_output_in_kwh=power) for number, power in ((1, 10.0), (1, 30.0), (2, 5.0))]
    await store.write(Batch(readings=rows))
    await store.maintain(now=NOW + 60_000)

    (minute,) = await store.fleet_minutes(since=0, until=2**53)

    assert (minute.turbines, minute.readings, minute.power_output_in_kwh) == (2, 3, 25.0)


async def test_old_readings_are_deleted_by_their_receipt_and_cursors_stay(again: Restart) -> None:
    store = again()
    await store.open(now=NOW)
    retained = int((MonitorSettings().retain_readings or 0) * 1000)
    replayed = reading(8, measured_at=NOW - 10 * retained, received_at=NOW + 2 * DAY)
    ahead = reading(9, measured_at=NOW + retained)
    await store.write(Batch(readings=[reading(7), replayed, ahead], cursors=moved({(7, "s"): 3})))

    await store.maintain(now=NOW + retained + DAY + 61_000)
    await store.maintain(now=NOW + retained + DAY + 61_001)
    await store.maintain(now=NOW + retained + DAY + 61_002)
    written = await store.write(Batch(wanted=[(7, "s")]))

    assert await store.readings(7, **ALWAYS) == []
    assert await store.readings(8, **ALWAYS) == [replayed]
    assert await store.readings(9, **ALWAYS) == []
    assert written.cursors == {(7, "s"): 3}
    await store.close()


async def test_a_failing_write_keeps_nothing() -> None:
    store = MemoryStore(failure="the disk is full")
    await store.open(now=NOW)

    with pytest.raises(StoreFailed, match="the disk is full"):
        await store.write(Batch([reading()], moved({(7, "s"): 1}), [Repair(1, 7, 1, NOW, NOW)]))

    store.failure = None
    written = await store.write(Batch(wanted=[(7, "s")]))
    assert written.cursors == {(7, "s"): None}
    assert (await store.readings(7, **ALWAYS), await store.repairs(limit=10)) == ([], [])
