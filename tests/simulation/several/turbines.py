"""Real turbines on machines of their own, that go from one monitor to the next, and remember what they measured."""

from __future__ import annotations

import asyncio
import random
from typing import TYPE_CHECKING, cast

from gridws.client.monitors import Address
from gridws.turbines.dialing import Dialer
from gridws.turbines.link import Receive
from gridws.turbines.turbine import WindTurbine
from gridws.turbines.websocket_link import WebSocketLink
from gridws.wire.frames import EngineerAssigned, TurbineMetrics
from gridws.words import OperationalStatus

from ..disk import Identity
from ..witness import Client
from ..world import CountingWind
from .machines import Machine
from .wires import Wire

if TYPE_CHECKING:
    from .grid import Grid

MONITOR = "ws://monitor-{}.test"


class HoppingDialer(Dialer):
    """The real way from one address to the next, in a network of ours."""

    def __init__(self, grid: Grid, turbine: HoppingTurbine) -> None:
        super().__init__(",".join(MONITOR.format(place) for place in range(grid.places)))
        self._grid = grid
        self._turbine = turbine

    async def _dial(self, address: Address, turbine_number: int, receive: Receive) -> WebSocketLink:
        end = await self._grid.connect(self._turbine, address.base, receive)
        return cast("WebSocketLink", end)


class HoppingTurbine(WindTurbine):
    """A turbine; another with the same number is another process."""

    def __init__(
        self, grid: Grid, machine: Machine, number: int, *, frequency: float, fail: float, repair: float
    ) -> None:
        self.machine = machine
        self.grid = grid
        self.client = Client()
        self.serial = grid.next_serial()
        self.taken: list[tuple[float, Identity, OperationalStatus]] = []
        self.last_ok_at = 0.0
        self.wire: Wire | None = None
        super().__init__(
            number,
            frequency,
            fail,
            repair,
            wind=CountingWind(self.serial * 1_000_000),
            chance=random.Random(self.serial),
            delays=random.Random(grid.chance.random()),
            dial=HoppingDialer(grid, self).dial,
            buffer=grid.buffer,
            utc=machine.utc,
            news=grid.witness.news,
        )
        self.uplink.backlog.stream = f"stream-{self.serial}"
        self.life = machine.create_task(self.run())
        self.life.add_done_callback(self._ended)

    @property
    def engineer(self) -> EngineerAssigned | None:
        """Who is here, as far as this turbine knows."""
        return self._engineer

    @property
    def can_know(self) -> bool:
        """Whether it lives, and nothing was done to its link or to itself since that was made."""
        return not self.life.done() and self.wire is not None and self.wire.healthy

    async def produce_metrics(self, turbine_metrics: TurbineMetrics) -> None:
        now, status = self.grid.universe.now, turbine_metrics.operational_status
        self.taken.append((now, (self.turbine_number, turbine_metrics.wind_speed), status))
        if status is OperationalStatus.ok:
            self.last_ok_at = now
        backlog = self.uplink.backlog
        dropped, oldest = backlog.dropped, backlog.last_sequence - len(backlog) + 1
        await super().produce_metrics(turbine_metrics)
        if backlog.dropped > dropped:
            self.client.dropped.add((backlog.stream, oldest))

    def engineer_assigned(self, frame: EngineerAssigned) -> None:
        before = self._engineer
        super().engineer_assigned(frame)
        self.grid.witness.arrived(self, frame, before)

    def kill(self) -> None:
        """End at once, without a word; the monitor notices soon, late or never."""
        if self.wire is not None:
            self.wire.cut(monitor_after=self.grid.notices(), turbine_after=0.0)
        self.life.cancel()

    def _ended(self, life: asyncio.Task[None]) -> None:
        if not life.cancelled() and life.exception() is not None:
            self.grid.witness.wrong(f"turbine {self.turbine_number} ended: {life.exception()!r}")
