"""The cursors of streams: how far each was committed, for ever."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping
from typing import Final

from . import StreamKey
from .rows import Insert, insert

_MOST_KNOWN: Final = 100_000
"""Ids of streams kept in memory, some 20 MiB; every turbine that starts anew begins a new stream."""

_NAMES: Final = Insert(
    "INSERT INTO stream_names (turbine_number, stream) SELECT column1, column2",
    2,
    "ON CONFLICT (turbine_number, stream) DO NOTHING",
)

_CURSORS: Final = Insert(
    "INSERT INTO cursors (stream_id, last_sequence) SELECT column1, column2",
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


class Streams:
    """The table of cursors, with the ids of the streams in use kept in memory."""

    def __init__(self) -> None:
        self._ids: dict[StreamKey, int] = {}

    def forget(self) -> None:
        """Forget the ids: their transaction failed, or the file is another one."""
        self._ids.clear()

    def advance(self, connection: sqlite3.Connection, cursors: Mapping[StreamKey, int]) -> int:
        """Move the cursors, never back, in the caller's transaction; return how many no database takes."""
        ids = self._ids
        try:
            rows = [(ids[key], sequence) for key, sequence in cursors.items()]
        except KeyError:
            self._make_room()
            insert(connection, _NAMES, [key for key in cursors if key not in ids])
            self._learn(connection, cursors)
            rows = [(ids[key], sequence) for key, sequence in cursors.items() if key in ids]
        return len(cursors) - len(rows) + len(insert(connection, _CURSORS, rows))

    def read(
        self, connection: sqlite3.Connection, wanted: Iterable[StreamKey]
    ) -> dict[StreamKey, int | None]:
        """Return how far each of these streams was committed; None: there is no such stream."""
        keys = list(wanted)
        if not keys:
            return {}
        self._learn(connection, keys)
        ids = [self._ids[key] for key in keys if key in self._ids]
        (text,) = connection.execute(_SEQUENCES, (json.dumps(ids),)).fetchone()
        sequences: dict[int, int] = dict(json.loads(text))
        return {key: sequences.get(self._ids.get(key, 0)) for key in keys}

    def _learn(self, connection: sqlite3.Connection, keys: Iterable[StreamKey]) -> None:
        """Read the ids of these streams; the very objects become the keys, since an equal one is found more slowly."""
        (text,) = connection.execute(_IDS, (json.dumps(list(keys)),)).fetchone()
        found = {(number, stream): stream_id for number, stream, stream_id in json.loads(text)}
        for key in keys:
            self._ids.pop(key, None)
            if key in found:
                self._ids[key] = found[key]

    def _make_room(self) -> None:
        if len(self._ids) > _MOST_KNOWN:
            self._ids.clear()
