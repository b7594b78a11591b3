"""The cursors of streams: how far each was committed, for ever."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping
from typing import Final

from ..places import ALL_IDS, Places
from ..rows import Cursor, StreamKey
from .inserts import Insert, insert

_NAMES: Final = Insert(
    "INSERT INTO stream_names (turbine_number, stream) SELECT column1, column2",
    2,
    "ON CONFLICT (turbine_number, stream) DO NOTHING",
)

_CURSORS: Final = Insert(
    f"INSERT INTO cursors (stream_id, last_sequence) SELECT column1 % {ALL_IDS}, column2",
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
    """The table of cursors."""

    def __init__(self) -> None:
        self._places = Places()

    def forget(self) -> None:
        """Believe no note any more: their transaction failed, or the file is another one."""
        self._places.forget()

    def advance(self, connection: sqlite3.Connection, cursors: Mapping[Cursor, int]) -> int:
        """Move the cursors, never back, in the caller's transaction; return how many no database takes."""
        offered = len(cursors)
        places = self._places.of(cursors)
        if places is None:
            self._find(connection, cursors)
            cursors = {cursor: to for cursor, to in cursors.items() if self._places.has(cursor)}
            places = self._places.of(cursors) or []
        rejected = insert(connection, _CURSORS, list(zip(places, cursors.values(), strict=True)))
        return offered - len(cursors) + len(rejected)

    def _find(self, connection: sqlite3.Connection, cursors: Iterable[Cursor]) -> None:
        """Note where those lie of which no note is ours; there is none of a stream that no database takes."""
        unknown = [cursor for cursor in cursors if not self._places.has(cursor)]
        keys = [cursor.key for cursor in unknown]
        insert(connection, _NAMES, keys)
        ids = _ids_of(connection, keys)
        for cursor in unknown:
            self._places.note(cursor, ids.get(cursor.key))

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
