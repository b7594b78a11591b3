"""The tables beside the log: readings, cursors with their owners, and the sessions of those who write.

A transaction holds the rows of its streams from its beginning to its end, also where whoever does it stands still; then
others wait until it goes on, or until somebody ends its session.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Final

from gridws.clock import Belief
from gridws.errors import StoreFailed
from gridws.storage import Opened, Written
from gridws.storage.batches import Batch
from gridws.storage.rows import LinkRow, Reading, Repair, StreamKey

from ..disk import Disk, Handle
from ..media import Memory
from .machines import Machine
from .ways import LOOK_AGAIN, Way

LINKS_OF_WRITER: Final = 2**32


class Tables(Disk):
    """The tables beside the log, with the owners of streams and the sessions of those who write."""

    def __init__(self, chance: random.Random) -> None:
        memory = Memory()
        super().__init__(chance, memory)
        self.store = memory.store
        self.last_writer = 0
        self.sessions: set[int] = set()
        """The writers whose sessions live, whoever is at their other end."""
        self.ended: set[int] = set()
        self.refused_readings = 0
        self._owners: dict[StreamKey, int] = {}
        self._locked: dict[StreamKey, int] = {}

    def begin(self, now: int) -> tuple[int, Opened]:
        """Begin as a new writer: end what the dead left open."""
        store = self.store
        if not self.sessions:
            store._end_open_rows()
        for dead in self.writers_of_open_links() - self.sessions:
            self._end_links(dead, now)
        self.ended |= set(range(1, self.last_writer + 1)) - self.sessions
        self.last_writer += 1
        self.sessions.add(self.last_writer)
        opened = store._opened(now)
        last = max([0, *store.repair_rows])
        return self.last_writer, replace(
            opened, last_assignment_id=last, last_link_id=self.last_writer * LINKS_OF_WRITER
        )

    def writers_of_open_links(self) -> set[int]:
        rows = self.store.link_rows.values()
        return {row.id // LINKS_OF_WRITER for row in rows if row.disconnected_at is None}

    def settle(self, writer: int, at: int) -> None:
        """End what a lost monitor still holds, and the links whose ends it cannot write."""
        self.sessions.discard(writer)
        self._end_links(writer, at)

    def _end_links(self, writer: int, at: int) -> None:
        rows = self.store.link_rows
        for row in [row for row in rows.values() if row.id // LINKS_OF_WRITER == writer]:
            if row.disconnected_at is None:
                ended_at = max(row.connected_at, at)
                rows[row.id] = row._replace(disconnected_at=ended_at, reason="monitor_stopped")

    async def write(self, handle: SharedHandle, batch: Batch) -> Written:
        """Do one transaction, which holds the rows of its streams from its beginning to its end."""
        if handle.dead:
            raise StoreFailed("the database", "the process is dead")
        opened = None
        if handle.writer is None or handle.writer in self.ended:
            handle.writer, opened = self.begin(handle.machine.utc())
            handle.writers.append(handle.writer)
        writer = handle.writer
        self.sessions.add(writer)
        keys = sorted({*(cursor.key for cursor in batch.cursors), *batch.wanted})
        await self._lock(keys, writer)
        try:
            while handle.is_stuck and writer in self.sessions:  # noqa: ASYNC110 - it tells nobody
                await asyncio.sleep(LOOK_AGAIN)
            if writer not in self.sessions:
                raise StoreFailed("the database", "somebody ended the session")
            return replace(self._commit(batch, writer), opened=opened)
        finally:
            for key in keys:
                self._locked.pop(key, None)

    async def _lock(self, keys: Sequence[StreamKey], writer: int) -> None:
        while any(key in self._locked for key in keys):  # noqa: ASYNC110 - it tells nobody
            await asyncio.sleep(LOOK_AGAIN)
        self._locked |= dict.fromkeys(keys, writer)

    def _commit(self, batch: Batch, writer: int) -> Written:
        cursors = {cursor.key: sequence for cursor, sequence in batch.cursors.items()}
        numbers = {key[0] for key in cursors if self._owners.get(key, writer) != writer}
        refused = frozenset(key for key in cursors if key[0] in numbers)
        split = len(batch.readings) - batch.numbered
        kept = [row for place, row in enumerate(batch.readings) if place < split or row[0] not in numbers]
        left_out = len(batch.readings) - len(kept)
        self.refused_readings += left_out
        store = self.store
        written = store._keep(
            replace(
                batch,
                readings=kept,
                numbered=batch.numbered - left_out,
                repairs=[row for row in batch.repairs if _may_replace(row, store.repair_rows.get(row.id))],
                links=[row for row in batch.links if _may_replace(row, store.link_rows.get(row.id))],
            )
        )
        self.stored.update((row.turbine_number, row.wind_speed) for row in map(Reading._make, kept))
        for key, sequence in cursors.items():
            if key not in refused:
                store.cursors[key] = max(sequence, store.cursors.get(key, 0))
        self._owners |= dict.fromkeys(batch.wanted, writer)
        wanted = {key: store.cursors.get(key) for key in batch.wanted}
        return Written(wanted, written, refused=refused, refused_readings=left_out)


def _may_replace(row: Repair | LinkRow, known: Repair | LinkRow | None) -> bool:
    """See whether a row may take the place of the one with its id: an end that is known is never taken back."""
    match row, known:
        case _, None:
            return True
        case Repair(), Repair():
            same = row.turbine_number, row.assigned_at
            return same == (known.turbine_number, known.assigned_at) and not (
                known.outcome and not row.outcome
            )
        case LinkRow(), LinkRow():
            same = row.turbine_number, row.connected_at
            return same == (known.turbine_number, known.connected_at) and not (
                known.reason and not row.reason
            )
    return False


class SharedHandle(Handle):
    """One process's `Store` in the tables; `writer` is None where it has not begun yet."""

    def __init__(self, tables: Tables, way: Way) -> None:
        super().__init__(tables)
        self.writer: int | None = None
        self.writers: list[int] = []
        self.complete = False
        self.lost_power = False
        self._tables = tables
        self._way = way
        self._last: asyncio.Task[Written] | None = None

    @property
    def machine(self) -> Machine:
        return self._way.machine

    @property
    def is_stuck(self) -> bool:
        """Whether its transaction stands still where it is."""
        return self.lost_power or self.machine.frozen

    async def open(self, *, now: int) -> Opened:
        try:
            writer, opened = await self._way.ask(lambda: self._tables.begin(now))
        except StoreFailed as error:
            ahead = now * 1_000 + self._tables.chance.randrange(10**9)
            return Opened(ahead, ahead, {}, {}, trouble=error.reason)
        self.writer = writer
        self.writers.append(writer)
        return opened

    async def write(self, batch: Batch) -> Written:
        return await self._way.ask(lambda: self._transaction(batch), may_be_late=False)

    async def _transaction(self, batch: Batch) -> Written:
        """Find out first what became of the one before, as whoever waits for its row does."""
        before = self._last
        self._last = asyncio.ensure_future(self._write_after(before, batch))
        return await self._last

    async def _write_after(self, before: asyncio.Task[Written] | None, batch: Batch) -> Written:
        if before is not None:
            await asyncio.wait([before])
        return await self._tables.write(self, batch)

    async def maintain(self, *, now: int, belief: Belief | None = None) -> Opened | None:
        return None

    async def close(self, *, complete: bool = True) -> None:
        self.complete = complete
        with suppress(StoreFailed):
            await self._way.ask(self.end_session)
        self.end_session()  # by the end of its process, at the latest
        self.dead = True

    def end_session(self) -> None:
        """End the session of this process, as its end does."""
        if self.writer is not None:
            self._tables.sessions.discard(self.writer)
