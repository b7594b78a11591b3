"""Connections for those who look things up: a few, made when they are wanted, beside the one that writes."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from asyncpg import Connection

from ...settings import MAX_INTEGER
from ..records import Records
from ..rows import Event, FleetMinute, Minute, Reading, Repair, StatusChange
from . import history
from .connections import connect, failures
from .records import open_records

_MOST: Final = 2
_WITHIN: Final = 30.0
"""Seconds for an answer."""

T = TypeVar("T")


class PostgresHistory:
    """The `History` in the database at `url`, over up to two connections at a time; one that fails is thrown away.

    What viewers are shown once a second has a third one, so that it waits for nobody's long question.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._idle: list[Connection] = []
        self._places = asyncio.Semaphore(_MOST)
        self._place_of_viewers = asyncio.Semaphore(1)

    async def readings(self, turbine_number: int, *, since: int, until: int, limit: int) -> list[Reading]:
        """Return readings with since ≤ measured_at < until, newest first."""
        return await self._ask(lambda c: history.readings(c, turbine_number, since, until, limit))

    async def repairs(self, *, turbine_number: int | None = None, since: int = 0, limit: int) -> list[Repair]:
        """Return assignments that were running at or after `since`, newest first."""
        return await self._ask(lambda c: history.repairs(c, turbine_number, since, limit))

    async def events(
        self, *, turbine_number: int | None = None, since: int = 0, until: int = MAX_INTEGER, limit: int
    ) -> list[Event]:
        """Return events with since ≤ at < until, newest first."""
        return await self._ask(lambda c: history.events(c, turbine_number, (since, until), limit))

    async def minutes(self, turbine_number: int, *, since: int, until: int) -> list[Minute]:
        """Return the turbine's minutes with since ≤ at < until, oldest first; the last may still be missing."""
        return await self._ask(lambda c: history.minutes(c, turbine_number, since, until))

    async def fleet_minutes(self, *, since: int, until: int) -> list[FleetMinute]:
        """Return the fleet's minutes with since ≤ at < until, oldest first; the last may still be missing."""
        return await self._ask(lambda c: history.fleet_minutes(c, since, until))

    async def statuses(self, *, since: int, until: int) -> list[StatusChange]:
        """Return status changes with since ≤ at < until, in the order they were written."""
        return await self._ask(lambda c: history.statuses(c, since, until))

    async def read(self, work: Callable[[Records], T]) -> T:
        """Return what `work` makes of the records, in a thread with a connection of its own."""
        given_up = threading.Event()

        def look() -> T:
            with open_records(self._url, given_up.is_set) as records:
                return work(records)

        try:
            return await asyncio.to_thread(look)
        finally:
            given_up.set()

    async def _newest_of_others(self, now: int, writer: int, *, slow_ones: bool) -> list[Reading]:
        def query(connection: Connection) -> Awaitable[list[Reading]]:
            return history.newest_of_others(connection, now, writer, slow_ones=slow_ones)

        return await self._ask(query, self._place_of_viewers)

    async def _ask(
        self, query: Callable[[Connection], Awaitable[list[T]]], places: asyncio.Semaphore | None = None
    ) -> list[T]:
        """Return the answer, as of one moment."""
        async with places or self._places:
            connection = self._idle.pop() if self._idle else await connect(self._url, name="gridws history")
            try:
                with failures(self._url):
                    async with (
                        asyncio.timeout(_WITHIN),
                        connection.transaction(isolation="repeatable_read", readonly=True),
                    ):
                        rows = await query(connection)
            except BaseException:
                connection.terminate()
                raise
            self._idle.append(connection)
            return rows

    def _drop_readers(self) -> None:
        for connection in self._idle:
            connection.terminate()
        self._idle.clear()
