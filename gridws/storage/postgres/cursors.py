"""The cursors of streams, each with its owner: the writer that took the stream's last `hello`.

Only the owner moves a cursor. One that another writer moves at this moment is waited for by whoever takes it over, and
a later batch of the old owner is refused, so what the new one tells its turbine is true. Rows are locked in the order
of their ids.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Final

from asyncpg import Connection

from ..rows import StreamKey
from .values import fits

_MOST_KNOWN: Final = 100_000
"""Ids of streams kept in memory, some 20 MiB; every turbine that starts anew begins a new stream."""

_NAMES: Final = """
INSERT INTO stream_names (turbine_number, stream) SELECT * FROM unnest($1::integer[], $2::text[]) ORDER BY 1, 2
ON CONFLICT DO NOTHING
"""
_IDS: Final = """
SELECT n.id, k.place FROM unnest($1::integer[], $2::text[]) WITH ORDINALITY k (number, name, place)
JOIN stream_names n ON n.turbine_number = k.number AND n.stream = k.name
"""
_ADVANCE: Final = """
INSERT INTO cursors (stream_id, last_sequence, owner)
SELECT stream_id, last_sequence, $3 FROM unnest($1::bigint[], $2::bigint[]) k (stream_id, last_sequence) ORDER BY 1
ON CONFLICT (stream_id) DO UPDATE SET last_sequence = greatest(cursors.last_sequence, excluded.last_sequence)
    WHERE cursors.owner = excluded.owner
RETURNING stream_id
"""
_TAKE: Final = """
INSERT INTO cursors (stream_id, last_sequence, owner) SELECT stream_id, NULL, $2
FROM unnest($1::bigint[]) k (stream_id) ORDER BY 1
ON CONFLICT (stream_id) DO UPDATE SET owner = excluded.owner
RETURNING stream_id, last_sequence
"""


class Cursors:
    """The tables of cursors for one writer, with the ids of the streams in use kept in memory."""

    def __init__(self) -> None:
        self._ids: dict[StreamKey, int] = {}

    def forget(self) -> None:
        """Forget the ids: the transaction that learned them failed."""
        self._ids.clear()

    async def advance(
        self, connection: Connection, cursors: Mapping[StreamKey, int], owner: int
    ) -> tuple[frozenset[StreamKey], int]:
        """Move the cursors, never back; return the streams that another writer owns, and how many no table takes."""
        if not cursors:
            return frozenset(), 0
        ids = await self._ids_of(connection, cursors)
        rows = [(ids[key], cursors[key]) for key in cursors if key in ids and fits(cursors[key], 64)]
        found = await connection.fetch(_ADVANCE, [row[0] for row in rows], [row[1] for row in rows], owner)
        moved = {row[0] for row in found}
        refused = frozenset(key for key in cursors if key in ids and ids[key] not in moved)
        return refused, len(cursors) - len(rows)

    async def take(
        self, connection: Connection, wanted: Collection[StreamKey], owner: int
    ) -> dict[StreamKey, int | None]:
        """Make the writer own these streams; return how far each was committed, None where it was not at all."""
        if not wanted:
            return {}
        ids = await self._ids_of(connection, wanted)
        found = await connection.fetch(_TAKE, list(set(ids.values())), owner)
        sequences: dict[int, int | None] = {row[0]: row[1] for row in found}
        return {key: sequences.get(ids.get(key, 0)) for key in wanted}

    async def _ids_of(self, connection: Connection, keys: Collection[StreamKey]) -> dict[StreamKey, int]:
        """Return the ids of these streams, new ones too, without those that no table takes."""
        unknown = [key for key in keys if key not in self._ids and fits(key[0], 32) and fits(key[1])]
        if unknown:
            if len(self._ids) > _MOST_KNOWN:
                self._ids.clear()
                unknown = [key for key in keys if fits(key[0], 32) and fits(key[1])]
            await self._learn(connection, unknown)
        return {key: self._ids[key] for key in keys if key in self._ids}

    async def _learn(self, connection: Connection, keys: Iterable[StreamKey]) -> None:
        listed = list(keys)
        columns = [key[0] for key in listed], [key[1] for key in listed]
        await connection.execute(_NAMES, *columns)
        for stream_id, place in await connection.fetch(_IDS, *columns):
            self._ids[listed[place - 1]] = stream_id
