"""What all connections of one server share, and the backstop that finds dead ones.

One scan for all links instead of two timers for each. A link that said nothing for a whole round is pinged;
one that did not even answer by the next round is cut. After a stall of the event loop nobody is judged until
what arrived meanwhile could be read: uvloop runs timers before reads.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Final, Protocol, cast

from uvicorn.server import ServerState

from ..access.attempts import Attempts
from ..access.guard import Guard
from ..access.request import Refusal
from ..monitor.monitor import GridMonitor
from ..settings import AFTER_STALL
from .departures import Departures
from .quick_way import quick_way

LOGGED_REFUSALS: Final = 10
"""Lines a minute for each address: who sends nothing but nonsense should not fill the log."""


_log = logging.getLogger("gridws.server")


class Watched(Protocol):
    """A link that can be asked whether it is alive."""

    def look_after(self) -> None:
        """Ping if nothing was heard since the last call, cut if that was so already then."""


class Keepalive:
    """Looks after all links every `interval` seconds, as long as there are any."""

    def __init__(self, *, interval: float, stall: float) -> None:
        self._interval = interval
        self._stall = stall
        self._links: set[Watched] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._due = 0.0

    def add(self, link: Watched) -> None:
        """Look after this link from now on."""
        self._links.add(link)
        if self._timer is None:
            self._arm(self._interval)

    def discard(self, link: Watched) -> None:
        """Forget a link."""
        self._links.discard(link)
        if not self._links and self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _arm(self, delay: float) -> None:
        loop = asyncio.get_running_loop()
        self._due = loop.time() + delay
        self._timer = loop.call_later(delay, self._make_round)

    def _make_round(self) -> None:
        late = asyncio.get_running_loop().time() - self._due
        if late > self._stall:
            self._arm(AFTER_STALL)
            return
        self._arm(self._interval)
        for link in list(self._links):
            link.look_after()


class Connections(ServerState):
    """uvicorn's shared state with what our protocols need besides; `limit` bounds all connections."""

    def __init__(self, monitor: GridMonitor, guard: Guard, *, limit: int) -> None:
        super().__init__()
        self.monitor = monitor
        self.guard = guard
        self.limit = limit
        self.take_quickly = quick_way(monitor)
        settings = monitor.settings
        self.keepalive = Keepalive(interval=settings.ping_interval, stall=settings.stall)
        self.departures = Departures(interval=settings.tick)
        self._logged_refusals = Attempts(LOGGED_REFUSALS, within=60.0)

    @property
    def everybody(self) -> set[asyncio.Protocol]:
        """All connections: uvicorn's set, which knows the types of uvicorn's own protocols only."""
        return cast("set[asyncio.Protocol]", self.connections)

    def note_refusal(self, client: tuple[str, int] | None, refusal: Refusal) -> None:
        """Log why a request was not even read."""
        address = client[0] if client else "somebody"
        if not self._logged_refusals.exhausted(address):
            self._logged_refusals.fail(address)
            _log.info("refused a request of %s (%d): %s", address, refusal.status, refusal.sentence)

    def abort_all(self) -> None:
        """Cut every connection at once."""
        for connection in list(self.everybody):
            transport = getattr(connection, "transport", None)
            if transport is not None:
                transport.abort()
