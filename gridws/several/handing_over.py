"""From what entries came to, to commands for this monitor: who carries out what, and who keeps which rows.

The monitor that has a turbine's link carries out what concerns it, writes it down, and tells logs and webhooks of it.
Who wrote the entry does so with what people said and, by rule 4 of the log, with what follows from a monitor that is
lost. Everybody shows everything, and tells its own viewers.

Commands bear local sessions and the local monotonic clock: how long a repair took is the same in both times.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Collection, Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace
from typing import Final

from ..dispatch import (
    Assign,
    Assignment,
    CarryOut,
    Command,
    Elsewhere,
    Forgotten,
    Healed,
    KeepStatuses,
    MonitorNews,
    MonitorSeen,
    Named,
    PortCommand,
    Release,
    Remark,
    SeenElsewhere,
    Settle,
    Superseded,
    Told,
    Waits,
    Withdraw,
)
from ..moments import Moment
from ..words import Outcome
from .pool_clock import PoolClock
from .replica import Replica
from .steps import News, Step

ENDS_KEPT: Final = 10_000
"""Ends of assignments that are remembered for the comparison with the rows."""


class HandingOver:
    """Turns steps into commands; `member` is the id under which this monitor is in the pool, None while it is not.

    `own` are all ids under which it ever was in it; `is_well` returns whether a turbine said on a link that it is ok,
    and the pool does not know yet.
    """

    def __init__(self, clock: PoolClock, own: AbstractSet[int], is_well: Callable[[int], bool]) -> None:
        self.member: int | None = None
        self.carry_out: CarryOut
        self._clock = clock
        self._own = own
        self._is_well = is_well
        self._ends: OrderedDict[int, Release] = OrderedDict()  # by the assignments' ids, the latest last
        self._carried: dict[int, Assignment] = {}  # by id, with their local sessions
        self._unsent: set[int] = set()  # assignments that will end with what waits here to be said
        self._elsewhere: set[int] = set()  # turbines that are shown as linked to others

    def hand_over(
        self, replica: Replica, steps: Sequence[Step], now: float, told_at: float | None = None
    ) -> None:
        """Hand over what was read at once; `told_at` is when the first of what this monitor said of it happened."""
        self.remember(steps)
        assigned = {c.assignment.id for step in steps for c in step.commands if isinstance(c, Assign)}
        released = {c.assignment.id for step in steps for c in step.commands if isinstance(c, Release)}
        for step in steps:
            seconds = min(now, self._clock.local(step.entry.seconds))
            if told_at is not None and step.entry.member_id == self.member:
                seconds = min(seconds, told_at)
            moment = Moment(seconds, step.entry.at)
            commands = list(self._commands(replica, step, moment, assigned & released))
            if commands:
                self.carry_out(commands, moment)

    def remember(self, steps: Sequence[Step]) -> None:
        """Know how assignments ended."""
        for step in steps:
            for command in step.commands:
                if isinstance(command, Release):
                    self._ends[command.assignment.id] = command
        while len(self._ends) > ENDS_KEPT:
            self._ends.popitem(last=False)

    def end_of(self, assignment: Assignment, now: int) -> Settle:
        """Return how an assignment ended that is over; one so old that nobody remembers ends `now` (ms UTC)."""
        release = self._ends.get(assignment.id)
        if release is None:
            return Settle(assignment, Outcome.disconnected, max(now, assignment.assigned_at))
        return Settle(assignment, release.outcome, release.ended_at)

    def call_everybody_back(self, now: Moment) -> None:
        """Call back the engineers that were sent: this monitor is no member any more."""
        self.member = None
        carried, self._carried = self._carried, {}
        if carried:
            self.carry_out([Withdraw(each) for each in carried.values()], now)

    def keep_again(self, now: Moment) -> None:
        """Have kept what others may have taken back while this monitor was no member."""
        self.carry_out([KeepStatuses()], now)

    def show_all(self, replica: Replica, now: Moment) -> None:
        """Show the pool as a replica knows it that was just loaded; nobody is told: it did not happen now."""
        seen = [replica.seen(link) for link in replica.links() if link.member_id not in self._own]
        before, self._elsewhere = self._elsewhere, {each.turbine_number for each in seen}
        seen += [SeenElsewhere(number, None, None, now.at) for number in sorted(before - self._elsewhere)]
        commands: list[PortCommand] = [*seen]
        if replica.names:
            commands.append(Elsewhere(Named(tuple(replica.names.values())), Told.nobody))
        if commands:
            self.carry_out(commands, now)

    def show(self, replica: Replica, turbine_number: int, now: Moment) -> None:
        """Show a turbine as the pool knows it: it had a link here that is gone, and of which the pool never hears."""
        link = replica.link_of(turbine_number)
        if link is not None and link.member_id not in self._own:
            self._elsewhere.add(turbine_number)
            self.carry_out([replica.seen(link)], now)

    def _commands(
        self, replica: Replica, step: Step, moment: Moment, fleeting: Collection[int]
    ) -> Iterator[PortCommand]:
        for command in step.commands:
            if isinstance(command, News):
                yield from self._news(command, step)
            elif isinstance(command, Assign | Release) and command.assignment.id in fleeting:
                yield Elsewhere(command, Told.nobody)
            else:
                yield from self._command(command, replica, step, moment)

    def _news(self, news: News, step: Step) -> Iterator[PortCommand]:
        is_own, seen = news.member_id in self._own, news.seen
        match seen:
            case Superseded():
                if is_own:
                    yield seen
            case MonitorSeen():
                if not is_own or seen.news is MonitorNews.joined:
                    is_ours = is_own or (seen.news is MonitorNews.lost and self._wrote(step))
                    yield Elsewhere(seen, Told.everybody if is_ours else Told.viewers)
            case SeenElsewhere(turbine_number=number):
                if seen.monitor is not None and not is_own:
                    self._elsewhere.add(number)
                    yield seen
                elif number in self._elsewhere:
                    self._elsewhere.discard(number)
                    yield SeenElsewhere(number, None, None, seen.since, None if is_own else seen.news)

    def _command(
        self, command: Command | Remark, replica: Replica, step: Step, moment: Moment
    ) -> Iterator[PortCommand]:
        match command:
            case Assign(assignment):
                yield self._assign(replica, assignment, step, moment)
            case Release():
                yield from self._release(command, step, moment)
            case Waits() | Healed():
                link_id = self._own_link(replica, command.turbine_number, command.session_id)
                yield Elsewhere(command) if link_id is None else replace(command, session_id=link_id)
            case Forgotten():
                yield command
            case _:
                yield command if self._wrote(step) else Elsewhere(command)

    def _assign(
        self, replica: Replica, assignment: Assignment, step: Step, moment: Moment
    ) -> Command | Elsewhere:
        link_id = self._own_link(replica, assignment.turbine_number, assignment.session_id)
        if link_id is None:
            return Elsewhere(Assign(_local(assignment, step, moment)))
        if self._is_well(link_id):
            self._unsent.add(assignment.id)
            return Elsewhere(Assign(_local(assignment, step, moment)), Told.nobody)
        local = _local(replace(assignment, session_id=link_id), step, moment)
        self._carried[local.id] = local
        return Assign(local)

    def _release(self, release: Release, step: Step, moment: Moment) -> Iterator[PortCommand]:
        carried = self._carried.pop(release.assignment.id, None)
        local = replace(release, assignment=_local(release.assignment, step, moment))
        if carried is not None:
            yield replace(local, assignment=replace(local.assignment, session_id=carried.session_id))
            return
        if release.assignment.id in self._unsent:
            self._unsent.discard(release.assignment.id)
            yield Elsewhere(local, Told.nobody)
            return
        if self._wrote(step):
            yield Settle(release.assignment, release.outcome, release.ended_at)
        yield Elsewhere(local, self._told_of_end(step))

    def _told_of_end(self, step: Step) -> Told:
        """Return who is told how an assignment ended that is not carried out here."""
        lost = {each.member_id for each in step.commands if isinstance(each, News) and _is_loss(each)}
        if not self._own.isdisjoint(lost):
            return Told.nobody  # that they were called back was told
        return Told.everybody if lost and self._wrote(step) else Told.viewers

    def _wrote(self, step: Step) -> bool:
        return step.entry.member_id in self._own

    def _own_link(self, replica: Replica, turbine_number: int, session_id: int) -> int | None:
        """Return the local session for one of the log's, None where it is another's, or over already."""
        link = replica.link_of(turbine_number)
        if link is None or link.session_id != session_id or link.member_id != self.member:
            return None
        return link.link_id


def _is_loss(news: News) -> bool:
    return isinstance(news.seen, MonitorSeen) and news.seen.news is MonitorNews.lost


def _local(assignment: Assignment, step: Step, moment: Moment) -> Assignment:
    lasted = step.entry.seconds - assignment.assigned_seconds
    return replace(assignment, assigned_seconds=moment.seconds - lasted)
