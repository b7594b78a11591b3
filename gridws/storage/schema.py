"""The tables of the database, and how an older file becomes a newer one.

Rule 1: `PRAGMA user_version` is the schema's version; each entry of `_MIGRATIONS` leads from one version to
the next, in one transaction. Rule 2: key order decides the price of a write. `metrics` begins with the
second, so that all turbines append to one end of one tree; one turbine's readings are found by probing
(second, turbine_number).
"""

from __future__ import annotations

import sqlite3
from typing import Final

APPLICATION_ID: Final = 0x67726964
"""Tells our files from those of other programs (`PRAGMA application_id`): "grid" in ASCII."""

STRAY_AFTER: Final = 60_000
"""A reading measured further than this (ms) from its receipt is stray: a replay, or a wrong clock."""

IS_STRAY: Final = f"measured_at NOT BETWEEN received_at - {STRAY_AFTER} AND received_at + {STRAY_AFTER}"
"""The condition of the index of stray readings; a query uses it only with the very same words."""

_TABLES: Final = f"""
CREATE TABLE metrics (
    turbine_number INTEGER NOT NULL CHECK (turbine_number BETWEEN 1 AND 2147483647),
    measured_at INTEGER NOT NULL CHECK (measured_at >= 0),
    wind_speed REAL NOT NULL,
    power_output_in_kwh REAL NOT NULL,
    operational_status TEXT NOT NULL,
    received_at INTEGER NOT NULL CHECK (received_at >= 0),
    id INTEGER NOT NULL,
    second INTEGER NOT NULL,
    PRIMARY KEY (second, turbine_number, id)
) STRICT, WITHOUT ROWID;
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
    received_at INTEGER
) STRICT;

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

PRAGMA application_id = {APPLICATION_ID};
"""

_MIGRATIONS: Final = (_TABLES,)

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


def migrate(connection: sqlite3.Connection) -> None:
    """Bring the file to `VERSION`, one transaction for each step."""
    for version in range(version_of(connection), VERSION):
        steps = f"BEGIN IMMEDIATE; {_MIGRATIONS[version]} PRAGMA user_version = {version + 1}; COMMIT;"
        try:
            connection.executescript(steps)
        except sqlite3.Error:
            connection.rollback()
            raise
