"""Connections between a turbine's machine and a monitor's: two pipes of the network, and an end on each machine.

A machine that stands still neither reads nor answers a ping, and its system goes on holding the connection.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from gridws.monitor.session import Session
from gridws.settings import AFTER_STALL
from gridws.turbines.link import EARLY, Loss, Receive
from gridws.turbines.websocket_link import CLOSE_PATIENCE, CLOSE_PING

from ..network import Item, Pipe
from .machines import Machine

if TYPE_CHECKING:
    from .monitors import Process
    from .turbines import HoppingTurbine
    from .witness import Witness

PING: Final = "ping"
PONG: Final = "pong"
FAR_PING: Final = 20.0
"""Seconds between pings, and of patience with an answer, while nobody is at the turbine."""


class Wire:
    """One connection; `healthy` until something was done to the network in between or to the turbine."""

    def __init__(
        self,
        turbine: HoppingTurbine,
        process: Process,
        receive: Receive,
        *,
        network: Machine,
        delay: Callable[[], float],
        witness: Witness,
    ) -> None:
        self.turbine = turbine
        self.process = process
        self.number = turbine.turbine_number
        self.healthy = True
        self.made_at: float | None = None
        """When the monitor got it, in the time of all."""
        self.made: float | None = None
        """The same in pool time, as the monitor knew it."""
        self.session: Session | None = None
        self.stream = ""
        self.loss: asyncio.Future[Loss] = asyncio.Future(loop=turbine.machine)
        self.up = Pipe(lambda item: process.machine.call_soon(self._arrived_up, item), delay, network)
        self.down = Pipe(lambda item: turbine.machine.call_soon(self._arrived_down, item), delay, network)
        self.heard: Callable[[], None] = _nothing
        """What the turbine's end does with any sign of life."""
        self.witness = witness
        self._receive = receive
        self._network = network

    @property
    def over(self) -> bool:
        return self.loss.done() and (self.session is None or self.session.ended)

    def disturb(self, *pipes: Pipe) -> None:
        """Let nothing through for a while; TCP delivers it later."""
        self.healthy = False
        for pipe in pipes:
            pipe.hold("disturbed")

    def calm(self) -> None:
        for pipe in (self.up, self.down):
            pipe.release("disturbed")

    def cut(self, *, monitor_after: float | None, turbine_after: float | None) -> None:
        """Lose what is on the way; each side is told after so many seconds, or never (None)."""
        self.healthy = False
        self.end(monitor_after=monitor_after, turbine_after=turbine_after)

    def end(self, *, monitor_after: float | None, turbine_after: float | None) -> None:
        """End by the doing of one side: the network between is well."""
        self.up.cut()
        self.down.cut()
        if monitor_after is not None:
            self._network.call_later(monitor_after, self.process.machine.call_soon, self.monitor_notices)
        if turbine_after is not None:
            self._network.call_later(
                turbine_after, self.turbine.machine.call_soon, self.turbine_notices, Loss(1006)
            )

    def turbine_notices(self, loss: Loss) -> None:
        if not self.loss.done():
            self.loss.set_result(loss)

    def monitor_notices(self) -> None:
        if self.session is not None and self.process.alive:
            self.witness.note(f"{self.number} is lost at {self.process.place}")
            self.session.lost()

    def _arrived_up(self, item: Item) -> None:
        if not self.process.alive:
            return
        if isinstance(item, Loss):
            self.monitor_notices()
        elif item is PING:
            self.down.put(PONG)
        elif self.session is not None:
            self.witness.up(self, item)
            self.session.receive(item)

    def _arrived_down(self, item: Item) -> None:
        self.heard()
        if isinstance(item, Loss):
            self.turbine_notices(item)
        elif item is not PONG and not self.loss.done():
            self._receive(item)


def _nothing() -> None:
    """Nobody is at this end yet."""


class MonitorEnd:
    """The wire as a session's `Link`."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._closed = False

    def send(self, text: str) -> None:
        if not self._closed and self._wire.process.alive:
            self._wire.witness.down(self._wire, text)
            self._wire.down.put(text)

    def close(self, code: int, reason: str) -> None:
        if not self._closed and self._wire.process.alive:
            self._closed = True
            self._wire.witness.closed(self._wire, code)
            self._wire.down.put(Loss(int(code), reason))

    def pause_reading(self) -> None:
        self._wire.up.hold("paused")

    def resume_reading(self) -> None:
        self._wire.up.release("paused")


class TurbineEnd:
    """The wire as a turbine's `MonitorLink`, which asks whether the monitor lives, as one over a WebSocket does."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._closely = False
        self._heard = True
        self._asked_at = self._due = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._machine = wire.turbine.machine
        wire.heard = self._hear
        wire.loss.add_done_callback(lambda _: self._stop())
        self._look_in(FAR_PING)

    @property
    def close_code(self) -> int | None:
        """How it ended, as the dialer asks for it."""
        return self._wire.loss.result().code if self._wire.loss.done() else None

    def send_now(self, text: str) -> None:
        if not self._wire.loss.done():
            self._wire.turbine.client.note(text)
            self._wire.up.put(text)

    def watch(self, *, closely: bool) -> None:
        begins, self._closely = closely and not self._closely, closely
        if begins and self._timer is not None:
            self._timer.cancel()
            self._look_in(0.0)

    async def lost(self) -> Loss:
        return await asyncio.shield(self._wire.loss)

    async def leave(self) -> None:
        if not self._wire.loss.done():
            self._wire.loss.set_result(Loss(1001))
            self._wire.up.put(Loss(1001))

    def _hear(self) -> None:
        self._heard = True

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look_in(self, seconds: float) -> None:
        self._due = self._machine.time() + seconds
        self._timer = self._machine.call_later(seconds, self._look_after)

    def _look_after(self) -> None:
        now = self._machine.time()
        leave_at = self._asked_at + (CLOSE_PATIENCE if self._closely else FAR_PING)
        if now - self._due > AFTER_STALL:
            self._look_in(AFTER_STALL)
        elif self._heard:
            self._heard, self._asked_at = False, now
            self._wire.up.put(PING)
            self._look_in(CLOSE_PING if self._closely else FAR_PING)
        elif now < leave_at - EARLY:
            self._look_in(leave_at - now)
        else:
            # The monitor's system is told, unless the network is why nothing came.
            self._wire.end(monitor_after=0.0 if self._wire.healthy else None, turbine_after=None)
            self._wire.turbine_notices(Loss(1006, "the monitor did not answer"))
