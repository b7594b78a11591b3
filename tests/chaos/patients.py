"""Turbines that break again and again, know several monitors, and write down when which engineer was there."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import cycle
from time import monotonic
from typing import Any, ClassVar

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import WebSocketException

from .checker import Checker
from .programs import until

REPAIR = 0.5
"""Seconds."""
NOTICED_WITHIN = 0.25
"""Seconds in which a link that is gone is noticed by a process that has much to do."""


@dataclass
class Visit:
    """An engineer at a turbine, as the turbine knows it; until None he is there."""

    engineer_id: int
    turbine_number: int
    since: float
    until: float | None = None


class Patient(Checker):
    """Drops a link that does not answer a ping soon, as ours do while an engineer is there, and tries the next one."""

    connecting: ClassVar[dict[str, Any]] = {**Checker.connecting, "ping_interval": 0.5, "ping_timeout": 1.0}

    def __init__(self, number: int, monitors: Sequence[str], chance: random.Random) -> None:
        super().__init__(number, monitors[0])
        self.visits: list[Visit] = []
        self.repaired = 0
        self._addresses = cycle(f"{url}/ws/turbines/{number}" for url in monitors)
        self._chance = chance
        self._link: ClientConnection | None = None
        self._visit: Visit | None = None

    async def live(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(super().live())
            tasks.create_task(self._break())

    def _address(self) -> str:
        return next(self._addresses)

    async def _serve(self, link: ClientConnection) -> None:
        self._link = link
        try:
            await super()._serve(link)
        finally:
            self._link = None
            self._end_visit()

    async def _receive(self, link: ClientConnection, frame: dict[str, Any]) -> None:
        if frame["type"] == "engineer_assigned":
            self._end_visit()
            self._visit = Visit(frame["engineer_id"], self.number, monotonic())
            self.visits.append(self._visit)
        elif frame["type"] == "engineer_withdrawn":
            self._end_visit()
        await super()._receive(link, frame)

    def _end_visit(self) -> None:
        if self._visit is not None:
            self._visit.until = monotonic()
            self._visit = None

    async def _break(self) -> None:
        while True:
            await asyncio.sleep(self._chance.uniform(0.2, 0.8))
            self.status = "broken"
            await self._tell_status()
            while self.status == "broken":
                visit = self._visit
                await asyncio.sleep(REPAIR)
                if visit is not None and visit is self._visit:
                    self._end_visit()
                    self.status = "ok"
                    self.repaired += 1
                    await self._tell_status()

    async def _tell_status(self) -> None:
        if self._link is not None:
            with suppress(WebSocketException):
                await self._say(self._link, "status", operational_status=self.status)


async def go_on(patients: Iterable[Patient]) -> None:
    """Wait until each of them was repaired once more."""
    goals = [(patient, patient.repaired + 1) for patient in patients]
    await until(lambda: all(patient.repaired >= goal for patient, goal in goals), within=60.0)


def engineers_at_two_turbines(patients: Iterable[Patient]) -> list[tuple[Visit, Visit]]:
    """Return visits of one engineer that are at the same time, as the turbines know it."""
    visits = sorted((visit for patient in patients for visit in patient.visits), key=lambda each: each.since)
    wrong, last = list[tuple[Visit, Visit]](), dict[int, Visit]()
    for visit in visits:
        before = last.get(visit.engineer_id)
        if before is not None and (before.until is None or before.until - visit.since > NOTICED_WITHIN):
            wrong.append((before, visit))
        last[visit.engineer_id] = visit
    return wrong
