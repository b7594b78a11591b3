"""Carries out what the dispatcher decides: frames to turbines, rows for the database, sentences for people."""

from __future__ import annotations

from collections.abc import Mapping

from .clock import Clock
from .dispatcher import Assign, Assignment, Command, Dispatcher, Moment, Outcome, Release
from .frames import EngineerAssigned, EngineerWithdrawn
from .numbers import Numbers
from .port import DispatchPort, LocalDispatch
from .register import Register
from .session import Session
from .storage import Repair
from .storage.queue import WriteQueue
from .story import Story
from .watching import FleetWatch


class Dispatching:
    """The way from a command to the turbine it concerns; a command for a session that is gone is dropped."""

    def __init__(
        self,
        dispatcher: Dispatcher,
        sessions: Mapping[int, Session],
        *,
        clock: Clock,
        queue: WriteQueue,
        register: Register,
        watch: FleetWatch,
        story: Story,
        numbers: Numbers,
    ) -> None:
        self.port: DispatchPort = LocalDispatch(dispatcher, self._carry_out)
        self._sessions = sessions
        self._clock = clock
        self._queue = queue
        self._register = register
        self._watch = watch
        self._story = story
        self._numbers = numbers

    def stop(self, now: Moment) -> None:
        """End every assignment, since the monitor stops."""
        for engineer in self.port.dispatcher.engineers():
            if engineer.assignment is not None:
                self._end(engineer.assignment, Outcome.monitor_stopped, now.at)

    def _carry_out(self, commands: list[Command], now: Moment) -> None:
        self._watch.engineers_changed()
        for command in commands:
            if isinstance(command, Assign):
                self._assign(command.assignment, now)
            else:
                self._release(command, now)

    def _assign(self, assignment: Assignment, now: Moment) -> None:
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
        self._numbers.assignments += 1
        self._numbers.dispatches.observe(self._clock.now().seconds - now.seconds)
        self._queue.put_repair(_row(assignment))
        self._register.touch(assignment.turbine_number, now.at)
        self._watch.turbine_changed(assignment.turbine_number)
        self._story.assigned(assignment, now)

    def _release(self, release: Release, now: Moment) -> None:
        assignment = release.assignment
        self._end(assignment, release.outcome, release.ended_at)
        self._register.touch(assignment.turbine_number, now.at)
        self._watch.turbine_changed(assignment.turbine_number)
        if release.outcome is Outcome.repaired:
            self._story.repaired(assignment, now)
        elif release.outcome is Outcome.timed_out:
            self._withdraw(assignment, now)
        else:
            self._story.engineer_back(assignment, now)

    def _withdraw(self, assignment: Assignment, now: Moment) -> None:
        session = self._session_of(assignment)
        if session is not None:
            session.send(
                EngineerWithdrawn(
                    turbine_number=assignment.turbine_number,
                    engineer_id=assignment.engineer_id,
                    assignment_id=assignment.id,
                    reason=Outcome.timed_out.value,
                )
            )
        self._story.withdrawn(assignment, now)

    def _end(self, assignment: Assignment, outcome: Outcome, ended_at: int) -> None:
        self._numbers.assignment_ended(outcome.value)
        ended_at = max(ended_at, assignment.assigned_at)
        self._queue.put_repair(_row(assignment)._replace(ended_at=ended_at, outcome=outcome.value))

    def _session_of(self, assignment: Assignment) -> Session | None:
        session = self._sessions.get(assignment.turbine_number)
        return session if session is not None and session.id == assignment.session_id else None


def _row(assignment: Assignment) -> Repair:
    return Repair(
        assignment.id,
        assignment.turbine_number,
        assignment.engineer_id,
        assignment.broken_at,
        assignment.assigned_at,
    )
