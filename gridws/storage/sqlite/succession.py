"""What goes on in the file that takes the place of another one.

Whatever lies at the path, the monitor that runs goes by what people told it before: how many engineers there are, where
nobody may be, what is called how. All of it must be in the file that it writes to, for the next start. So it is read
from the file before, as long as that is open, and written to the next one in the transaction that begins there; what
is held otherwise there counts no more. How far each stream came goes on, too: nothing that was acknowledged is stored a
second time.

A fresh file gets besides what is still open, which turbines there are, and what people did; readings, and what is over,
stay where they were. A damaged file is believed no more than what it can do no harm with: what people said, and ids.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TypeVar

from ...settings import MAX_ENGINEERS
from ...words import Deed
from ..batches import Batch
from ..rows import NAMELESS, Cursor, Event, Hold, LinkRow, Name, Names, Reading, Repair, StatusChange
from . import events, files, mending
from .batches import insert_others, note_seen
from .cursors import Cursors
from .minute_tables import add_sums
from .reader import open_still

_AT_A_TIME: Final = 10_000
_CURSORS: Final = """
SELECT json_group_array(json_array(turbine_number, stream, last_sequence)), max(id) FROM (
    SELECT n.*, last_sequence FROM stream_names n JOIN cursors ON stream_id = n.id
    WHERE n.id > ? ORDER BY n.id LIMIT ?)
"""
_EVENTS: Final = f"SELECT {', '.join(Event._fields)} FROM events ORDER BY id"
_REPAIRS: Final = f"SELECT {', '.join(Repair._fields)} FROM repairs WHERE ended_at IS NULL"
_LINKS: Final = f"SELECT {', '.join(LinkRow._fields)} FROM links WHERE disconnected_at IS NULL"

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Estate:
    """What one file leaves to the next.

    `reserved` are the assignment id and the link id up to which some may be in use. Of a damaged file `rows` is empty,
    and so are the others behind it. `cursors` are texts of JSON: there may be millions, 45 bytes each.
    """

    engineers: int | None
    holds: dict[int, Hold]
    names: Names
    reserved: tuple[int, int] | None
    rows: Batch = field(default_factory=Batch)
    last: dict[int, Reading] = field(default_factory=dict)
    seen: dict[int, int] = field(default_factory=dict)
    cursors: list[str] = field(default_factory=list)


def estate_of(connection: sqlite3.Connection, meta: dict[str, int]) -> Estate:
    """Return what the open file leaves, as of its last commit; raise `sqlite3.Error`."""
    last = mending.last_readings(connection, meta)
    seen = mending.last_seen(connection, last)
    rows = Batch(
        repairs=[Repair._make(row) for row in connection.execute(_REPAIRS)],
        links=[LinkRow._make(row) for row in connection.execute(_LINKS)],
        statuses=[StatusChange._make(row) for row in connection.execute(mending.KNOWN_STATUSES)],
        events=[Event._make(row) for row in connection.execute(_EVENTS)],
    )
    return Estate(
        meta.get("engineers"),
        events.holds(connection),
        events.names(connection),
        _reserved(meta),
        rows,
        {number: reading for number, reading in last.items() if number in seen},
        seen,
        list(_cursors(connection)),
    )


def estate_at(path: Path) -> Estate | None:
    """Return what the file at `path` leaves, None where it cannot be read."""
    try:
        with open_still(path) as connection:
            return estate_of(connection, dict(connection.execute("SELECT key, value FROM meta")))
    except sqlite3.Error:
        return None


def estate_of_damaged(path: Path) -> Estate:
    """Return what can be read of a damaged file, be it nothing."""
    with suppress(sqlite3.Error), closing(files.open_for_reading(path)) as connection:
        connection.execute("PRAGMA writable_schema = ON")  # a file that lost its end is read at all
        meta: dict[str, int] = _readable(lambda: dict(connection.execute("SELECT key, value FROM meta")), {})
        count = meta.get("engineers")
        return Estate(
            count if count in range(MAX_ENGINEERS + 1) else None,
            _readable(lambda: events.holds(connection), {}),
            _readable(lambda: events.names(connection), Names({}, {})),
            _reserved(meta) if meta else None,
        )
    return Estate(None, {}, Names({}, {}), None)


def take_over(connection: sqlite3.Connection, meta: dict[str, int], estate: Estate, *, now: int) -> None:
    """Write what goes on into the file that begins at `now` (ms), within the caller's transaction.

    To a fresh file `meta` is empty, and is told since when anything is collected.
    """
    if not meta:
        meta["collected_since"] = now
        events.insert_events(connection, estate.rows.events, meta)
        add_sums(connection, [], list(estate.last.values()))
        note_seen(connection, list(estate.seen.items()))
        insert_others(connection, estate.rows)
    events.insert_events(connection, list(_said_otherwise(connection, meta, estate, now)), meta)
    cursors = Cursors()  # those of the store know the ids of the file before
    for text in estate.cursors:
        rows = json.loads(text)
        cursors.advance(connection, {Cursor((number, stream)): sequence for number, stream, sequence in rows})


def _said_otherwise(
    connection: sqlite3.Connection, meta: dict[str, int], estate: Estate, now: int
) -> Iterator[Event]:
    """Yield what must be said in a file for the same to be in force there."""
    if estate.engineers not in {None, meta.get("engineers")}:
        yield Event(now, Deed.roster, engineers=estate.engineers)
    holds, names = events.holds(connection), events.names(connection)
    for number, hold in estate.holds.items():
        if holds.get(number) != hold:
            yield Event(hold.since, Deed.hold, number, until=hold.until, text=hold.reason, by=hold.by)
    for number in holds.keys() - estate.holds.keys():
        yield Event(now, Deed.hold_ended, number)
    for number, name in _others(estate.names.turbines, names.turbines):
        yield Event(now, Deed.name, number, name=name.name, site=name.site)
    for number, name in _others(estate.names.engineers, names.engineers):
        yield Event(now, Deed.name, engineer_id=number, name=name.name, site=name.site)


def _others(wanted: dict[int, Name], known: dict[int, Name]) -> Iterator[tuple[int, Name]]:
    return ((number, name) for number, name in wanted.items() if known.get(number, NAMELESS) != name)


def _cursors(connection: sqlite3.Connection) -> Iterator[str]:
    after = 0
    while after is not None:
        text, after = connection.execute(_CURSORS, (after, _AT_A_TIME)).fetchone()
        yield text


def _reserved(meta: dict[str, int]) -> tuple[int, int]:
    return meta.get("reserved_assignment_id", 0), meta.get("reserved_link_id", 0)


def _readable(read: Callable[[], T], otherwise: T) -> T:
    try:
        return read()
    except sqlite3.Error:
        return otherwise
