"""Which repairs the page draws, whatever the table and the monitor say at the moment."""

from __future__ import annotations

import json

import httpx
import pytest
from watching_world import StillClock

from gridws.dashboard.archive import Archive
from gridws.dashboard.room import REPAIRS_SHOWN, ControlRoom
from gridws.settings import DashboardSettings
from gridws.storage.rows import Repair
from gridws.viewers.mirror import Mirror
from gridws.wire.frames import EngineerState, Event, EventKind, Snapshot, Totals
from gridws.words import Outcome

START = 1_700_000_000_000
TOTALS = Totals(
    turbines=0,
    online=0,
    broken=0,
    waiting=0,
    under_repair=0,
    engineers=1,
    engineers_free=1,
    power_output_in_kwh=0.0,
)


class Scene:
    """A monitor whose table and whose word are set by hand; `look` is the dashboard's."""

    def __init__(self) -> None:
        self.clock = StillClock()
        self.table: dict[int, Repair] = {}
        self.events: list[Event] = []
        self.room = ControlRoom(DashboardSettings(monitor="ws://monitor:1"))
        self.room.mirror = Mirror("ws://monitor:1", clock=self.clock)
        self.room.archive = Archive(lambda: "ws://monitor:1", transport=httpx.MockTransport(self._answer))

    def _answer(self, request: httpx.Request) -> httpx.Response:
        since = int(request.url.params["since"])
        rows = [row for row in self.table.values() if row.ended_at is None or row.ended_at >= since]
        return httpx.Response(200, content=json.dumps([row._asdict() for row in rows[::-1]]))

    def store(self, number: int, begin: float, end: float | None = None) -> None:
        """Put a repair of the seconds `begin` to `end` into the table."""
        at = START + int(begin * 1000)
        ended_at = None if end is None else START + int(end * 1000)
        self.table[number] = Repair(number, 7, 1, at, at, ended_at, None if end is None else "repaired")

    def hear(self, running: int | None = None) -> None:
        """Have the monitor say which repair is running."""
        engineer = EngineerState(
            engineer_id=1, turbine_number=7 if running else None, assignment_id=running, since=START
        )
        self.room.mirror._take(
            Snapshot(
                at=self.clock.now().at,
                started_at=START,
                turbines=[],
                engineers=[engineer],
                totals=TOTALS,
                degraded=None,
                events=self.events,
            )
        )

    async def look(self, running: int | None = None) -> None:
        self.hear(running)
        await self.room._take_repairs()

    @property
    def drawn(self) -> list[tuple[int, int | None]]:
        """The drawn repairs, and the seconds at which they ended."""
        return [
            (each.id, None if each.ended_at is None else (each.ended_at - START) // 1000)
            for each in self.room.repairs
        ]


@pytest.fixture
def scene() -> Scene:
    return Scene()


async def test_what_ended_while_nobody_looked_is_drawn(scene: Scene) -> None:
    scene.store(1, begin=-10)
    await scene.look(running=1)

    scene.clock.move(100)
    scene.store(1, begin=-10, end=20)
    scene.store(2, begin=30, end=40)
    await scene.look()

    assert scene.drawn == [(1, 20), (2, 40)]


async def test_looks_in_a_row_ask_for_little_more_than_is_new(scene: Scene) -> None:
    scene.clock.move(200)
    scene.store(1, begin=0, end=10)
    await scene.look()
    del scene.table[1]
    scene.clock.move(2)
    await scene.look()

    assert scene.drawn == [(1, 10)]


async def test_a_clock_that_was_set_back_hides_no_repair(scene: Scene) -> None:
    await scene.look()

    scene.clock.move(-100)
    scene.store(1, begin=-105, end=-101)
    await scene.look()

    assert scene.drawn == [(1, -101)]


async def test_a_running_repair_is_drawn_as_running(scene: Scene) -> None:
    scene.store(1, begin=0)
    await scene.look(running=1)

    assert scene.drawn == [(1, None)]


async def test_a_repair_that_only_the_table_has_as_running_ends_as_the_monitor_told(scene: Scene) -> None:
    scene.store(1, begin=-10)
    await scene.look(running=1)

    told = Event(
        id=1,
        at=START + 5_000,
        kind=EventKind.repaired,
        assignment_id=1,
        outcome=Outcome.repaired,
        text="done",
    )
    scene.events = [told]
    scene.clock.move(6)
    scene.hear()

    assert scene.drawn == [(1, 5)]
    assert scene.room.repairs[0].outcome == "repaired"


async def test_an_open_repair_that_the_monitor_knows_nothing_of_is_not_drawn(scene: Scene) -> None:
    scene.store(1, begin=-10)
    await scene.look()

    assert scene.drawn == []


async def test_repairs_leave_the_chart_when_they_are_older_than_it(scene: Scene) -> None:
    scene.store(1, begin=-10, end=0)
    await scene.look()

    scene.clock.move(REPAIRS_SHOWN / 1000 + 1)
    scene.hear()

    assert scene.drawn == []
