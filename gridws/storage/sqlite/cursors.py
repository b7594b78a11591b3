"""The cursors of streams: how far each was committed, for ever."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping
from itertools import count
from operator import attrgetter
from typing import Final

from ..rows import Cursor, StreamKey
from .inserts import Insert, insert

_ALL_IDS: Final = 1 << 40
"""More than there will be streams; a note is an id and, a multiple of this, whose note it is."""
_notes: Final = count(1)
_PLACE: Final = attrgetter("place")

_NAMES: Final = Insert(
    "INSERT INTO stream_names (turbine_number, stream) SELECT column1, column2",
    2,
    "ON CONFLICT (turbine_number, stream) DO NOTHING",
)

_CURSORS: Final = Insert(
    f"INSERT INTO cursors (stream_id, last_sequence) SELECT column1 % {_ALL_IDS}, column2",
    2,
    "ON CONFLICT (stream_id) DO UPDATE SET last_sequence = max(last_sequence, excluded.last_sequence)",
)

# One value with all rows in it: fetching row by row would let go of the interpreter lock as often.
_IDS: Final = """
SELECT json_group_array(json_array(n.turbine_number, n.stream, n.id))
FROM json_each(?) k JOIN stream_names n ON n.turbine_number = k.value ->> 0 AND n.stream = k.value ->> 1
"""

_SEQUENCES: Final = """
SELECT json_group_array(json_array(stream_id, last_sequence))
FROM json_each(?) k JOIN cursors ON stream_id = k.value
"""


class Cursors:
    """The table of cursors. Where one lies is noted in it: its stream's id, and whose note it is."""

    def __init__(self) -> None:
        self._places = range(0)
        self.forget()

    def forget(self) -> None:
        """Believe no note any more: their transaction failed, or the file is another one."""
        first = next(_notes) * _ALL_IDS
        self._places = range(first, first + _ALL_IDS)

    def advance(self, connection: sqlite3.Connection, cursors: Mapping[Cursor, int]) -> int:
        """Move the cursors, never back, in the caller's transaction; return how many no database takes."""
        places = list(map(_PLACE, cursors))
        if places and not (min(places) in self._places and max(places) in self._places):
            self._find(connection, cursors)
            cursors = {cursor: to for cursor, to in cursors.items() if cursor.place in self._places}
            rejected = len(places) - len(cursors)
            places = list(map(_PLACE, cursors))
        else:
            rejected = 0
        return rejected + len(insert(connection, _CURSORS, list(zip(places, cursors.values(), strict=True))))

    def _find(self, connection: sqlite3.Connection, cursors: Iterable[Cursor]) -> None:
        """Note where those lie of which no note is ours; there is none of a stream that no database takes."""
        unknown = [cursor for cursor in cursors if cursor.place not in self._places]
        keys = [cursor.key for cursor in unknown]
        insert(connection, _NAMES, keys)
        ids = _ids_of(connection, keys)
        for cursor in unknown:
            stream_id = ids.get(cursor.key)
            cursor.place = 0 if stream_id is None else self._places[stream_id]

    def read(
        self, connection: sqlite3.Connection, wanted: Iterable[StreamKey]
    ) -> dict[StreamKey, int | None]:
        """Return how far each of these streams was committed; None: there is no such stream."""
        keys = list(wanted)
        if not keys:
            return {}
        ids = _ids_of(connection, keys)
        (text,) = connection.execute(_SEQUENCES, (json.dumps([*ids.values()]),)).fetchone()
        sequences: dict[int, int] = dict(json.loads(text))
        return {key: sequences.get(ids.get(key, 0)) for key in keys}


def _ids_of(connection: sqlite3.Connection, keys: list[StreamKey]) -> dict[StreamKey, int]:
    """Return the ids of those of these streams that there are."""
    (text,) = connection.execute(_IDS, (json.dumps(keys),)).fetchone()
    return {(number, stream): stream_id for number, stream, stream_id in json.loads(text)}
