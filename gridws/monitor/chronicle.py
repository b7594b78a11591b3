"""The story of the grid in sentences: one event each, for the log and for viewers alike.

What other monitors of the pool carry out has chronicles of its own, as not everybody is to be told: those monitors have
it in their logs, and send it to webhooks.
"""

from __future__ import annotations

from ..dispatch import (
    Assignment,
    Forget,
    GoesFirst,
    HoldBegins,
    HoldEnds,
    MonitorNews,
    MonitorSeen,
    Naming,
    Staffed,
    Told,
    Waits,
)
from ..moments import Moment
from ..spans import local_time, off_in_words
from ..wire.frames import EventKind
from ..words import Outcome
from .flaps import TOLD, Flaps, Spell
from .tidings import Tidings

MOST_TROUBLES = 10
"""Reasons told of one time in which nothing can be stored."""

_WHY_WITHDRAWN = {
    Outcome.timed_out: "it takes too long; the turbine goes to the back of the queue",
    Outcome.held: "nobody may be there now",
}
_OF_MONITORS = {
    MonitorNews.joined: (EventKind.monitor_joined, "is in the pool"),
    MonitorNews.stopped: (EventKind.monitor_stopped, "has stopped"),
    MonitorNews.lost: (EventKind.monitor_lost, "does not answer any more"),
}


class Chronicle:
    """Tells what happens, each fact once, to those that are to be `told`."""

    def __init__(
        self, tidings: Tidings, told: Told = Told.everybody, *, dispatch_goes_on: bool = True
    ) -> None:
        self._tidings = tidings
        self._told = told
        self._meanwhile = (
            "dispatch goes on" if dispatch_goes_on else "and no engineer is sent anywhere meanwhile"
        )
        self._flaps = Flaps()
        self._troubles_told: set[str] = set()

    def connected(self, number: int, now: Moment, *, again: bool) -> None:
        if self._flaps.connected(number):
            again_ = " again" if again else ""
            self._tell(EventKind.connected, now, f"turbine {number} connected{again_}", number)

    def superseded(self, number: int, now: Moment) -> None:
        self._lost(f"turbine {number} connected anew: its older link is closed", number, now)
        self._flaps.connected(number)

    def lost(self, number: int, now: Moment, reason: str | None = None) -> None:
        why = f" ({reason.replace('_', ' ')})" if reason else ""
        self._lost(f"turbine {number} lost its link{why}", number, now)

    def clock_off(self, number: int, ahead: float, now: Moment) -> None:
        text = f"turbine {number}'s clock is {off_in_words(ahead)}: its readings are stored under the times it gives"
        self._tell(EventKind.clock_off, now, text, number)

    def sum_up(self, now: Moment) -> None:
        """Tell what was gathered of turbines that lose their link over and over; called in each round."""
        for number, spell in self._flaps.over(now.seconds):
            text = f"{_lost_more(number, spell)} within a minute, and is {'online' if spell.online else 'offline'} now"
            self._tell(EventKind.lost, now, text, number)

    def sum_up_last(self, now: Moment) -> None:
        """Tell what is gathered still, and all that was not told yet: the monitor stops."""
        for number, spell in self._flaps.rest():
            self._tell(EventKind.lost, now, f"{_lost_more(number, spell)} before the monitor stopped", number)
        self._tidings.tell_now()

    def _lost(self, text: str, number: int, now: Moment) -> None:
        nth = self._flaps.lost(number, now.seconds)
        if nth == TOLD:
            text += f", {nth} times within a minute: from now on it is told once a minute"
        if nth:
            self._tell(EventKind.lost, now, text, number)

    def broke(self, number: int, now: Moment) -> None:
        self._tell(EventKind.broke, now, f"turbine {number} broke", number)

    def healed(self, number: int, now: Moment) -> None:
        self._tell(EventKind.healed, now, f"turbine {number} is ok again without an engineer", number)

    def waiting(self, waits: Waits, now: Moment) -> None:
        text = (
            f"turbine {waits.turbine_number} waits for an engineer, at place {waits.place}: "
            f"{_busy(waits.engineer_count)}"
        )
        self._tell(EventKind.waiting, now, text, waits.turbine_number)

    def waits_long(self, number: int, seconds: float, now: Moment) -> None:
        text = f"turbine {number} has been broken for {seconds:.0f} s, and still waits for an engineer"
        self._tell(EventKind.waits_long, now, text, number)

    def assigned(self, assignment: Assignment, now: Moment) -> None:
        broken_for = (assignment.assigned_at - assignment.broken_at) / 1000
        after = f", broken for {broken_for:.1f} s" if broken_for >= 0.1 else ""
        text = f"engineer {assignment.engineer_id} goes to turbine {assignment.turbine_number}{after}"
        self._assignment(EventKind.assigned, assignment, now, text)

    def ended(self, assignment: Assignment, outcome: Outcome, now: Moment) -> None:
        """Tell why an engineer left; nothing where the monitor stops, since it says so itself, once."""
        if outcome is Outcome.monitor_stopped:
            return
        engineer, turbine = f"engineer {assignment.engineer_id}", f"turbine {assignment.turbine_number}"
        if outcome is Outcome.repaired:
            took = now.seconds - assignment.assigned_seconds
            kind, text = EventKind.repaired, f"{engineer} repaired {turbine} after {took:.1f} s"
        elif outcome in _WHY_WITHDRAWN:
            kind, text = EventKind.withdrawn, f"{engineer} leaves {turbine}: {_WHY_WITHDRAWN[outcome]}"
        else:
            kind, text = EventKind.engineer_back, f"{engineer} is back: {turbine} lost its link"
        self._assignment(kind, assignment, now, text, outcome)

    def called_back(self, assignment: Assignment, now: Moment) -> None:
        text = (
            f"engineer {assignment.engineer_id} leaves turbine {assignment.turbine_number}: "
            "this monitor may not send anybody now"
        )
        self._assignment(EventKind.withdrawn, assignment, now, text, Outcome.disconnected)

    def monitor_seen(self, seen: MonitorSeen, now: Moment) -> None:
        """Tell what has become of a monitor; the links that went with it are not told one by one."""
        kind, what = _OF_MONITORS[seen.news]
        count = seen.link_count
        links = f": {count:,} turbine{' has' if count == 1 else 's have'} no link now" if count else ""
        self._tell(kind, now, f"the monitor at {seen.monitor} {what}{links}")

    def roster(self, staffed: Staffed, now: Moment) -> None:
        count = staffed.engineer_count
        text = f"the pool has {count} engineer{'' if count == 1 else 's'} now{_by(staffed.by)}"
        self._tell(EventKind.roster, now, text)

    def held(self, begins: HoldBegins, now: Moment) -> None:
        hold = begins.hold
        until = f" until {local_time(hold.until.at)}" if hold.until else ""
        text = f"nobody is sent to turbine {hold.turbine_number}{until}{_by(hold.by)}{_because(hold.reason)}"
        self._tell(EventKind.held, now, text, hold.turbine_number)

    def hold_ended(self, ends: HoldEnds, now: Moment) -> None:
        text = f"the hold of turbine {ends.turbine_number} is over{_by(ends.by)}"
        self._tell(EventKind.hold_ended, now, text, ends.turbine_number)

    def goes_first(self, first: GoesFirst, now: Moment) -> None:
        text = f"turbine {first.turbine_number} goes first{_by(first.by)}{_because(first.reason)}"
        self._tell(EventKind.next, now, text, first.turbine_number)

    def named(self, naming: Naming, by: str | None, now: Moment) -> None:
        number = naming.turbine_number
        who = f"engineer {naming.engineer_id}" if number is None else f"turbine {number}"
        self._tell(EventKind.named, now, f"{who} {_called(naming)} now{_by(by)}", number)

    def many_named(self, count: int, by: str | None, now: Moment) -> None:
        self._tell(EventKind.named, now, f"{count:,} turbines and engineers have new names{_by(by)}")

    def note(self, text: str, number: int | None, by: str | None, now: Moment) -> None:
        subject = "" if number is None else f" on turbine {number}"
        self._tell(EventKind.note, now, f"note{subject}{_by(by)}: {text}", number)

    def forgotten(self, order: Forget, now: Moment) -> None:
        erased = ", and its readings are deleted" if order.erases else ""
        text = f"turbine {order.turbine_number} is forgotten{_by(order.by)}{erased}"
        self._tell(EventKind.forgotten, now, text, order.turbine_number)

    def storage(self, reason: str | None, now: Moment) -> None:
        """Tell that readings cannot be stored, each reason once until they can: two may come by turns for days."""
        told = self._troubles_told
        if reason is None:
            told.clear()
            self._tell(EventKind.storage_recovered, now, "readings are stored again")
        elif reason not in told and len(told) < MOST_TROUBLES:
            told.add(reason)
            text = f"readings cannot be stored: {reason}; turbines keep theirs, {self._meanwhile}"
            self._tell(EventKind.storage_failed, now, text)

    def _assignment(
        self,
        kind: EventKind,
        assignment: Assignment,
        now: Moment,
        text: str,
        outcome: Outcome | None = None,
    ) -> None:
        took = None if outcome is None else round(now.seconds - assignment.assigned_seconds, 3)
        self._tell(
            kind,
            now,
            text,
            assignment.turbine_number,
            assignment=assignment,
            duration_in_seconds=took,
            outcome=outcome,
        )

    def _tell(
        self,
        kind: EventKind,
        now: Moment,
        text: str,
        turbine_number: int | None = None,
        *,
        assignment: Assignment | None = None,
        duration_in_seconds: float | None = None,
        outcome: Outcome | None = None,
    ) -> None:
        fields = {
            "at": now.at,
            "kind": kind,
            "turbine_number": turbine_number,
            "engineer_id": assignment.engineer_id if assignment else None,
            "assignment_id": assignment.id if assignment else None,
            "duration_in_seconds": duration_in_seconds,
            "outcome": outcome,
            "text": text,
        }
        self._tidings.put(fields, self._told)


def _lost_more(number: int, spell: Spell) -> str:
    return f"turbine {number} lost its link {spell.losses} time{'' if spell.losses == 1 else 's'} more"


def _busy(engineers: int) -> str:
    if engineers == 0:
        return "there is no engineer"
    if engineers <= 2:
        return "the only engineer is busy" if engineers == 1 else "both engineers are busy"
    return f"all {engineers} engineers are busy"


def _called(name: Naming) -> str:
    called = f"is called {name.name}" if name.name else "has no name"
    return f"{called}, at {name.site}," if name.site else called


def _by(name: str | None) -> str:
    return f", by {name}" if name else ""


def _because(reason: str | None) -> str:
    return f": {reason}" if reason else ""
