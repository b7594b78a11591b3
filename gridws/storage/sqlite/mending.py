"""What the store finds at its start, and how it ends what an earlier run left open."""

from __future__ import annotations

import sqlite3
from typing import Final

from ...clock import KEPT_WITHIN, Belief
from ..rows import Reading
from .minute_tables import LAST_MISSED, missed

_FROM_BEFORE: Final = (
    f"{{0}} <= :steady + {KEPT_WITHIN} AND :steady < :at OR :at < {{0}} AND {{0}} <= :steady + {KEPT_WITHIN}"
)
_LAST: Final = f"max({{0}}, CASE WHEN {_FROM_BEFORE} THEN :steady ELSE :at END)"
"""The last commit by the clock by which the row began: it may have been set in between."""

_END_REPAIRS: Final = f"""
UPDATE repairs SET ended_at = {_LAST.format("assigned_at")}, outcome = 'monitor_stopped' WHERE ended_at IS NULL
"""

_END_LINKS: Final = f"""
UPDATE links SET disconnected_at = {_LAST.format("connected_at")}, reason = 'monitor_stopped'
WHERE disconnected_at IS NULL
"""

_SEEN: Final = f"""
INSERT INTO turbines (turbine_number, last_seen_at)
SELECT turbine_number, max({_LAST.format("connected_at")}) FROM links
WHERE disconnected_at IS NULL GROUP BY turbine_number
ON CONFLICT (turbine_number) DO UPDATE SET last_seen_at = max(last_seen_at, excluded.last_seen_at)
"""

# One step of the index for each turbine, instead of a look at every row there ever was.
_TURBINES: Final = """
WITH RECURSIVE known (turbine_number) AS (
    SELECT min(turbine_number) FROM statuses
    UNION ALL
    SELECT (SELECT min(s.turbine_number) FROM statuses s WHERE s.turbine_number > known.turbine_number)
    FROM known WHERE known.turbine_number IS NOT NULL
)
"""
_NOT_ENDED: Final = """
FROM known JOIN statuses last ON last.id = (
    SELECT s.id FROM statuses s WHERE s.turbine_number = known.turbine_number ORDER BY s.at DESC, s.id DESC LIMIT 1
)
WHERE last.operational_status IS NOT NULL
"""
_END_STATUSES: Final = f"""
{_TURBINES} INSERT INTO statuses (turbine_number, at, operational_status, power_output_in_kwh)
SELECT last.turbine_number, {_LAST.format("last.at")}, NULL, last.power_output_in_kwh {_NOT_ENDED}
"""

KNOWN_STATUSES: Final = f"""
{_TURBINES} SELECT last.turbine_number, last.at, last.operational_status, last.power_output_in_kwh {_NOT_ENDED}
"""
"""The last status of each turbine, where that is not yet ended."""


def belief_in(meta: dict[str, int]) -> Belief | None:
    """Return what an earlier run knew of the time."""
    at = meta.get("believed_at", meta.get("committed_at"))
    if at is None:
        return None
    since = meta.get("doubted_since", -1)
    return Belief(at, None if since < 0 else since, meta.get("doubted_by", 0))


def note_belief(meta: dict[str, int], belief: Belief) -> None:
    """Keep what is known of the time for the next run."""
    since = -1 if belief.doubted_since is None else belief.doubted_since
    meta |= {"believed_at": belief.at, "doubted_since": since, "doubted_by": belief.doubted_by}


def end_open_rows(connection: sqlite3.Connection, meta: dict[str, int], now: int) -> None:
    """End repairs, links and statuses that an earlier run left open: at its last commit, or at `now` (ms)."""
    at = meta.get("committed_at", now)
    belief = belief_in(meta)
    steady = at if belief is None or belief.doubted_since is None else belief.at
    for statement in (_END_REPAIRS, _SEEN, _END_LINKS, _END_STATUSES):
        connection.execute(statement, {"at": at, "steady": steady})


def last_readings(connection: sqlite3.Connection, meta: dict[str, int]) -> dict[int, Reading]:
    """Return the last reading of each turbine, also of those that the table of turbines does not hold yet."""
    columns = ", ".join(Reading._fields)
    rows = connection.execute(f"SELECT {columns} FROM turbines WHERE received_at IS NOT NULL")
    last = {row[0]: Reading(*row) for row in rows}
    if meta.get("unrolled_from", -1) >= 0:
        which = missed(
            mark=meta["rolled_up_id"], end=meta["next_reading_id"], received_from=meta["unrolled_from"]
        )
        last |= {row[0]: Reading(*row[:6]) for row in connection.execute(LAST_MISSED, which)}
    return last


def last_seen(connection: sqlite3.Connection, last: dict[int, Reading]) -> dict[int, int]:
    """Return when each turbine gave its last sign of life (ms), without those that were forgotten since."""
    seen = dict(connection.execute("SELECT turbine_number, last_seen_at FROM turbines"))
    for number, reading in last.items():
        seen[number] = max(seen.get(number, 0), reading.received_at)
    forgotten = dict(
        connection.execute("SELECT turbine_number, forgotten_at FROM turbines WHERE forgotten_at IS NOT NULL")
    )
    return {number: at for number, at in seen.items() if at > forgotten.get(number, 0)}
