"""What is seldom to be done for the log, beside following it and in nobody's way.

A snapshot each so many entries, by who wrote the last of them; the sessions of a lost monitor ended; and once a minute
one member compares the rows of open repairs with its replica, by rule 4 of the log, soon after its start for the first
time: the one that did so may have died. It gives an end only to what it found so twice, as whoever knows a repair's end
may be about to write it; no clock is asked how old a row is, since the machines' clocks may differ.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from typing import Final

from ..clock import Clock
from ..errors import StoreFailed
from .handing_over import HandingOver
from .log import DispatchLog
from .membership import Membership
from .replica import Replica
from .shared_pool import SharedPool

_log = logging.getLogger("gridws")

SNAPSHOT_EVERY: Final = 20_000
"""Entries."""
COMPARE_EVERY: Final = 60.0
"""Seconds."""
SOON: Final = 1 / 6
"""Of that time."""
EARLY: Final = 0.01
"""Seconds by which a timer may be too early for a clock."""
TRY_AGAIN: Final = 5.0
"""Seconds until a chore that failed is tried again."""


class Chores:
    """Does them one after the other."""

    def __init__(
        self,
        log: DispatchLog,
        pool: SharedPool,
        membership: Membership,
        handing_over: HandingOver,
        *,
        clock: Clock,
    ) -> None:
        self._log = log
        self._pool = pool
        self._membership = membership
        self._handing_over = handing_over
        self._clock = clock
        self._is_snapshot_due = False
        self._writers_lost: list[int] = []
        self._over: set[int] = set()
        """Assignments that were over at the last comparison, with rows that had no end."""
        self._compare_at = clock.now().seconds + SOON * COMPARE_EVERY
        self._wanted = asyncio.Event()

    def appended(self, position: int) -> None:
        """This monitor wrote an entry."""
        if position % SNAPSHOT_EVERY == 0:
            self._is_snapshot_due = True
            self._wanted.set()

    def evicted(self, writer_id: int) -> None:
        """This monitor has evicted one that may still hold rows in the database."""
        self._writers_lost.append(writer_id)
        self._wanted.set()

    async def run(self) -> None:
        """Do them until cancelled."""
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._compare_at - self._clock.now().seconds):
                    await self._wanted.wait()
            try:
                await self._do_all()
            except StoreFailed as error:
                _log.warning("a chore of the pool of engineers waits: %s", error.reason)
                self._wanted.set()
                await asyncio.sleep(TRY_AGAIN)

    async def leave(self) -> None:
        """The last one out keeps the state, so that the next one in, of whatever version, has nothing to replay."""
        replica = self._pool.replica
        if replica is not None and not replica.members:
            with suppress(StoreFailed):
                await self._keep(replica)

    async def _do_all(self) -> None:
        self._wanted.clear()
        replica = self._pool.replica
        while self._writers_lost:
            await self._log.settle(self._writers_lost[-1], self._clock.now().at)
            self._writers_lost.pop()
        if replica is not None and self._is_snapshot_due:
            await self._keep(replica)
            self._is_snapshot_due = False
        if self._clock.now().seconds < self._compare_at - EARLY:
            return
        if replica is not None and self._membership.member is not None and self._pool.rank == 0:
            await self._compare(replica)
        self._compare_at = self._clock.now().seconds + COMPARE_EVERY * (SOON if self._over else 1.0)

    async def _keep(self, replica: Replica) -> None:
        await self._log.keep(replica.position, replica.chain, replica.to_text())

    async def _compare(self, replica: Replica) -> None:
        """Give an end to rows of repairs that are over, and were left open by monitors that died."""
        rows = await self._log.open_repairs()
        dispatcher = replica.dispatcher
        running = {each.assignment.id for each in dispatcher.engineers() if each.assignment}
        over = [row for row in rows if row.id not in running and row.id <= dispatcher.last_assignment_id]
        settled = [self._handing_over.end_of(row, replica.at) for row in over if row.id in self._over]
        self._handing_over.carry_out(settled, self._clock.now())
        self._over = {row.id for row in over}
