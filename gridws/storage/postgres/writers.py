"""Writers: one row a process, and the lock by which others see that it lives.

Whoever starts is a new writer. What dead ones left is mended by it: their readings are rolled up, their open links end,
and, where nobody else lives, open repairs and statuses end too; where somebody does, the repairs are the pool's. An id
of a link is its writer's id and a counter, so no two writers have one in common, and none is used again.
"""

from __future__ import annotations

from typing import Final

from asyncpg import Connection, Record

from ...clock import KEPT_WITHIN, Belief
from .. import Opened
from ..rows import Reading
from . import events, rollup
from .schema import LINKS_OF_WRITER, MIGRATING

ID_BLOCK: Final = 1_000_000
"""Assignment ids left out after a crash: more than a run can have used without any commit of them."""

_STARTING: Final = 0x67726966
"""The advisory lock of those who start."""

_LATEST: Final = f"$2::bigint + {KEPT_WITHIN}"
_FROM_BEFORE: Final = (
    f"({{0}} <= {_LATEST} AND $2::bigint < $1::bigint) OR ($1 < {{0}} AND {{0}} <= {_LATEST})"
)
_LAST: Final = f"greatest({{0}}, CASE WHEN {_FROM_BEFORE} THEN $2::bigint ELSE $1::bigint END)"
"""The last commit by the clock by which the row began: it may have been set in between."""

_END_REPAIRS: Final = f"""
UPDATE repairs SET ended_at = {_LAST.format("assigned_at")}, outcome = 'monitor_stopped' WHERE ended_at IS NULL
"""
_END_LINKS: Final = f"""
WITH ended AS (
    UPDATE links SET disconnected_at = {_LAST.format("connected_at")}, reason = 'monitor_stopped'
    WHERE disconnected_at IS NULL AND NOT (id / {LINKS_OF_WRITER} = ANY($3::bigint[]))
    RETURNING turbine_number, disconnected_at
), seen AS (
    INSERT INTO turbines (turbine_number, last_seen_at)
    SELECT turbine_number, max(disconnected_at) FROM ended GROUP BY 1 ORDER BY 1
    ON CONFLICT (turbine_number) DO UPDATE SET last_seen_at = greatest(turbines.last_seen_at, excluded.last_seen_at)
)
SELECT DISTINCT turbine_number FROM ended
"""
_END_LINKS_OF: Final = f"""
UPDATE links SET disconnected_at = greatest(connected_at, $2), reason = 'monitor_stopped'
WHERE disconnected_at IS NULL AND id BETWEEN $1 AND $1 + {LINKS_OF_WRITER - 1} RETURNING turbine_number
"""
_END_STATUSES: Final = f"""
INSERT INTO statuses (turbine_number, at, operational_status, power_output_in_kwh)
SELECT t.turbine_number, {_LAST.format("s.at")}, NULL, s.power_output_in_kwh
FROM turbines t CROSS JOIN LATERAL (
    SELECT * FROM statuses s WHERE s.turbine_number = t.turbine_number ORDER BY at DESC, id DESC LIMIT 1) s
WHERE s.operational_status IS NOT NULL AND ($3::integer[] IS NULL OR t.turbine_number = ANY($3))
    AND NOT EXISTS (SELECT 1 FROM links l WHERE l.turbine_number = t.turbine_number AND l.disconnected_at IS NULL)
ORDER BY t.turbine_number
"""
_BEGIN: Final = """
INSERT INTO writers (writer_id, started_at, first_assignment_id, committed_at, believed_at, doubted_since, doubted_by)
SELECT coalesce(max(writer_id), 0) + 1, $1, $2, $1, $3, $4, $5 FROM writers RETURNING writer_id
"""
_OPENED: Final = f"""
SELECT {", ".join(Reading._fields)}, last_seen_at FROM turbines
WHERE last_seen_at > coalesce(forgotten_at, 0) AND last_seen_at >= $1
"""


async def is_alive(connection: Connection, writer: int) -> bool:
    """Return whether a process holds the lock of this writer; if none does, whoever asks has it for a moment."""
    if not await connection.fetchval("SELECT pg_try_advisory_lock($1, $2)", MIGRATING, writer):
        return True
    await connection.execute("SELECT pg_advisory_unlock($1, $2)", MIGRATING, writer)
    return False


async def settle(connection: Connection, writer: int, at: int) -> None:
    """End the open links of a writer, and what is known of their turbines, at `at` (ms), unless it lives."""
    async with connection.transaction():
        if not await is_alive(connection, writer):
            ended = await connection.fetch(_END_LINKS_OF, writer * LINKS_OF_WRITER, at)
            await connection.execute(_END_STATUSES, at, at, [row[0] for row in ended])


async def hold_life(life: Connection, writer: int) -> bool:
    """Take the writer's lock for as long as the connection lasts; return whether the writer still counts as living."""
    await life.execute("SELECT pg_advisory_lock($1, $2)", MIGRATING, writer)
    return bool(await life.fetchval("SELECT NOT ended FROM writers WHERE writer_id = $1", writer))


async def begin(
    connection: Connection, life: Connection, *, now: int, oldest: int, belief: Belief | None
) -> tuple[int, Opened]:
    """Mend what dead writers left and begin as a new one; `belief` is what this process knows of the time already.

    Turbines not seen since `oldest` (ms) are not shown any more.
    """
    async with connection.transaction():
        await connection.execute("SELECT pg_advisory_xact_lock($1)", _STARTING)
        rows = await connection.fetch("SELECT * FROM writers WHERE NOT ended ORDER BY writer_id")
        living = [row["writer_id"] for row in rows if await is_alive(connection, row["writer_id"])]
        dead = [row["writer_id"] for row in rows if row["writer_id"] not in living]
        for writer in dead:
            await rollup.flush_all(connection, writer)
        last = await connection.fetchrow(
            "SELECT * FROM writers WHERE NOT writer_id = ANY($1::integer[]) ORDER BY writer_id DESC LIMIT 1",
            living,
        )
        await _end_open_rows(connection, last, living, now)
        await connection.execute("UPDATE writers SET ended = true WHERE writer_id = ANY($1::integer[])", dead)
        assignment = await _last_assignment_id(connection, crashed=bool(dead))
        known = _belief_in(last)
        mine = belief or known or Belief(now)
        writer = await connection.fetchval(
            _BEGIN, now, assignment, mine.at, mine.doubted_since, mine.doubted_by
        )
        await life.execute("SELECT pg_advisory_lock($1, $2)", MIGRATING, writer)
        opened = await _opened(connection, assignment, writer, oldest, known)
    return writer, opened


async def _end_open_rows(connection: Connection, last: Record | None, living: list[int], now: int) -> None:
    at = last["committed_at"] if last else now
    steady = last["believed_at"] if last and last["doubted_since"] is not None else at
    ended = [row[0] for row in await connection.fetch(_END_LINKS, at, steady, living)]
    if not living:
        await connection.execute(_END_REPAIRS, at, steady)
    await connection.execute(_END_STATUSES, at, steady, ended if living else None)


async def _last_assignment_id(connection: Connection, *, crashed: bool) -> int:
    first = await connection.fetchval("SELECT coalesce(max(first_assignment_id), 0) FROM writers")
    last = await connection.fetchval("SELECT coalesce(max(id), 0) FROM repairs")
    return max(int(last), int(first) + ID_BLOCK if crashed else int(first))


def _belief_in(row: Record | None) -> Belief | None:
    return None if row is None else Belief(row["believed_at"], row["doubted_since"], row["doubted_by"])


async def _opened(
    connection: Connection, assignment: int, writer: int, oldest: int, belief: Belief | None
) -> Opened:
    rows = await connection.fetch(_OPENED, oldest)
    last = {row[0]: Reading(*row[:6]) for row in map(tuple, rows) if row[5] is not None}
    return Opened(
        assignment,
        writer * LINKS_OF_WRITER,
        last,
        {row["turbine_number"]: row["last_seen_at"] for row in rows},
        belief,
        engineers=await events.engineer_count(connection),
        holds=await events.holds(connection),
        names=await events.names(connection),
    )
