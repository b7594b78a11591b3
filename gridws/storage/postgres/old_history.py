"""What becomes of statuses and links past their age: sums by day, then they go. In short slices, like all upkeep.

Which of a turbine's changes stay is `..days`' to say. One process at a time does a slice; another passes it over. Links
go by when they ended: their ids are in the order of writers, and not of time.
"""

from __future__ import annotations

from dataclasses import astuple, fields
from itertools import groupby
from operator import itemgetter
from typing import Final

from asyncpg import Connection, Record

from ...settings import MonitorSettings
from ...spans import Span
from ..days import DAY, LinkDay, end_of_sums, link_days, status_days
from ..holds import held_spans
from ..records import EVENTS_OF_HOLDS
from ..rows import Event, LinkRow, StatusChange, StatusDay
from .retention import SWEEPING

_ROWS: Final = 500
"""Changes, or links, summed up in one slice: 5 ms or so, here and there."""
_TURBINES: Final = 500
"""Turbines looked at in one slice; of most there is nothing to do."""

_NUMBERS: Final = "SELECT turbine_number FROM turbines WHERE turbine_number > $1 ORDER BY 1 LIMIT $2"
_OLD_CHANGES: Final = f"""
SELECT s.* FROM unnest($1::integer[]) WITH ORDINALITY n (number, place) CROSS JOIN LATERAL (
    SELECT id, {", ".join(StatusChange._fields)} FROM statuses
    WHERE turbine_number = n.number AND at < $2 ORDER BY at, id LIMIT {_ROWS}) s
ORDER BY n.place, s.at, s.id LIMIT {_ROWS}
"""
_FOLLOWED: Final = (
    "SELECT DISTINCT turbine_number FROM statuses WHERE turbine_number = ANY($1::integer[]) AND at = $2"
)
_HOLDS: Final = f"""
SELECT {", ".join(Event._fields)} FROM events
WHERE turbine_number = ANY($1::integer[]) AND kind = ANY($2::text[]) ORDER BY turbine_number, at, id
"""
_FAILING: Final = """
SELECT turbine_number FROM (
    SELECT DISTINCT ON (turbine_number) turbine_number, is_failing FROM status_days
    WHERE turbine_number = ANY($1::integer[]) ORDER BY turbine_number, day DESC
) last WHERE is_failing <> 0
"""
_DAYS: Final = f"""
INSERT INTO status_days VALUES ({", ".join(f"${place}" for place in range(1, len(fields(StatusDay)) + 1))})
ON CONFLICT (turbine_number, day) DO UPDATE SET ok_in_ms = status_days.ok_in_ms + excluded.ok_in_ms,
    broken_in_ms = status_days.broken_in_ms + excluded.broken_in_ms,
    unknown_in_ms = status_days.unknown_in_ms + excluded.unknown_in_ms,
    held_in_ms = status_days.held_in_ms + excluded.held_in_ms,
    lost_energy_in_kwh = status_days.lost_energy_in_kwh + excluded.lost_energy_in_kwh,
    failures = status_days.failures + excluded.failures,
    broken_at_end = excluded.broken_at_end, is_failing = excluded.is_failing
"""
_KNOW_BEGINNING: Final = """
INSERT INTO meta SELECT 'collected_since', connected_at FROM links ORDER BY id LIMIT 1 ON CONFLICT DO NOTHING
"""
_OLD_LINKS: Final = f"""
DELETE FROM links WHERE id = ANY(ARRAY(
    SELECT id FROM links WHERE disconnected_at < $1 ORDER BY disconnected_at LIMIT {_ROWS}))
RETURNING {", ".join(LinkRow._fields)}
"""
_LINK_DAYS: Final = f"""
INSERT INTO link_days VALUES ({", ".join(f"${place}" for place in range(1, len(LinkDay._fields) + 1))})
ON CONFLICT (turbine_number, day, reason) DO UPDATE SET links = link_days.links + excluded.links,
    linked_in_ms = link_days.linked_in_ms + excluded.linked_in_ms
"""


class OldHistory:
    """Sums up and deletes what is past `settings.retain_history`, once a day for whole days."""

    def __init__(self, settings: MonitorSettings) -> None:
        self._retain = settings.retain_history
        self._cutoff = 0
        self._after: int | None = None
        """Behind which turbine's changes to go on; None where nothing more of them is to be done today."""
        self._has_links = False

    async def sweep(self, connection: Connection, now: int) -> None:
        """Do one slice of what is to go at `now` (ms)."""
        if self._retain is None:
            return
        cutoff = max(0, now - int(self._retain * 1000)) // DAY * DAY
        if cutoff != self._cutoff:
            self._cutoff, self._after, self._has_links = cutoff, 0, True
        if self._after is None and not self._has_links:
            return
        async with connection.transaction():
            if not await connection.fetchval("SELECT pg_try_advisory_xact_lock($1)", SWEEPING):
                return
            if self._after is not None:
                self._after = await _sum_up_changes(connection, self._after, cutoff)
            else:
                self._has_links = await _sum_up_links(connection, cutoff)


async def _sum_up_changes(connection: Connection, after: int, cutoff: int) -> int | None:
    """Sum up the oldest changes of some turbines behind `after`; return behind which one to go on."""
    numbers = [row[0] for row in await connection.fetch(_NUMBERS, after, _TURBINES)]
    if not numbers:
        return None
    rows = await connection.fetch(_OLD_CHANGES, numbers, cutoff)
    is_all = len(rows) < _ROWS
    cut_off = None if is_all else rows[-1]["turbine_number"]
    await _keep_days(connection, rows, cutoff, cut_off)
    return int(numbers[-1]) if cut_off is None else int(cut_off) - 1


async def _keep_days(connection: Connection, rows: list[Record], cutoff: int, cut_off: int | None) -> None:
    """Sum up these changes, and delete all but the last of each turbine; of the one `cut_off` there are more."""
    numbers = sorted({row["turbine_number"] for row in rows})
    followed = {row[0] for row in await connection.fetch(_FOLLOWED, numbers, cutoff)}
    failing = {row[0] for row in await connection.fetch(_FAILING, numbers)}
    held = await _held(connection, numbers)
    days, gone, moved = list[StatusDay](), list[int](), list[tuple[int, int]]()
    for number, own in groupby(rows, key=itemgetter("turbine_number")):
        ids, changes = zip(*((row["id"], StatusChange(*tuple(row)[1:])) for row in own), strict=True)
        end = end_of_sums(changes, cutoff, is_all=number != cut_off)
        if end is not None:
            days += status_days(changes, end, held.get(number, ()), is_failing=number in failing)
            # The last one goes on from there, unless another begins at that very moment.
            gone += ids if end == cutoff and number in followed else ids[:-1]
            moved.append((ids[-1], end))
    await connection.executemany(_DAYS, [astuple(day) for day in days])
    await connection.execute("DELETE FROM statuses WHERE id = ANY($1::bigint[])", gone)
    await connection.executemany("UPDATE statuses SET at = $2 WHERE id = $1", moved)


async def _held(connection: Connection, numbers: list[int]) -> dict[int, list[Span]]:
    rows = await connection.fetch(_HOLDS, numbers, list(EVENTS_OF_HOLDS))
    by_turbine = groupby(rows, key=itemgetter("turbine_number"))
    return {number: held_spans([Event(*row) for row in own]) for number, own in by_turbine}


async def _sum_up_links(connection: Connection, cutoff: int) -> bool:
    """Sum up some links that ended before; return whether there may be more."""
    await connection.execute(_KNOW_BEGINNING)
    links = [LinkRow(*row) for row in await connection.fetch(_OLD_LINKS, cutoff)]
    await connection.executemany(_LINK_DAYS, link_days(links))
    return len(links) == _ROWS
