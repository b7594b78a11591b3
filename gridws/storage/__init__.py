"""What is kept, and the `Store` protocol: the monitor's only way to a database.

Rule 1: `write` is one transaction. It returns after the COMMIT or raises `StoreFailed`, and then nothing of the
batch was kept. Rule 2: a reading and its stream's cursor are in the same transaction, so the cursor, and not a
time window, decides for ever what is a duplicate. Rule 3: one bad row never fails a batch.

Times are ms since 1970 UTC.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol


class Reading(NamedTuple):
    """One row of `metrics`: wind in m/s, energy over an hour at the present rate in kWh, status as text."""

    turbine_number: int
    measured_at: int
    wind_speed: float
    power_output_in_kwh: float
    operational_status: str
    received_at: int


ReadingRow = tuple[int, int, float, float, str, int]
"""The values of a `Reading` in its order: one is made for every frame, and a plain tuple costs half."""


class Repair(NamedTuple):
    """One row of `repairs`: an assignment; it runs while `ended_at` and `outcome` are None."""

    id: int
    turbine_number: int
    engineer_id: int
    broken_at: int
    assigned_at: int
    ended_at: int | None = None
    outcome: str | None = None


class LinkRow(NamedTuple):
    """One row of `links`: it is up while `disconnected_at` and `reason` are None."""

    id: int
    turbine_number: int
    connected_at: int
    disconnected_at: int | None = None
    reason: str | None = None


class StatusChange(NamedTuple):
    """One row of `statuses`: from `at` on this is what the monitor knows; None: nothing (no link, or no word yet).

    `power_output_in_kwh` is the last output reported while the turbine was ok, None before the first one.
    """

    turbine_number: int
    at: int
    operational_status: str | None
    power_output_in_kwh: float | None


class Minute(NamedTuple):
    """One minute of one turbine, from `at` on; wind and power are the mean, least and most of its readings.

    `energy_in_kwh` is what it delivered by its readings, each counted for the time since the one before it.
    """

    turbine_number: int
    at: int
    readings: int
    ok_readings: int
    wind_speed: float
    wind_speed_min: float
    wind_speed_max: float
    power_output_in_kwh: float
    power_output_in_kwh_min: float
    power_output_in_kwh_max: float
    energy_in_kwh: float


class FleetMinute(NamedTuple):
    """One minute of the fleet, from `at` on: its power is the sum of the turbines' means."""

    at: int
    turbines: int
    readings: int
    power_output_in_kwh: float
    energy_in_kwh: float


StreamKey = tuple[int, str]
"""turbine_number and stream name."""


@dataclass(slots=True)
class Batch:
    """What one transaction writes, and the cursors to read right after it.

    `repairs` and `links` are written by id: a later row of the same id replaces the earlier one.
    `cursors` holds the highest sequence of each stream among the readings, or passed over as invalid.
    """

    readings: Sequence[ReadingRow] = ()
    cursors: dict[StreamKey, int] = field(default_factory=dict)
    repairs: list[Repair] = field(default_factory=list)
    links: list[LinkRow] = field(default_factory=list)
    statuses: list[StatusChange] = field(default_factory=list)
    wanted: list[StreamKey] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Written:
    """What a transaction came to: the cursors wanted (None: unknown stream) and the rows no database takes."""

    cursors: dict[StreamKey, int | None]
    rejected: int = 0


@dataclass(frozen=True, slots=True)
class Opened:
    """What a store knows when it opens.

    `last_assignment_id` and `last_link_id` are at least as high as any id that an earlier run can have used, also
    when it died before a commit. `last_readings` has the last one of each turbine seen within the days shown.
    `last_seen_at` has a time for each of them and for turbines with a link but no reading.
    """

    last_assignment_id: int
    last_link_id: int
    last_readings: dict[int, Reading]
    last_seen_at: dict[int, int]
    committed_at: int | None = None
    """When the run before knew the time last, in ms; None for a fresh database."""
    notes: Sequence[str] = ()
    """Sentences for the operator, such as where a corrupt database was put."""


class Store(Protocol):
    """A database behind the monitor. Raises `StoreUnusable` from `open`, `StoreFailed` from `write`."""

    @property
    def low_space(self) -> str | None:
        """How little free disk space there is, while it is little; readings are still stored."""

    async def open(self, *, now: int) -> Opened:
        """Open, migrate and mend: what an earlier run left open ends `monitor_stopped`."""

    async def write(self, batch: Batch) -> Written:
        """Commit the batch in one transaction, or raise `StoreFailed` and keep nothing of it."""

    async def maintain(self, *, now: int) -> None:
        """Do one short slice of upkeep (roll-ups, retention, checkpoint); called between writes about once a second."""

    async def close(self, *, complete: bool = True) -> None:
        """Finish what is in hand and close; the ids not used are given back.

        Not `complete`: rows were left behind that no batch brought, so their ids are not known here, and none
        is given back.
        """

    async def readings(self, turbine_number: int, *, since: int, until: int, limit: int) -> list[Reading]:
        """Return readings with since ≤ measured_at < until, newest first."""

    async def repairs(self, *, turbine_number: int | None = None, since: int = 0, limit: int) -> list[Repair]:
        """Return assignments that were running at or after `since`, newest first."""

    async def minutes(self, turbine_number: int, *, since: int, until: int) -> list[Minute]:
        """Return the turbine's minutes with since ≤ at < until, oldest first; the last may still be missing."""

    async def fleet_minutes(self, *, since: int, until: int) -> list[FleetMinute]:
        """Return the fleet's minutes with since ≤ at < until, oldest first; the last may still be missing."""
