"""The rows of a batch on their way into the tables, within the caller's transaction."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from typing import Final

from asyncpg import (
    CharacterNotInRepertoireError,
    CheckViolationError,
    Connection,
    DataError,
    NotNullViolationError,
)

from ..batches import Batch, signs_of_life
from ..rows import LinkRow, ReadingRow, Repair, StatusChange, StreamKey
from .schema import LINKS_OF_WRITER
from .values import BIG, INT, REAL, TEXT, columns, fitting

BAD_ROW: Final = (
    CheckViolationError,
    NotNullViolationError,
    DataError,
    CharacterNotInRepertoireError,
    OverflowError,
    TypeError,
    UnicodeEncodeError,
)
"""What a value can do wrong: the transaction is begun anew without the rows that no table takes."""

_METRICS: Final = (
    "turbine_number", "measured_at", "wind_speed", "power_output_in_kwh", "operational_status", "received_at",
    "writer_id", "batch",
)  # fmt: skip
_READING: Final = (INT, BIG, REAL, REAL, TEXT, BIG)
_REPAIR: Final = (BIG, INT, BIG, BIG, BIG, BIG, TEXT)
_LINK: Final = (BIG, INT, BIG, BIG, TEXT)
_STATUS: Final = (INT, BIG, TEXT, REAL)

# A row that bears the id of another assignment, or link, stays; an end that is known is never taken back.
_REPAIRS: Final = """
INSERT INTO repairs SELECT * FROM unnest(
    $1::bigint[], $2::integer[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[], $7::text[]) ORDER BY 1
ON CONFLICT (id) DO UPDATE SET engineer_id = excluded.engineer_id, broken_at = excluded.broken_at,
    ended_at = excluded.ended_at, outcome = excluded.outcome
WHERE repairs.turbine_number = excluded.turbine_number AND repairs.assigned_at = excluded.assigned_at
    AND (repairs.ended_at IS NULL OR excluded.ended_at IS NOT NULL)
"""
_LINKS: Final = """
INSERT INTO links SELECT * FROM unnest($1::bigint[], $2::integer[], $3::bigint[], $4::bigint[], $5::text[]) ORDER BY 1
ON CONFLICT (id) DO UPDATE SET disconnected_at = excluded.disconnected_at, reason = excluded.reason
WHERE links.turbine_number = excluded.turbine_number AND links.connected_at = excluded.connected_at
    AND (links.disconnected_at IS NULL OR excluded.disconnected_at IS NOT NULL)
"""
# What a turbine's older monitor learns late says nothing of it any more: its newest open link is another one's.
_STATUSES: Final = f"""
INSERT INTO statuses (turbine_number, at, operational_status, power_output_in_kwh)
SELECT number, at, status, power FROM unnest(
    $1::integer[], $2::bigint[], $3::text[], $4::double precision[]
) WITH ORDINALITY k (number, at, status, power, place)
WHERE NOT EXISTS (SELECT FROM writers w WHERE w.writer_id <> $5 AND w.writer_id = (
    SELECT l.id / {LINKS_OF_WRITER} FROM links l WHERE l.turbine_number = number AND l.disconnected_at IS NULL
    ORDER BY l.connected_at DESC, l.id DESC LIMIT 1))
ORDER BY place
"""
_SEEN: Final = """
INSERT INTO turbines (turbine_number, last_seen_at)
SELECT number, max(at) FROM unnest($1::integer[], $2::bigint[]) k (number, at) GROUP BY number ORDER BY number
ON CONFLICT (turbine_number) DO UPDATE SET last_seen_at = greatest(turbines.last_seen_at, excluded.last_seen_at)
"""

_TIMES: Final = range(2**53)


def storable(batch: Batch) -> Batch:
    """Return the batch with those readings only that the table takes."""
    split = len(batch.readings) - batch.numbered
    own, numbered = _storable(batch.readings[:split]), _storable(batch.readings[split:])
    return replace(batch, readings=[*own, *numbered], numbered=len(numbered))


def _storable(readings: Sequence[ReadingRow]) -> list[ReadingRow]:
    good = fitting(readings, _READING, len(_READING))
    return [row for row in good if row[0] > 0 and min(row[1], row[5]) >= 0]


def without_streams(
    batch: Batch, refused: Collection[StreamKey]
) -> tuple[frozenset[StreamKey], Sequence[ReadingRow]]:
    """Return all streams of the refused ones' turbines, and the readings that are none of theirs.

    A reading does not say which stream of its turbine it is of.
    """
    if not refused:
        return frozenset(), batch.readings
    numbers = {number for number, _ in refused}
    split = len(batch.readings) - batch.numbered
    numbered = (row for row in batch.readings[split:] if row[0] not in numbers)
    streams = frozenset(cursor.key for cursor in batch.cursors if cursor.key[0] in numbers)
    return streams, [*batch.readings[:split], *numbered]


async def copy_readings(
    connection: Connection, readings: Iterable[ReadingRow], *, writer: int, batch: int
) -> None:
    """Copy readings in, in their order."""
    await connection.copy_records_to_table(
        "metrics", records=[(*row, writer, batch) for row in readings], columns=_METRICS
    )


async def insert_others(connection: Connection, batch: Batch, *, writer: int) -> int:
    """Insert repairs, links and status changes, and return how many rows no table takes."""
    repairs = fitting(batch.repairs, _REPAIR, 5)
    links = fitting(batch.links, _LINK, 3)
    statuses = fitting(batch.statuses, _STATUS, 2)
    # One statement cannot change a row twice.
    await _insert(connection, _REPAIRS, list({row.id: row for row in repairs}.values()), len(_REPAIR))
    await _insert(connection, _LINKS, list({row.id: row for row in links}.values()), len(_LINK))
    await _insert(connection, _STATUSES, statuses, len(_STATUS), writer)
    await _insert(connection, _SEEN, signs_of_life(links, statuses), 2)
    offered = len(batch.repairs) + len(batch.links) + len(batch.statuses)
    return offered - len(repairs) - len(links) - len(statuses)


def first_receipt(readings: Sequence[ReadingRow]) -> int | None:
    """Return the earliest receipt (ms) of the readings that have one, None where there are none."""
    return min((row[5] for row in readings if row[5] in _TIMES), default=None)


async def _insert(
    connection: Connection,
    sql: str,
    rows: Sequence[Repair | LinkRow | StatusChange | tuple[int, int]],
    width: int,
    *more: int,
) -> None:
    if rows:
        await connection.execute(sql, *columns(rows, width), *more)
