"""The rows of a batch on their way into the tables, within the caller's transaction."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from operator import itemgetter
from typing import Final

from ..batches import Batch, signs_of_life
from ..rows import ReadingRow
from .inserts import Insert, insert

_READINGS: Final = Insert(
    "INSERT INTO metrics SELECT column2 / 1000, column1, column7 + ?, column2, column3, column4, column5, column6",
    6,
)
# A row that bears the id of another assignment, or link, is of a file that was moved in just now: it stays.
_REPAIRS: Final = Insert(
    "INSERT INTO repairs SELECT column1, column2, column3, column4, column5, column6, column7",
    7,
    """ON CONFLICT (id) DO UPDATE SET turbine_number = excluded.turbine_number, engineer_id =
    excluded.engineer_id, broken_at = excluded.broken_at, assigned_at = excluded.assigned_at, ended_at =
    excluded.ended_at, outcome = excluded.outcome
    WHERE turbine_number = excluded.turbine_number AND assigned_at = excluded.assigned_at""",
)
_LINKS: Final = Insert(
    "INSERT INTO links SELECT column1, column2, column3, column4, column5",
    5,
    """ON CONFLICT (id) DO UPDATE SET turbine_number = excluded.turbine_number, connected_at =
    excluded.connected_at, disconnected_at = excluded.disconnected_at, reason = excluded.reason
    WHERE turbine_number = excluded.turbine_number AND connected_at = excluded.connected_at""",
)
_STATUSES: Final = Insert(
    "INSERT INTO statuses (turbine_number, at, operational_status, power_output_in_kwh)"
    " SELECT column1, column2, column3, column4",
    4,
)
_SEEN: Final = Insert(
    "INSERT INTO turbines (turbine_number, last_seen_at) SELECT column1, column2",
    2,
    "ON CONFLICT (turbine_number) DO UPDATE SET last_seen_at = max(last_seen_at, excluded.last_seen_at)",
)

_TURBINE_NUMBER: Final = itemgetter(0)
_RECEIVED_AT: Final = itemgetter(5)


def insert_readings(
    connection: sqlite3.Connection, readings: Sequence[ReadingRow], meta: dict[str, int]
) -> Sequence[ReadingRow]:
    """Insert readings with ids of their own and return those that were taken; `meta` says which ids come next."""
    first = meta.setdefault("next_reading_id", 1)
    meta.setdefault("rolled_up_id", first)
    if not readings:
        return readings
    in_order = _by_turbine(readings)
    rejected = set(insert(connection, _READINGS, in_order, first=first))
    meta["next_reading_id"] = first + len(readings)
    # Those as they came lie side by side in memory, where the roll-up finds them sooner.
    kept = (
        [reading for place, reading in enumerate(in_order) if place not in rejected] if rejected else readings
    )
    if kept:
        _note_unrolled(kept, meta)
    return kept


def insert_others(connection: sqlite3.Connection, batch: Batch) -> int:
    """Insert repairs, links and status changes, and return how many rows no database takes."""
    rejected = len(insert(connection, _REPAIRS, batch.repairs))
    rejected += len(insert(connection, _LINKS, batch.links))
    rejected += len(insert(connection, _STATUSES, batch.statuses))
    note_seen(connection, signs_of_life(batch.links, batch.statuses))
    return rejected


def note_seen(connection: sqlite3.Connection, seen: Sequence[tuple[int, int]]) -> None:
    """Keep when turbines gave a sign of life (ms); the latest one counts."""
    insert(connection, _SEEN, seen)


def _by_turbine(readings: Sequence[ReadingRow]) -> Sequence[ReadingRow]:
    """Return the readings in nearly the order of the table's key, which makes their way into it a fifth shorter."""
    try:
        return sorted(readings, key=_TURBINE_NUMBER)
    except TypeError:  # one of them is of no number, and will be rejected
        return readings


def _note_unrolled(readings: Sequence[ReadingRow], meta: dict[str, int]) -> None:
    """Keep between which receipts the readings lie that no roll-up holds; -1: there are none."""
    received_from, received_until = meta.get("unrolled_from", -1), meta.get("unrolled_until", -1)
    first, last = min(map(_RECEIVED_AT, readings)), max(map(_RECEIVED_AT, readings))
    meta["unrolled_from"] = first if received_from < 0 else min(received_from, first)
    meta["unrolled_until"] = max(received_until, last)
