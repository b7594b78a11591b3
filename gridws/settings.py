"""All options, defaults and limits, each with its reason.

A default that people change is a field of `MonitorSettings` or `TurbineSettings`, an option of the command
line and a variable `GRIDWS_…`. A limit that protects one peer from another is a field too, so that a test can
go over it within milliseconds.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Final

ENVIRONMENT_PREFIX: Final = "GRIDWS_"
DEFAULT_PORT: Final = 8787
DEFAULT_MONITOR_URL: Final = f"ws://localhost:{DEFAULT_PORT}"
DEFAULT_DASHBOARD_PORT: Final = 8788

MAX_TURBINE_NUMBER: Final = 2_147_483_647
"""The largest number that fits an integer column of any database."""

MAX_ENGINEERS: Final = 10_000
"""More than any company has; a slip of the finger should not make millions."""

MAX_INTEGER: Final = 2**53 - 1
"""The largest integer that every JSON reader understands exactly."""

MAX_MEASURED_AT: Final = 253_402_300_799_999
"""The last millisecond of the year 9999, the last one that ISO 8601 can write with four digits."""

MOST_AWAY: Final = 100_000
"""Turbines remembered while they are away, the longest unseen are forgotten first: numbers cost a peer nothing."""

AFTER_STALL: Final = 1.0
"""Seconds after a stall of the event loop until peers are judged by their silence, pongs and deadlines again."""

CLOCK_FAR: Final = 1_800_000
"""ms by which a turbine's clock may differ from the monitor's: live readings that wait for a slow link are minutes old,
a wrong time zone is half an hour off at least."""

WINDOW: Final = 500
"""Unacknowledged readings on the way at once: half a minute's worth of a fast turbine, some 80 KiB."""

LONGEST_DELAY: Final = 30.0
"""Seconds at most between two tries of a turbine to reach its monitor."""

SUPERSEDED_DELAY: Final = 60.0
"""Seconds after 4001: two clients that took the link from each other at once would do nothing else."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MonitorSettings:
    """What one monitor is told at its start. Times are in seconds unless the name says otherwise."""

    hosts: tuple[str, ...] = ("localhost",)
    """The addresses to listen on, all at one port."""
    port: int = DEFAULT_PORT
    engineers: int = 3
    database: str = field(default="gridws.db", repr=False)
    """A file, or a URL of PostgreSQL, in which there may be a password."""
    secret: str | None = field(default=None, repr=False)
    insecure: bool = False
    ssl_certfile: Path | None = None
    ssl_keyfile: Path | None = None
    allow_origins: tuple[str, ...] = ()
    webhooks: tuple[str, ...] = field(default=(), repr=False)
    """Addresses that are told what happens; what is in their paths may be a secret."""
    webhook_secret: str | None = field(default=None, repr=False)
    webhook_kinds: tuple[str, ...] = (
        "broke",
        "waits_long",
        "repaired",
        "lost",
        "storage_failed",
        "storage_recovered",
        "monitor_lost",
    )
    long_wait: float | None = None
    """After how long it is told that a turbine still waits; None: nobody wants to know."""

    repair_timeout: float = 600.0
    """A turbine that never gets well must not keep an engineer for ever."""
    place_kept_for: float = 24 * 3600.0
    """How long an offline turbine keeps its place in the queue."""
    lease: float = 10.0
    """Of monitors that share a pool: who is not heard of for so long loses its turbines. Longer than what the database
    needs to fail over, or every failover calls all engineers back."""
    turbines_shown_for: float = 7 * 24 * 3600.0
    """How long an offline turbine is still listed."""

    shortest_silence: float = 5.0
    """Below this a garbage collection or a Wi-Fi roam would look like a loss."""
    longest_silence: float = 60.0
    """Above this an engineer would wait too long at a turbine that is gone."""
    ping_interval: float = 20.0
    ping_timeout: float = 20.0
    """A backstop only: silence is judged by frames, not by pongs."""

    tick: float = 0.25
    """How often silence, deadlines and acknowledgements are looked at; also the time between two commits."""
    stall: float = 1.0
    """Event loop lag above which nobody is judged until frames could be read."""

    batch_rows: int = 1_000
    """A commit starts at once when this many rows wait, but a tick after the one before: each writes the same last
    pages and cursors again, so batches grow under load."""
    queue_rows: int = 100_000
    """Readings that may wait for the disk: over a minute of 1,500 turbines, some 20 MiB."""
    acks_per_second: float = 500.0
    """Over all links: an ack costs three readings. Up to 500 turbines have one within a second, 10,000 within 20 s."""
    retry_after: float = 1.0
    """Time between two tries while the disk fails."""
    retain_readings: float | None = 7 * 24 * 3600.0
    """Age by time of receipt at which readings are deleted; None keeps them for ever."""
    retain_history: float | None = 52 * 7 * 24 * 3600.0
    """Age at which statuses and links are summed up by day and deleted; repairs stay. None keeps them for ever."""
    retain_minutes: float | None = 35 * 24 * 3600.0
    """Age at which the one-minute roll-ups are deleted: a month and some, about 3 MB a turbine."""

    max_frame_bytes: int = 64 * 1024
    max_invalid_frames: int = 10
    """The tenth invalid frame within a minute closes the link: a client that wrong will not get right."""
    frames_per_second: float = 20.0
    frames_burst: float = 200.0
    historical_frames_per_second: float = 3_000.0
    """Somewhat more than a window of 500 for each commit; whoever sends more is read from no faster than this."""
    other_frames_per_second: float = 200.0
    other_frames_burst: float = 2_000.0
    """Pings, pongs and pieces of frames: the parser takes some 20 µs for each, which a flood would take from all."""
    viewer_says_per_second: float = 1024.0
    viewer_says_burst: float = 16 * 1024.0
    """Bytes from a viewer, who has nothing to say but pongs."""
    links_per_minute: float = 20.0
    links_burst: int = 20
    """New links of one turbine number: our turbines need 20 in their worst minute, a loop would make thousands."""
    flood_patience: float = 10.0
    """How long a link may stay over its rate before it is closed."""
    max_request_bytes: int = 64 * 1024
    """An HTTP request with its headers: the largest that means well is a login, some 2 KiB."""
    handshake_timeout: float = 10.0
    """From accept to the end of the handshake; also for a half-sent HTTP request."""
    close_timeout: float = 5.0
    """From our close frame to the end of the connection: a peer that answers does so within a round trip."""
    max_down_bytes: int = 256 * 1024
    """Unsent bytes towards a turbine that does not read; beyond this the link is cut."""

    failed_logins: int = 10
    failed_logins_within: float = 60.0
    """Tokens of one address that may be wrong within this time: a person's slips, but no guessing."""

    max_viewers: int = 500
    """One address may have half of those that others leave it."""
    viewer_queue: int = 1_000
    """Frames that may wait for a viewer of raw frames before the oldest are skipped."""
    viewer_patience: float = 5.0
    """A viewer with frames queued and no progress for this long is cut."""
    watch_interval: float = 0.5
    """At most two deliveries a second: faster than that nobody reads a table."""

    graceful_shutdown: float = 3.0
    """Links get this long to close; with the last commit it stays under the promised 6 s."""


class WindKind(StrEnum):
    """How the wind blows: as it does, or always the same."""

    varying = "varying"
    static = "static"


@dataclass(frozen=True, slots=True, kw_only=True)
class TurbineSettings:
    """What `gridws turbines` is told. Times are in seconds."""

    count: int = 5
    first_number: int = 1
    monitor: str = DEFAULT_MONITOR_URL
    """Its address, or several with commas between them."""
    upload_frequency: float = 1.0
    time_to_fail: float | None = None
    """None: each life of each turbine draws its own."""
    time_to_repair: float | None = None
    """None: each turbine draws its own once."""
    wind: WindKind = WindKind.varying
    seed: int | None = None
    buffer: int = 3_600
    """Unacknowledged readings kept: an hour at one a second, some 1 MiB a turbine."""
    token: str | None = field(default=None, repr=False)
    token_file: Path | None = None
    secret: str | None = field(default=None, repr=False)
    """For simulations: makes each turbine's token, where neither of the other two is given."""
    ca_file: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DashboardSettings:
    """What `gridws dashboard` is told. Times are in seconds."""

    hosts: tuple[str, ...] = ("localhost",)
    port: int = DEFAULT_DASHBOARD_PORT
    monitor: str = DEFAULT_MONITOR_URL
    """Its address, or several with commas between them."""
    token: str | None = field(default=None, repr=False)
    ca_file: Path | None = None
    allow_origins: tuple[str, ...] = ()
    """Further origins whose pages may talk to this one, such as that of a TLS proxy in front of it."""
    insecure: bool = False
    """Whether to listen where others than this machine can reach it, although nobody is asked who they are."""

    graceful_shutdown: float = 2.0
    """Pages get this long to close."""
    unclaimed_for: float = 15.0
    """How long a page that was fetched waits for its browser to connect before it is forgotten."""
    max_unclaimed: int = 100
    """Such pages at once, 0.3 MB each: a script that fetches the page in a loop must not fill the memory."""
