"""A turbine of few lines, independent of ours, that keeps its own log of what was acknowledged to it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any, ClassVar

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidHandshake, WebSocketException

from .programs import Monitor, until

PACE = 0.08
"""Seconds between two readings: a little slower than what a link may send for ever."""


class Checker:
    """Numbers its readings by its wind speeds, so that each can be found again, and says what status it was told."""

    connecting: ClassVar[dict[str, Any]] = {"compression": None, "close_timeout": 1}

    def __init__(self, number: int, url: str, *, frequency: float = 1.0) -> None:
        self.number = number
        self.status = "ok"
        self.acknowledged = 0
        self.assignments: list[int] = []
        self.withdrawals: list[str] = []
        self.close_codes: list[int | None] = []
        self.connections = 0
        self._url = f"{url}/ws/turbines/{number}"
        self._frequency = frequency
        self._next = 1
        self._sendable = False

    @property
    def taken(self) -> int:
        return self._next - 1

    async def live(self) -> None:
        """Connect again and again, and say again what was not acknowledged."""
        while True:
            with suppress(OSError, TimeoutError, EOFError, InvalidHandshake, WebSocketException):
                async with connect(self._address(), proxy=None, **self.connecting) as link:
                    self.connections += 1
                    try:
                        await self._serve(link)
                    finally:
                        self._sendable = False
                        self.close_codes.append(link.close_code)
            await asyncio.sleep(0.1)

    def _address(self) -> str:
        return self._url

    def stored(self, monitor: Monitor) -> list[int]:
        """Return what the database has of this turbine, in order."""
        query = f"SELECT wind_speed FROM metrics WHERE turbine_number = {self.number} ORDER BY wind_speed"
        return [int(wind) for (wind,) in monitor.rows(query)]

    async def acknowledges(self, more: int, *, within: float = 30.0) -> None:
        """Wait until so many more readings are acknowledged."""
        goal = self.acknowledged + more
        await until(lambda: self.acknowledged >= goal, within=within)

    async def _serve(self, link: ClientConnection) -> None:
        async with asyncio.TaskGroup() as both:
            sending = both.create_task(self._send(link))
            with suppress(WebSocketException):
                async for text in link:
                    await self._receive(link, json.loads(text))
            sending.cancel()

    async def _receive(self, link: ClientConnection, frame: dict[str, Any]) -> None:
        match frame["type"]:
            case "welcome":
                self.acknowledged = max(self.acknowledged, frame["last_sequence"] or 0)
                for sequence in range((frame["last_sequence"] or 0) + 1, self._next):
                    await self._reading(link, sequence, historical=True)
                self._sendable = True
            case "ack":
                self.acknowledged = max(self.acknowledged, frame["sequence"])
            case "engineer_assigned":
                self.assignments.append(frame["assignment_id"])
            case "engineer_withdrawn":
                self.withdrawals.append(frame["reason"])
            case "resync":
                await self._hello(link)

    async def _send(self, link: ClientConnection) -> None:
        with suppress(WebSocketException):
            await self._hello(link)
            while True:
                await asyncio.sleep(PACE)
                if self._sendable and self._next - self.acknowledged < 400:
                    sequence, self._next = self._next, self._next + 1
                    await self._reading(link, sequence, historical=False)

    async def _hello(self, link: ClientConnection) -> None:
        self._sendable = False
        frequency = {"upload_frequency_in_seconds": self._frequency}
        await self._say(link, "hello", stream=f"checker-{self.number}", **frequency)
        await self._say(link, "status", operational_status=self.status)

    async def _reading(self, link: ClientConnection, sequence: int, *, historical: bool) -> None:
        values = {"wind_speed": sequence, "power_output_in_kwh": 1.0, "operational_status": self.status}
        await self._say(link, "metrics", **values, sequence=sequence, historical=historical)

    async def _say(self, link: ClientConnection, what: str, **fields: object) -> None:
        await link.send(json.dumps({"type": what, "turbine_number": self.number, **fields}))


@asynccontextmanager
async def at_work(*checkers: Checker) -> AsyncIterator[None]:
    """Let checkers live meanwhile."""
    tasks = [asyncio.create_task(checker.live()) for checker in checkers]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        for ended in await asyncio.gather(*tasks, return_exceptions=True):
            if isinstance(ended, Exception):
                raise ended
