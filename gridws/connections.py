"""What all connections of one server share, and the backstop that finds dead ones.

One scan for all links instead of two timers for each. A link that said nothing for a whole round is pinged;
one that did not even answer by the next round is cut. After a stall of the event loop nobody is judged until
what arrived meanwhile could be read: uvloop runs timers before reads.
"""

from __future__ import annotations

import asyncio
import select
from typing import Final, Protocol, cast

from uvicorn.server import ServerState

from .monitor import GridMonitor
from .settings import AFTER_STALL

HUNG_UP: Final = getattr(select, "POLLRDHUP", 0)  # Linux; elsewhere a reset is noticed and a close is not


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

    def __init__(self, monitor: GridMonitor, *, limit: int) -> None:
        super().__init__()
        self.monitor = monitor
        self.limit = limit
        settings = monitor.settings
        self.keepalive = Keepalive(interval=settings.ping_interval, stall=settings.stall)

    @property
    def everybody(self) -> set[asyncio.Protocol]:
        """All connections: uvicorn's set, which knows the types of uvicorn's own protocols only."""
        return cast("set[asyncio.Protocol]", self.connections)

    def abort_all(self) -> None:
        """Cut every connection at once."""
        for connection in list(self.everybody):
            transport = getattr(connection, "transport", None)
            if transport is not None:
                transport.abort()


def has_left(transport: asyncio.Transport) -> bool:
    """Return whether the peer has closed its end or reset the connection, also while nothing is read from it."""
    left = select.poll()
    left.register(transport.get_extra_info("socket").fileno(), HUNG_UP)
    return bool(left.poll(0))
