"""Follows the log beside the monitors, from its birth, and looks at each entry when it is appended."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import md5
from typing import TYPE_CHECKING

from memory_log import SharedLog

from gridws.dispatch import Assign, Assignment, Disconnected, Release, StatusReported, check
from gridws.several.entries import Draft, Entry, Joined, Linked, LogEvent, Lost, decode_events
from gridws.several.lease import LONGEST_GAP
from gridws.several.log import Beat, Loaded
from gridws.several.replica import Earlier, Replica
from gridws.several.steps import Step
from gridws.words import OperationalStatus

if TYPE_CHECKING:
    from .grid import Grid


@dataclass
class LinkTold:
    """What was said on one link, in its order, and how much of that the log has."""

    statuses: list[OperationalStatus] = field(default_factory=list)
    heard: int = 0
    is_over: bool = False


class WatchedLog(SharedLog):
    """A log in memory that is replayed while it grows; `grid` knows what really happens meanwhile."""

    def __init__(self, grid: Grid) -> None:
        super().__init__()
        self.replica: Replica | None = None
        self.digests: dict[int, str] = {}
        """Of the state at each position."""
        self.assigned: dict[int, Assignment] = {}
        self.released: dict[int, Release] = {}
        self.ended_in: dict[int, int] = {}
        """The position at which each assignment was released."""
        self.joined: dict[int, float] = {}
        """When each member joined."""
        self.evictions = 0
        self.void = 0
        self.beaten: dict[int, float] = {}
        """When each member beat last."""
        self._grid = grid
        self._links: dict[int, LinkTold] = {}

    def load(self, birth: Callable[[Earlier], str], rules: int) -> Loaded:
        loaded = super().load(birth, rules)
        if self.replica is None:
            self.replica = Replica.from_text(loaded.state)
            self.digests[0] = digest(self.replica)
        return loaded

    def put(self, draft: Draft) -> Entry:
        entry = super().put(draft)
        assert self.replica is not None
        step = self.replica.apply(entry)
        self._grid.witness.note(f"entry {entry.position} of {entry.member_id}: {entry.events}")
        self.digests[entry.position] = digest(self.replica)
        try:
            check(self.replica.dispatcher)
        except AssertionError as error:
            self._grid.witness.wrong(f"entry {entry.position} breaks an invariant: {error}")
        if step.is_void:
            self.void += 1
        else:
            self._take_in(step)
        return entry

    def beat(self, member_id: int | None, seconds: float) -> dict[int, Beat]:
        if member_id is not None:
            self.beaten[member_id] = self._grid.universe.now
        return super().beat(member_id, seconds)

    def evict(self, draft: Draft, member_id: int, beat: int) -> Entry | None:
        assert self.replica is not None
        known = member_id in self.replica.members
        entry = super().evict(draft, member_id, beat)
        if entry is not None and known and member_id not in self.replica.members:
            self.evictions += 1
            self._judge_eviction(draft.member_id, member_id)
        return entry

    def _judge_eviction(self, author: int, lost: int) -> None:
        """See whether the author can have seen the beat stand still over a whole lease of its own looks."""
        now, lease = self._grid.universe.now, self._grid.settings.lease
        process = self._grid.process_of(author)
        if process is None or lost not in self.beaten:
            return
        beaten = self.beaten[lost]
        missed = process.cut_off.within(beaten, now)
        overlooked = sum(min(seconds, lease / 6 * LONGEST_GAP) for seconds in missed)
        seen = now - beaten - sum(missed) + overlooked
        if seen < lease * 0.99:
            self._grid.witness.wrong(
                f"member {author} took {lost} for dead, which beat {now - beaten:.1f} s before: "
                f"it can have looked for {seen:.1f} s only"
            )

    # What is said on a link is in the log once, and in its order.

    def told(self, link_id: int, status: OperationalStatus) -> None:
        """A turbine said on a link how it is."""
        self._links.setdefault(link_id, LinkTold()).statuses.append(status)

    def _take_in(self, step: Step) -> None:
        _, events = decode_events(step.entry.events)
        for event in events:
            self._hear(event, step)
        for command in step.commands:
            match command:
                case Assign(assignment):
                    self.assigned[assignment.id] = assignment
                case Release():
                    self.released[command.assignment.id] = command
                    self.ended_in[command.assignment.id] = step.entry.position

    def _hear(self, event: LogEvent, step: Step) -> None:
        match event:
            case Joined():
                self.joined[step.entry.member_id] = self._grid.universe.now
            case Linked(number, link_id):
                if self._links.setdefault(link_id, LinkTold()).is_over:
                    self._grid.witness.wrong(f"turbine {number} has link {link_id} in the log after its end")
            case StatusReported(number, link_id, status):
                self._hear_status(number, self._links.setdefault(link_id, LinkTold()), status)
            case Disconnected(_, link_id):
                self._links.setdefault(link_id, LinkTold()).is_over = True
            case Lost(member_id):
                self._grid.witness.note(f"member {member_id} is lost, by {step.entry.member_id}")
            case _:
                pass

    def _hear_status(self, number: int, link: LinkTold, status: OperationalStatus) -> None:
        if link.heard and link.statuses[link.heard - 1] is status:
            return  # said again by a monitor that joined again
        rest = link.statuses[link.heard :]
        if status in rest:
            link.heard += rest.index(status) + 1
        else:
            self._grid.witness.wrong(f"the log has turbine {number} {status} again, which it did not say")


def digest(replica: Replica) -> str:
    """Return what two replicas have in common at one position."""
    return md5(replica.to_text().encode(), usedforsecurity=False).hexdigest()
