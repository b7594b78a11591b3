"""Monitors that share a pool: what turbines see of it, whatever happens to monitors and to the log."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from memory_log import Fate, SharedLog
from virtual_time import run

from gridws.dispatch import Naming
from gridws.errors import NotDecided, StoreUnusable
from gridws.several import chores, loading, replica
from gridws.several.log import Beat
from gridws.words import Outcome

from .monitors import LEASE, Monitor, Turbine, place, settled

FENCED = LEASE - LEASE / 6
EVICTED = LEASE + LEASE / 6 + 0.5


async def seconds_until(turbine: Turbine, *, engineer: int | None, within: float = 60.0) -> float:
    """Return how long it takes until this engineer, or nobody, is at a turbine."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    async with asyncio.timeout(within):
        while turbine.engineer != engineer:  # noqa: ASYNC110 - a list tells nobody
            await asyncio.sleep(0.01)
    return loop.time() - began


def test_an_engineer_that_comes_free_at_one_monitor_goes_to_the_turbine_at_the_other() -> None:
    async def story() -> None:
        async with place() as here:
            a, b = await here.monitor(), await here.monitor()
            first, second = a.turbine(7).says("broken"), b.turbine(8).says("broken")
            await settled()
            assert (first.engineers, second.engineers) == ([1], [])

            first.says("ok")
            await settled()

            assert second.engineers == [1]

    run(story())


def test_an_answer_takes_no_longer_than_the_log() -> None:
    async def story() -> None:
        async with place() as here:
            a = await here.monitor()
            a.client.delay = 0.002
            turbine = a.turbine(7).says("broken")
            assert await seconds_until(turbine, engineer=1) <= 0.02

    run(story())


def test_the_first_that_broke_is_the_first_served_across_monitors() -> None:
    async def story() -> None:
        async with place() as here:
            a, b = await here.monitor(), await here.monitor()
            turbines = []
            for number in range(1, 7):
                turbines.append((a, b)[number % 2].turbine(number).says("broken"))
                await settled()
            for turbine in turbines:
                assert turbine.engineers == [1]
                turbine.says("ok")
                await settled()

    run(story())


def test_a_turbine_that_comes_to_another_monitor_loses_its_older_link_and_its_engineer() -> None:
    async def story() -> None:
        async with place() as here:
            a, b = await here.monitor(), await here.monitor()
            old = a.turbine(7).says("broken")
            await settled()
            new = b.turbine(7).says("broken")
            await settled()

            assert old.link.close_code == 4001
            assert new.engineers == [1]
            assert [row.outcome for row in a.repairs.values()] == ["superseded"]

    run(story())


def test_a_monitor_that_is_killed_is_missed_after_a_lease_and_its_repairs_are_settled() -> None:
    async def story() -> None:
        async with place() as here:
            a, b = await here.monitor(), await here.monitor()
            a.turbine(7).says("broken")
            await settled()
            waits = b.turbine(8).says("broken")
            await settled()

            a.die()
            seconds = await seconds_until(waits, engineer=1)
            await settled()

            assert LEASE - LEASE / 6 <= seconds <= EVICTED
            assert b.repairs[1].outcome == "disconnected"
            assert here.log.settled == [1]

    run(story())


def test_turbines_of_a_killed_monitor_that_come_to_another_one_are_not_waited_for() -> None:
    async def story() -> None:
        async with place() as here:
            a, b = await here.monitor(), await here.monitor()
            a.turbine(7).says("broken")
            await settled()
            a.die()

            back = b.turbine(7).says("broken")
            seconds = await seconds_until(back, engineer=1)
            await settled()

            assert seconds < 0.5
            assert b.repairs[1].outcome == "superseded"

    run(story())


def test_a_monitor_that_stops_ends_its_own_repairs_and_nobody_elses() -> None:
    async def story() -> None:
        async with place() as here:
            a, b = await here.monitor(engineers=2), await here.monitor()
            a.turbine(7).says("broken")
            other = b.turbine(8).says("broken")
            await settled()

            await a.stop()
            await settled()

            assert a.repairs[1].outcome == "monitor_stopped"
            assert other.withdrawals == []
            assert list(here.log.lives) == [2]

    run(story())


def test_a_monitor_that_is_cut_off_calls_back_before_others_send() -> None:
    async def story() -> None:
        async with place() as here:
            a, b = await here.monitor(), await here.monitor()
            cut = a.turbine(7).says("broken")
            await settled()
            waits = b.turbine(8).says("broken")
            await settled()

            a.client.cut = True
            called_back = await seconds_until(cut, engineer=None)
            trouble = a.port.trouble
            given_again = called_back + await seconds_until(waits, engineer=1)

            assert cut.withdrawals == ["disconnected"]
            assert cut.link.closed is None
            assert FENCED - 1.0 <= called_back <= FENCED
            assert called_back < given_again <= EVICTED
            assert trouble == "no beat was answered within the lease"

            a.client.cut = False
            await a.joined()
            waits.says("ok")
            await settled()
            assert cut.engineer == 1

    run(story())


def test_a_monitor_that_comes_back_says_again_how_its_turbines_are() -> None:
    """Others may have written that nothing is known of them; of a turbine that went elsewhere it has nothing to say."""

    async def story() -> None:
        async with place() as here:
            a, b = await here.monitor(), await here.monitor()
            a.turbine(7).says("ok")
            moves = a.turbine(8).says("ok")
            await settled()
            before = len(a.store.status_rows)

            b.turbine(8).says("ok")
            await settled()
            assert moves.link.close_code == 4001
            assert len(a.store.status_rows) == before

            a.client.cut = True
            await asyncio.sleep(2 * LEASE)
            a.client.cut = False
            await a.joined()
            await settled()

            again = a.store.status_rows[before:]
            assert [(row.turbine_number, row.operational_status) for row in again] == [(7, "ok")]

    run(story())


def test_while_the_log_is_away_for_less_than_the_lease_nobody_is_called_back() -> None:
    async def story() -> None:
        async with place() as here:
            a, b = await here.monitor(engineers=2), await here.monitor()
            served = a.turbine(7).says("broken")
            await settled()

            a.client.cut = b.client.cut = True
            new = b.turbine(8).says("broken")
            served.says("ok")
            served.says("broken")
            await asyncio.sleep(FENCED - 2.0)
            meanwhile = served.withdrawals, new.engineers, b.port.trouble
            a.client.cut = b.client.cut = False
            await settled()

            assert meanwhile == ([], [], "cannot be reached")
            assert (a.port.trouble, b.port.trouble) == (None, None)
            assert new.engineer is not None
            assert len(served.engineers) == 2  # it was ok in between: whoever was there had gone

    run(story())


def test_after_a_long_outage_everything_is_said_anew_and_no_link_was_lost() -> None:
    async def story() -> None:
        async with place() as here:
            a, b = await here.monitor(engineers=2), await here.monitor()
            turbines = [a.turbine(7).says("broken"), b.turbine(8).says("broken")]
            await settled()

            a.client.cut = b.client.cut = True
            await asyncio.sleep(3 * LEASE)
            assert [turbine.engineer for turbine in turbines] == [None, None]
            a.client.cut = b.client.cut = False
            await a.joined()
            await b.joined()
            await settled()

            assert [turbine.engineers for turbine in turbines] in ([[1, 1], [2, 2]], [[1, 2], [2, 1]])
            assert [turbine.link.closed for turbine in turbines] == [None, None]
            assert a.port._following.evictions + b.port._following.evictions == 0

    run(story())


@pytest.mark.parametrize("fate", list(Fate))
def test_an_append_of_which_nothing_is_known_counts_once_and_calls_nobody_back(fate: Fate) -> None:
    async def story() -> None:
        async with place() as here:
            a, b = await here.monitor(engineers=2), await here.monitor()
            served = a.turbine(7).says("broken")
            await settled()

            a.client.fates.append(fate)
            a.grid.change_roster(5)
            await settled()
            b.grid.change_roster(1)
            await settled()

            assert served.withdrawals == []
            assert a.grid.engineer_count == b.grid.engineer_count == 1

    run(story())


@pytest.mark.parametrize("fate", list(Fate))
def test_a_joining_of_which_nothing_is_known_is_one(fate: Fate) -> None:
    async def story() -> None:
        async with place() as here:
            a = await here.monitor()
            served = a.turbine(7).says("broken")
            await settled()
            b = Monitor(here)
            here.monitors.append(b)
            b.client.fates.append(fate)
            await b.start()
            waits = b.turbine(8).says("broken")
            await settled()
            served.says("ok")
            await settled()

            assert waits.engineers == [1]
            assert len(here.log.lives) == 2

    run(story())


def test_what_a_person_asks_of_one_is_known_to_all_and_kept_by_that_one() -> None:
    async def story() -> None:
        async with place() as here:
            a, b = await here.monitor(), await here.monitor()
            a.grid.change_roster(4, by="ann")
            a.grid.hold(9, reason="works", until=None, by="ann")
            a.grid.remarks.name([Naming(7, None, "West 3", "Westermarsch")], a.clock.now(), by="ann")
            a.grid.remarks.note("storm ahead", a.clock.now())
            await a.grid.kept()
            await settled()

            assert [event.kind for event in a.store.event_rows] == ["roster", "hold", "name", "note"]
            assert b.store.event_rows == []
            for monitor in (a, b):
                assert monitor.grid.engineer_count == 4
                assert monitor.grid.fleet_state.hold_of(9) is not None
                assert monitor.grid.fleet_state.name_of(7).name == "West 3"

    run(story())


def test_a_person_is_told_that_nothing_is_done_yet_while_the_log_is_away() -> None:
    async def story() -> None:
        async with place() as here:
            a = await here.monitor()
            a.client.cut = True
            await settled()

            a.grid.change_roster(4)
            with pytest.raises(NotDecided, match="not in force yet: cannot be reached"):
                await a.grid.kept()
            a.client.cut = False
            await a.joined()
            await settled()

            assert a.grid.engineer_count == 4

    run(story())


def test_what_people_said_and_who_broke_first_outlive_all_monitors() -> None:
    async def story() -> None:
        async with place() as here:
            a, b = await here.monitor(engineers=2), await here.monitor()
            a.grid.change_roster(0)
            a.grid.hold(9, reason="works", until=None)
            a.grid.remarks.name([Naming(7, None, "West 3", None)], a.clock.now())
            for number in (5, 4, 6):
                a.turbine(number).says("broken")
                await settled()
            a.grid.put_next(6)
            await settled()
            await b.stop()
            a.die()

            c = await here.monitor(engineers=3)
            back = {number: c.turbine(number).says("broken") for number in (4, 5, 6)}
            await settled()
            served = []
            c.grid.change_roster(1)
            for _ in back:
                await settled()
                served += [
                    number for number, turbine in back.items() if turbine.engineer and number not in served
                ]
                back[served[-1]].says("ok")

            assert served == [6, 5, 4]
            assert c.grid.fleet_state.hold_of(9) is not None
            assert c.grid.fleet_state.name_of(7).name == "West 3"

    run(story())


def test_a_hold_ends_by_the_clock_also_where_nobody_lived_meanwhile() -> None:
    async def story() -> None:
        async with place() as here:
            a = await here.monitor()
            until = a.clock.now().at + 3_600_000
            a.grid.hold(9, until=until)
            await settled()
            await a.stop()
            a.clock.ahead = 0.0
            await asyncio.sleep(3_000.0)

            b = await here.monitor()
            b.turbine(9).says("broken")
            await asyncio.sleep(500.0)
            held = b.grid.fleet_state.hold_of(9)
            await asyncio.sleep(120.0)

            assert held is not None
            assert b.grid.fleet_state.hold_of(9) is None

    run(story())


def test_stored_times_go_on_where_all_monitors_were_down_for_a_moment() -> None:
    """By a pool time that stood still meanwhile the wall clock would seem to have been set, and repairs to overlap."""

    async def story() -> None:
        async with place() as here:
            a = await here.monitor()
            a.turbine(7).says("broken")
            a.turbine(8).says("broken")
            await settled()
            await a.stop()
            await asyncio.sleep(3.0)
            b = Monitor(here)
            b.clock.ahead = a.clock.ahead
            here.monitors.append(b)
            await b.start()
            first = b.turbine(7).says("broken")
            b.turbine(9).says("broken")
            await settled()
            first.says("ok")
            await settled()

            before, after = b.repairs[2], b.repairs[3]
            assert (before.turbine_number, after.turbine_number) == (7, 9)
            assert before.ended_at is not None
            assert abs(before.ended_at - after.assigned_at) < 500

    run(story())


def test_a_repair_that_takes_too_long_is_ended_once() -> None:
    async def story() -> None:
        async with place(repair_timeout=20.0) as here:
            a, b = await here.monitor(), await here.monitor()
            first, second = a.turbine(7).says("broken"), b.turbine(8).says("broken")
            await settled()
            await asyncio.sleep(21.0)

            assert first.withdrawals == ["timed_out"]
            assert second.engineers == [1]
            assert a.repairs[1].outcome == "timed_out"

    run(story())


def test_a_log_that_lost_its_end_is_loaded_again_and_everybody_is_sent_anew() -> None:
    async def story() -> None:
        async with place() as here:
            a, b = await here.monitor(engineers=2), await here.monitor()
            turbines = [a.turbine(7).says("broken"), b.turbine(8).says("broken")]
            await settled()

            del here.log.entries[-2:]  # a failover to a standby that was behind
            a.grid.change_roster(2)
            b.grid.change_roster(2)
            await asyncio.sleep(2 * LEASE)

            assert all(turbine.engineer for turbine in turbines)
            assert all(turbine.withdrawals == ["disconnected"] for turbine in turbines)
            assert (a.port._following.splits, b.port._following.splits) == (1, 1)

    run(story())


def test_a_monitor_that_thaws_sends_nothing_before_it_has_joined_anew() -> None:
    """While it stood still others evicted it; what it reads then is about a member that it is no more."""

    async def story() -> None:
        async with place() as here:
            a, b = await here.monitor(), await here.monitor()
            thawed = a.turbine(7)
            held_up = b.turbine(8).says("broken")
            await settled()
            thawed.says("broken")
            await settled()

            a.client.delay = 3 * LEASE  # nothing that it asks for comes back
            a.port._following.membership.lease.end()  # and its clock has seen its lease run out
            held_up.says("ok")
            await asyncio.sleep(3 * LEASE + 1)
            a.client.delay = 0.0
            before = list(thawed.engineers)
            await a.joined()
            await settled()

            assert before == []
            assert thawed.engineer == 1

    run(story())


def test_the_rows_of_repairs_that_nobody_could_end_are_ended_soon() -> None:
    async def story() -> None:
        async with place() as here:
            a, b = await here.monitor(), await here.monitor()
            turbine = a.turbine(7).says("broken")
            await settled()
            assignment = a.port.pool.assignment_of(7)
            assert assignment is not None
            turbine.says("ok")
            await settled()
            here.log.open_rows = [assignment, replace(assignment, id=99)]
            a.repairs.clear()
            for _ in range(13):  # other chores, which never let a minute pass without any
                a.port._following.chores.evicted(5)
                await asyncio.sleep(chores.COMPARE_EVERY / 10)

            settled_by = [m for m in (a, b) if 1 in m.repairs and m.repairs[1].outcome == Outcome.repaired]
            assert settled_by == [a]
            assert 99 not in a.repairs

    run(story())


def test_a_repair_whose_end_may_still_be_written_is_not_ended() -> None:
    """The row is open at the first look, since who knows how it ended is slow, and has its end at the next."""

    async def story() -> None:
        async with place() as here:
            a = await here.monitor()
            turbine = a.turbine(7).says("broken")
            await settled()
            assignment = a.port.pool.assignment_of(7)
            assert assignment is not None
            turbine.says("ok")
            await settled()
            a.repairs.clear()
            here.log.open_rows = [assignment]
            await asyncio.sleep(1.1 * chores.SOON * chores.COMPARE_EVERY)
            here.log.open_rows = []
            await asyncio.sleep(3 * chores.COMPARE_EVERY)

            assert a.repairs == {}

    run(story())


def test_a_pool_of_newer_rules_is_refused() -> None:
    async def story() -> None:
        log = SharedLog()
        async with place(log=log) as here:  # type: ignore[arg-type]
            await (await here.monitor()).stop()
            log.rules += 1
            with pytest.raises(StoreUnusable, match="newer than those of this gridws"):
                await here.monitor()

    run(story())


def test_a_pool_of_older_rules_goes_on_when_nobody_lives_in_it(monkeypatch: pytest.MonkeyPatch) -> None:
    async def story() -> None:
        async with place() as here:
            a = await here.monitor(engineers=2)
            a.turbine(7).says("broken")
            await settled()
            a.die()
            monkeypatch.setattr(loading, "RULES", replica.RULES + 1)

            b = await here.monitor()
            turbine = b.turbine(8).says("broken")
            await settled()

            assert here.log.rules == replica.RULES + 1
            assert turbine.engineers == [2]
            assert await seconds_until(b.turbine(7).says("broken"), engineer=1) < 1.0

    run(story())


def test_a_pool_of_older_rules_is_refused_while_somebody_lives_in_it(monkeypatch: pytest.MonkeyPatch) -> None:
    async def story() -> None:
        async with place() as here:
            await here.monitor()
            monkeypatch.setattr(loading, "RULES", replica.RULES + 1)
            with pytest.raises(StoreUnusable, match="stop them before"):
                await here.monitor()

    run(story())


def test_a_monitor_starts_without_the_log_and_joins_when_it_is_there() -> None:
    async def story() -> None:
        async with place() as here:
            a = Monitor(here)
            here.monitors.append(a)
            a.client.cut = True
            await a.grid.start()
            a.life = asyncio.create_task(a.grid.run())
            turbine = a.turbine(7).says("broken")
            await asyncio.sleep(30.0)
            assert a.port.trouble is not None
            a.client.cut = False
            await a.joined()
            await settled()

            assert turbine.engineers == [1]

    run(story())


def test_a_row_that_nobody_beats_for_is_cleared_away() -> None:
    async def story() -> None:
        async with place() as here:
            here.log.lives[77] = Beat(3, 0.0, LEASE)
            await here.monitor()
            await asyncio.sleep(2 * LEASE)

            assert list(here.log.lives) == [1]

    run(story())


def test_the_last_one_out_leaves_nothing_to_replay() -> None:
    async def story() -> None:
        async with place() as here:
            a, b = await here.monitor(), await here.monitor()
            await b.stop()
            await a.stop()

            position, _, state = here.log.snapshots[-1]
            assert position == here.log.position
            assert replica.Replica.from_text(state).members == {}

    run(story())


def test_a_snapshot_is_kept_now_and_then_and_the_log_before_it_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    async def story() -> None:
        monkeypatch.setattr(chores, "SNAPSHOT_EVERY", 10)
        async with place() as here:
            a = await here.monitor()
            for count in range(50):
                a.grid.change_roster(count % 5)
                await settled()
            assert here.log.snapshots[-1][0] == 50
            assert here.log.first == 41

            b = await here.monitor()
            await settled()
            assert b.grid.engineer_count == a.grid.engineer_count == 4

    run(story())


def test_durations_do_not_depend_on_which_clock_they_are_told_by() -> None:
    async def story() -> None:
        async with place() as here:
            a, b = await here.monitor(), await here.monitor()
            turbine = b.turbine(8).says("broken")
            await settled()
            began = b.repairs[1]
            await asyncio.sleep(30.0)
            turbine.says("ok")
            await settled()

            ended = b.repairs[1].ended_at
            assert ended is not None
            assert 30_000 <= ended - began.assigned_at <= 31_000
            assert a.repairs == {}
            dispatches = b.grid.counters.dispatches
            assert dispatches.total < 0.5

    run(story())
