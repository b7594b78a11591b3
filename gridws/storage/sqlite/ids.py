"""The ids of assignments and links: none is used again, not even when the process died before its row was committed.

A block beyond the last one is reserved ahead: whoever starts after a crash begins behind the block. A clean end gives
back what was not used. A file that takes the place of another goes on behind all that this run used.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from ..rows import LinkRow, Repair
from .database import Database

ID_BLOCK: Final = 1_000_000
"""Ids reserved at a time: at 1,000 assignments a second a new block is written every 8 minutes."""

_IDS: Final = range(1, 2**62)
"""What can be an id; whatever else a row says is rejected with the row."""


class Ids:
    """The ids of one kind of row, as `meta` keeps them: the last one used, and how far they are reserved."""

    def __init__(self, database: Database, kind: str) -> None:
        self._database = database
        self.highest = 0
        """The last one used in this run, whichever file it was for."""
        self._used = f"last_{kind}_id"
        self._reserved = f"reserved_{kind}_id"

    def begin(self, *, after_crash: bool) -> int:
        """Reserve a block and return the last id that can have been used, within the caller's transaction."""
        meta = self._database.meta
        last = max(self.highest, meta.get(self._used, 0), meta.get(self._reserved, 0) if after_crash else 0)
        meta[self._used] = self.highest = last
        meta[self._reserved] = last + ID_BLOCK
        return last

    def use(self, rows: Iterable[Repair | LinkRow]) -> None:
        """Take note of the rows' ids; reserve the next block when half of this one is gone."""
        meta = self._database.meta
        meta[self._used] = self.highest = max([meta[self._used], *(row.id for row in rows if row.id in _IDS)])
        if meta[self._used] > meta[self._reserved] - ID_BLOCK // 2:
            meta[self._reserved] = meta[self._used] + ID_BLOCK
