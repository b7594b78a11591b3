"""What people did: the table of events, and what it came to, which the next start must know.

An event and what it changes are written in one transaction. `last_seen_at` is 0 in the row of a turbine that never came
yet. A turbine that gave no sign of life since `forgotten_at` is not known: rows that come later do not bring it back.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from operator import attrgetter
from typing import Final

from asyncpg import Connection, Record

from ...words import Deed
from ..rows import Event, Hold, Name, Names
from .values import BIG, INT, TEXT, columns, fitting

_KINDS: Final = (BIG, TEXT, INT, BIG, BIG, BIG, TEXT, TEXT, TEXT, TEXT, BIG)
_COLUMNS: Final = ", ".join(Event._fields[:-1])
_TYPES: Final = ("bigint", "text", "integer", "bigint", "bigint", "bigint", "text", "text", "text", "text")
_EVENTS: Final = f"""
INSERT INTO events ({_COLUMNS}) SELECT {_COLUMNS} FROM unnest(
    {", ".join(f"${place}::{kind}[]" for place, kind in enumerate(_TYPES, start=1))}
) WITH ORDINALITY k ({_COLUMNS}, place) ORDER BY place
"""
_HOLD: Final = """
INSERT INTO turbines (turbine_number, last_seen_at, held_since, held_until, held_reason, held_by)
VALUES ($1, 0, $2, $3, $4, $5) ON CONFLICT (turbine_number) DO UPDATE SET held_since = excluded.held_since,
    held_until = excluded.held_until, held_reason = excluded.held_reason, held_by = excluded.held_by
"""
_NAME: Final = """
INSERT INTO turbines (turbine_number, last_seen_at, name, site) VALUES ($1, 0, $2, $3)
ON CONFLICT (turbine_number) DO UPDATE SET name = excluded.name, site = excluded.site
"""
_ENGINEER: Final = """
INSERT INTO engineers VALUES ($1, $2, $3)
ON CONFLICT (engineer_id) DO UPDATE SET name = excluded.name, site = excluded.site
"""
_FORGET: Final = """
INSERT INTO turbines (turbine_number, last_seen_at, forgotten_at) VALUES ($1, 0, $2)
ON CONFLICT (turbine_number) DO UPDATE SET forgotten_at = excluded.forgotten_at, name = NULL, site = NULL,
    held_since = NULL, held_until = NULL, held_reason = NULL, held_by = NULL
"""
_ERASE: Final = """
INSERT INTO turbines (turbine_number, last_seen_at, erased_until) VALUES ($1, 0, $2)
ON CONFLICT (turbine_number) DO UPDATE SET erased_until = excluded.erased_until
"""
_ROSTER: Final = """
INSERT INTO meta VALUES ('engineers', $1) ON CONFLICT (key) DO UPDATE SET value = excluded.value
"""


async def insert_events(connection: Connection, events: Sequence[Event]) -> int:
    """Insert the events and do what they say, in their order; return how many no table takes."""
    kept = fitting(events, _KINDS, 2)
    if kept:
        await connection.execute(_EVENTS, *columns(kept, len(_TYPES)))
    for kind, alike in groupby(kept, key=attrgetter("kind")):
        await _apply(connection, kind, list(alike))
    return len(events) - len(kept)


async def engineer_count(connection: Connection) -> int | None:
    """Return how many engineers people said that there are."""
    count: int | None = await connection.fetchval("SELECT value FROM meta WHERE key = 'engineers'")
    return count


async def holds(connection: Connection) -> dict[int, Hold]:
    """Return the turbines that are held, also those whose time has passed."""
    rows = await connection.fetch(
        "SELECT turbine_number, held_since, held_until, held_reason, held_by FROM turbines WHERE held_since IS NOT NULL"
    )
    return {number: Hold(*hold) for number, *hold in rows}


async def roster(connection: Connection) -> list[Event]:
    """Return the changes of the roster, by time."""
    fields = ", ".join(Event._fields)
    rows = await connection.fetch(f"SELECT {fields} FROM events WHERE kind = $1 ORDER BY at, id", Deed.roster)
    return [Event(*row) for row in rows]


async def names(connection: Connection) -> Names:
    """Return the turbines and engineers that have a name or a site."""
    turbines = await connection.fetch(
        "SELECT turbine_number, name, site FROM turbines WHERE coalesce(name, site) IS NOT NULL"
    )
    engineers = await connection.fetch(
        "SELECT engineer_id, name, site FROM engineers WHERE coalesce(name, site) IS NOT NULL"
    )
    return Names(_by_number(turbines), _by_number(engineers))


def _by_number(rows: Sequence[Record]) -> dict[int, Name]:
    return {number: Name(*name) for number, *name in rows}


async def _apply(connection: Connection, kind: str, events: list[Event]) -> None:
    match kind:
        case Deed.roster:
            await connection.execute(_ROSTER, events[-1].engineers or 0)
        case Deed.name:
            engineers = [(e.engineer_id, e.name, e.site) for e in events if e.engineer_id is not None]
            await connection.executemany(_ENGINEER, engineers)
            await connection.executemany(_NAME, [(n, e.name, e.site) for n, e in _of_turbines(events)])
        case Deed.hold:
            rows = [(number, e.at, e.until, e.text, e.by) for number, e in _of_turbines(events)]
            await connection.executemany(_HOLD, rows)
        case Deed.hold_ended:
            await connection.executemany(
                _HOLD, [(n, None, None, None, None) for n, _ in _of_turbines(events)]
            )
        case Deed.forgotten:
            await connection.executemany(_FORGET, [(number, e.at) for number, e in _of_turbines(events)])
        case Deed.erased:
            await connection.executemany(_ERASE, [(number, e.at) for number, e in _of_turbines(events)])


def _of_turbines(events: list[Event]) -> list[tuple[int, Event]]:
    return [(event.turbine_number, event) for event in events if event.turbine_number is not None]
