"""Where streams lie in a database, noted in their cursors: a key is looked up once, and not with every batch."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import count
from operator import attrgetter
from typing import Final

from .rows import Cursor

ALL_IDS: Final = 1 << 40
"""More than there will be streams; a note is an id and, a multiple of this, whose note it is."""
_notes: Final = count(1)
_PLACE: Final = attrgetter("place")


class Places:
    """The notes of one database."""

    def __init__(self) -> None:
        self._ours = range(0)
        self.forget()

    def forget(self) -> None:
        """Believe no note any more: their transaction failed, or the database is another one."""
        first = next(_notes) * ALL_IDS
        self._ours = range(first, first + ALL_IDS)

    def of(self, cursors: Iterable[Cursor]) -> list[int] | None:
        """Return the notes of all these, None where one of them has none of ours."""
        places = list(map(_PLACE, cursors))
        if places and not (min(places) in self._ours and max(places) in self._ours):
            return None
        return places

    def has(self, cursor: Cursor) -> bool:
        """Return whether a cursor has a note of ours."""
        return cursor.place in self._ours

    def note(self, cursor: Cursor, stream_id: int | None) -> None:
        """Note where a stream lies; None: nowhere."""
        cursor.place = 0 if stream_id is None else self._ours[stream_id]
