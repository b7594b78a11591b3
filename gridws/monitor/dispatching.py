"""Carries out what the dispatch port hands over: frames to turbines, rows for the database, sentences for people.

A command may come after its session has ended, or a newer one has taken over: then it is dropped. The end of an
assignment that was dropped is dropped too, since nobody ever heard of it. What other monitors of the pool carry out is
shown here, and kept there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..clock import Clock
from ..dispatch import (
    Assign,
    Assignment,
    Elsewhere,
    Forget,
    Forgotten,
    GoesFirst,
    Healed,
    HoldBegins,
    HoldEnds,
    KeepStatuses,
    LinkNews,
    MonitorSeen,
    Named,
    Noted,
    Notice,
    PortCommand,
    Release,
    Remark,
    SeenElsewhere,
    Settle,
    Staffed,
    Superseded,
    Told,
    Waits,
    Withdraw,
)
from ..moments import Moment
from ..storage.rows import Event, Repair
from ..wire.frames import CloseCode, EngineerAssigned, EngineerWithdrawn
from ..words import Deed, OperationalStatus, Outcome
from .chronicle import Chronicle
from .counters import Counters
from .fan_out import FleetWatch
from .fleet_state import FleetState
from .remarks import Remarks
from .session import Session
from .write_queue import WriteQueue


class Dispatching:
    """The way from a command to the turbine it concerns, to the disk and to whoever watches."""

    def __init__(
        self,
        sessions: Mapping[int, Session],
        *,
        clock: Clock,
        queue: WriteQueue,
        fleet_state: FleetState,
        watch: FleetWatch,
        chronicles: Mapping[Told, Chronicle],
        remarks: Remarks,
        counters: Counters,
    ) -> None:
        self._sessions = sessions
        self._clock = clock
        self._queue = queue
        self._fleet_state = fleet_state
        self._watch = watch
        self._chronicles = chronicles
        self._chronicle = chronicles[Told.everybody]
        self._counters = counters
        self._remarks = remarks
        self._running: set[int] = set()  # ids of the assignments that were carried out
        self.no_longer_held: set[int] = set()
        """Turbines of which a hold ended in this run: what is found later of an earlier one is older."""
        self._ways: dict[type[PortCommand], Callable[[Any, Moment], None]] = {
            Assign: self._assign,
            Release: self._release,
            Waits: self._tell_without_engineer,
            Healed: self._tell_without_engineer,
            Forgotten: self._show_turbine,  # its `broken_at` goes
            Elsewhere: self._show,
            SeenElsewhere: self._show_link,
            Superseded: self._close,
            Withdraw: self._call_back,
            Settle: self._settle,
            KeepStatuses: self._keep_statuses,
            **dict.fromkeys((Staffed, HoldBegins, HoldEnds, GoesFirst, Forget), self._keep_order),
            **dict.fromkeys((Named, Noted), self._keep_remark),
        }

    def carry_out(self, commands: Sequence[PortCommand], now: Moment) -> None:
        """Carry out the commands in their order; `now` is when the event happened that they follow from."""
        for command in commands:
            self._ways[type(command)](command, now)

    def _assign(self, command: Assign, now: Moment) -> None:
        assignment = command.assignment
        session = self._session_of(assignment)
        if session is None:
            return
        session.send(
            EngineerAssigned(
                turbine_number=assignment.turbine_number,
                engineer_id=assignment.engineer_id,
                assignment_id=assignment.id,
                assigned_at=assignment.assigned_at,
            )
        )
        self._running.add(assignment.id)
        self._counters.assignments += 1
        self._counters.dispatches.observe(self._clock.now().seconds - now.seconds)
        self._queue.put_repair(_row(assignment))
        self._show_engineer_moved(assignment, now)
        self._chronicle.assigned(assignment, now)

    def _release(self, release: Release, now: Moment) -> None:
        assignment, outcome = release.assignment, release.outcome
        if assignment.id not in self._running:
            return
        self._running.remove(assignment.id)
        self._counters.assignment_ended(outcome.value)
        self._queue.put_repair(_row(assignment)._replace(ended_at=release.ended_at, outcome=outcome.value))
        self._show_engineer_moved(assignment, now)
        if outcome in {Outcome.timed_out, Outcome.held}:
            self._withdraw(assignment, outcome)
        self._chronicle.ended(assignment, outcome, now)

    def _withdraw(self, assignment: Assignment, outcome: Outcome) -> None:
        session = self._session_of(assignment)
        if session is not None:
            session.send(
                EngineerWithdrawn(
                    turbine_number=assignment.turbine_number,
                    engineer_id=assignment.engineer_id,
                    assignment_id=assignment.id,
                    reason=outcome.value,
                )
            )

    def _show_engineer_moved(self, assignment: Assignment, now: Moment) -> None:
        self._fleet_state.engineer_moved(assignment.turbine_number, now.at)
        self._watch.turbine_changed(assignment.turbine_number)
        self._watch.engineers_changed()

    def _tell_without_engineer(self, command: Waits | Healed, now: Moment) -> None:
        if self._session_of(command) is not None:
            self._tell_of_wait(command, now, self._chronicle)

    def _tell_of_wait(self, command: Waits | Healed, now: Moment, chronicle: Chronicle) -> None:
        self._watch.turbine_changed(command.turbine_number)
        if isinstance(command, Waits):
            chronicle.waiting(command, now)
        else:
            chronicle.healed(command.turbine_number, now)

    def _keep_order(self, order: Notice, now: Moment) -> None:
        self._queue.put_event(_event(order, now))
        if isinstance(order, Forget) and order.erases:
            self._queue.put_event(Event(now.at, Deed.erased, order.turbine_number, by=order.by))
        if isinstance(order, HoldEnds | Forget):
            self.no_longer_held.add(order.turbine_number)
        self._tell_order(order, now, self._chronicle)

    def _tell_order(self, order: Notice, now: Moment, chronicle: Chronicle) -> None:
        match order:
            case Staffed():
                chronicle.roster(order, now)
                self._watch.engineers_changed()
                return
            case HoldBegins():
                chronicle.held(order, now)
            case HoldEnds():
                chronicle.hold_ended(order, now)
            case GoesFirst():
                chronicle.goes_first(order, now)
            case Forget():
                self._fleet_state.forget(order.turbine_number)
                self._fleet_state.names.turbines.pop(order.turbine_number, None)
                chronicle.forgotten(order, now)
        number = order.hold.turbine_number if isinstance(order, HoldBegins) else order.turbine_number
        self._watch.turbine_changed(number)

    def _keep_remark(self, remark: Remark, now: Moment) -> None:
        self._remarks.take(remark, now, self._chronicle, keep=True)

    # What follows from other monitors of the pool.

    def _show(self, elsewhere: Elsewhere, now: Moment) -> None:
        chronicle = self._chronicles[elsewhere.told]
        match elsewhere.command:
            case Assign(assignment):
                self._show_engineer_moved(assignment, now)
                chronicle.assigned(assignment, now)
            case Release(assignment, outcome):
                self._show_engineer_moved(assignment, now)
                chronicle.ended(assignment, outcome, now)
            case Waits() | Healed() as command:
                self._tell_of_wait(command, now, chronicle)
            case Named() | Noted() as remark:
                self._remarks.take(remark, now, chronicle, keep=False)
            case MonitorSeen() as seen:
                chronicle.monitor_seen(seen, now)
            case Forgotten() as forgotten:
                self._show_turbine(forgotten, now)
            case order:
                self._tell_order(order, now, chronicle)

    def _show_turbine(self, command: Forgotten, _now: Moment) -> None:
        self._watch.turbine_changed(command.turbine_number)

    def _show_link(self, seen: SeenElsewhere, now: Moment) -> None:
        number, news = seen.turbine_number, seen.news
        if number in self._sessions:
            return  # it came here, and the pool does not know yet
        if news is not None:
            self._tell_link(seen, news, now)
        self._fleet_state.seen_elsewhere(number, seen.monitor, seen.operational_status, seen.since, now.at)
        self._watch.turbine_changed(number)

    def _tell_link(self, seen: SeenElsewhere, news: LinkNews, now: Moment) -> None:
        number, before = seen.turbine_number, self._fleet_state.get(seen.turbine_number)
        chronicle = self._chronicles[Told.viewers]
        match news:
            case LinkNews.linked if before is not None and before.online:
                chronicle.superseded(number, now)
            case LinkNews.linked:
                chronicle.connected(number, now, again=before is not None)
            case LinkNews.lost:
                chronicle.lost(number, now)
            case LinkNews.reported if seen.operational_status is OperationalStatus.broken:
                chronicle.broke(number, now)

    def _close(self, superseded: Superseded, now: Moment) -> None:
        session = self._session_of(superseded)
        if session is not None:
            session.close(CloseCode.SUPERSEDED, "superseded", "superseded", now)

    def _call_back(self, command: Withdraw, now: Moment) -> None:
        assignment = command.assignment
        if assignment.id in self._running:
            self._running.remove(assignment.id)
            self._counters.assignment_ended(Outcome.disconnected.value)
            self._withdraw(assignment, Outcome.disconnected)
            self._chronicle.called_back(assignment, now)

    def _settle(self, command: Settle, _now: Moment) -> None:
        self._queue.put_repair(
            _row(command.assignment)._replace(ended_at=command.ended_at, outcome=command.outcome.value)
        )

    def _keep_statuses(self, _command: KeepStatuses, now: Moment) -> None:
        for number in self._sessions:
            entry = self._fleet_state.get(number)
            if entry is not None and entry.status is not None:
                self._queue.put_status(entry.status_change(now.at))

    def _session_of(self, subject: Assignment | Waits | Healed | Superseded) -> Session | None:
        session = self._sessions.get(subject.turbine_number)
        return session if session is not None and session.id == subject.session_id else None


def _row(assignment: Assignment) -> Repair:
    return Repair(
        assignment.id,
        assignment.turbine_number,
        assignment.engineer_id,
        assignment.broken_at,
        assignment.assigned_at,
    )


def _event(order: Notice, now: Moment) -> Event:
    match order:
        case Staffed():
            return Event(now.at, Deed.roster, engineers=order.engineer_count, by=order.by)
        case HoldBegins(hold):
            until = hold.until.at if hold.until else None
            return Event(
                hold.since, Deed.hold, hold.turbine_number, until=until, text=hold.reason, by=hold.by
            )
        case HoldEnds():
            return Event(now.at, Deed.hold_ended, order.turbine_number, by=order.by)
        case GoesFirst():
            return Event(now.at, Deed.next, order.turbine_number, text=order.reason, by=order.by)
        case Forget():
            return Event(now.at, Deed.forgotten, order.turbine_number, by=order.by)
