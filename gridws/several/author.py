"""What a monitor says in the log: what happened here, that it comes and goes, and who is lost; a batch at a time.

A batch is said again under its number until it is seen in the log, so a call that fails costs nothing but time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from ..clock import Clock
from ..dispatch import StatusReported
from ..moments import Moment
from ..words import OperationalStatus
from .entries import Draft, Entry, Joined, Left, LogEvent, Lost, encode_events
from .log import DispatchLog
from .pending import Pending, PendingEvent
from .replica import Replica
from .steps import Step

MOST_EVENTS: Final = 500
"""Of one append, some 10 ms of work in every monitor."""


@dataclass(slots=True)
class Batch:
    """What happened here, by the places at which it waited, or what this monitor says of a member.

    `began` is the local second at which it was put together. `number` grows where another batch of the same author got
    it first.
    """

    member_id: int
    number: int
    began: float
    events: Mapping[int, PendingEvent] = field(default_factory=dict)
    of_member: Joined | Left | Lost | None = None
    beat: int = 0
    """At which the beat of a member that is lost stands still."""
    writer_id: int | None = None
    """Under which that one wrote readings."""

    @property
    def text(self) -> str:
        """The text of its entry."""
        said: list[LogEvent] = [] if self.of_member is None else [self.of_member]
        return encode_events(self.number, [*said, *self.events.values()])

    async def append(self, log: DispatchLog, now: Moment) -> Entry | None:
        """Append it; return its entry, None where a member that seemed lost is alive. `now` is in pool time."""
        draft = Draft(self.member_id, now.seconds, now.at, self.text)
        match self.of_member:
            case Joined():
                return await log.join(draft, self.of_member)
            case Left():
                return await log.leave(draft)
            case Lost(member_id):
                return await log.evict(draft, member_id, self.beat)
            case None:
                return await log.append(draft)


class Author:
    """Puts batches together, one after the other, and knows them again in the log."""

    def __init__(
        self, log: DispatchLog, pending: Pending, *, clock: Clock, joined: Callable[[tuple[int, ...]], Joined]
    ) -> None:
        self.batch: Batch | None = None
        """What is under way."""
        self.ids: set[int] = set()
        """All ids under which this monitor ever was in the pool, or may have been."""
        self.lifeless: dict[int, int] = {}
        """Members to be evicted, and the beat at which each stands still."""
        self._may_be: set[int] = set()  # those under which it may be in it now
        self._log = log
        self._pending = pending
        self._clock = clock
        self._joined = joined

    @property
    def first_undone(self) -> int:
        """The place of the first event that is not in the log yet, or of the next one to come."""
        under_way: Iterable[int] = self.batch.events if self.batch is not None else ()
        return min([self._pending.first_place, *under_way])

    def is_well_unheard(self, link_id: int) -> bool:
        """Return whether a turbine said on this link that it is ok, and that is not seen in the log yet."""
        under_way = [] if self.batch is None else self.batch.events.values()
        return any(
            isinstance(event, StatusReported)
            and event.session_id == link_id
            and event.operational_status is OperationalStatus.ok
            for event in (*under_way, *self._pending.statuses(link_id))
        )

    def is_alone(self, replica: Replica) -> bool:
        """Return whether nobody is in the pool but what this monitor was before."""
        return not replica.members.keys() - self._may_be

    async def join(self) -> Batch:
        """Begin to join, under a new id, unless that is under way."""
        if self.batch is None:
            member = await self._log.new_member_id()
            joined = self._joined(tuple(sorted(self._may_be)))
            self._may_be.add(member)
            self.ids.add(member)
            self.batch = Batch(member, 0, self._clock.now().seconds, of_member=joined)
        return self.batch

    def next(self, replica: Replica, member: int, *, leaves: bool) -> Batch | None:
        """Return what this member has to say, None for nothing; it `leaves` when everything else was said."""
        if self.batch is None:
            batch = Batch(member, replica.members[member].number + 1, self._clock.now().seconds)
            if self.lifeless:
                lost, batch.beat = self.lifeless.popitem()
                batch.of_member = Lost(lost)
                batch.writer_id = replica.members[lost].writer_id if lost in replica.members else None
            elif len(self._pending):
                batch.events = self._pending.take(MOST_EVENTS)
            elif leaves:
                batch.of_member = Left()
            else:
                return None
            self.batch = batch
        return self.batch

    def recognise(self, replica: Replica, step: Step) -> Batch | None:
        """Return the batch where this is it; where another one got its number, it has the next one."""
        batch, author = self.batch, step.entry.member_id
        if batch is None or author != batch.member_id:
            return None
        if not step.is_void and step.entry.events == batch.text:
            self.batch = None
            if isinstance(batch.of_member, Joined):
                self._may_be = {author}
            return batch
        if author in replica.members:
            batch.number = replica.members[author].number + 1
        elif isinstance(batch.of_member, Joined):
            self.batch = None  # a later one has joined before: this id is void for good
        return None

    def give_up(self, batch: Batch) -> None:
        """Let go of a batch that needs not be said any more."""
        if self.batch is batch:
            self.batch = None

    def begin_anew(self) -> None:
        """Let go of what is under way: it was said as a member, which this monitor is no more."""
        if self.batch is not None:
            self._pending.put_back(self.batch.events)
        self.batch = None
        self.lifeless.clear()
