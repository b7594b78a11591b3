"""What is looked up in the file, by threads of their own beside the one that writes."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import TypeVar

from ...errors import StoreFailed
from ...settings import MAX_INTEGER
from ..records import Records
from ..rows import Event, FleetMinute, Minute, Reading, Repair, StatusChange
from . import files, history
from .records import open_records

T = TypeVar("T")


class SqliteHistory:
    """The `History` in the file at `path`."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._readers = ThreadPoolExecutor(max_workers=2, thread_name_prefix="gridws-history")
        self._reports = ThreadPoolExecutor(max_workers=1, thread_name_prefix="gridws-reports")

    async def readings(self, turbine_number: int, *, since: int, until: int, limit: int) -> list[Reading]:
        """Return readings with since ≤ measured_at < until, newest first."""
        return await self._read(lambda reader: history.readings(reader, turbine_number, since, until, limit))

    async def repairs(self, *, turbine_number: int | None = None, since: int = 0, limit: int) -> list[Repair]:
        """Return assignments that were running at or after `since`, newest first."""
        return await self._read(lambda reader: history.repairs(reader, turbine_number, since, limit))

    async def events(
        self, *, turbine_number: int | None = None, since: int = 0, until: int = MAX_INTEGER, limit: int
    ) -> list[Event]:
        """Return events with since ≤ at < until, newest first."""
        return await self._read(lambda reader: history.events(reader, turbine_number, (since, until), limit))

    async def minutes(self, turbine_number: int, *, since: int, until: int) -> list[Minute]:
        """Return the turbine's minutes with since ≤ at < until, oldest first; the last may still be missing."""
        return await self._read(lambda reader: history.minutes(reader, turbine_number, since, until))

    async def fleet_minutes(self, *, since: int, until: int) -> list[FleetMinute]:
        """Return the fleet's minutes with since ≤ at < until, oldest first; the last may still be missing."""
        return await self._read(lambda reader: history.fleet_minutes(reader, since, until))

    async def statuses(self, *, since: int, until: int) -> list[StatusChange]:
        """Return status changes with since ≤ at < until, in the order they were written."""
        return await self._read(lambda reader: history.statuses(reader, since, until))

    async def read(self, work: Callable[[Records], T]) -> T:
        """Return what `work` makes of the records; one at a time, since each may read all there is."""
        given_up = threading.Event()

        def look() -> T:
            with open_records(self._path, given_up.is_set) as records:
                return work(records)

        try:
            return await in_threads(self._reports, look)
        finally:
            given_up.set()

    async def _read(self, query: Callable[[sqlite3.Connection], list[T]]) -> list[T]:
        def work() -> list[T]:
            try:
                with closing(files.open_for_reading(self._path)) as reader:
                    return query(reader)
            except sqlite3.Error as error:
                raise StoreFailed(str(self._path), str(error)) from error

        return await in_threads(self._readers, work)

    def _end_lookups(self) -> None:
        self._readers.shutdown(wait=False)
        self._reports.shutdown(wait=False, cancel_futures=True)


async def in_threads(threads: ThreadPoolExecutor, work: Callable[[], T]) -> T:
    """Do the work in one of the threads, and return what comes of it."""
    return await asyncio.get_running_loop().run_in_executor(threads, work)
