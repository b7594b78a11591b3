"""The rows that are kept, as tuples of a store's columns. Times are ms since 1970 UTC."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple


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

    @property
    def last_sign(self) -> int:
        """When the turbine was heard of last (ms), as far as the row knows."""
        return self.connected_at if self.disconnected_at is None else self.disconnected_at


class StatusChange(NamedTuple):
    """One row of `statuses`: from `at` on this is what the monitor knows; None: nothing (no link, or no word yet).

    `power_output_in_kwh` is the last output reported while the turbine was ok, None before the first one.
    """

    turbine_number: int
    at: int
    operational_status: str | None
    power_output_in_kwh: float | None


class Event(NamedTuple):
    """One row of `events`: what a person did, `by` whom; its `kind` is a word of `Deed`.

    * `roster`: from now on there are so many `engineers`.
    * `hold`: nobody is sent to the turbine, because of `text`, `until` (ms) or, None, until it is ended by hand.
    * `hold_ended`: by hand, or because its time has come (`by` is None).
    * `next`: the waiting turbine goes first, because of `text`.
    * `name`: the turbine, or the engineer, has this `name` and `site`; None: it has none any more.
    * `note`: `text`, of a turbine or, None, of the fleet.
    * `forgotten`: the turbine is not known any more, until it comes back.
    * `erased`: the readings of the turbine that were received until then are deleted, in slices, and its minutes.

    `id` is given by the store, in the order of writing; it is 0 before.
    """

    at: int
    kind: str
    turbine_number: int | None = None
    engineer_id: int | None = None
    engineers: int | None = None
    until: int | None = None
    name: str | None = None
    site: str | None = None
    text: str | None = None
    by: str | None = None
    id: int = 0


class Hold(NamedTuple):
    """The hold of a turbine: nobody is sent there since then (ms), until then or, None, until it is ended by hand."""

    since: int
    until: int | None
    reason: str | None
    by: str | None


class Name(NamedTuple):
    """What people call a turbine or an engineer, and where it is."""

    name: str | None
    site: str | None


NAMELESS: Final = Name(None, None)


class Names(NamedTuple):
    """The names of turbines by number, and of engineers by id; those without a name and a site may be missing."""

    turbines: dict[int, Name]
    engineers: dict[int, Name]


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


class Cursor:
    """The cursor of one stream on its way to a store, which may note in `place` where it keeps it.

    It is looked up once and not with every batch: a key's hash is made anew each time, of objects that lie anywhere.
    """

    __slots__ = ("key", "place")

    def __init__(self, key: StreamKey) -> None:
        self.key = key
        self.place = 0


@dataclass(slots=True)
class StatusDay:
    """One row of `status_days`: one turbine's day, counted from 1970, or the part of it that rows no longer tell of.

    `held_in_ms` is the time that it was held and not ok. `is_failing` says that a failure was going on when its status
    was last known: broken, link lost, still broken is one failure.
    """

    turbine_number: int
    day: int
    ok_in_ms: int = 0
    broken_in_ms: int = 0
    unknown_in_ms: int = 0
    held_in_ms: int = 0
    lost_energy_in_kwh: float = 0.0
    failures: int = 0
    broken_at_end: int = 0
    is_failing: int = 0
