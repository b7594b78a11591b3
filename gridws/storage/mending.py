"""What the store does at its start: it ends what an earlier run left open and sets aside ids for this one.

Ids of assignments and links are never used again, not even when the process died before their row was
committed. So a block beyond the last one is reserved ahead: whoever starts after a crash begins behind the
block. A clean end gives back what was not used.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from typing import Final

from . import LinkRow, Reading, Repair
from .database import Database
from .minute_tables import LAST_MISSED, missed

ID_BLOCK: Final = 1_000_000
"""Ids reserved at a time: at 1,000 assignments a second a new block is written every 8 minutes."""

_IDS: Final = range(1, 2**62)
"""What can be an id; whatever else a row says is rejected with the row."""

_END_REPAIRS: Final = """
UPDATE repairs SET ended_at = max(assigned_at, ?), outcome = 'monitor_stopped' WHERE ended_at IS NULL
"""

_END_LINKS: Final = """
UPDATE links SET disconnected_at = max(connected_at, ?), reason = 'monitor_stopped' WHERE disconnected_at IS NULL
"""

_SEEN: Final = """
INSERT INTO turbines (turbine_number, last_seen_at)
SELECT turbine_number, max(max(connected_at, ?)) FROM links WHERE disconnected_at IS NULL GROUP BY turbine_number
ON CONFLICT (turbine_number) DO UPDATE SET last_seen_at = max(last_seen_at, excluded.last_seen_at)
"""

# One step of the index for each turbine, instead of a look at every row there ever was.
_END_STATUSES: Final = """
WITH RECURSIVE known (turbine_number) AS (
    SELECT min(turbine_number) FROM statuses
    UNION ALL
    SELECT (SELECT min(s.turbine_number) FROM statuses s WHERE s.turbine_number > known.turbine_number)
    FROM known WHERE known.turbine_number IS NOT NULL
)
INSERT INTO statuses (turbine_number, at, operational_status, power_output_in_kwh)
SELECT last.turbine_number, max(last.at, ?), NULL, last.power_output_in_kwh
FROM known JOIN statuses last ON last.id = (
    SELECT s.id FROM statuses s WHERE s.turbine_number = known.turbine_number ORDER BY s.at DESC, s.id DESC LIMIT 1
)
WHERE last.operational_status IS NOT NULL
"""


class Ids:
    """The ids of one kind of row, as `meta` keeps them: the last one used, and how far they are reserved."""

    def __init__(self, database: Database, kind: str) -> None:
        self._database = database
        self._used = f"last_{kind}_id"
        self._reserved = f"reserved_{kind}_id"

    def begin(self, *, after_crash: bool) -> int:
        """Reserve a block and return the last id that can have been used, within the caller's transaction."""
        meta = self._database.meta
        last = max(meta.get(self._used, 0), meta.get(self._reserved, 0) if after_crash else 0)
        meta[self._used] = last
        meta[self._reserved] = last + ID_BLOCK
        return last

    def use(self, rows: Iterable[Repair | LinkRow]) -> None:
        """Take note of the rows' ids; reserve the next block when half of this one is gone."""
        meta = self._database.meta
        meta[self._used] = max([meta[self._used], *(row.id for row in rows if row.id in _IDS)])
        if meta[self._used] > meta[self._reserved] - ID_BLOCK // 2:
            meta[self._reserved] = meta[self._used] + ID_BLOCK


def end_open_rows(connection: sqlite3.Connection, at: int) -> None:
    """End repairs, links and statuses that an earlier run left open at its last commit, `at` (ms)."""
    connection.execute(_END_REPAIRS, (at,))
    connection.execute(_SEEN, (at,))
    connection.execute(_END_LINKS, (at,))
    connection.execute(_END_STATUSES, (at,))


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
    """Return when each turbine gave its last sign of life (ms)."""
    seen = dict(connection.execute("SELECT turbine_number, last_seen_at FROM turbines"))
    for number, reading in last.items():
        seen[number] = max(seen.get(number, 0), reading.received_at)
    return seen
