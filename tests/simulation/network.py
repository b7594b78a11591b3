"""Links in memory: two pipes each, which delay, stall and break as TCP does.

Frames are lost at a cut, and never reordered.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING

from gridws.monitor.session import Session
from gridws.turbines.link import Loss, Receive

if TYPE_CHECKING:
    from .world import Process

Item = str | Loss
"""A text frame, or the end of the connection as the other side tells it."""


class Pipe:
    """One direction: what goes in comes out in order, each item after a delay of its own or behind the one before."""

    def __init__(
        self,
        deliver: Callable[[Item], object],
        delay: Callable[[], float],
        loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        self._deliver = deliver
        self._delay = delay
        self._loop = loop or asyncio.get_running_loop()
        self._items: deque[Item] = deque()
        self._arrives_at = 0.0
        self._due = 0
        self._held_by: set[str] = set()
        self.broken = False

    def put(self, item: Item) -> None:
        if not self.broken:
            self._items.append(item)
            self._arrives_at = max(self._arrives_at, self._loop.time() + self._delay())
            self._loop.call_at(self._arrives_at, self._arrive)

    def hold(self, why: str) -> None:
        self._held_by.add(why)

    def release(self, why: str) -> None:
        self._held_by.discard(why)
        self._loop.call_soon(self._flow)

    def cut(self) -> None:
        self.broken = True
        self._items.clear()

    def _arrive(self) -> None:
        self._due += 1
        self._flow()

    def _flow(self) -> None:
        while self._due and self._items and not self._held_by:
            self._due -= 1
            self._deliver(self._items.popleft())


class Wire:
    """A connection between a client and one process of the monitor; `healthy` until something was done to it."""

    def __init__(self, process: Process, number: int, receive: Receive, delay: Callable[[], float]) -> None:
        self.process = process
        self.number = number
        self.healthy = True
        self.session: Session | None = None
        self.loss: asyncio.Future[Loss] = asyncio.get_running_loop().create_future()
        self.up = Pipe(self._arrived_up, delay)
        self.down = Pipe(self._arrived_down, delay)
        self._receive = receive

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

    def cut(self, *, monitor_after: float | None, client_after: float | None) -> None:
        """Lose what is on the way; each side notices after so many seconds, or never (None)."""
        self.healthy = False
        self.up.cut()
        self.down.cut()
        loop = asyncio.get_running_loop()
        if monitor_after is not None:
            loop.call_later(monitor_after, self._monitor_notices)
        if client_after is not None:
            loop.call_later(client_after, self.client_notices, Loss(1006))

    def client_notices(self, loss: Loss) -> None:
        if not self.loss.done():
            self.loss.set_result(loss)

    def _monitor_notices(self) -> None:
        if self.session is not None and self.process.alive:
            self.process.witness.lost(self)
            self.session.lost()
            self.process.witness.look(self.process)

    def _arrived_up(self, item: Item) -> None:
        if isinstance(item, Loss):
            self._monitor_notices()
        elif self.process.alive and self.session is not None:
            status, ended = self.process.status_of(self.number), self.session.ended
            with self.process.witness.hearing(self, item):
                self.session.receive(item)
            if self.process.status_of(self.number) is not status or self.session.ended is not ended:
                # Another reading like the last one is nothing to the dispatcher.
                self.process.witness.look(self.process)

    def _arrived_down(self, item: Item) -> None:
        if isinstance(item, Loss):
            self.client_notices(item)
        elif not self.loss.done():
            self._receive(item)


class MonitorEnd:
    """The wire as a session's `Link`."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._closed = False

    def send(self, text: str) -> None:
        if not self._closed and self._wire.process.alive:
            self._wire.process.witness.down(self._wire, text)
            self._wire.down.put(text)

    def close(self, code: int, reason: str) -> None:
        if not self._closed and self._wire.process.alive:
            self._closed = True
            self._wire.process.witness.closed(self._wire, code)
            self._wire.down.put(Loss(int(code), reason))

    def pause_reading(self) -> None:
        self._wire.up.hold("paused")

    def resume_reading(self) -> None:
        self._wire.up.release("paused")


class ClientEnd:
    """The wire as a turbine's `MonitorLink`."""

    def __init__(self, wire: Wire, *, sent: Callable[[Wire, str], None]) -> None:
        self.wire = wire
        self._sent = sent

    def send_now(self, text: str) -> None:
        if not self.wire.loss.done():
            self._sent(self.wire, text)
            self.wire.up.put(text)

    async def lost(self) -> Loss:
        return await asyncio.shield(self.wire.loss)

    def watch(self, *, closely: bool) -> None:
        """A wire in memory has no pings: stories cut it when they want to."""

    async def leave(self) -> None:
        if not self.wire.loss.done():
            self.wire.loss.set_result(Loss(1001))
            self.wire.up.put(Loss(1001))
