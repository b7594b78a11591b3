"""The tables, and how a database comes to have them.

Rule 1: `gridws_schema` holds the schema's version. Whoever finds an older one, or none, migrates it in one
transaction under a lock, so that monitors that start together do it once. Rule 2: a newer schema, and tables of our
names that are not ours, are refused in a sentence and left as they are. Rule 3: `metrics` is partitioned by the day of
receipt; a day without a partition goes to the DEFAULT one, so no reading ever fails for want of one, and retention
drops whole partitions. It has no id: a reading has its writer and the number of that writer's commit instead.
"""

from __future__ import annotations

from typing import Final

from asyncpg import Connection

from ...errors import StoreUnusable

LINKS_OF_WRITER: Final = 2**32
"""Ids of links that a writer has; 2^21 writers are below 2^53, where numbers end on the wire."""
MIGRATING: Final = 0x67726964
"""The advisory lock of those who migrate: "grid" in ASCII; with a writer's id as a second key, its process's lock."""

COPYING: Final = 0x67726968
"""The advisory lock of the one who fills a database with what a file holds."""

_TABLES: Final = """
CREATE TABLE gridws_schema (version integer NOT NULL);
INSERT INTO gridws_schema VALUES (0);

-- One row a process that writes; `batches` is how many transactions it committed, `rolled_up_to` how many of them
-- are in the minutes, and `unrolled_from` the first receipt among the others.
CREATE TABLE writers (
    writer_id integer PRIMARY KEY,
    started_at bigint NOT NULL,
    rolled_up_to integer NOT NULL DEFAULT 0,
    ended boolean NOT NULL DEFAULT false,
    batches integer NOT NULL DEFAULT 0,
    unrolled_from bigint,
    first_assignment_id bigint NOT NULL,
    committed_at bigint NOT NULL,
    believed_at bigint NOT NULL,
    doubted_since bigint,
    doubted_by bigint NOT NULL DEFAULT 0
);

CREATE TABLE metrics (
    measured_at bigint NOT NULL CHECK (measured_at >= 0),
    received_at bigint NOT NULL CHECK (received_at >= 0),
    wind_speed double precision NOT NULL CHECK (wind_speed <> 'NaN'),
    power_output_in_kwh double precision NOT NULL CHECK (power_output_in_kwh <> 'NaN'),
    turbine_number integer NOT NULL CHECK (turbine_number > 0),
    writer_id integer NOT NULL,
    batch integer NOT NULL,
    operational_status text NOT NULL
) PARTITION BY RANGE (received_at);
CREATE TABLE metrics_default PARTITION OF metrics DEFAULT;
CREATE INDEX metrics_second ON metrics ((measured_at / 1000), turbine_number);
CREATE INDEX metrics_received ON metrics USING brin (received_at) WITH (pages_per_range = 32, autosummarize = on);

CREATE TABLE repairs (
    id bigint PRIMARY KEY,
    turbine_number integer NOT NULL,
    engineer_id bigint NOT NULL,
    broken_at bigint NOT NULL,
    assigned_at bigint NOT NULL,
    ended_at bigint,
    outcome text
);
CREATE INDEX repairs_turbine ON repairs (turbine_number, id);
CREATE INDEX repairs_ended ON repairs (ended_at);
CREATE INDEX repairs_open ON repairs (id) WHERE ended_at IS NULL;

CREATE TABLE links (
    id bigint PRIMARY KEY,
    turbine_number integer NOT NULL,
    connected_at bigint NOT NULL,
    disconnected_at bigint,
    reason text
);
CREATE INDEX links_turbine ON links (turbine_number, id);
CREATE INDEX links_open ON links (id) WHERE disconnected_at IS NULL;
CREATE INDEX links_ended ON links (disconnected_at);

CREATE TABLE statuses (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    turbine_number integer NOT NULL,
    at bigint NOT NULL,
    operational_status text,
    power_output_in_kwh double precision
);
CREATE INDEX statuses_turbine ON statuses (turbine_number, at);

CREATE TABLE stream_names (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    turbine_number integer NOT NULL,
    stream text NOT NULL,
    UNIQUE (turbine_number, stream)
);
CREATE TABLE cursors (
    stream_id bigint PRIMARY KEY,
    last_sequence bigint,
    owner integer NOT NULL
) WITH (fillfactor = 50);
CREATE VIEW streams AS
    SELECT turbine_number, stream, last_sequence
    FROM stream_names JOIN cursors ON stream_id = stream_names.id WHERE last_sequence IS NOT NULL;

CREATE TABLE turbines (
    turbine_number integer PRIMARY KEY,
    last_seen_at bigint NOT NULL,
    measured_at bigint,
    wind_speed double precision,
    power_output_in_kwh double precision,
    operational_status text,
    received_at bigint,
    name text,
    site text,
    held_since bigint,
    held_until bigint,
    held_reason text,
    held_by text,
    forgotten_at bigint,
    erased_until bigint
) WITH (fillfactor = 50);

CREATE TABLE minutes (
    turbine_number integer NOT NULL,
    minute bigint NOT NULL,
    readings bigint NOT NULL,
    ok_readings bigint NOT NULL,
    wind_sum double precision NOT NULL,
    wind_min double precision NOT NULL,
    wind_max double precision NOT NULL,
    power_sum double precision NOT NULL,
    power_min double precision NOT NULL,
    power_max double precision NOT NULL,
    energy_in_kwh double precision NOT NULL,
    received_at bigint NOT NULL,
    PRIMARY KEY (turbine_number, minute)
) WITH (fillfactor = 80);

CREATE TABLE fleet_minutes (
    minute bigint PRIMARY KEY,
    turbines bigint NOT NULL,
    readings bigint NOT NULL,
    power double precision NOT NULL,
    energy_in_kwh double precision NOT NULL
) WITH (fillfactor = 50);

CREATE TABLE events (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at bigint NOT NULL,
    kind text NOT NULL,
    turbine_number integer,
    engineer_id bigint,
    engineers bigint,
    until bigint,
    name text,
    site text,
    text text,
    by text
);
CREATE INDEX events_at ON events (at);
CREATE INDEX events_turbine ON events (turbine_number, at) WHERE turbine_number IS NOT NULL;

-- Sums of the statuses and links that went by age; `day` is counted from 1970 in UTC.
CREATE TABLE status_days (
    turbine_number integer NOT NULL,
    day integer NOT NULL,
    ok_in_ms bigint NOT NULL,
    broken_in_ms bigint NOT NULL,
    unknown_in_ms bigint NOT NULL,
    held_in_ms bigint NOT NULL,
    lost_energy_in_kwh double precision NOT NULL,
    failures integer NOT NULL,
    broken_at_end integer NOT NULL,
    is_failing integer NOT NULL,
    PRIMARY KEY (turbine_number, day)
);
CREATE TABLE link_days (
    turbine_number integer NOT NULL,
    day integer NOT NULL,
    reason text NOT NULL,
    links bigint NOT NULL,
    linked_in_ms bigint NOT NULL,
    PRIMARY KEY (turbine_number, day, reason)
);

CREATE TABLE engineers (engineer_id bigint PRIMARY KEY, name text, site text);

CREATE TABLE meta (key text PRIMARY KEY, value bigint NOT NULL);
"""

_POOLS: Final = """
-- One row a pool of engineers: the row that orders its log. Monitors with other rules do not share it.
CREATE TABLE pools (
    pool text PRIMARY KEY,
    position bigint NOT NULL,
    seconds double precision NOT NULL,
    chain text NOT NULL,
    rules integer NOT NULL
) WITH (fillfactor = 10);

-- The monitors that are in it now; `seconds` is the pool's time at their last beat.
CREATE SEQUENCE member_ids;
CREATE TABLE members (
    member_id bigint PRIMARY KEY,
    pool text NOT NULL,
    writer_id integer NOT NULL,
    url text NOT NULL,
    lease double precision NOT NULL,
    beat bigint NOT NULL DEFAULT 0,
    seconds double precision NOT NULL
) WITH (fillfactor = 50);

-- A row a batch of events, and what all of them up to some position came to; two of these are kept.
CREATE TABLE dispatch_log (
    pool text NOT NULL,
    position bigint NOT NULL,
    seconds double precision NOT NULL,
    at bigint NOT NULL,
    member_id bigint NOT NULL,
    events text NOT NULL,
    chain text NOT NULL,
    PRIMARY KEY (pool, position)
);
CREATE TABLE dispatch_snapshots (
    pool text NOT NULL,
    position bigint NOT NULL,
    chain text NOT NULL,
    state text NOT NULL,
    PRIMARY KEY (pool, position)
);
"""

_MIGRATIONS: Final = (_TABLES, _POOLS)
"""How a database of each version becomes one of the next; one of version 0 has none of our tables."""

VERSION: Final = len(_MIGRATIONS)

_NEWER: Final = f"a newer gridws wrote it (schema {{}}, this one knows {VERSION})"


async def migrate(connection: Connection, shown: str) -> None:
    """Bring the database to `VERSION`; raise `StoreUnusable`, naming it as `shown`, where it is newer or not ours."""
    async with connection.transaction():
        await connection.execute("SELECT pg_advisory_xact_lock($1)", MIGRATING)
        version = await _version(connection, shown)
        if version > VERSION:
            raise StoreUnusable(shown, _NEWER.format(version))
        if not version and await connection.fetchval("SELECT to_regclass('metrics') IS NOT NULL"):
            raise StoreUnusable(shown, "it has a table metrics that is not ours")
        if version < VERSION:
            for step in _MIGRATIONS[version:]:
                await connection.execute(step)
            await connection.execute("UPDATE gridws_schema SET version = $1", VERSION)


async def check_version(connection: Connection, shown: str) -> None:
    """Raise `StoreUnusable` where a reader finds no database of ours, or one of another schema."""
    version = await _version(connection, shown)
    if not version:
        raise StoreUnusable(shown, "there is no gridws database in it")
    if version < VERSION:
        raise StoreUnusable(shown, "an older gridws wrote it; start a monitor on it once")
    if version > VERSION:
        raise StoreUnusable(shown, _NEWER.format(version))


async def is_being_copied(connection: Connection) -> bool:
    """Return whether a copy into the database was begun, and is not done."""
    return bool(await connection.fetchval("SELECT to_regclass('copies') IS NOT NULL"))


async def has_rows(connection: Connection) -> bool:
    """Return whether any monitor was ever at the database."""
    return bool(await connection.fetchval("SELECT EXISTS (SELECT 1 FROM writers)"))


async def _version(connection: Connection, shown: str) -> int:
    if await is_being_copied(connection):
        raise StoreUnusable(shown, "gridws copy is not done with it; the same gridws copy goes on")
    if not await connection.fetchval("SELECT to_regclass('gridws_schema') IS NOT NULL"):
        return 0
    return int(await connection.fetchval("SELECT version FROM gridws_schema"))
