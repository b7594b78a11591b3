"""The story of the grid in sentences: one event each, for the log and for viewers alike."""

from __future__ import annotations

import logging

from .dispatcher import Assignment, Moment
from .frames import Event, EventKind
from .watching import FleetWatch

_log = logging.getLogger("gridws")

_LEVELS = {EventKind.storage_failed: logging.ERROR, EventKind.withdrawn: logging.WARNING}


class Story:
    """Tells what happens, each fact once."""

    def __init__(self, watch: FleetWatch) -> None:
        self._watch = watch
        self._last_id = 0

    def connected(self, number: int, now: Moment, *, again: bool) -> None:
        self._tell(EventKind.connected, now, f"turbine {number} connected{' again' if again else ''}", number)

    def superseded(self, number: int, now: Moment) -> None:
        self._tell(EventKind.lost, now, f"turbine {number} connected anew: its older link is closed", number)

    def lost(self, number: int, now: Moment, reason: str) -> None:
        self._tell(
            EventKind.lost, now, f"turbine {number} lost its link ({reason.replace('_', ' ')})", number
        )

    def broke(self, number: int, now: Moment) -> None:
        self._tell(EventKind.broke, now, f"turbine {number} broke", number)

    def healed(self, number: int, now: Moment) -> None:
        self._tell(EventKind.healed, now, f"turbine {number} is ok again without an engineer", number)

    def waiting(self, number: int, now: Moment, *, engineers: int, place: int) -> None:
        text = f"turbine {number} waits for an engineer, at place {place}: {_busy(engineers)}"
        self._tell(EventKind.waiting, now, text, number)

    def assigned(self, assignment: Assignment, now: Moment) -> None:
        broken_for = max(0, assignment.assigned_at - assignment.broken_at) / 1000
        after = f", broken for {broken_for:.1f} s" if broken_for >= 0.1 else ""
        text = f"engineer {assignment.engineer_id} goes to turbine {assignment.turbine_number}{after}"
        self._assignment(EventKind.assigned, assignment, now, text)

    def repaired(self, assignment: Assignment, now: Moment) -> None:
        took = now.seconds - assignment.assigned_seconds
        text = f"engineer {assignment.engineer_id} repaired turbine {assignment.turbine_number} after {took:.1f} s"
        self._assignment(EventKind.repaired, assignment, now, text)

    def withdrawn(self, assignment: Assignment, now: Moment) -> None:
        text = (
            f"engineer {assignment.engineer_id} leaves turbine {assignment.turbine_number}: "
            "it takes too long; the turbine goes to the back of the queue"
        )
        self._assignment(EventKind.withdrawn, assignment, now, text)

    def engineer_back(self, assignment: Assignment, now: Moment) -> None:
        text = f"engineer {assignment.engineer_id} is back: turbine {assignment.turbine_number} lost its link"
        self._assignment(EventKind.engineer_back, assignment, now, text)

    def roster(self, count: int, now: Moment) -> None:
        self._tell(EventKind.roster, now, f"the pool has {count} engineer{'' if count == 1 else 's'} now")

    def storage(self, reason: str | None, now: Moment) -> None:
        if reason is None:
            self._tell(EventKind.storage_recovered, now, "readings are stored again")
        else:
            text = f"readings cannot be stored: {reason}; turbines keep theirs, dispatch goes on"
            self._tell(EventKind.storage_failed, now, text)

    def _assignment(self, kind: EventKind, assignment: Assignment, now: Moment, text: str) -> None:
        took = None if kind is EventKind.assigned else round(now.seconds - assignment.assigned_seconds, 3)
        self._tell(
            kind, now, text, assignment.turbine_number, assignment=assignment, duration_in_seconds=took
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
    ) -> None:
        self._last_id += 1
        event = Event(
            id=self._last_id,
            at=now.at,
            kind=kind,
            turbine_number=turbine_number,
            engineer_id=assignment.engineer_id if assignment else None,
            assignment_id=assignment.id if assignment else None,
            duration_in_seconds=duration_in_seconds,
            text=text,
        )
        self._watch.happened(event)
        _log.log(_LEVELS.get(kind, logging.INFO), text, extra={"event": event})


def _busy(engineers: int) -> str:
    if engineers == 0:
        return "there is no engineer"
    if engineers <= 2:
        return "the only engineer is busy" if engineers == 1 else "both engineers are busy"
    return f"all {engineers} engineers are busy"
