"""The frames that viewers get: the state of the fleet, and raw frames as they crossed a link."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from pydantic import with_config

from ..words import OperationalStatus, Outcome
from .fields import STRICT, Finite, Frame, Identifier, Milliseconds, TurbineNumber


class HoldState(Frame):
    """That nobody is sent to a turbine, since then, until then or, null, until somebody ends it, and by whom."""

    since: Milliseconds
    until: Milliseconds | None
    reason: str | None
    by: str | None


@with_config(STRICT)
@dataclass(slots=True, kw_only=True)
class TurbineState:
    """One turbine as a viewer sees it, a dataclass since whole fleets of them are made: in a third of the time.

    `operational_status` is null while a turbine has not reported since it came online. `since` is when its
    present state (online, status, engineer) began, `waiting_place` counts from 1 for who is served next.
    `broken_at` is when the monitor learned that it broke, `hold` that nobody is sent there now,
    `name` and `site` what people call it and where it is.
    `clock_ahead_in_seconds` tells that its clock is far from the monitor's: ahead of it or, negative, behind.
    `monitor` is the address of the monitor that has its link, where that is another one.
    """

    turbine_number: TurbineNumber
    online: bool
    operational_status: OperationalStatus | None
    wind_speed: Finite | None
    power_output_in_kwh: Finite | None
    measured_at: Milliseconds | None
    since: Milliseconds
    broken_at: Milliseconds | None
    waiting_place: Identifier | None
    engineer_id: Identifier | None
    assignment_id: Identifier | None
    hold: HoldState | None = None
    name: str | None = None
    site: str | None = None
    clock_ahead_in_seconds: Finite | None = None
    monitor: str | None = None


class EngineerState(Frame):
    """One engineer, by the name that people gave them: at a turbine since then, or free since then."""

    engineer_id: Identifier
    turbine_number: TurbineNumber | None
    assignment_id: Identifier | None
    since: Milliseconds
    name: str | None = None
    site: str | None = None


class Totals(Frame):
    """The fleet in numbers; `power_output_in_kwh` adds up the last readings of the turbines online."""

    turbines: int
    online: int
    broken: int
    waiting: int
    under_repair: int
    engineers: int
    engineers_free: int
    power_output_in_kwh: Finite


class EventKind(StrEnum):
    """What happened, in one word."""

    connected = "connected"
    clock_off = "clock_off"
    broke = "broke"
    healed = "healed"
    waiting = "waiting"
    waits_long = "waits_long"
    assigned = "assigned"
    repaired = "repaired"
    withdrawn = "withdrawn"
    lost = "lost"
    engineer_back = "engineer_back"
    roster = "roster"
    held = "held"
    hold_ended = "hold_ended"
    next = "next"
    named = "named"
    note = "note"
    forgotten = "forgotten"
    storage_failed = "storage_failed"
    storage_recovered = "storage_recovered"
    monitor_joined = "monitor_joined"
    monitor_stopped = "monitor_stopped"
    monitor_lost = "monitor_lost"


class Event(Frame):
    """One thing that happened in the grid, at `at` (ms UTC), with a sentence for people.

    `outcome` is how the assignment ended, where one did.
    """

    id: Identifier
    at: Milliseconds
    kind: EventKind
    turbine_number: TurbineNumber | None = None
    engineer_id: Identifier | None = None
    assignment_id: Identifier | None = None
    duration_in_seconds: Finite | None = None
    outcome: Outcome | None = None
    text: str


class Snapshot(Frame):
    """The whole fleet: the first frame of `/ws/watch`; `started_at` tells the monitor's runs apart."""

    type: Literal["snapshot"] = "snapshot"
    at: Milliseconds
    started_at: Milliseconds
    turbines: list[TurbineState]
    engineers: list[EngineerState]
    totals: Totals
    degraded: str | None
    events: list[Event]


class Changes(Frame):
    """What changed since the frame before: the newest state wins, nothing is said of what stayed as it was.

    Comes twice a second, also when nothing changed. `turbines` are those whose state changed, whole; those
    that wait and are not among them keep their order and fill the places that are left. `readings` are those
    that only sent a new reading, as [turbine_number, wind_speed, power_output_in_kwh, age], the age in ms at
    `at`: short, since nearly all changes are of this kind. Wind and power are rounded to hundredths.
    `engineers` is the whole list when any of them changed, else null. `removed` are turbines no longer shown.
    An event may come again, after a snapshot or to a slow viewer; its `id` tells.
    """

    type: Literal["changes"] = "changes"
    at: Milliseconds
    turbines: list[TurbineState]
    readings: list[tuple[TurbineNumber, Finite, Finite, int]]
    engineers: list[EngineerState] | None
    removed: list[TurbineNumber]
    totals: Totals
    degraded: str | None
    events: list[Event]


class SeenFrame(Frame):
    """A raw frame as it crossed a link, for `/ws/frames`."""

    type: Literal["frame"] = "frame"
    at: Milliseconds
    turbine_number: TurbineNumber
    direction: Literal["up", "down"]
    text: str


class FramesSkipped(Frame):
    """This viewer was too slow: so many frames were not sent to it."""

    type: Literal["frames_skipped"] = "frames_skipped"
    count: int


class LinkedElsewhere(Frame):
    """This monitor shows the frames of its own links only: others of its pool, at these addresses, have other links.

    It comes first, where others have any or, where one turbine's frames were asked for, that turbine's.
    """

    type: Literal["linked_elsewhere"] = "linked_elsewhere"
    turbine_number: TurbineNumber | None
    monitors: list[str]


WatchFrame = Snapshot | Changes
SeenFrames = SeenFrame | FramesSkipped | LinkedElsewhere
