"""What happened here and is not in the log yet: in order, with those events of a link made one that say no more apart.

While the log is away each link has a few events at the most, by rule 8 of the log: that it began, that the turbine was
ok (which ends a repair also where it broke again since), how it is now, and that it ended. A link that came and went
unheard is none. Links that are up are known, so that whoever joins anew can tell of all of them.

Events have places, which grow; a place is done with when nothing waits at it or before it.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Final

from ..dispatch import Disconnected, StatusReported, TimePassed
from ..words import OperationalStatus
from .entries import Linked, LinkEvent, PersonEvent
from .pool_clock import PoolClock

MOST_ORDERS: Final = 10_000
"""Of people, who are told that nothing is done yet; beyond it the oldest go."""

PendingEvent = LinkEvent | PersonEvent | TimePassed


@dataclass(slots=True)
class OwnLink:
    """A link that this monitor has; it was made at this local second or, once that is known, pool time."""

    turbine_number: int
    link_id: int
    made: float
    status: OperationalStatus | None = None
    is_pool_time: bool = False

    def know_pool_time(self, clock: PoolClock) -> None:
        """Have `made` in pool time, for good: a clock that is set forward later makes no old link a new one."""
        if not self.is_pool_time:
            self.made, self.is_pool_time = clock.pool(self.made), True


@dataclass(slots=True)
class _Waiting:
    """The places of a link's events that wait."""

    linked: int | None = None
    statuses: list[int] = field(default_factory=list)


class Pending:
    """The links that are up here, and the events that wait."""

    def __init__(self) -> None:
        self.links: dict[int, OwnLink] = {}  # the present ones, by their turbines
        self._events: OrderedDict[int, PendingEvent] = OrderedDict()  # by their places
        self._of_link: dict[int, _Waiting] = {}
        self._orders = 0
        self._last_place = 0

    def __len__(self) -> int:
        return len(self._events)

    @property
    def last_place(self) -> int:
        """The place of the last event that was ever put."""
        return self._last_place

    @property
    def first_place(self) -> int:
        """The place of the first one that waits, or the next one to come."""
        return next(iter(self._events), self._last_place + 1)

    def connected(self, link: OwnLink, *, is_member: bool) -> None:
        """A link is up, in the place of an older one; who is no member tells of it when it joins."""
        older = self.links.get(link.turbine_number)
        if older is not None:
            self._drop_unheard(older.link_id)
        self.links[link.turbine_number] = link
        if is_member:
            self._say_linked(link)

    def reported(self, event: StatusReported, *, is_member: bool) -> None:
        """A turbine said how it is on a link."""
        link = self.links.get(event.turbine_number)
        if link is None or link.link_id != event.session_id:
            return
        link.status = event.operational_status
        if is_member:
            self._say_status(event)

    def disconnected(self, event: Disconnected, *, is_member: bool) -> bool:
        """A link is gone; return whether the pool will hear of that."""
        link = self.links.get(event.turbine_number)
        if link is None or link.link_id != event.session_id:
            return False
        del self.links[event.turbine_number]
        is_heard = not self._drop_unheard(event.session_id) and is_member
        if is_heard:
            self._put(event)
        return is_heard

    def said(self, event: PersonEvent) -> None:
        """A person said something, which waits also where nobody is a member."""
        self._put(event)
        self._orders += 1
        if self._orders > MOST_ORDERS:
            oldest = next(place for place, each in self._events.items() if _is_order(each))
            del self._events[oldest]
            self._orders -= 1

    def statuses(self, link_id: int) -> list[PendingEvent]:
        """Return what was said on a link of how its turbine is, and waits, the oldest first."""
        waiting = self._of_link.get(link_id)
        return [] if waiting is None else [self._events[place] for place in waiting.statuses]

    def time_passed(self) -> None:
        """Deadlines are to be looked at; once is enough."""
        if TimePassed() not in islice(reversed(self._events.values()), 1):
            self._put(TimePassed())

    def begin_anew(self) -> None:
        """Tell of all links that are up, as a monitor does that has just joined; what people said waits on."""
        for place in [place for place, event in self._events.items() if not _is_order(event)]:
            del self._events[place]
        self._of_link.clear()
        for link in self.links.values():
            self._say_linked(link)
            if link.status is not None:
                self._say_status(StatusReported(link.turbine_number, link.link_id, link.status))

    def take(self, most: int) -> dict[int, PendingEvent]:
        """Return the first so many events by their places; they wait no longer."""
        return {place: self._take(place) for place in list(islice(self._events, most))}

    def put_back(self, events: Mapping[int, PendingEvent]) -> None:
        """Have what people said among these events wait again: it is not known whether it was heard."""
        for place in sorted(events, reverse=True):
            if _is_order(events[place]):
                self._events[place] = events[place]
                self._events.move_to_end(place, last=False)
                self._orders += 1

    def _drop_unheard(self, link_id: int) -> bool:
        """Forget all events of a link that nobody has heard of; return whether it is such a one."""
        waiting = self._of_link.get(link_id)
        if waiting is None or waiting.linked is None:
            return False
        for place in (waiting.linked, *waiting.statuses):
            del self._events[place]
        del self._of_link[link_id]
        return True

    def _put(self, event: PendingEvent) -> int:
        self._last_place += 1
        self._events[self._last_place] = event
        return self._last_place

    def _say_linked(self, link: OwnLink) -> None:
        place = self._put(Linked(link.turbine_number, link.link_id, link.made))
        self._of_link[link.link_id] = _Waiting(place)

    def _say_status(self, event: StatusReported) -> None:
        waiting = self._of_link.setdefault(event.session_id, _Waiting())
        last = self._events[waiting.statuses[-1]] if waiting.statuses else None
        if event == last:
            return
        if event.operational_status is OperationalStatus.ok:
            for place in waiting.statuses:
                del self._events[place]
            waiting.statuses.clear()
        waiting.statuses.append(self._put(event))

    def _take(self, place: int) -> PendingEvent:
        event = self._events.pop(place)
        match event:
            case Linked(link_id=link_id) | StatusReported(session_id=link_id):
                self._forget(link_id, place)
            case Disconnected() | TimePassed():
                pass
            case _:
                self._orders -= 1
        return event

    def _forget(self, link_id: int, place: int) -> None:
        waiting = self._of_link[link_id]
        if waiting.linked == place:
            waiting.linked = None
        else:
            waiting.statuses.remove(place)
        if waiting.linked is None and not waiting.statuses:
            del self._of_link[link_id]


def _is_order(event: PendingEvent) -> bool:
    return not isinstance(event, Linked | StatusReported | Disconnected | TimePassed)
