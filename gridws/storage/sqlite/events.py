"""What people did: the table of events, and what it came to, which the next start must know.

An event and what it changes are written in one transaction: the count of engineers in `meta`, the hold and the
name of a turbine in its row of `turbines` (`last_seen_at` is 0 in a row of one that never came yet). A turbine that
gave no sign of life since `forgotten_at` is not known: rows that are written later do not bring it back.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from itertools import groupby
from operator import attrgetter
from typing import Final

from ...words import Deed
from ..rows import Event, Hold, Name, Names
from .inserts import Insert, insert

_COLUMNS: Final = ", ".join(Event._fields[:-1])
_MARKS: Final = ", ".join(f"column{place}" for place in range(1, len(Event._fields)))
_EVENTS: Final = Insert(f"INSERT INTO events ({_COLUMNS}) SELECT {_MARKS}", len(Event._fields) - 1)

_FORGET: Final = Insert(
    "INSERT INTO turbines (turbine_number, last_seen_at, forgotten_at) SELECT column1, 0, column2",
    2,
    """ON CONFLICT (turbine_number) DO UPDATE SET forgotten_at = excluded.forgotten_at, name = NULL, site = NULL,
    held_since = NULL, held_until = NULL, held_reason = NULL, held_by = NULL""",
)
_ERASE: Final = Insert(
    "INSERT INTO turbines (turbine_number, last_seen_at, erased_until) SELECT column1, 0, column2",
    2,
    "ON CONFLICT (turbine_number) DO UPDATE SET erased_until = excluded.erased_until",
)

_HOLD: Final = Insert(
    "INSERT INTO turbines (turbine_number, last_seen_at, held_since, held_until, held_reason, held_by)"
    " SELECT column1, 0, column2, column3, column4, column5",
    5,
    """ON CONFLICT (turbine_number) DO UPDATE SET held_since = excluded.held_since,
    held_until = excluded.held_until, held_reason = excluded.held_reason, held_by = excluded.held_by""",
)
_NAME: Final = Insert(
    "INSERT INTO turbines (turbine_number, last_seen_at, name, site) SELECT column1, 0, column2, column3",
    3,
    "ON CONFLICT (turbine_number) DO UPDATE SET name = excluded.name, site = excluded.site",
)
_ENGINEER: Final = Insert(
    "INSERT INTO engineers (engineer_id, name, site) SELECT column1, column2, column3",
    3,
    "ON CONFLICT (engineer_id) DO UPDATE SET name = excluded.name, site = excluded.site",
)

_HOLDS: Final = """
SELECT turbine_number, held_since, held_until, held_reason, held_by FROM turbines WHERE held_since IS NOT NULL
"""
_ROSTER: Final = f"""
SELECT {", ".join(Event._fields)} FROM events WHERE kind = '{Deed.roster}' ORDER BY at, id
"""
_TURBINE_NAMES: Final = (
    "SELECT turbine_number, name, site FROM turbines WHERE coalesce(name, site) IS NOT NULL"
)
_ENGINEER_NAMES: Final = (
    "SELECT engineer_id, name, site FROM engineers WHERE coalesce(name, site) IS NOT NULL"
)


def insert_events(connection: sqlite3.Connection, events: Sequence[Event], meta: dict[str, int]) -> int:
    """Insert the events and do what they say, in their order; return how many no database takes."""
    rejected = set(insert(connection, _EVENTS, [event[:-1] for event in events]))
    kept = (event for place, event in enumerate(events) if place not in rejected)
    for kind, alike in groupby(kept, key=attrgetter("kind")):
        _apply(connection, kind, list(alike), meta)
    return len(rejected)


def holds(connection: sqlite3.Connection) -> dict[int, Hold]:
    """Return the turbines that are held, also those whose time has passed."""
    return {number: Hold(*hold) for number, *hold in connection.execute(_HOLDS)}


def roster(connection: sqlite3.Connection) -> list[Event]:
    """Return the changes of the roster, by time."""
    return [Event._make(row) for row in connection.execute(_ROSTER)]


def names(connection: sqlite3.Connection) -> Names:
    """Return the turbines and engineers that have a name or a site."""
    turbines, engineers = (
        {number: Name(*name) for number, *name in connection.execute(query)}
        for query in (_TURBINE_NAMES, _ENGINEER_NAMES)
    )
    return Names(turbines, engineers)


def _apply(connection: sqlite3.Connection, kind: str, events: list[Event], meta: dict[str, int]) -> None:
    match kind:
        case Deed.roster:
            meta["engineers"] = events[-1].engineers or 0
        case Deed.hold:
            insert(connection, _HOLD, [(e.turbine_number, e.at, e.until, e.text, e.by) for e in events])
        case Deed.hold_ended:
            insert(connection, _HOLD, [(e.turbine_number, None, None, None, None) for e in events])
        case Deed.name:
            insert(connection, _NAME, [(e.turbine_number, e.name, e.site) for e in events])
            insert(connection, _ENGINEER, [(e.engineer_id, e.name, e.site) for e in events])
        case Deed.forgotten:
            insert(connection, _FORGET, [(e.turbine_number, e.at) for e in events])
        case Deed.erased:
            insert(connection, _ERASE, [(e.turbine_number, e.at) for e in events])
