"""What the dispatcher is told and what it answers: events in the past tense, commands in the imperative."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NamedTuple

from .frames import OperationalStatus


class Moment(NamedTuple):
    """One instant on both clocks: monotonic seconds for durations, ms since 1970 UTC for what is stored."""

    seconds: float
    at: int


START: Final = Moment(0.0, 0)


class Outcome(StrEnum):
    """How an assignment ended."""

    repaired = "repaired"
    disconnected = "disconnected"
    superseded = "superseded"
    timed_out = "timed_out"
    monitor_stopped = "monitor_stopped"


@dataclass(frozen=True, slots=True)
class Connected:
    """A turbine has a new link; a live session of the same turbine is superseded by it."""

    turbine_number: int
    session_id: int


@dataclass(frozen=True, slots=True)
class StatusReported:
    """A turbine said how it is."""

    turbine_number: int
    session_id: int
    operational_status: OperationalStatus


@dataclass(frozen=True, slots=True)
class Disconnected:
    """A link was lost, closed or silent."""

    turbine_number: int
    session_id: int


@dataclass(frozen=True, slots=True)
class RosterChanged:
    """There shall be so many engineers."""

    engineer_count: int


@dataclass(frozen=True, slots=True)
class TimePassed:
    """Deadlines are to be looked at: repairs that last too long, places kept too long."""


DispatchEvent = Connected | StatusReported | Disconnected | RosterChanged | TimePassed


@dataclass(frozen=True, slots=True)
class Assignment:
    """One engineer on one turbine, made for one session."""

    id: int
    turbine_number: int
    session_id: int
    engineer_id: int
    broken_at: int
    assigned_at: int
    assigned_seconds: float


@dataclass(frozen=True, slots=True)
class Assign:
    """Send the engineer."""

    assignment: Assignment


@dataclass(frozen=True, slots=True)
class Release:
    """The assignment has ended and its engineer is free; `ended_at` is in ms UTC, never before it began."""

    assignment: Assignment
    outcome: Outcome
    ended_at: int


class Engineer(NamedTuple):
    """One of the roster: at work when there is an assignment, else free; `since` is when that began."""

    engineer_id: int
    assignment: Assignment | None
    since: Moment


Command = Assign | Release
