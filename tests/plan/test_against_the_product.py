"""The plan against the product: real turbines and a real monitor, in virtual time, with links in memory.

A fleet is recorded with two engineers; what one and four would have made of it is predicted from that record alone,
and then played by the product itself.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from functools import partial
from random import Random
from typing import NamedTuple

import pytest
from doubles import LoopClock
from virtual_time import VirtualUtc, run

from gridws.monitor.monitor import GridMonitor
from gridws.monitor.session import Session
from gridws.plan.answer import Question, answer_from_model, answer_from_record
from gridws.plan.model import Model, demo
from gridws.plan.record import Record, recorded
from gridws.report.reporting import report_of
from gridws.settings import MonitorSettings
from gridws.spans import Span
from gridws.storage.memory import MemoryStore
from gridws.storage.records import Records
from gridws.turbines.link import Loss, Receive
from gridws.turbines.turbine import WindTurbine

pytestmark = pytest.mark.slow

TURBINES = 12
SECONDS = 900.0


class Wire:
    """Both ends of a link in memory: a frame arrives in the next step."""

    def __init__(self, receive: Receive) -> None:
        self.session: Session | None = None
        self._receive = receive
        self._loss: asyncio.Future[Loss] = asyncio.get_running_loop().create_future()

    # The turbine's end.

    def send_now(self, text: str) -> None:
        if self.session is not None:
            self.session.receive(text)

    async def lost(self) -> Loss:
        return await asyncio.shield(self._loss)

    async def leave(self) -> None:
        self.close(1000, "")

    def watch(self, *, closely: bool) -> None:
        """It is in memory: it is alive."""

    # The monitor's end.

    def send(self, text: str) -> None:
        asyncio.get_running_loop().call_soon(self._receive, text)

    def close(self, code: int, reason: str) -> None:
        if not self._loss.done():
            self._loss.set_result(Loss(code, reason))

    def pause_reading(self) -> None:
        """Nothing waits anywhere."""

    def resume_reading(self) -> None:
        """Nothing waited anywhere."""


class Seen(NamedTuple):
    """What came of a fleet that the product ran: its record, and its availability by the report."""

    record: Record
    availability: float


async def nobody(_monitor: GridMonitor) -> None:
    """Nobody says anything."""


async def played(
    engineers: int, seed: int, people: Callable[[GridMonitor], Coroutine[None, None, None]] = nobody
) -> Seen:
    """Return what came of a fleet that the product ran, while people did what they do."""
    settings = MonitorSettings(engineers=engineers, retain_readings=None)
    store = MemoryStore()
    monitor = GridMonitor(engineers, store, settings=settings, clock=LoopClock())

    async def dial(turbine_number: int, receive: Receive, /) -> Wire:
        wire = Wire(receive)
        wire.session = monitor.connect(turbine_number, wire)
        return wire

    began = monitor.clock.now().at
    life = asyncio.create_task(monitor.run())
    await asyncio.sleep(0)
    fleet = [
        WindTurbine(number, 5.0, dial=dial, chance=Random(f"{seed}/{number}"), utc=VirtualUtc(began))
        for number in range(1, TURBINES + 1)
    ]
    tasks = [asyncio.create_task(turbine.run()) for turbine in fleet]
    tasks.append(asyncio.create_task(people(monitor)))
    await asyncio.sleep(SECONDS)
    until = monitor.clock.now().at

    def taken(records: Records) -> Seen:
        span = Span(began, until)
        report = report_of(records, span, now=until)
        _, rows = records.report_rows(span, now=until)
        return Seen(recorded(rows, span, until, records.roster()), report.fleet.availability or 0.0)

    seen = await store.read(taken)
    for task in (*tasks, life):
        task.cancel()
    await asyncio.gather(*tasks, life, return_exceptions=True)
    return seen


async def a_campaign_and_a_night(engineers: int, monitor: GridMonitor) -> None:
    """Hold a third of the fleet for a while, and then have nobody there for another."""
    await asyncio.sleep(150)
    for number in range(1, TURBINES // 3 + 1):
        monitor.hold(number)
    await asyncio.sleep(250)
    for number in range(1, TURBINES // 3 + 1):
        monitor.end_hold(number)
    monitor.change_roster(0)
    await asyncio.sleep(200)
    monitor.change_roster(engineers)


@pytest.fixture(scope="module")
def seen() -> Seen:
    return run(played(2, seed=1))


def test_a_record_of_the_product_has_the_lives_that_its_turbines_draw(seen: Seen) -> None:
    record = seen.record
    lives = [life.seconds for life in record.lives if life.complete]

    assert len(record.turbines) == TURBINES
    assert sum(lives) / len(lives) == pytest.approx(15, rel=0.1)
    assert max(lives) < 36


@pytest.mark.parametrize("engineers", [1, 4])
def test_what_is_predicted_from_a_record_happens(seen: Seen, engineers: int) -> None:
    model = Model(turbines=TURBINES, causes=demo(), horizon=SECONDS)
    question = Question(sizes=(engineers,), precision=0.01)

    (pool,) = answer_from_record(seen.record, model, question).pools
    happened = run(played(engineers, seed=1))

    assert happened.availability == pytest.approx(pool.availability.value, abs=0.04)


def test_holds_and_times_without_anybody_come_again_where_they_were() -> None:
    record = run(played(2, seed=1, people=partial(a_campaign_and_a_night, 2))).record
    model = Model(turbines=TURBINES, causes=demo(), horizon=SECONDS, shift=record.shifts)

    (pool,) = answer_from_record(record, model, Question(sizes=(4,), precision=0.01)).pools
    happened = run(played(4, seed=1, people=partial(a_campaign_and_a_night, 4)))

    assert happened.availability == pytest.approx(pool.availability.value, abs=0.04)


def test_the_preset_is_what_the_turbines_do(seen: Seen) -> None:
    model = Model(turbines=TURBINES, causes=demo(), horizon=SECONDS)

    (pool,) = answer_from_model(model, Question(sizes=(2,), precision=0.01)).pools

    assert seen.availability == pytest.approx(pool.availability.value, abs=0.06)
