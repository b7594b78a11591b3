"""The pool as the log tells it: pure, and the same in every monitor that has applied the same entries.

It knows who is a member and which monitor holds which link, and tells the unchanged dispatcher what that comes to. A
session of the dispatcher's is the position of the entry that brought the link, and the event's place in it.

Whoever changes what an entry comes to, or what a snapshot holds, raises `LOG_VERSION`: monitors of other `RULES` do not
share a pool.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from hashlib import md5
from typing import Any, Final, NamedTuple

import msgspec

from .. import dispatch
from ..dispatch import (
    RULES_VERSION,
    Assign,
    Connected,
    Disconnected,
    Dispatcher,
    DispatchEvent,
    Forget,
    LinkNews,
    MonitorLost,
    MonitorNews,
    MonitorSeen,
    MonitorStarted,
    MonitorStopped,
    Named,
    Naming,
    Noted,
    Release,
    SeenElsewhere,
    StatusReported,
    Superseded,
    TimePassed,
)
from ..dispatch.snapshot import restored, saved
from ..errors import GridError
from ..moments import Moment
from ..storage.rows import Hold
from ..words import OperationalStatus
from .entries import Entry, Joined, Left, Linked, LogEvent, Lost, PersonEvent, decode_events
from .steps import LinkHeld, Member, News, Step

LOG_VERSION: Final = 2
RULES: Final = 1_000 * RULES_VERSION + LOG_VERSION
"""Of what the same log comes to."""

MOST_EVENTS: Final = 2**20
"""Of one entry; 2^33 entries with as many have ids of sessions below 2^53."""


class LogSplit(GridError):
    """The log is not the one that this replica has followed; the sentence says in what, without a full stop."""


class Earlier(NamedTuple):
    """What was known where a pool is born: by monitors that had the database to themselves before."""

    last_assignment_id: int = 0
    engineer_count: int | None = None
    holds: Mapping[int, Hold] = {}
    names: tuple[Naming, ...] = ()


def next_chain(chain: str, events: str) -> str:
    """Return the digest of all entries up to one with these events."""
    return md5(f"{chain}{events}".encode(), usedforsecurity=False).hexdigest()


class Replica:
    """The state that follows from all entries up to `position`."""

    def __init__(self, dispatcher: Dispatcher) -> None:
        self.position = 0
        self.seconds = 0.0
        self.at = 0
        self.chain = ""
        self.dispatcher = dispatcher
        self.members: dict[int, Member] = {}
        self.names: dict[tuple[int | None, int | None], Naming] = {}
        self._links: dict[int, LinkHeld] = {}
        self._last_member_id = 0

    @classmethod
    def born(
        cls,
        engineer_count: int,
        earlier: Earlier,
        now: Moment,
        *,
        repair_timeout: float,
        place_kept_for: float,
    ) -> Replica:
        """Return the state before the first entry; pool time begins with `now`."""
        pool = cls(
            Dispatcher(
                engineer_count, repair_timeout=repair_timeout, place_kept_for=place_kept_for, started=now
            )
        )
        pool.seconds, pool.at = now
        holds = tuple(
            dispatch.Hold(number, hold.since, _moment(hold.until, now), hold.reason, hold.by)
            for number, hold in earlier.holds.items()
        )
        pool.dispatcher.tell(MonitorStarted(earlier.last_assignment_id, earlier.engineer_count, holds), now)
        pool._name(earlier.names)
        return pool

    def to_text(self) -> str:
        """Return the state as JSON: of replicas at the same position it is the same."""
        return msgspec.json.encode(
            {
                "position": self.position,
                "seconds": self.seconds,
                "at": self.at,
                "chain": self.chain,
                "last_member_id": self._last_member_id,
                "members": [
                    [m.member_id, m.writer_id, m.url, m.lease, m.number] for m in self.members.values()
                ],
                "links": [
                    [n, each.member_id, each.link_id, each.made, each.session_id, each.status, each.since]
                    for n, each in self._links.items()
                ],
                "names": list(self.names.values()),
                "dispatcher": saved(self.dispatcher),
            }
        ).decode()

    @classmethod
    def from_text(cls, text: str) -> Replica:
        """Return a replica that goes on from there."""
        state: dict[str, Any] = msgspec.json.decode(text)
        replica = cls(restored(state["dispatcher"]))
        replica.position, replica.chain = state["position"], state["chain"]
        replica.seconds, replica.at = state["seconds"], state["at"]
        replica._last_member_id = state["last_member_id"]
        replica.members = {values[0]: Member(*values) for values in state["members"]}
        # Of log version 1 a link has no `since`.
        for number, member_id, link_id, made, session_id, status, *since in state["links"]:
            known = OperationalStatus(status) if status else None
            replica._links[number] = LinkHeld(number, member_id, link_id, made, session_id, known, *since)
        replica._name(Naming(*values) for values in state["names"])
        return replica

    def link_of(self, turbine_number: int) -> LinkHeld | None:
        """Return the present link of a turbine, at whichever monitor; None where it has none."""
        return self._links.get(turbine_number)

    def links(self) -> Iterator[LinkHeld]:
        """Yield all links that there are."""
        yield from self._links.values()

    def count_links(self, member_id: int) -> tuple[int, int]:
        """Return how many links there are, and how many of them this member holds."""
        own = sum(link.member_id == member_id for link in self._links.values())
        return len(self._links), own

    def seen(self, link: LinkHeld, news: LinkNews | None = None) -> SeenElsewhere:
        """Return what others than its monitor show of a link."""
        return SeenElsewhere(
            link.turbine_number, self.members[link.member_id].url, link.status, link.since, news
        )

    def apply(self, entry: Entry) -> Step:
        """Take in the next entry; raise `LogSplit` where it is not the next one of this history."""
        if entry.position != self.position + 1:
            raise LogSplit(f"entry {entry.position} comes after {self.position}")
        if entry.chain != next_chain(self.chain, entry.events):
            raise LogSplit(f"entry {entry.position} belongs to another history")
        try:
            number, events = decode_events(entry.events)
        except ValueError as error:
            raise LogSplit(f"entry {entry.position} cannot be read") from error
        self.position, self.chain = entry.position, entry.chain
        self.seconds, self.at = entry.seconds, entry.at
        step = Step(entry, is_void=not self._counts(entry.member_id, number, events))
        if not step.is_void:
            for place, event in enumerate(events):
                self._take(event, entry.member_id, entry.position * MOST_EVENTS + place, step)
        return step

    def _counts(self, author: int, number: int, events: list[LogEvent]) -> bool:
        """See whether an entry counts, by the rules 2 and 6 of the log, and remember its number if it does."""
        if author not in self.members:
            return bool(events) and isinstance(events[0], Joined) and author > self._last_member_id
        member = self.members[author]
        if number != member.number + 1:
            return False
        member.number = number
        return True

    def _take(self, event: LogEvent, author: int, session_id: int, step: Step) -> None:
        if author not in self.members and not isinstance(event, Joined):
            return  # it has left within this entry
        match event:
            case Joined():
                self._join(event, author, step)
            case Left():
                self._lose(author, MonitorStopped, step)
            case Lost():
                self._lose(event.member_id, MonitorLost, step)
            case Linked():
                self._link(
                    LinkHeld(event.turbine_number, author, event.link_id, event.made, session_id), step
                )
            case StatusReported() | Disconnected():
                self._hear(event, author, step)
            case _:
                self._obey(event, step)

    def _join(self, event: Joined, author: int, step: Step) -> None:
        if author <= self._last_member_id:
            return
        for before in event.replaces:
            self._lose(before, MonitorLost, step)
        if not self.members:
            self._set(event)
        self._last_member_id = author
        self.members[author] = Member(author, event.writer_id, event.url, event.lease, 0)
        step.commands.append(News(author, MonitorSeen(event.url, MonitorNews.joined)))

    def _set(self, event: Joined) -> None:
        settings = {"repair_timeout": event.repair_timeout, "place_kept_for": event.place_kept_for}
        now = saved(self.dispatcher)
        if any(now[name] != value for name, value in settings.items()):
            self.dispatcher = restored(now | settings)

    def _lose(self, member_id: int, how: type[MonitorLost | MonitorStopped], step: Step) -> None:
        member = self.members.pop(member_id, None)
        if member is None:
            return
        numbers = tuple(sorted(n for n, link in self._links.items() if link.member_id == member_id))
        for number in numbers:
            del self._links[number]
            step.commands.append(News(member_id, _gone(number, step)))
        news = MonitorNews.lost if how is MonitorLost else MonitorNews.stopped
        step.commands.append(News(member_id, MonitorSeen(member.url, news, len(numbers))))
        self._tell(how(numbers), step)

    def _link(self, link: LinkHeld, step: Step) -> None:
        number = link.turbine_number
        before = self._links.get(number)
        if before is not None and before.member_id != link.member_id:
            older, newer = (link, before) if link.made < before.made else (before, link)
            step.commands.append(News(older.member_id, Superseded(number, older.link_id)))
            if newer is before:
                step.commands.append(News(before.member_id, self.seen(before)))
                return
        elif before is not None and before.link_id == link.link_id:
            return
        self._links[number] = link
        link.since = step.entry.at
        step.commands.append(News(link.member_id, self.seen(link, LinkNews.linked)))
        self._tell(Connected(number, link.session_id), step)

    def _hear(self, event: StatusReported | Disconnected, author: int, step: Step) -> None:
        number = event.turbine_number
        link = self._links.get(number)
        if link is None or (link.member_id, link.link_id) != (author, event.session_id):
            return
        if isinstance(event, StatusReported):
            if link.status is not event.operational_status:
                link.status, link.since = event.operational_status, step.entry.at
            step.commands.append(News(author, self.seen(link, LinkNews.reported)))
        else:
            del self._links[number]
            step.commands.append(News(author, _gone(number, step, LinkNews.lost)))
        self._tell(replace(event, session_id=link.session_id), step)

    def _tell(self, event: DispatchEvent, step: Step) -> None:
        for command in self.dispatcher.tell(event, step.moment):
            step.commands.append(command)
            if isinstance(command, Assign | Release):
                link = self._links.get(command.assignment.turbine_number)
                if link is not None:
                    link.since = step.entry.at
            elif isinstance(command, Forget):
                self.names.pop((command.turbine_number, None), None)

    def _obey(self, event: PersonEvent | TimePassed, step: Step) -> None:
        match event:
            case Named():
                self._name(event.namings)
                step.commands.append(event)
            case Noted():
                step.commands.append(event)
            case _:
                self._tell(event, step)

    def _name(self, namings: Iterable[Naming]) -> None:
        for naming in namings:
            key = naming.turbine_number, naming.engineer_id
            if naming.name is None and naming.site is None:
                self.names.pop(key, None)
            else:
                self.names[key] = naming


def _gone(turbine_number: int, step: Step, news: LinkNews | None = None) -> SeenElsewhere:
    return SeenElsewhere(turbine_number, None, None, step.entry.at, news)


def _moment(at: int | None, now: Moment) -> Moment | None:
    """Return when it will be so late (ms UTC), by what the clocks say now."""
    return None if at is None else Moment(now.seconds + (at - now.at) / 1000, at)
