"""The cursors of streams, each with its owner: the writer that took the stream's last `hello`.

Only the owner moves a cursor. One that another writer moves at this moment is waited for by whoever takes it over, and
a later batch of the old owner is refused, so what the new one tells its turbine is true. Rows are locked in the order
of their ids.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Final

from asyncpg import Connection

from ..places import ALL_IDS, Places
from ..rows import Cursor, StreamKey
from .values import BIG, INT, fits

_NAMES: Final = """
INSERT INTO stream_names (turbine_number, stream) SELECT * FROM unnest($1::integer[], $2::text[]) ORDER BY 1, 2
ON CONFLICT DO NOTHING
"""
_IDS: Final = """
SELECT n.id, k.place FROM unnest($1::integer[], $2::text[]) WITH ORDINALITY k (number, name, place)
JOIN stream_names n ON n.turbine_number = k.number AND n.stream = k.name
"""
_ADVANCE: Final = f"""
INSERT INTO cursors (stream_id, last_sequence, owner)
SELECT place % {ALL_IDS}, last_sequence, $3 FROM unnest($1::bigint[], $2::bigint[]) k (place, last_sequence) ORDER BY 1
ON CONFLICT (stream_id) DO UPDATE SET last_sequence = greatest(cursors.last_sequence, excluded.last_sequence)
    WHERE cursors.owner = excluded.owner
"""
_OF_OTHERS: Final = f"""
SELECT place FROM unnest($1::bigint[]) k (place) JOIN cursors ON stream_id = place % {ALL_IDS}
WHERE owner IS DISTINCT FROM $2
"""
_TAKE: Final = """
INSERT INTO cursors (stream_id, last_sequence, owner) SELECT stream_id, NULL, $2
FROM unnest($1::bigint[]) k (stream_id) ORDER BY 1
ON CONFLICT (stream_id) DO UPDATE SET owner = excluded.owner
RETURNING stream_id, last_sequence
"""


class Cursors:
    """The tables of cursors, for one writer."""

    def __init__(self) -> None:
        self._places = Places()

    def forget(self) -> None:
        """Believe no note any more: the transaction that made it failed, or the connection is another one."""
        self._places.forget()

    async def advance(
        self, connection: Connection, cursors: Mapping[Cursor, int], owner: int
    ) -> tuple[frozenset[StreamKey], int]:
        """Move the cursors, never back; return the streams that another writer owns, and how many no table takes."""
        if not cursors:
            return frozenset(), 0
        rejected, places = 0, self._places.of(cursors)
        if places is not None and len(set(places)) == len(places) and fits(max(cursors.values()), BIG):
            latest = dict(zip(places, cursors.values(), strict=True))
        else:
            await self._find(connection, cursors)
            rejected, latest = self._latest(cursors)
        done = await connection.execute(_ADVANCE, list(latest), list(latest.values()), owner)
        if done == f"INSERT 0 {len(latest)}":
            return frozenset(), rejected
        refused = {place for (place,) in await connection.fetch(_OF_OTHERS, list(latest), owner)}
        return frozenset(cursor.key for cursor in cursors if cursor.place in refused), rejected

    def _latest(self, cursors: Mapping[Cursor, int]) -> tuple[int, dict[int, int]]:
        """Return how many cursors no table takes, and the highest sequence at each place of the others."""
        rejected, latest = 0, dict[int, int]()
        for cursor, sequence in cursors.items():
            if self._places.has(cursor) and fits(sequence, BIG):
                latest[cursor.place] = max(sequence, latest.get(cursor.place, sequence))
            else:
                rejected += 1
        return rejected, latest

    async def _find(self, connection: Connection, cursors: Iterable[Cursor]) -> None:
        """Note where those lie of which no note is ours; there is none of a stream that no table takes."""
        unknown = [cursor for cursor in cursors if not self._places.has(cursor)]
        ids = await _ids_of(connection, {cursor.key for cursor in unknown})
        for cursor in unknown:
            self._places.note(cursor, ids.get(cursor.key))

    async def take(
        self, connection: Connection, wanted: Collection[StreamKey], owner: int
    ) -> dict[StreamKey, int | None]:
        """Make the writer own these streams; return how far each was committed, None where it was not at all."""
        if not wanted:
            return {}
        ids = await _ids_of(connection, wanted)
        found = await connection.fetch(_TAKE, list(set(ids.values())), owner)
        sequences: dict[int, int | None] = {row[0]: row[1] for row in found}
        return {key: sequences.get(ids.get(key, 0)) for key in wanted}


async def _ids_of(connection: Connection, keys: Iterable[StreamKey]) -> dict[StreamKey, int]:
    """Return the ids of these streams, new ones too, without those that no table takes."""
    listed = [key for key in keys if fits(key[0], INT) and fits(key[1])]
    if not listed:
        return {}
    columns = [key[0] for key in listed], [key[1] for key in listed]
    await connection.execute(_NAMES, *columns)
    return {listed[place - 1]: stream_id for stream_id, place in await connection.fetch(_IDS, *columns)}
