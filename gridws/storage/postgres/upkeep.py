"""What is to be done between writes: the roll-up of one writer, and for all of them what is past its age."""

from __future__ import annotations

from typing import Final

from asyncpg import Connection

from ...settings import MonitorSettings
from . import retention, rollup
from .old_history import OldHistory

_FLUSH_EVERY: Final = 10_000
_SWEEP_EVERY: Final = 600_000
"""Time (ms) between two roll-ups, and between two looks at what is past its age."""


class Upkeep:
    """Does one short step at a time."""

    def __init__(self, settings: MonitorSettings) -> None:
        self._settings = settings
        self._old_history = OldHistory(settings)
        self._flushed_at = self._swept_at = 0

    def begin(self, now: int) -> None:
        """Know that nothing is there yet to roll up."""
        self._flushed_at = now

    async def do(self, connection: Connection, writer: int, now: int) -> None:
        """Do what is due at `now` (ms) for this writer, or some of it; for 0, who is none, what is to go."""
        is_due = abs(now - self._flushed_at) >= _FLUSH_EVERY and writer
        # Where there is more to roll up than goes into one step, all else goes on beside it.
        if not (is_due and await self._roll_up(connection, writer, now)):
            await self._clear_away(connection, now)

    async def _roll_up(self, connection: Connection, writer: int, now: int) -> bool:
        """Do one step of the roll-up, and say that this process lives; return whether that was all."""
        is_all = await rollup.flush(connection, writer)
        sql = "UPDATE writers SET committed_at = greatest(committed_at, $2) WHERE writer_id = $1"
        await connection.execute(sql, writer, now)
        if is_all:
            self._flushed_at = now
        return is_all

    async def _clear_away(self, connection: Connection, now: int) -> None:
        if abs(now - self._swept_at) >= _SWEEP_EVERY:
            await retention.sweep(connection, self._settings, now)
            self._swept_at = now
        else:
            await retention.erase(connection)
            await self._old_history.sweep(connection, now)
