"""What the dispatcher is told and what it answers: events in the past tense, commands in the imperative."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from ..moments import Moment, ms_between
from ..words import OperationalStatus, Outcome


class Hold(NamedTuple):
    """A turbine to which nobody is sent, since then (ms UTC), until then or, None, until it is ended by hand."""

    turbine_number: int
    since: int
    until: Moment | None
    reason: str | None
    by: str | None


@dataclass(frozen=True, slots=True)
class MonitorStarted:
    """The monitor begins, and this is what earlier runs left.

    They used assignment ids up to `last_assignment_id`. `engineer_count` is None where nobody ever said how many. Told
    before anything else happens, and again where its database turns out to know of higher ids.
    """

    last_assignment_id: int
    engineer_count: int | None = None
    holds: tuple[Hold, ...] = ()


@dataclass(frozen=True, slots=True)
class MonitorStopped:
    """The monitor ends, and with it every link and every assignment.

    Of several that share the pool it is one, and with it end those of its turbines only.
    """

    turbine_numbers: tuple[int, ...] | None = None


@dataclass(frozen=True, slots=True)
class MonitorLost:
    """One of several monitors was lost, and with it, at once, the links of its turbines."""

    turbine_numbers: tuple[int, ...]


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
    """There shall be so many engineers; `by` is who said so, where that is known."""

    engineer_count: int
    by: str | None = None


@dataclass(frozen=True, slots=True)
class Held:
    """Somebody said that nobody is to be sent to a turbine, until then or, None, until it is ended by hand."""

    turbine_number: int
    until: Moment | None
    reason: str | None = None
    by: str | None = None


@dataclass(frozen=True, slots=True)
class HoldEnded:
    """Somebody ended the hold of a turbine."""

    turbine_number: int
    by: str | None = None


@dataclass(frozen=True, slots=True)
class ChosenNext:
    """Somebody said that a waiting turbine goes first."""

    turbine_number: int
    reason: str | None = None
    by: str | None = None


@dataclass(frozen=True, slots=True)
class ToldToForget:
    """Somebody said that a turbine is no more, and, where it `erases`, that nobody wants its readings."""

    turbine_number: int
    erases: bool = False
    by: str | None = None


@dataclass(frozen=True, slots=True)
class TimePassed:
    """Deadlines are to be looked at: repairs that last too long, holds, places kept too long."""


Order = RosterChanged | Held | HoldEnded | ChosenNext | ToldToForget
"""What a person says."""


class Naming(NamedTuple):
    """That a turbine or, where that is None, an engineer has this name and is at this site from now on."""

    turbine_number: int | None
    engineer_id: int | None
    name: str | None
    site: str | None


@dataclass(frozen=True, slots=True)
class Named:
    """Somebody said what turbines and engineers are called."""

    namings: tuple[Naming, ...]
    by: str | None = None


@dataclass(frozen=True, slots=True)
class Noted:
    """Somebody said something of a turbine or, None, of the fleet."""

    text: str
    turbine_number: int | None = None
    by: str | None = None


Remark = Named | Noted
"""What a person says that sends nobody anywhere: the port takes it, so that all who share a pool hear it."""

DispatchEvent = (
    MonitorStarted
    | MonitorStopped
    | MonitorLost
    | Connected
    | StatusReported
    | Disconnected
    | TimePassed
    | Order
)


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

    def seconds(self, now: Moment) -> float:
        """Return how long it has lasted."""
        return now.seconds - self.assigned_seconds

    def ended_at(self, now: Moment) -> int:
        """Return when it ends (ms UTC) if that is now: its true length after it began, whatever clock was set since."""
        return self.assigned_at + ms_between(self.assigned_seconds, now.seconds)


@dataclass(frozen=True, slots=True)
class Assign:
    """Send the engineer."""

    assignment: Assignment


@dataclass(frozen=True, slots=True)
class Release:
    """The assignment has ended and its engineer is free; `ended_at` (ms UTC) is its true length after it began."""

    assignment: Assignment
    outcome: Outcome
    ended_at: int


@dataclass(frozen=True, slots=True)
class Waits:
    """Tell people: a turbine that broke waits, as one of the line (1: the next) for one of so many engineers."""

    turbine_number: int
    session_id: int
    place: int
    engineer_count: int


@dataclass(frozen=True, slots=True)
class Healed:
    """Tell people: a broken turbine is ok, and no engineer was there."""

    turbine_number: int
    session_id: int


@dataclass(frozen=True, slots=True)
class Staffed:
    """Tell people, and keep: from now on there shall be so many engineers; `by` is who said so."""

    engineer_count: int
    by: str | None


@dataclass(frozen=True, slots=True)
class Forgotten:
    """Show it: a turbine that was offline for long has lost its place, and when it broke is not known any more."""

    turbine_number: int


@dataclass(frozen=True, slots=True)
class HoldBegins:
    """Tell people, and keep: nobody is sent to a turbine from now on."""

    hold: Hold


@dataclass(frozen=True, slots=True)
class HoldEnds:
    """Tell people, and keep: a turbine is held no longer; `by` is None where its time has come."""

    turbine_number: int
    by: str | None


@dataclass(frozen=True, slots=True)
class GoesFirst:
    """Tell people, and keep: a waiting turbine is served next."""

    turbine_number: int
    reason: str | None
    by: str | None


@dataclass(frozen=True, slots=True)
class Forget:
    """Tell people, and keep: a turbine is not known any more, until it comes back."""

    turbine_number: int
    erases: bool
    by: str | None


class Engineer(NamedTuple):
    """One of the roster: at work when there is an assignment, else free; `since` is when that began."""

    engineer_id: int
    assignment: Assignment | None
    since: Moment


Notice = Staffed | HoldBegins | HoldEnds | GoesFirst | Forget
"""What came of what a person said: it is told and kept."""

Command = Assign | Release | Waits | Healed | Forgotten | Notice
