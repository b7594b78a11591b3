"""A monitor that only plays `/ws/watch`, for fleets too large to run beside a browser in a test."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from contextlib import suppress
from types import TracebackType
from typing import Self

from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from gridws.wire.frames import (
    Changes,
    EngineerState,
    Event,
    EventKind,
    Snapshot,
    Totals,
    TurbineState,
    encode,
)
from gridws.words import OperationalStatus


class BigFleet:
    """`count` turbines, every tenth broken and waiting; each sends a reading every second.

    `sites` are where they are, in turn; where there are any, turbines have names too.
    """

    def __init__(self, count: int, port: int = 0, *, sites: Sequence[str] = ()) -> None:
        self.count = count
        self._sites = sites
        self._port = port
        self._broken = {number for number in range(1, count + 1) if number % 10 == 0}
        self._healed: asyncio.Queue[int] = asyncio.Queue()
        self._started_at = int(time.time() * 1000)

    async def __aenter__(self) -> Self:
        self._server = await serve(self._handle, "127.0.0.1", self._port, compression=None, close_timeout=0.2)
        self._port = next(iter(self._server.sockets)).getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.close()
        await self._server.wait_closed()

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self._port}"

    def heal(self, number: int) -> None:
        """Make a turbine well; viewers hear of it with the next frame."""
        self._broken.discard(number)
        self._healed.put_nowait(number)

    async def _handle(self, connection: ServerConnection) -> None:
        with suppress(ConnectionClosed):
            await connection.send(encode(self.snapshot()))
            while True:
                await asyncio.sleep(0.5)
                await connection.send(encode(self._changes()))

    def snapshot(self) -> Snapshot:
        states = [self._state(number) for number in range(1, self.count + 1)]
        engineers = [
            EngineerState(engineer_id=1, turbine_number=None, assignment_id=None, since=self._started_at)
        ]
        return Snapshot(
            at=self._now(),
            started_at=self._started_at,
            turbines=states,
            engineers=engineers,
            totals=self._totals(),
            degraded=None,
            events=[
                Event(id=number, at=self._started_at, kind=EventKind.roster, text=f"sentence {number}")
                for number in range(1, 41)
            ],
        )

    def _changes(self) -> Changes:
        healed = []
        while not self._healed.empty():
            healed.append(self._state(self._healed.get_nowait()))
        at = self._now()
        half = range(1 + at // 500 % 2, self.count + 1, 2)
        return Changes(
            at=at,
            turbines=healed,
            readings=[(number, 8.0 + number % 7, 900.0, 100) for number in half],
            engineers=None,
            removed=[],
            totals=self._totals(),
            degraded=None,
            events=[],
        )

    def _state(self, number: int) -> TurbineState:
        broken = number in self._broken
        site = self._sites[number % len(self._sites)] if self._sites else None
        return TurbineState(
            turbine_number=number,
            online=True,
            operational_status=OperationalStatus.broken if broken else OperationalStatus.ok,
            wind_speed=8.0,
            power_output_in_kwh=0.0 if broken else 900.0,
            measured_at=self._now(),
            since=self._started_at,
            broken_at=self._started_at if broken else None,
            waiting_place=number // 10 if broken else None,
            engineer_id=None,
            assignment_id=None,
            name=f"Wind {number}" if site else None,
            site=site,
        )

    def _totals(self) -> Totals:
        return Totals(
            turbines=self.count,
            online=self.count,
            broken=len(self._broken),
            waiting=len(self._broken),
            under_repair=0,
            engineers=1,
            engineers_free=1,
            power_output_in_kwh=900.0 * (self.count - len(self._broken)),
        )

    @staticmethod
    def _now() -> int:
        return int(time.time() * 1000)
