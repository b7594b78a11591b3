"""Lets links go to other monitors of the pool where those have fewer, as after one of them was away.

Gently: only where the difference lasts, a few links at a time, of turbines that are well, and each turbine once. One
that comes back here has nowhere else to go, and is left alone.
"""

from __future__ import annotations

import asyncio
import heapq
import logging
from collections.abc import Mapping
from typing import Final

from ..clock import Clock
from ..dispatch.port import DispatchPort
from ..moments import Moment
from ..wire.frames import CloseCode
from ..words import OperationalStatus
from .fleet_state import FleetState
from .session import Session

MOVED: Final = "moved"
"""Why such a link ended, as `links` keeps it."""
LOOK_EVERY: Final = 5.0
LASTS: Final = 30.0
"""Seconds for which a monitor has too many links, or a turbine its link, before any is let go: by then those who were
on their way somewhere have come."""
AT_A_TIME: Final = 50
"""One link of so many goes at each look: half of all take four minutes."""
SLACK: Final = 10
"""A monitor may have a tenth more than its share."""

_log = logging.getLogger("gridws")


class Moving:
    """Looks every few seconds."""

    def __init__(
        self,
        sessions: Mapping[int, Session],
        fleet_state: FleetState,
        port: DispatchPort,
        *,
        clock: Clock,
    ) -> None:
        self._sessions = sessions
        self._fleet_state = fleet_state
        self._port = port
        self._clock = clock
        self._since: float | None = None
        self._moved: set[int] = set()

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            await asyncio.sleep(LOOK_EVERY)
            self.look(self._clock.now())

    def look(self, now: Moment) -> None:
        """Let a few links go, if this monitor has had too many for long enough."""
        links = len(self._sessions)
        surplus = self._port.surplus_links
        if surplus <= max(1, (links - surplus) // SLACK):
            self._since = None
            return
        self._since = now.seconds if self._since is None else self._since
        if now.seconds - self._since >= LASTS:
            self._let_go(min(surplus, max(1, links // AT_A_TIME)), now)

    def _let_go(self, count: int, now: Moment) -> None:
        well = (session for session in self._sessions.values() if self._may_go(session, now))
        # Those who came last came from where there is room now.
        chosen = heapq.nlargest(count, well, key=lambda session: session.connected.seconds)
        for session in chosen:
            self._moved.add(session.turbine_number)
            session.close(CloseCode.MOVED, MOVED, "other monitors of the pool have fewer links", now)
        if chosen:
            who = "a turbine goes" if len(chosen) == 1 else f"{len(chosen)} turbines go"
            _log.info("%s on at other monitors, which have fewer", who)

    def _may_go(self, session: Session, now: Moment) -> bool:
        number = session.turbine_number
        known = self._fleet_state.get(number)
        is_well = known is not None and known.status is OperationalStatus.ok
        has_settled = now.seconds - session.connected.seconds >= LASTS
        return is_well and has_settled and number not in self._moved
