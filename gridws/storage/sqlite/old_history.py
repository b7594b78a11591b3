"""What becomes of statuses and links past their age: sums by day, then they go. In short slices, like all upkeep.

A turbine's last change stays, and is moved to where the sums end: from there on it is what is known. Where that is
nothing it is left where it is, so that a turbine that is gone for good costs nothing more. Repairs stay.
"""

from __future__ import annotations

import json
import sqlite3
import time
from dataclasses import astuple
from typing import Final

from ...settings import MonitorSettings
from ..days import DAY, LinkDay, end_of_sums, link_days, status_days
from ..holds import held_spans
from ..records import EVENTS_OF_HOLDS
from ..rows import Event, LinkRow, StatusChange
from .database import Database
from .inserts import Insert, insert

_ROWS: Final = 500
"""Changes of one turbine, or links, summed up in one step: 5 ms or so."""

_NEXT_TURBINE: Final = (
    "SELECT turbine_number FROM statuses WHERE turbine_number > ? ORDER BY turbine_number LIMIT 1"
)
_OLD_CHANGES: Final = """
SELECT id, turbine_number, at, operational_status, power_output_in_kwh FROM statuses
WHERE turbine_number = ? AND at < ? ORDER BY at, id LIMIT ?
"""
_NEXT_CHANGE: Final = "SELECT 1 FROM statuses WHERE turbine_number = ? AND at = ?"
_HOLDS: Final = f"""
SELECT {", ".join(Event._fields)} FROM events
WHERE turbine_number = ? AND kind IN ({", ".join(f"'{kind}'" for kind in sorted(EVENTS_OF_HOLDS))}) ORDER BY at, id
"""
_IS_FAILING: Final = "SELECT is_failing FROM status_days WHERE turbine_number = ? ORDER BY day DESC LIMIT 1"
_DAYS: Final = Insert(
    f"INSERT INTO status_days SELECT {', '.join(f'column{number}' for number in range(1, 11))}",
    10,
    """ON CONFLICT (turbine_number, day) DO UPDATE SET ok_in_ms = ok_in_ms + excluded.ok_in_ms,
    broken_in_ms = broken_in_ms + excluded.broken_in_ms, unknown_in_ms = unknown_in_ms + excluded.unknown_in_ms,
    held_in_ms = held_in_ms + excluded.held_in_ms, failures = failures + excluded.failures,
    lost_energy_in_kwh = lost_energy_in_kwh + excluded.lost_energy_in_kwh,
    broken_at_end = excluded.broken_at_end, is_failing = excluded.is_failing""",
)
_LINKS: Final = f"SELECT {', '.join(LinkRow._fields)} FROM links WHERE id > ? ORDER BY id LIMIT ?"
_LINK_DAYS: Final = Insert(
    "INSERT INTO link_days SELECT column1, column2, column3, column4, column5",
    len(LinkDay._fields),
    """ON CONFLICT (turbine_number, day, reason) DO UPDATE SET links = links + excluded.links,
    linked_in_ms = linked_in_ms + excluded.linked_in_ms""",
)


class OldHistory:
    """Sums up and deletes what is past `settings.retain_history`, once a day for whole days."""

    def __init__(self, database: Database, settings: MonitorSettings) -> None:
        self._database = database
        self._retain = settings.retain_history
        self._cutoff = 0
        self._next: tuple[int | None, int | None] = (None, None)
        """Behind which turbine's changes, and which link, to go on; None where nothing more is to be done today."""

    def sweep(self, now: int, *, until: float) -> None:
        """Do one slice of what is to go at `now` (ms), to the second `until` of `perf_counter`; raise `StoreFailed`."""
        if self._retain is None:
            return
        cutoff = max(0, now - int(self._retain * 1000)) // DAY * DAY
        if cutoff != self._cutoff:
            self._cutoff, self._next = cutoff, (0, 0)
        if self._next == (None, None):
            return
        turbine, link = self._next
        with self._database.transaction() as connection:
            while time.perf_counter() < until and (turbine is not None or link is not None):
                if turbine is not None:
                    turbine = _sum_up_changes(connection, turbine, cutoff)
                elif link is not None:
                    self._know_beginning(connection)
                    link = _sum_up_links(connection, link, cutoff)
        self._next = (turbine, link)

    def _know_beginning(self, connection: sqlite3.Connection) -> None:
        """Keep since when anything was collected, which the first link says until it goes."""
        if "collected_since" not in self._database.meta:
            first = connection.execute("SELECT connected_at FROM links ORDER BY id LIMIT 1").fetchone()
            if first is not None:
                self._database.meta["collected_since"] = first[0]


def _sum_up_changes(connection: sqlite3.Connection, after: int, cutoff: int) -> int | None:
    """Do one step of the next turbine behind `after`; return behind which one to go on."""
    found = connection.execute(_NEXT_TURBINE, (after,)).fetchone()
    if found is None:
        return None
    (number,) = found
    rows = connection.execute(_OLD_CHANGES, (number, cutoff, _ROWS)).fetchall()
    if not rows:
        return int(number)
    ids, changes = [row[0] for row in rows], [StatusChange._make(row[1:]) for row in rows]
    is_all = len(rows) < _ROWS
    end = end_of_sums(changes, cutoff, is_all=is_all)
    if end is None:
        return int(number)
    _keep_days(connection, number, changes, end)
    # The last one goes on from there, unless another begins at that very moment.
    is_followed = end == cutoff and connection.execute(_NEXT_CHANGE, (number, end)).fetchone() is not None
    gone = ids if is_followed else ids[:-1]
    connection.execute(
        "DELETE FROM statuses WHERE id IN (SELECT value FROM json_each(?))", (json.dumps(gone),)
    )
    connection.execute("UPDATE statuses SET at = ? WHERE id = ?", (end, ids[-1]))
    return int(number) if is_all else after


def _keep_days(connection: sqlite3.Connection, number: int, changes: list[StatusChange], end: int) -> None:
    held = held_spans([Event._make(row) for row in connection.execute(_HOLDS, (number,))])
    before = connection.execute(_IS_FAILING, (number,)).fetchone()
    days = status_days(changes, end, held, is_failing=before is not None and bool(before[0]))
    insert(connection, _DAYS, [astuple(day) for day in days])


def _sum_up_links(connection: sqlite3.Connection, after: int, cutoff: int) -> int | None:
    """Do one step of the links behind the id `after`; return behind which one to go on."""
    links = [LinkRow._make(row) for row in connection.execute(_LINKS, (after, _ROWS))]
    old = [link for link in links if link.disconnected_at is not None and link.disconnected_at < cutoff]
    insert(connection, _LINK_DAYS, link_days(old))
    ids = json.dumps([link.id for link in old])
    connection.execute("DELETE FROM links WHERE id IN (SELECT value FROM json_each(?))", (ids,))
    # Ids grow with time: where nothing is old any more, nothing behind it is.
    return links[-1].id if old else None
