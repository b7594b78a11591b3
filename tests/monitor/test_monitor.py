"""The monitor with everything but sockets: real sessions, dispatcher, queue and a store in memory, in virtual time."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
from doubles import SOME_DAY, ListLink, LoopClock, NextStepDispatch, frame, metrics
from virtual_time import run
from watching_world import drained_into

import gridws
from gridws.dispatch import Dispatcher, Hold, LocalDispatch, check
from gridws.errors import StoreFailed
from gridws.moments import Moment
from gridws.monitor import fleet_state
from gridws.monitor.monitor import GridMonitor
from gridws.monitor.session import Session
from gridws.report.reporting import Report, report_of
from gridws.settings import MonitorSettings
from gridws.spans import Span, local_time
from gridws.storage import Opened, Written
from gridws.storage.batches import Batch
from gridws.storage.memory import MemoryStore
from gridws.storage.rows import Event
from gridws.turbines.turbine import WindTurbine
from gridws.viewers.replica import Replica
from gridws.words import Deed, OperationalStatus

Answering = type[LocalDispatch]


@pytest.fixture(params=[LocalDispatch, NextStepDispatch], ids=["at once", "in the next step"])
def answering(request: pytest.FixtureRequest) -> Answering:
    """How the dispatch port answers; nothing in the monitor may rely on the difference."""
    port: Answering = request.param
    return port


class Turbine:
    """One link and what came down on it."""

    def __init__(self, grid: Grid, number: int) -> None:
        self.number = number
        self.link = ListLink()
        self.session: Session = grid.monitor.connect(number, self.link)
        self._grid = grid

    def sends(self, status: str, **fields: object) -> None:
        self.session.receive(metrics(status, self.number, **fields))

    async def reports(self, status: str, **fields: object) -> None:
        self.sends(status, **fields)
        await self._grid.port.answered()

    async def lost(self) -> None:
        self.session.lost()
        await self._grid.port.answered()

    def hello(self, stream: str = "a") -> None:
        self.session.receive(frame("hello", self.number, stream=stream))

    @property
    def engineers(self) -> list[int]:
        return [f["engineer_id"] for f in self.link.sent if f["type"] == "engineer_assigned"]


class Grid:
    def __init__(
        self,
        answering: Answering,
        engineers: int = 3,
        store: MemoryStore | None = None,
        clock: LoopClock | None = None,
        **limits: float,
    ) -> None:
        settings = MonitorSettings(engineers=engineers, **limits)  # type: ignore[arg-type]
        self.store = store or MemoryStore()
        self.clock = clock or LoopClock()
        self.dispatcher = Dispatcher(
            engineers, repair_timeout=settings.repair_timeout, place_kept_for=settings.place_kept_for
        )
        self.port = answering(self.dispatcher)
        self.monitor = GridMonitor(engineers, self.store, settings=settings, clock=self.clock, port=self.port)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Grid]:
        await self.monitor.start()
        life = asyncio.create_task(self.monitor.run())
        await asyncio.sleep(0)
        yield self
        check(self.dispatcher)
        life.cancel()
        await asyncio.gather(life, return_exceptions=True)

    def turbine(self, number: int) -> Turbine:
        return Turbine(self, number)


def test_the_originals_names_can_be_imported() -> None:
    assert gridws.GridMonitor is GridMonitor
    assert gridws.WindTurbine is WindTurbine
    assert gridws.TurbineMetrics.__name__ == "TurbineMetrics"
    assert gridws.OperationalStatus is OperationalStatus
    with pytest.raises(AttributeError):
        gridws.SteamTurbine  # noqa: B018


def test_a_reading_is_stored_known_and_dispatched_on(answering: Answering) -> None:
    async def story() -> None:
        async with Grid(answering).running() as grid:
            turbine = grid.turbine(7)
            await turbine.reports("broken", wind_speed=9.5)
            assert turbine.engineers == [1]
            assert grid.monitor.last_turbines_metrics[7].wind_speed == 9.5
            await asyncio.sleep(1)
            assert [row.wind_speed for row in grid.store.kept] == [9.5]

    run(story())


def test_a_turbine_that_found_no_free_engineer_gets_the_first_one_that_is(answering: Answering) -> None:
    async def story() -> None:
        async with Grid(answering, engineers=1).running() as grid:
            first, second = grid.turbine(1), grid.turbine(2)
            await first.reports("broken")
            await second.reports("broken")
            await second.reports("broken")
            assert second.engineers == []
            await first.reports("ok")
            assert second.engineers == [1]

    run(story())


def test_a_lost_link_frees_its_engineer_in_the_same_step(answering: Answering) -> None:
    async def story() -> None:
        async with Grid(answering, engineers=1).running() as grid:
            first, second = grid.turbine(1), grid.turbine(2)
            await first.reports("broken")
            await second.reports("broken")
            await first.lost()
            assert second.engineers == [1]

    run(story())


def test_the_newest_link_wins_and_the_old_session_changes_nothing(answering: Answering) -> None:
    async def story() -> None:
        async with Grid(answering, engineers=1).running() as grid:
            old = grid.turbine(1)
            await old.reports("broken")
            new = grid.turbine(1)
            assert old.link.closed == (4001, "superseded")
            await old.lost()
            old.session.receive(metrics("ok", 1))
            await new.reports("broken")
            assert new.engineers == [1]
            await asyncio.sleep(1)
            outcomes = [repair.outcome for repair in sorted(grid.store.repair_rows.values())]
            assert outcomes == ["superseded", None]

    run(story())


def test_a_silent_link_is_closed_within_a_second_of_its_timeout(answering: Answering) -> None:
    async def story() -> None:
        async with Grid(answering).running() as grid:
            turbine = grid.turbine(1)
            await asyncio.sleep(59.9)
            assert turbine.link.closed is None
            await asyncio.sleep(1.1)
            assert turbine.link.closed == (4002, "silent")

    run(story())


class TickingClock(LoopClock):
    """A clock of which no two looks are the same, as no two are where time is real."""

    def __init__(self) -> None:
        self.looks = 0

    def now(self) -> Moment:
        self.looks += 1
        now = super().now()
        return Moment(now.seconds + self.looks / 1000, now.at + self.looks)


def test_an_engineer_of_a_silent_turbine_is_not_elsewhere_before_it_is_back(answering: Answering) -> None:
    async def story() -> None:
        grid = Grid(answering, 2, repair_timeout=60, clock=TickingClock())
        async with grid.running():
            silent, overdue = grid.turbine(1), grid.turbine(2)
            await silent.reports("broken")
            await overdue.reports("broken")
            await asyncio.sleep(30)
            await overdue.reports("broken")
            await asyncio.sleep(31)
            first, again = [
                repair
                for repair in sorted(await grid.store.repairs(limit=10), key=lambda repair: repair.id)
                if repair.engineer_id == silent.engineers[0]
            ]
            assert (first.outcome, again.turbine_number) == ("disconnected", 2)
            assert first.ended_at is not None
            assert first.ended_at <= again.assigned_at

    run(story())


def test_nobody_is_called_silent_right_after_a_stall_of_the_loop(answering: Answering) -> None:
    async def story() -> None:
        async with Grid(answering).running() as grid:
            turbine = grid.turbine(1)
            await asyncio.sleep(50)
            clock: LoopClock = grid.monitor.clock  # type: ignore[assignment]
            loop = asyncio.get_running_loop()
            loop._jumping.now += 30  # type: ignore[attr-defined]  # the process was stopped for so long
            await asyncio.sleep(0.3)
            await turbine.reports("ok")
            await asyncio.sleep(5)
            assert turbine.link.closed is None
            assert clock.now().seconds > 1080

    run(story())


def test_what_was_sent_during_a_stall_of_the_loop_is_no_flood(answering: Answering) -> None:
    async def story() -> None:
        async with Grid(answering).running() as grid:
            turbine = grid.turbine(1)
            await asyncio.sleep(50)
            loop = asyncio.get_running_loop()
            loop._jumping.now += 20  # type: ignore[attr-defined]  # the process was stopped for so long
            for _ in range(400):
                await turbine.reports("ok")
            await asyncio.sleep(15)
            await turbine.reports("ok")
            assert turbine.link.sent == []
            assert turbine.link.closed is None

    run(story())


def test_a_repair_that_ended_during_a_stall_of_the_loop_is_not_given_up(answering: Answering) -> None:
    async def story() -> None:
        async with Grid(answering, 1, repair_timeout=10).running() as grid:
            turbine = grid.turbine(1)
            await turbine.reports("broken")
            await asyncio.sleep(5)
            loop = asyncio.get_running_loop()
            loop._jumping.now += 20  # type: ignore[attr-defined]  # the process was stopped for so long
            await asyncio.sleep(0.3)
            await turbine.reports("ok")
            await asyncio.sleep(5)
            assert [repair.outcome for repair in await grid.store.repairs(limit=10)] == ["repaired"]

    run(story())


def test_a_loop_that_is_always_late_judges_all_the_same(answering: Answering) -> None:
    async def story() -> None:
        async with Grid(answering, 1, repair_timeout=10, tick=0.25).running() as grid:
            turbine, silent = grid.turbine(1), grid.turbine(2)
            await turbine.reports("broken")
            loop = asyncio.get_running_loop()
            for _ in range(100):
                loop._jumping.now += 1.5  # type: ignore[attr-defined]
                await asyncio.sleep(0.3)
                await turbine.reports("broken")
            assert "engineer_withdrawn" in turbine.link.types
            assert silent.link.closed == (4002, "silent")

    run(story())


def test_a_clock_that_was_put_forward_forgets_no_turbine(answering: Answering) -> None:
    async def story() -> None:
        async with Grid(answering, turbines_shown_for=10_000).running() as grid:
            gone = grid.turbine(1)
            await gone.lost()
            grid.clock.ahead = 365 * 24 * 3_600.0
            await asyncio.sleep(700)
            assert grid.monitor.fleet_state.numbers() == [1]

    run(story())


@pytest.mark.slow
@pytest.mark.parametrize("set_by", [57 * 365 * 24 * 3_600, 7_200, -7_200], ids=["57 years", "2 h", "-2 h"])
def test_a_clock_that_is_set_during_a_repair_lengthens_nothing(answering: Answering, set_by: int) -> None:
    async def story() -> Report:
        async with Grid(answering).running() as grid:
            turbine = grid.turbine(7)
            await turbine.reports("ok")
            await asyncio.sleep(10)
            await turbine.reports("broken")
            await asyncio.sleep(1)
            grid.clock.ahead = set_by
            await asyncio.sleep(2)
            await turbine.reports("ok")
            await asyncio.sleep(max(0, -set_by) + 120)
            until = max(grid.clock.now().at, SOME_DAY + 4 * 3_600_000)
        return await grid.store.read(lambda records: report_of(records, Span(0, until), now=until))

    figures = run(story()).fleet

    assert 3.0 <= figures.broken_in_seconds < 3.5
    assert figures.mean_repairing_in_seconds == 3.0
    assert figures.mean_waiting_in_seconds == 0.0
    assert figures.ok_in_seconds < 120.0


def test_too_many_turbines_that_are_away_are_forgotten_at_once(
    answering: Answering, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fleet_state, "MOST_AWAY", 20)

    async def story() -> None:
        async with Grid(answering).running() as grid:
            await asyncio.sleep(1)
            for number in range(1, 51):
                await grid.turbine(number).lost()
            await asyncio.sleep(1)
            assert len(grid.monitor.fleet_state) == 20

    run(story())


def test_a_repair_that_does_not_end_is_given_up_and_the_turbine_waits_at_the_back(
    answering: Answering,
) -> None:
    async def story() -> None:
        async with Grid(answering, engineers=1, repair_timeout=10).running() as grid:
            hopeless, next_one = grid.turbine(1), grid.turbine(2)
            await hopeless.reports("broken")
            await next_one.reports("broken")
            await asyncio.sleep(10.5)
            assert hopeless.link.types == ["engineer_assigned", "engineer_withdrawn"]
            assert next_one.engineers == [1]
            assert grid.dispatcher.waiting() == [1]

    run(story())


def test_what_is_numbered_is_acknowledged_after_the_commit(answering: Answering) -> None:
    async def story() -> None:
        async with Grid(answering).running() as grid:
            turbine = grid.turbine(1)
            turbine.hello()
            await asyncio.sleep(0.5)
            turbine.sends("ok", sequence=1)
            turbine.sends("ok", sequence=2)
            assert turbine.link.types == ["welcome"]
            await asyncio.sleep(0.5)
            assert turbine.link.sent[1:] == [{"type": "ack", "sequence": 2}]

    run(story())


def test_a_numbered_reading_before_the_welcome_is_dispatched_on_and_not_stored(answering: Answering) -> None:
    async def story() -> None:
        async with Grid(answering).running() as grid:
            turbine = grid.turbine(1)
            turbine.hello()
            await turbine.reports("broken", sequence=1, wind_speed=9.5)
            assert turbine.engineers == [1]
            assert grid.monitor.last_turbines_metrics[1].wind_speed == 9.5
            await asyncio.sleep(1)
            assert grid.store.kept == []

    run(story())


def test_a_turbine_that_comes_back_is_told_where_it_was(answering: Answering) -> None:
    async def story() -> None:
        async with Grid(answering).running() as grid:
            turbine = grid.turbine(1)
            turbine.hello()
            await asyncio.sleep(0.5)
            await turbine.reports("ok", sequence=1)
            await turbine.lost()
            again = grid.turbine(1)
            again.hello()
            await asyncio.sleep(0.5)
            assert again.link.sent[0]["last_sequence"] == 1

    run(story())


class FailingStore(MemoryStore):
    failing = False

    async def write(self, batch: Batch) -> Written:
        if self.failing:
            raise StoreFailed("grid.db", "the disk is full")
        return await super().write(batch)


def test_a_failing_disk_never_stops_dispatch_and_ends_in_a_resync(answering: Answering) -> None:
    async def story() -> None:
        store = FailingStore()
        async with Grid(answering, engineers=1, store=store).running() as grid:
            turbine = grid.turbine(1)
            turbine.hello()
            await asyncio.sleep(0.5)
            store.failing = True
            await turbine.reports("ok", sequence=1)
            await asyncio.sleep(1)
            assert grid.monitor.queue.degraded == "the disk is full"
            await turbine.reports("broken", sequence=2, wind_speed=9.5)
            assert turbine.engineers == [1]
            assert grid.monitor.last_turbines_metrics[1].wind_speed == 9.5
            store.failing = False
            await asyncio.sleep(3)
            assert turbine.link.types == ["welcome", "engineer_assigned", "resync"]
            turbine.hello()
            await asyncio.sleep(0.5)
            assert turbine.link.sent[-1]["last_sequence"] is None

    run(story())


def test_a_turbine_that_is_gone_for_long_is_forgotten_altogether(answering: Answering) -> None:
    async def story() -> None:
        async with Grid(answering, turbines_shown_for=100).running() as grid:
            gone, here = grid.turbine(1), grid.turbine(2)
            await gone.reports("ok")
            await gone.lost()
            for _ in range(30):
                await here.reports("ok")
                await asyncio.sleep(50)
            assert grid.monitor.fleet_state.numbers() == [2]
            assert list(grid.monitor.last_turbines_metrics) == [2]

    run(story())


def test_viewers_learn_that_a_turbine_lost_its_place(answering: Answering) -> None:
    async def story() -> None:
        async with Grid(answering, place_kept_for=100).running() as grid:
            turbine = grid.turbine(1)
            await turbine.reports("broken")
            await turbine.lost()
            viewer, replica = grid.monitor.watch.open(), Replica()
            known = []
            for _ in range(110):
                drained_into(replica, viewer)
                known.append(replica.turbines[1].broken_at is not None)
                await asyncio.sleep(1)
            assert (known[0], known[99], known[-1]) == (True, True, False)

    run(story())


def test_the_same_story_is_told_whenever_the_port_answers(answering: Answering) -> None:
    async def story() -> None:
        async with Grid(answering, engineers=1).running() as grid:
            first, second, third = grid.turbine(1), grid.turbine(2), grid.turbine(3)
            for turbine in (first, second, third):
                await turbine.reports("broken")
            await second.reports("ok")
            await first.reports("ok")
            await third.lost()
            await grid.turbine(3).reports("broken")
            newer = grid.turbine(3)
            await grid.port.answered()
            await newer.reports("broken")
            grid.monitor.change_roster(0)
            await grid.port.answered()
            await asyncio.sleep(0)  # frames go first, people are told in the next step
            replica = Replica()
            drained_into(replica, grid.monitor.watch.open())
            assert [event.text for event in replica.events] == TOLD

    run(story())


TOLD = [
    "turbine 1 connected",
    "turbine 2 connected",
    "turbine 3 connected",
    "turbine 1 broke",
    "engineer 1 goes to turbine 1",
    "turbine 2 broke",
    "turbine 2 waits for an engineer, at place 1: the only engineer is busy",
    "turbine 3 broke",
    "turbine 3 waits for an engineer, at place 2: the only engineer is busy",
    "turbine 2 is ok again without an engineer",
    "engineer 1 repaired turbine 1 after 0.0 s",
    "engineer 1 goes to turbine 3",
    "turbine 3 lost its link (disconnected)",
    "engineer 1 is back: turbine 3 lost its link",
    "turbine 3 connected again",
    "turbine 3 broke",
    "engineer 1 goes to turbine 3",
    "turbine 3 connected anew: its older link is closed",
    "engineer 1 is back: turbine 3 lost its link",
    "turbine 3 broke",
    "engineer 1 goes to turbine 3",
    "the pool has 0 engineers now",
]


def test_an_engineer_sent_to_a_link_that_is_gone_is_never_heard_of() -> None:
    async def story() -> None:
        store = MemoryStore()
        async with Grid(NextStepDispatch, store=store).running() as grid:
            turbine = grid.turbine(1)
            turbine.sends("broken")
            turbine.session.lost()
            await asyncio.sleep(1)
            assert turbine.link.sent == []
            assert store.repair_rows == {}
            assert grid.monitor.counters.assignments_ended == {}

    run(story())


def test_the_roster_changes_while_running(answering: Answering) -> None:
    async def story() -> None:
        async with Grid(answering, engineers=0).running() as grid:
            turbine = grid.turbine(1)
            await turbine.reports("broken")
            assert turbine.engineers == []
            grid.monitor.change_roster(2)
            await grid.port.answered()
            assert turbine.engineers == [1]
            assert grid.monitor.engineer_count == 2

    run(story())


def test_an_engineer_is_withdrawn_from_a_turbine_that_is_held_and_goes_on_at_once(
    answering: Answering,
) -> None:
    async def story() -> None:
        async with Grid(answering, engineers=1).running() as grid:
            first, second = grid.turbine(1), grid.turbine(2)
            await first.reports("broken")
            await second.reports("broken")
            grid.monitor.hold(1, reason="gearbox exchange", by="ann")
            await grid.port.answered()
            assert first.link.types == ["engineer_assigned", "engineer_withdrawn"]
            assert first.link.sent[-1]["reason"] == "held"
            assert second.engineers == [1]
            await second.reports("ok")
            assert first.engineers == [1]
            grid.monitor.end_hold(1, by="ann")
            await grid.port.answered()
            assert first.engineers == [1, 1]
            await asyncio.sleep(1)
            outcomes = [repair.outcome for repair in sorted(grid.store.repair_rows.values())]
            assert outcomes == ["held", "repaired", None]

    run(story())


def test_a_hold_ends_by_itself(answering: Answering) -> None:
    async def story() -> None:
        async with Grid(answering).running() as grid:
            turbine = grid.turbine(1)
            grid.monitor.hold(1, until=grid.clock.now().at + 10_000)
            await turbine.reports("broken")
            await asyncio.sleep(9)
            assert turbine.engineers == []
            await asyncio.sleep(2)
            assert turbine.engineers == [1]

    run(story())


class FoundLate(MemoryStore):
    """Opens on a disk where nothing can be written, and tells anew what there is with the first batch that is."""

    async def open(self, *, now: int) -> Opened:
        return replace(await super().open(now=now), trouble="the disk is full")

    async def write(self, batch: Batch) -> Written:
        opened = self._opened(0)
        return replace(await super().write(batch), opened=opened)


def test_a_hold_that_was_ended_is_not_begun_again_by_what_is_found_late(answering: Answering) -> None:
    async def story() -> None:
        store = FoundLate()
        await store.write(Batch(events=[Event(SOME_DAY, Deed.hold, 1), Event(SOME_DAY, Deed.hold, 2)]))
        async with Grid(answering, store=store).running() as grid:
            turbine, held = grid.turbine(1), grid.turbine(2)
            grid.monitor.end_hold(1)
            await asyncio.sleep(5)
            await turbine.reports("broken")
            await held.reports("broken")
            assert (turbine.engineers, held.engineers) == ([1], [])

    run(story())


def test_a_waiting_turbine_that_is_put_next_is_served_before_the_others(answering: Answering) -> None:
    async def story() -> None:
        async with Grid(answering, engineers=1).running() as grid:
            turbines = [grid.turbine(number) for number in (1, 2, 3)]
            for turbine in turbines:
                await turbine.reports("broken")
            grid.monitor.put_next(3, reason="wind ahead")
            await grid.port.answered()
            await turbines[0].reports("ok")
            assert [turbine.engineers for turbine in turbines] == [[1], [], [1]]

    run(story())


def test_what_people_said_outlives_the_monitor(answering: Answering) -> None:
    async def story() -> None:
        store = MemoryStore()
        async with Grid(answering, store=store).running() as grid:
            now = grid.clock.now().at
            grid.monitor.hold(1, reason="gearbox exchange", by="ann")
            grid.monitor.hold(2, until=now + 20_000)
            grid.monitor.hold(3)
            grid.monitor.end_hold(3)
            grid.monitor.change_roster(1, by="bob")
            await asyncio.sleep(1)
        async with Grid(answering, store=store).running() as grid:
            assert grid.monitor.engineer_count == 1
            await grid.turbine(1).reports("broken")
            second, third = grid.turbine(2), grid.turbine(3)
            await third.reports("broken")
            assert third.engineers == [1]
            await third.reports("ok")
            await second.reports("broken")
            assert second.engineers == []
            await asyncio.sleep(30)
            assert second.engineers == [1]
            assert grid.dispatcher.hold_of(1) == Hold(1, now, None, "gearbox exchange", "ann")

    run(story())


def test_what_people_said_is_told_and_kept_with_who_and_why(answering: Answering) -> None:
    async def story() -> None:
        async with Grid(answering, engineers=0).running() as grid:
            await grid.turbine(7).reports("broken")
            now = grid.clock.now().at
            grid.monitor.put_next(7, reason="wind ahead", by="bob")
            grid.monitor.hold(7, reason="gearbox exchange", until=now + 3_600_000, by="ann")
            grid.monitor.end_hold(7)
            grid.monitor.change_roster(1, by="bob")
            await grid.port.answered()
            await asyncio.sleep(0)  # frames go first, people are told in the next step
            replica = Replica()
            drained_into(replica, grid.monitor.watch.open())
            assert [event.text for event in replica.events][3:] == [
                "turbine 7 goes first, by bob: wind ahead",
                f"nobody is sent to turbine 7 until {local_time(now + 3_600_000)}, by ann: gearbox exchange",
                "the hold of turbine 7 is over",
                "turbine 7 waits for an engineer, at place 1: there is no engineer",
                "the pool has 1 engineer now, by bob",
                "engineer 1 goes to turbine 7",
            ]
            await asyncio.sleep(1)
            assert await grid.store.events(limit=9) == [
                Event(now, "roster", engineers=1, by="bob", id=4),
                Event(now, "hold_ended", 7, id=3),
                Event(now, "hold", 7, until=now + 3_600_000, text="gearbox exchange", by="ann", id=2),
                Event(now, "next", 7, text="wind ahead", by="bob", id=1),
            ]

    run(story())


def test_a_turbine_that_is_forgotten_is_known_no_more_until_it_comes_back(answering: Answering) -> None:
    async def story() -> None:
        async with Grid(answering).running() as grid:
            turbine = grid.turbine(7)
            await turbine.reports("broken")
            grid.monitor.forget(7)
            await grid.port.answered()
            assert 7 in grid.monitor.fleet_state
            await turbine.lost()
            replica = Replica()
            viewer = grid.monitor.watch.open()
            drained_into(replica, viewer)
            now = grid.clock.now().at
            grid.monitor.forget(7, erase=True, by="ann")
            await grid.port.answered()
            await asyncio.sleep(1)
            drained_into(replica, viewer)
            assert replica.events[-1].text == "turbine 7 is forgotten, by ann, and its readings are deleted"
            assert 7 not in replica.turbines
            assert 7 not in grid.monitor.last_turbines_metrics
            kinds = [(event.kind, event.at, event.by) for event in await grid.store.events(limit=9)]
            assert sorted(kinds) == [("erased", now, "ann"), ("forgotten", now, "ann")]
            assert grid.store.kept == []
            await grid.turbine(7).reports("ok")
            assert grid.monitor.last_turbines_metrics[7].operational_status is OperationalStatus.ok

    run(story())


def test_a_stopping_monitor_closes_links_sends_nobody_anywhere_and_stores_everything(
    answering: Answering,
) -> None:
    async def story() -> None:
        store = MemoryStore()
        async with Grid(answering, engineers=1, store=store).running() as grid:
            first, second = grid.turbine(1), grid.turbine(2)
            await first.reports("broken")
            await second.reports("broken")
        assert first.link.closed == (1012, "the monitor stops; connect again soon")
        assert second.engineers == []
        assert [repair.outcome for repair in store.repair_rows.values()] == ["monitor_stopped"]
        assert [link.reason for link in store.link_rows.values()] == ["monitor_stopped"] * 2
        assert len(store.kept) == 2

    run(story())


def test_a_restarted_monitor_knows_its_turbines_and_uses_no_id_again(answering: Answering) -> None:
    async def story() -> None:
        store = MemoryStore()
        async with Grid(answering, store=store).running() as grid:
            first = grid.turbine(1)
            await first.reports("broken")
        async with Grid(answering, store=store).running() as grid:
            entry = grid.monitor.fleet_state.get(1)
            assert entry is not None
            assert not entry.online
            assert grid.monitor.last_turbines_metrics[1].operational_status is OperationalStatus.broken
            again = grid.turbine(1)
            await again.reports("broken")
            assert again.session.id > first.session.id
            assert again.link.sent[0]["assignment_id"] > first.link.sent[0]["assignment_id"]

    run(story())


def test_run_raises_what_made_it_end(answering: Answering) -> None:
    class Dying(MemoryStore):
        async def write(self, batch: Batch) -> Written:
            raise ZeroDivisionError

        async def open(self, *, now: int) -> Opened:
            return await super().open(now=now)

    async def story() -> None:
        grid = Grid(answering, store=Dying())
        await grid.monitor.start()
        life = asyncio.create_task(grid.monitor.run())
        await grid.turbine(1).reports("ok")
        with pytest.raises(ZeroDivisionError):
            await life

    run(story())


def test_an_engineer_is_sent_before_people_are_told(caplog: pytest.LogCaptureFixture) -> None:
    async def story() -> None:
        async with Grid(LocalDispatch).running() as grid:
            turbine = grid.turbine(7)
            turbine.sends("broken")
            assert turbine.engineers == [1]
            assert "turbine 7 broke" not in caplog.messages
            await asyncio.sleep(0)
            assert caplog.messages[-2:] == ["turbine 7 broke", "engineer 1 goes to turbine 7"]

    caplog.set_level(logging.INFO, logger="gridws")
    run(story())


def test_what_was_not_told_yet_is_told_when_the_monitor_stops(caplog: pytest.LogCaptureFixture) -> None:
    async def story() -> None:
        async with Grid(LocalDispatch).running() as grid:
            grid.turbine(7).sends("broken")
            grid.monitor.close_links()

    caplog.set_level(logging.INFO, logger="gridws")
    run(story())
    assert "engineer 1 goes to turbine 7" in caplog.messages


# A link is one row, whenever the clock is looked at.


class HastyClock:
    """A clock that goes on by a millisecond with each look at it."""

    def __init__(self) -> None:
        self.looks = 0

    def now(self) -> Moment:
        self.looks += 1
        return Moment(self.looks / 1000, SOME_DAY + self.looks)


async def test_the_end_of_a_link_is_kept_although_its_beginning_took_a_while() -> None:
    store = MemoryStore()
    monitor = GridMonitor(store=store, clock=HastyClock())
    await monitor.start()
    session = monitor.connect(7, ListLink())
    (began,) = monitor.queue._records.links.values()

    session.lost()

    (ended,) = monitor.queue._records.links.values()
    assert ended.connected_at == began.connected_at


# Who comes and goes.


def test_a_link_that_told_nothing_leaves_no_status(answering: Answering) -> None:
    async def story() -> None:
        async with Grid(answering).running() as grid:
            told = grid.turbine(8)
            await told.reports("ok")
            await told.lost()
            for _ in range(3):
                await grid.turbine(7).lost()
            grid.turbine(7)
            await grid.turbine(7).lost()
            await asyncio.sleep(1)
            assert [(row.turbine_number, row.operational_status) for row in grid.store.status_rows] == [
                (8, "ok"),
                (8, None),
            ]

    run(story())


def test_the_losses_of_a_loose_cable_are_gathered(
    answering: Answering, caplog: pytest.LogCaptureFixture
) -> None:
    async def story() -> None:
        async with Grid(answering).running() as grid:
            for _ in range(9):
                await grid.turbine(7).lost()
            await asyncio.sleep(1)
            told = [message for message in caplog.messages if "turbine 7" in message]
            assert len(told) == 10
            assert told[-1] == (
                "turbine 7 lost its link (disconnected), 5 times within a minute: from now on it is told once a minute"
            )
            grid.turbine(7)
            await asyncio.sleep(60)
            assert (
                caplog.messages[-1]
                == "turbine 7 lost its link 4 times more within a minute, and is online now"
            )

    caplog.set_level(logging.INFO, logger="gridws")
    run(story())


def test_what_is_gathered_is_told_before_the_monitor_stops(
    answering: Answering, caplog: pytest.LogCaptureFixture
) -> None:
    async def story() -> None:
        async with Grid(answering).running() as grid:
            for _ in range(9):
                await grid.turbine(7).lost()
            grid.turbine(7)

    caplog.set_level(logging.INFO, logger="gridws")
    run(story())
    assert caplog.messages[-2] == "turbine 7 lost its link 4 times more before the monitor stopped"
    assert caplog.messages[-1].startswith("the monitor stops")


def test_two_clients_that_fight_for_a_number_are_gathered(
    answering: Answering, caplog: pytest.LogCaptureFixture
) -> None:
    async def story() -> None:
        async with Grid(answering).running() as grid:
            for _ in range(9):
                grid.turbine(7)
            await asyncio.sleep(1)
            told = [message for message in caplog.messages if message.startswith("turbine 7")]
            assert len(told) == 6
            assert "from now on it is told once a minute" in told[-1]

    caplog.set_level(logging.INFO, logger="gridws")
    run(story())


def test_reasons_that_come_by_turns_are_told_once_each(
    answering: Answering, caplog: pytest.LogCaptureFixture
) -> None:
    async def story() -> None:
        async with Grid(answering).running() as grid:
            for reason in ["the disk is full", "locked", "the disk is full", "locked", None, "locked", None]:
                grid.store.failure = reason
                grid.turbine(7)
                await asyncio.sleep(5)
                assert grid.monitor.queue.degraded == reason

    caplog.set_level(logging.INFO, logger="gridws")
    run(story())
    told = [message.partition(";")[0] for message in caplog.messages if message.startswith("readings ")]
    failing = "readings cannot be stored: "
    assert told == [
        f"{failing}the disk is full",
        f"{failing}locked",
        "readings are stored again",
        f"{failing}locked",
        "readings are stored again",
    ]


# Clocks of turbines.

HOUR = 3_600_000


def clock_of(grid: Grid, number: int = 7) -> float | None:
    (state,) = grid.monitor.fleet_state.states([number])
    return state.clock_ahead_in_seconds


@pytest.mark.parametrize(
    ("measured_at", "ahead", "words"),
    [
        (SOME_DAY // 1000, (SOME_DAY // 1000 - SOME_DAY) / 1000, "20,697 days behind"),
        (SOME_DAY + 2 * HOUR, 7200.0, "2.0 h ahead"),
        (SOME_DAY - HOUR // 2 - 1_000, -1801.0, "0.5 h behind"),
    ],
    ids=["seconds for milliseconds", "another zone", "half an hour"],
)
def test_a_clock_that_is_far_off_is_told_once_a_link_and_shown(
    answering: Answering, caplog: pytest.LogCaptureFixture, measured_at: int, ahead: float, words: str
) -> None:
    async def story() -> None:
        async with Grid(answering).running() as grid:
            turbine = grid.turbine(7)
            await turbine.reports("ok", measured_at=measured_at)
            await turbine.reports("broken", measured_at=measured_at + 10)
            await turbine.reports("ok", measured_at=SOME_DAY + 5 * HOUR)
            await turbine.reports("ok", measured_at=measured_at + 20)
            assert clock_of(grid) == pytest.approx(ahead, abs=0.1)
            await turbine.reports("ok")
            assert grid.monitor.fleet_state.clocks_off == 1
            await turbine.reports("ok", measured_at=SOME_DAY)
            assert clock_of(grid) is None
            assert grid.monitor.fleet_state.clocks_off == 0
            await asyncio.sleep(1)
            told = [message for message in caplog.messages if "clock" in message]
            assert told == [
                f"turbine 7's clock is {words}: its readings are stored under the times it gives",
            ]
            assert measured_at in {row.measured_at for row in grid.store.kept}

    caplog.set_level(logging.INFO, logger="gridws")
    run(story())


def test_the_next_link_is_told_of_its_clock_again(
    answering: Answering, caplog: pytest.LogCaptureFixture
) -> None:
    async def story() -> None:
        async with Grid(answering).running() as grid:
            for _ in range(2):
                turbine = grid.turbine(7)
                assert clock_of(grid) is None
                await turbine.reports("ok", measured_at=0)
                await turbine.lost()
            assert clock_of(grid) is not None
            assert grid.monitor.fleet_state.clocks_off == 0  # it is not online
            await asyncio.sleep(1)
            assert len([message for message in caplog.messages if "clock" in message]) == 2

    caplog.set_level(logging.INFO, logger="gridws")
    run(story())


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"measured_at": SOME_DAY - HOUR // 2 + 1},
        {"measured_at": SOME_DAY + HOUR // 2 - 1000},
        {"measured_at": 0, "historical": True},
    ],
    ids=["without a time", "late", "early", "historical"],
)
def test_a_reading_that_may_be_as_old_as_it_says_tells_nothing_of_the_clock(
    answering: Answering, fields: dict[str, object]
) -> None:
    async def story() -> None:
        async with Grid(answering).running() as grid:
            await grid.turbine(7).reports("ok", **fields)
            assert clock_of(grid) is None

    run(story())
