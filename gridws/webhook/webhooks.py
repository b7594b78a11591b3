"""All receivers: who is told what."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence

from ..wire.frames import Event, EventKind
from .delivery import delivery_of
from .receiver import Receiver


class Webhooks:
    """Tells the receivers events of some kinds, of the run that began at `run` (ms UTC)."""

    def __init__(
        self, receivers: Sequence[Receiver], *, kinds: Collection[EventKind], secret: str | None, run: int
    ) -> None:
        self._receivers = receivers
        self._kinds = frozenset(kinds)
        self._secret = secret
        self._run = run

    @property
    def sent(self) -> int:
        """How many messages were taken."""
        return sum(receiver.sent for receiver in self._receivers)

    @property
    def dropped(self) -> int:
        """How many messages were refused, or went since too many waited."""
        return sum(receiver.dropped for receiver in self._receivers)

    @property
    def waiting(self) -> int:
        """How many messages wait to be taken."""
        return sum(receiver.waiting for receiver in self._receivers)

    def happened(self, event: Event) -> None:
        """Queue an event for all, if it is of a kind that they want."""
        if event.kind in self._kinds and self._receivers:
            delivery = delivery_of(event, self._run, self._secret)
            for receiver in self._receivers:
                receiver.put(delivery)

    async def run(self) -> None:
        """Send until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            for receiver in self._receivers:
                tasks.create_task(receiver.run())

    async def finish(self, within: float) -> None:
        """Send what waits when the monitor ends, for so many seconds; what is not taken by then is counted and told."""
        tasks = [asyncio.create_task(each.finish()) for each in self._receivers if each.waiting]
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=within)
            for task in late:
                task.cancel()
            await asyncio.wait(tasks)
        for receiver in self._receivers:
            receiver.give_up()
