"""Every monitor shows the whole fleet: what is linked elsewhere as what is linked here, and each fact told once."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from virtual_time import run

from gridws.wire.frames import Changes, TurbineState, parse_watch
from gridws.words import OperationalStatus

from .monitors import LEASE, Monitor, place, settled

JOINED = " is in the pool"


async def fleet(monitor: Monitor) -> list[TurbineState]:
    """Return the turbines that a viewer sees, without what differs from one monitor to the next."""
    return [
        replace(state, monitor=None, wind_speed=None, power_output_in_kwh=None, measured_at=None)
        for state in (await monitor.snapshot()).turbines
    ]


async def story_of(monitor: Monitor) -> list[str]:
    return [text for text in await monitor.story() if not text.endswith(JOINED)]


def texts(monitor: Monitor) -> list[str]:
    """Return what the log of a monitor, and webhooks, were told."""
    return [event.text for event in monitor.told if not event.text.endswith(JOINED)]


def test_every_monitor_shows_the_turbines_and_engineers_of_all() -> None:
    async def story() -> None:
        async with place() as here:
            a, b, c = await here.monitor(), await here.monitor(), await here.monitor()
            a.turbine(7).says("broken")
            await settled()
            b.turbine(8).says("broken")
            await settled()
            a.turbine(9).says("ok")
            gone = b.turbine(10).says("ok")
            await settled()
            gone.lost()
            await settled()

            shown = await fleet(a)
            assert shown == await fleet(b) == await fleet(c)
            assert [(each.online, each.engineer_id, each.waiting_place) for each in shown] == [
                (True, 1, None),
                (True, None, 1),
                (True, None, None),
                (False, None, None),
            ]
            assert [state.monitor for state in (await a.snapshot()).turbines] == [
                None,
                "http://monitor-2",
                None,
                None,
            ]
            engineers = [(await each.snapshot()).engineers for each in (a, b, c)]
            assert engineers[0] == engineers[1] == engineers[2]
            totals = (await c.snapshot()).totals
            assert (totals.turbines, totals.online, totals.broken, totals.waiting) == (4, 3, 2, 1)

    run(story())


def test_viewers_of_all_monitors_are_told_the_same_story_and_logs_each_their_own() -> None:
    async def story() -> None:
        async with place() as here:
            a, b = await here.monitor(), await here.monitor()
            first = a.turbine(7).says("broken")
            await settled()
            second = b.turbine(8).says("broken")
            await settled()
            first.says("ok")
            await settled()
            a.grid.hold(8, reason="works", until=None, by="ann")
            await settled()
            second.says("ok")
            await settled()
            second.lost()
            await settled()

            assert await story_of(a) == [
                "turbine 7 connected",
                "turbine 7 broke",
                "engineer 1 goes to turbine 7",
                "turbine 8 connected",
                "turbine 8 broke",
                "turbine 8 waits for an engineer, at place 1: the only engineer is busy",
                "engineer 1 repaired turbine 7 after 1.2 s",
                "engineer 1 goes to turbine 8, broken for 0.6 s",
                "nobody is sent to turbine 8, by ann: works",
                "engineer 1 leaves turbine 8: nobody may be there now",
                "turbine 8 is ok again without an engineer",
                "turbine 8 lost its link",
            ]
            lost_as_b_knows = "turbine 8 lost its link (disconnected)"
            assert [*(await story_of(a))[:-1], lost_as_b_knows] == await story_of(b)
            assert sorted([*texts(a), *texts(b)]) == sorted(await story_of(b))
            assert texts(a) == [
                "turbine 7 connected",
                "turbine 7 broke",
                "engineer 1 goes to turbine 7",
                "engineer 1 repaired turbine 7 after 1.2 s",
                "nobody is sent to turbine 8, by ann: works",
            ]

    run(story())


def test_a_monitor_that_starts_shows_what_is_and_since_when_and_tells_nothing_of_before() -> None:
    async def story() -> None:
        async with place() as here:
            a = await here.monitor()
            broken = a.turbine(7).says("broken")
            a.turbine(8).says("ok")
            await settled()
            await asyncio.sleep(20.0)
            before = await fleet(a)

            b = Monitor(here)
            here.monitors.append(b)
            await b.grid.start()
            shown, told = await fleet(b), await story_of(b)
            b.life = asyncio.create_task(b.grid.run())
            await b.joined()
            broken.says("ok")
            await settled()

            assert shown == before
            assert shown[0].engineer_id == 1
            assert told == []
            assert await fleet(b) == await fleet(a)
            (repaired,) = await story_of(b)
            assert repaired.startswith("engineer 1 repaired turbine 7 after 20.")

    run(story())


def test_a_turbine_that_moves_is_told_of_by_both_and_shown_where_it_is() -> None:
    async def story() -> None:
        async with place() as here:
            a, b, c = await here.monitor(), await here.monitor(), await here.monitor()
            a.turbine(7).says("ok")
            await settled()
            b.turbine(7).says("broken")
            await settled()

            assert await fleet(a) == await fleet(b) == await fleet(c)
            assert [(await each.snapshot()).turbines[0].monitor for each in (a, b)] == [
                "http://monitor-2",
                None,
            ]
            assert "turbine 7 connected anew: its older link is closed" in await c.story()
            assert texts(a)[-1] == "turbine 7 lost its link (superseded)"
            assert texts(b) == [
                "turbine 7 connected again",
                "turbine 7 broke",
                "engineer 1 goes to turbine 7",
            ]

    run(story())


def test_a_link_that_came_and_went_unheard_leaves_the_turbine_where_the_pool_has_it() -> None:
    async def story() -> None:
        async with place() as here:
            a, b = await here.monitor(), await here.monitor()
            b.turbine(7).says("ok")
            await settled()

            a.client.cut = True
            a.turbine(7).lost()
            shown = (await a.snapshot()).turbines[0]

            assert (shown.online, shown.operational_status) == (True, OperationalStatus.ok)
            assert shown.monitor == "http://monitor-2"

    run(story())


def test_a_monitor_that_dies_is_one_line_told_in_the_log_of_one_other() -> None:
    async def story() -> None:
        async with place() as here:
            a, b, c = await here.monitor(), await here.monitor(), await here.monitor()
            a.turbine(7).says("broken")
            a.turbine(8).says("ok")
            await settled()
            a.die()
            await asyncio.sleep(2 * LEASE)

            expected = [
                "the monitor at http://monitor-1 does not answer any more: 2 turbines have no link now",
                "engineer 1 is back: turbine 7 lost its link",
            ]
            for other in (b, c):
                assert (await story_of(other))[-2:] == expected
                assert [state.online for state in (await other.snapshot()).turbines] == [False, False]
            assert sorted([texts(b), texts(c)]) == [[], expected]

    run(story())


def test_a_monitor_that_stops_is_told_to_the_viewers_of_others() -> None:
    async def story() -> None:
        async with place() as here:
            a, b = await here.monitor(), await here.monitor()
            a.turbine(7).says("broken")
            await settled()
            await a.stop()
            await settled()

            last = (await story_of(b))[-1]
            assert last == "the monitor at http://monitor-1 has stopped: 1 turbine has no link now"
            assert texts(b) == []
            assert b.grid.monitors == ["http://monitor-2"]

    run(story())


def test_a_turbine_with_a_link_to_any_monitor_is_not_forgotten_by_another() -> None:
    async def story() -> None:
        async with place() as here:
            a, b = await here.monitor(), await here.monitor()
            turbine = a.turbine(7).says("ok")
            await settled()
            b.grid.forget(7)
            await settled()
            known = [7 in each.grid.fleet_state for each in (a, b)]

            turbine.lost()
            await settled()
            b.grid.forget(7)
            await settled()

            assert known == [True, True]
            assert [7 in each.grid.fleet_state for each in (a, b)] == [False, False]

    run(story())


def test_frames_are_asked_for_where_the_link_is() -> None:
    async def story() -> None:
        async with place() as here:
            a, b = await here.monitor(), await here.monitor()
            a.turbine(7).says("ok")
            b.turbine(8).says("ok")
            await settled()

            fleet_state = b.grid.fleet_state
            assert fleet_state.monitors_elsewhere() == ["http://monitor-1"]
            assert fleet_state.monitors_elsewhere(7) == ["http://monitor-1"]
            assert fleet_state.monitors_elsewhere(8) == fleet_state.monitors_elsewhere(9) == []

    run(story())


def test_who_waits_long_is_told_to_the_webhooks_of_one() -> None:
    async def story() -> None:
        async with place() as here:
            a, b = await here.monitor(engineers=0), await here.monitor()
            a.turbine(7).says("broken")
            await settled()
            for monitor in (a, b):
                monitor.grid._long_waits.look(0.0)
            await settled()

            long = [text for text in await story_of(b) if "still waits" in text]
            assert len(long) == 1
            assert [len([text for text in texts(each) if "still waits" in text]) for each in (a, b)] == [1, 0]

    run(story())


def test_no_monitor_writes_how_turbines_of_another_are() -> None:
    async def story() -> None:
        async with place() as here:
            a, b = await here.monitor(), await here.monitor()
            a.turbine(7).says("broken")
            await settled()
            b.clock.ahead += 3_600.0  # somebody set it: all that is known is said anew
            await asyncio.sleep(2.0)

            assert {row.turbine_number for row in a.store.status_rows} == {7}
            assert b.store.status_rows == []

    run(story())


def test_readings_of_turbines_elsewhere_are_looked_up_once_a_second_while_somebody_watches() -> None:
    async def story() -> None:
        async with place() as here:
            a, b = await here.monitor(), await here.monitor()
            a.turbine(7).says("ok")
            await asyncio.sleep(5.0)
            nobody_watched = list(b.database.looks)

            viewer = b.grid.watch.open()
            await viewer.next()
            readings = list[tuple[int, float]]()
            while not readings:
                changes = parse_watch(await viewer.next())
                assert isinstance(changes, Changes)
                readings = [(number, power) for number, _, power, _ in changes.readings]
            await asyncio.sleep(15.0)
            b.grid.watch.close(viewer)
            looks = len(b.database.looks)
            await asyncio.sleep(5.0)

            assert nobody_watched == []
            assert readings == [(7, a.store.kept[0].power_output_in_kwh)]
            assert 14 <= looks <= 17
            assert b.database.looks.count(True) == 2
            assert len(b.database.looks) == looks
            assert (await b.snapshot()).totals.power_output_in_kwh == readings[0][1]

    run(story())


def test_a_reading_is_taken_only_for_a_turbine_that_is_elsewhere() -> None:
    async def story() -> None:
        async with place() as here:
            a, b = await here.monitor(), await here.monitor()
            a.turbine(7).says("ok")
            await asyncio.sleep(1.0)
            turbine = b.turbine(7)
            await settled()
            turbine.says("broken")
            own = turbine.session.entry.reading
            await b.grid.readings_elsewhere.look()

            assert own is not None
            assert turbine.session.entry.reading is own

    run(story())
