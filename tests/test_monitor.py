"""The monitor with everything but sockets: real sessions, dispatcher, queue and a store in memory, in virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from doubles import ListLink, LoopClock, frame, metrics
from virtual_time import run
from watching_world import drained_into

import gridws
from gridws import register
from gridws.dispatcher import check
from gridws.errors import StoreFailed
from gridws.frames import OperationalStatus
from gridws.monitor import GridMonitor
from gridws.replica import Replica
from gridws.session import Session
from gridws.settings import MonitorSettings
from gridws.storage import Batch, Opened, Written
from gridws.storage.memory import MemoryStore
from gridws.turbine import WindTurbine


class Turbine:
    """One link and what came down on it."""

    def __init__(self, grid: Grid, number: int) -> None:
        self.number = number
        self.link = ListLink()
        self.session: Session = grid.monitor.connect(number, self.link)

    def reports(self, status: str, **fields: object) -> None:
        self.session.receive(metrics(status, self.number, **fields))

    def hello(self, stream: str = "a") -> None:
        self.session.receive(frame("hello", self.number, stream=stream))

    @property
    def engineers(self) -> list[int]:
        return [f["engineer_id"] for f in self.link.sent if f["type"] == "engineer_assigned"]


class Grid:
    def __init__(self, engineers: int = 3, store: MemoryStore | None = None, **settings: float) -> None:
        self.store = store or MemoryStore()
        self.clock = LoopClock()
        self.monitor = GridMonitor(
            engineers,
            self.store,
            settings=MonitorSettings(engineers=engineers, **settings),  # type: ignore[arg-type]
            clock=self.clock,
        )

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Grid]:
        await self.monitor.start()
        life = asyncio.create_task(self.monitor.run())
        await asyncio.sleep(0)
        yield self
        check(self.monitor._dispatcher)
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


def test_a_reading_is_stored_known_and_dispatched_on() -> None:
    async def story() -> None:
        async with Grid().running() as grid:
            turbine = grid.turbine(7)
            turbine.reports("broken", wind_speed=9.5)
            assert turbine.engineers == [1]
            assert grid.monitor.last_turbines_metrics[7].wind_speed == 9.5
            await asyncio.sleep(1)
            assert [row.wind_speed for row in grid.store.kept] == [9.5]

    run(story())


def test_a_turbine_that_found_no_free_engineer_gets_the_first_one_that_is() -> None:
    async def story() -> None:
        async with Grid(engineers=1).running() as grid:
            first, second = grid.turbine(1), grid.turbine(2)
            first.reports("broken")
            second.reports("broken")
            second.reports("broken")
            assert second.engineers == []
            first.reports("ok")
            assert second.engineers == [1]

    run(story())


def test_a_lost_link_frees_its_engineer_in_the_same_step() -> None:
    async def story() -> None:
        async with Grid(engineers=1).running() as grid:
            first, second = grid.turbine(1), grid.turbine(2)
            first.reports("broken")
            second.reports("broken")
            first.session.lost()
            assert second.engineers == [1]

    run(story())


def test_the_newest_link_wins_and_the_old_session_changes_nothing() -> None:
    async def story() -> None:
        async with Grid(engineers=1).running() as grid:
            old = grid.turbine(1)
            old.reports("broken")
            new = grid.turbine(1)
            assert old.link.closed == (4001, "superseded")
            old.session.lost()
            old.session.receive(metrics("ok", 1))
            new.reports("broken")
            assert new.engineers == [1]
            await asyncio.sleep(1)
            outcomes = [repair.outcome for repair in sorted(grid.store.repair_rows.values())]
            assert outcomes == ["superseded", None]

    run(story())


def test_a_silent_link_is_closed_within_a_second_of_its_timeout() -> None:
    async def story() -> None:
        async with Grid().running() as grid:
            turbine = grid.turbine(1)
            await asyncio.sleep(59.9)
            assert turbine.link.closed is None
            await asyncio.sleep(1.1)
            assert turbine.link.closed == (4002, "silent")

    run(story())


def test_nobody_is_called_silent_right_after_a_stall_of_the_loop() -> None:
    async def story() -> None:
        async with Grid().running() as grid:
            turbine = grid.turbine(1)
            await asyncio.sleep(50)
            clock: LoopClock = grid.monitor.clock  # type: ignore[assignment]
            loop = asyncio.get_running_loop()
            loop._jumping.now += 30  # type: ignore[attr-defined]  # the process was stopped for so long
            await asyncio.sleep(0.3)
            turbine.reports("ok")
            await asyncio.sleep(5)
            assert turbine.link.closed is None
            assert clock.now().seconds > 1080

    run(story())


def test_what_was_sent_during_a_stall_of_the_loop_is_no_flood() -> None:
    async def story() -> None:
        async with Grid().running() as grid:
            turbine = grid.turbine(1)
            await asyncio.sleep(50)
            loop = asyncio.get_running_loop()
            loop._jumping.now += 20  # type: ignore[attr-defined]  # the process was stopped for so long
            for _ in range(400):
                turbine.reports("ok")
            await asyncio.sleep(15)
            turbine.reports("ok")
            assert turbine.link.sent == []
            assert turbine.link.closed is None

    run(story())


def test_a_repair_that_ended_during_a_stall_of_the_loop_is_not_given_up() -> None:
    async def story() -> None:
        async with Grid(1, repair_timeout=10).running() as grid:
            turbine = grid.turbine(1)
            turbine.reports("broken")
            await asyncio.sleep(5)
            loop = asyncio.get_running_loop()
            loop._jumping.now += 20  # type: ignore[attr-defined]  # the process was stopped for so long
            await asyncio.sleep(0.3)
            turbine.reports("ok")
            await asyncio.sleep(5)
            assert [repair.outcome for repair in await grid.store.repairs(limit=10)] == ["repaired"]

    run(story())


def test_a_loop_that_is_always_late_judges_all_the_same() -> None:
    async def story() -> None:
        async with Grid(1, repair_timeout=10, tick=0.25).running() as grid:
            turbine, silent = grid.turbine(1), grid.turbine(2)
            turbine.reports("broken")
            loop = asyncio.get_running_loop()
            for _ in range(100):
                loop._jumping.now += 1.5  # type: ignore[attr-defined]
                await asyncio.sleep(0.3)
                turbine.reports("broken")
            assert "engineer_withdrawn" in turbine.link.types
            assert silent.link.closed == (4002, "silent")

    run(story())


def test_a_clock_that_was_put_forward_forgets_no_turbine() -> None:
    async def story() -> None:
        async with Grid(turbines_shown_for=10_000).running() as grid:
            gone = grid.turbine(1)
            gone.session.lost()
            grid.clock.ahead = 365 * 24 * 3_600.0
            await asyncio.sleep(700)
            assert grid.monitor.register.numbers() == [1]

    run(story())


def test_too_many_turbines_that_are_away_are_forgotten_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(register, "MOST_AWAY", 20)

    async def story() -> None:
        async with Grid().running() as grid:
            await asyncio.sleep(1)
            for number in range(1, 51):
                grid.turbine(number).session.lost()
            await asyncio.sleep(1)
            assert len(grid.monitor.register) == 20

    run(story())


def test_a_repair_that_does_not_end_is_given_up_and_the_turbine_waits_at_the_back() -> None:
    async def story() -> None:
        async with Grid(engineers=1, repair_timeout=10).running() as grid:
            hopeless, next_one = grid.turbine(1), grid.turbine(2)
            hopeless.reports("broken")
            next_one.reports("broken")
            await asyncio.sleep(10.5)
            assert hopeless.link.types == ["engineer_assigned", "engineer_withdrawn"]
            assert next_one.engineers == [1]
            assert grid.monitor._dispatcher.waiting() == [1]

    run(story())


def test_what_is_numbered_is_acknowledged_after_the_commit() -> None:
    async def story() -> None:
        async with Grid().running() as grid:
            turbine = grid.turbine(1)
            turbine.hello()
            await asyncio.sleep(0.5)
            turbine.reports("ok", sequence=1)
            turbine.reports("ok", sequence=2)
            assert turbine.link.types == ["welcome"]
            await asyncio.sleep(0.5)
            assert turbine.link.sent[1:] == [{"type": "ack", "sequence": 2}]

    run(story())


def test_a_turbine_that_comes_back_is_told_where_it_was() -> None:
    async def story() -> None:
        async with Grid().running() as grid:
            turbine = grid.turbine(1)
            turbine.hello()
            await asyncio.sleep(0.5)
            turbine.reports("ok", sequence=1)
            turbine.session.lost()
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


def test_a_failing_disk_never_stops_dispatch_and_ends_in_a_resync() -> None:
    async def story() -> None:
        store = FailingStore()
        async with Grid(engineers=1, store=store).running() as grid:
            turbine = grid.turbine(1)
            turbine.hello()
            await asyncio.sleep(0.5)
            store.failing = True
            turbine.reports("ok", sequence=1)
            await asyncio.sleep(1)
            assert grid.monitor.queue.degraded == "the disk is full"
            turbine.reports("broken", sequence=2, wind_speed=9.5)
            assert turbine.engineers == [1]
            assert grid.monitor.last_turbines_metrics[1].wind_speed == 9.5
            store.failing = False
            await asyncio.sleep(3)
            assert turbine.link.types == ["welcome", "engineer_assigned", "resync"]
            turbine.hello()
            await asyncio.sleep(0.5)
            assert turbine.link.sent[-1]["last_sequence"] is None

    run(story())


def test_a_turbine_that_is_gone_for_long_is_forgotten_altogether() -> None:
    async def story() -> None:
        async with Grid(turbines_shown_for=100).running() as grid:
            gone, here = grid.turbine(1), grid.turbine(2)
            gone.reports("ok")
            gone.session.lost()
            for _ in range(30):
                here.reports("ok")
                await asyncio.sleep(50)
            assert grid.monitor.register.numbers() == [2]
            assert list(grid.monitor.last_turbines_metrics) == [2]

    run(story())


def test_viewers_learn_that_a_turbine_lost_its_place() -> None:
    async def story() -> None:
        async with Grid(place_kept_for=100).running() as grid:
            turbine = grid.turbine(1)
            turbine.reports("broken")
            turbine.session.lost()
            viewer, replica = grid.monitor.watch.open(), Replica()
            known = []
            for _ in range(110):
                drained_into(replica, viewer)
                known.append(replica.turbines[1].broken_at is not None)
                await asyncio.sleep(1)
            assert (known[0], known[99], known[-1]) == (True, True, False)

    run(story())


def test_the_roster_changes_while_running() -> None:
    async def story() -> None:
        async with Grid(engineers=0).running() as grid:
            turbine = grid.turbine(1)
            turbine.reports("broken")
            assert turbine.engineers == []
            grid.monitor.change_roster(2)
            assert turbine.engineers == [1]
            assert grid.monitor.engineer_count == 2

    run(story())


def test_a_stopping_monitor_closes_links_sends_nobody_anywhere_and_stores_everything() -> None:
    async def story() -> None:
        store = MemoryStore()
        async with Grid(engineers=1, store=store).running() as grid:
            first, second = grid.turbine(1), grid.turbine(2)
            first.reports("broken")
            second.reports("broken")
        assert first.link.closed == (1012, "the monitor stops; connect again soon")
        assert second.engineers == []
        assert [repair.outcome for repair in store.repair_rows.values()] == ["monitor_stopped"]
        assert [link.reason for link in store.link_rows.values()] == ["monitor_stopped"] * 2
        assert len(store.kept) == 2

    run(story())


def test_a_restarted_monitor_knows_its_turbines_and_uses_no_id_again() -> None:
    async def story() -> None:
        store = MemoryStore()
        async with Grid(store=store).running() as grid:
            first = grid.turbine(1)
            first.reports("broken")
        async with Grid(store=store).running() as grid:
            entry = grid.monitor.register.get(1)
            assert entry is not None
            assert not entry.online
            assert grid.monitor.last_turbines_metrics[1].operational_status is OperationalStatus.broken
            again = grid.turbine(1)
            again.reports("broken")
            assert again.session.id > first.session.id
            assert again.link.sent[0]["assignment_id"] > first.link.sent[0]["assignment_id"]

    run(story())


def test_run_raises_what_made_it_end() -> None:
    class Dying(MemoryStore):
        async def write(self, batch: Batch) -> Written:
            raise ZeroDivisionError

        async def open(self, *, now: int) -> Opened:
            return await super().open(now=now)

    async def story() -> None:
        grid = Grid(store=Dying())
        await grid.monitor.start()
        life = asyncio.create_task(grid.monitor.run())
        grid.turbine(1).reports("ok")
        with pytest.raises(ZeroDivisionError):
            await life

    run(story())
