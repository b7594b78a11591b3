"""The tables of the database, and how an older file becomes a newer one.

Rule 1: `PRAGMA user_version` is the schema's version. An empty file gets all of today's tables; each entry of
`_MIGRATIONS` leads an older file from its version to the next. Either is one transaction, so whoever is killed
in it begins it again. Rule 2: a migration takes milliseconds, however large the file: it adds, and rewrites no
row. Rule 3: key order decides the price of a write. `metrics` begins with the second, so that all turbines append
to one end of one tree; one turbine's readings are found by probing (second, turbine_number). Rule 4: a table's key
columns come first. SQLite stores them first in any case, but where the declaration has another order, its own check
(of 3.40) looks for NULL in the wrong columns.
"""

from __future__ import annotations

import sqlite3
import sys
from typing import Final

APPLICATION_ID: Final = 0x67726964
"""Tells our files from those of other programs (`PRAGMA application_id`): "grid" in ASCII."""

STRAY_AFTER: Final = 60_000
"""A reading measured further than this (ms) from its receipt is stray: a replay, or a wrong clock."""

IS_STRAY: Final = f"measured_at NOT BETWEEN received_at - {STRAY_AFTER} AND received_at + {STRAY_AFTER}"
"""The condition of the index of stray readings; a query uses it only with the very same words."""

_METRICS: Final = """CREATE TABLE metrics (
    second INTEGER NOT NULL,
    turbine_number INTEGER NOT NULL CHECK (turbine_number BETWEEN 1 AND 2147483647),
    id INTEGER NOT NULL,
    measured_at INTEGER NOT NULL CHECK (measured_at >= 0),
    wind_speed REAL NOT NULL,
    power_output_in_kwh REAL NOT NULL,
    operational_status TEXT NOT NULL,
    received_at INTEGER NOT NULL CHECK (received_at >= 0),
    PRIMARY KEY (second, turbine_number, id)
) STRICT, WITHOUT ROWID"""

# What people said and did, and whole days of what is too old to be kept event by event.
_SINCE_VERSION_2: Final = """
CREATE TABLE events (
    id INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    kind TEXT NOT NULL,
    turbine_number INTEGER,
    engineer_id INTEGER,
    engineers INTEGER,
    until INTEGER,
    name TEXT,
    site TEXT,
    text TEXT,
    by TEXT
) STRICT;
CREATE INDEX events_at ON events (at);
CREATE INDEX events_turbine ON events (turbine_number, at) WHERE turbine_number IS NOT NULL;

CREATE TABLE engineers (engineer_id INTEGER PRIMARY KEY, name TEXT, site TEXT) STRICT;

-- Sums of the statuses and links that went by age; `day` is counted from 1970 in UTC, as minutes are.
CREATE TABLE status_days (
    turbine_number INTEGER NOT NULL,
    day INTEGER NOT NULL,
    ok_in_ms INTEGER NOT NULL,
    broken_in_ms INTEGER NOT NULL,
    unknown_in_ms INTEGER NOT NULL,
    held_in_ms INTEGER NOT NULL,
    lost_energy_in_kwh REAL NOT NULL,
    failures INTEGER NOT NULL,
    broken_at_end INTEGER NOT NULL,
    is_failing INTEGER NOT NULL,
    PRIMARY KEY (turbine_number, day)
) STRICT, WITHOUT ROWID;
CREATE TABLE link_days (
    turbine_number INTEGER NOT NULL,
    day INTEGER NOT NULL,
    reason TEXT NOT NULL,
    links INTEGER NOT NULL,
    linked_in_ms INTEGER NOT NULL,
    PRIMARY KEY (turbine_number, day, reason)
) STRICT, WITHOUT ROWID;
"""

_TABLES: Final = f"""
{_METRICS};
CREATE INDEX metrics_stray ON metrics (received_at) WHERE {IS_STRAY};

CREATE TABLE repairs (
    id INTEGER PRIMARY KEY,
    turbine_number INTEGER NOT NULL,
    engineer_id INTEGER NOT NULL,
    broken_at INTEGER NOT NULL,
    assigned_at INTEGER NOT NULL,
    ended_at INTEGER,
    outcome TEXT
) STRICT;
CREATE INDEX repairs_turbine ON repairs (turbine_number, id);
CREATE INDEX repairs_ended ON repairs (ended_at);

CREATE TABLE links (
    id INTEGER PRIMARY KEY,
    turbine_number INTEGER NOT NULL,
    connected_at INTEGER NOT NULL,
    disconnected_at INTEGER,
    reason TEXT
) STRICT;
CREATE INDEX links_turbine ON links (turbine_number, id);
CREATE INDEX links_open ON links (id) WHERE disconnected_at IS NULL;

CREATE TABLE statuses (
    turbine_number INTEGER NOT NULL,
    at INTEGER NOT NULL,
    operational_status TEXT,
    power_output_in_kwh REAL,
    id INTEGER PRIMARY KEY
) STRICT;
CREATE INDEX statuses_turbine ON statuses (turbine_number, at);

-- Every batch moves the cursors of all turbines: 10 bytes each, side by side, instead of 60 with names.
CREATE TABLE stream_names (
    id INTEGER PRIMARY KEY,
    turbine_number INTEGER NOT NULL,
    stream TEXT NOT NULL,
    UNIQUE (turbine_number, stream)
) STRICT;
CREATE TABLE cursors (stream_id INTEGER PRIMARY KEY, last_sequence INTEGER NOT NULL) STRICT;
CREATE VIEW streams AS
    SELECT turbine_number, stream, last_sequence
    FROM stream_names JOIN cursors ON stream_id = stream_names.id;

CREATE TABLE turbines (
    turbine_number INTEGER PRIMARY KEY,
    last_seen_at INTEGER NOT NULL,
    measured_at INTEGER,
    wind_speed REAL,
    power_output_in_kwh REAL,
    operational_status TEXT,
    received_at INTEGER,
    name TEXT,
    site TEXT,
    held_since INTEGER,
    held_until INTEGER,
    held_reason TEXT,
    held_by TEXT,
    forgotten_at INTEGER,
    erased_until INTEGER
) STRICT;
CREATE INDEX turbines_held ON turbines (held_since) WHERE held_since IS NOT NULL;
CREATE INDEX turbines_erased ON turbines (erased_until) WHERE erased_until IS NOT NULL;

CREATE TABLE minutes (
    turbine_number INTEGER NOT NULL,
    minute INTEGER NOT NULL,
    readings INTEGER NOT NULL,
    ok_readings INTEGER NOT NULL,
    wind_sum REAL NOT NULL,
    wind_min REAL NOT NULL,
    wind_max REAL NOT NULL,
    power_sum REAL NOT NULL,
    power_min REAL NOT NULL,
    power_max REAL NOT NULL,
    energy_in_kwh REAL NOT NULL,
    received_at INTEGER NOT NULL,
    PRIMARY KEY (turbine_number, minute)
) STRICT, WITHOUT ROWID;

CREATE TABLE fleet_minutes (
    minute INTEGER PRIMARY KEY,
    turbines INTEGER NOT NULL,
    readings INTEGER NOT NULL,
    power REAL NOT NULL,
    energy_in_kwh REAL NOT NULL
) STRICT;

CREATE TABLE meta (key TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;
{_SINCE_VERSION_2}
PRAGMA application_id = {APPLICATION_ID};
"""

# `metrics` lies in the file as it is declared now: in the order of its key, then of the other columns. So only its
# declaration is rewritten, as https://www.sqlite.org/lang_altertable.html allows where the file's format stays.
_FROM_1: Final = f"""
ALTER TABLE turbines ADD COLUMN name TEXT;
ALTER TABLE turbines ADD COLUMN site TEXT;
ALTER TABLE turbines ADD COLUMN held_since INTEGER;
ALTER TABLE turbines ADD COLUMN held_until INTEGER;
ALTER TABLE turbines ADD COLUMN held_reason TEXT;
ALTER TABLE turbines ADD COLUMN held_by TEXT;
ALTER TABLE turbines ADD COLUMN forgotten_at INTEGER;
ALTER TABLE turbines ADD COLUMN erased_until INTEGER;
CREATE INDEX turbines_held ON turbines (held_since) WHERE held_since IS NOT NULL;
CREATE INDEX turbines_erased ON turbines (erased_until) WHERE erased_until IS NOT NULL;
{_SINCE_VERSION_2}
PRAGMA writable_schema = ON;
UPDATE sqlite_master SET sql = '{_METRICS}' WHERE type = 'table' AND name = 'metrics';
PRAGMA writable_schema = RESET;
"""

_MIGRATIONS: Final = {0: _TABLES, 1: _FROM_1}
"""How a file of each version becomes a newer one; an empty one, of version 0, becomes today's at once."""

VERSION: Final = len(_MIGRATIONS)


def version_of(connection: sqlite3.Connection) -> int:
    """Return the schema's version; 0 for an empty file."""
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def is_foreign(connection: sqlite3.Connection) -> bool:
    """Return whether the file holds something that is not ours."""
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (count,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    return is_others(application, is_empty=not count)


def is_others(application: int, *, is_empty: bool) -> bool:
    """Return whether a file with this `application_id` is another program's; an empty one is nobody's yet."""
    return application != APPLICATION_ID and (application != 0 or not is_empty)


def migrate(connection: sqlite3.Connection) -> int:
    """Bring the file to `VERSION`, one transaction for each step, and return which version it had."""
    if sys.version_info >= (3, 12):
        # Apple's SQLite does not let anybody write the declarations of tables unless it is told so.
        connection.setconfig(sqlite3.SQLITE_DBCONFIG_DEFENSIVE, False)
    before = version = version_of(connection)
    while version < VERSION:
        after = version + 1 if version else VERSION
        steps = f"BEGIN IMMEDIATE; {_MIGRATIONS[version]} PRAGMA user_version = {after}; COMMIT;"
        try:
            connection.executescript(steps)
        except sqlite3.Error:
            connection.rollback()
            raise
        version = after
    return before
