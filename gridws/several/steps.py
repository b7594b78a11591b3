"""What an entry of the log comes to, step by step, and of what: members and the links that they hold."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from ..dispatch import Command, MonitorSeen, Remark, SeenElsewhere, Superseded
from ..moments import Moment
from ..words import OperationalStatus
from .entries import Entry


@dataclass(slots=True)
class Member:
    """A monitor that is in the pool; `number` is that of its last entry that counted, `lease` (s) its own."""

    member_id: int
    writer_id: int
    url: str
    lease: float
    number: int


@dataclass(slots=True)
class LinkHeld:
    """The present link of a turbine, and how the turbine is by its last word on it.

    `since` is when its present state (link, status, engineer) began, in ms UTC.
    """

    turbine_number: int
    member_id: int
    link_id: int
    made: float
    session_id: int
    status: OperationalStatus | None = None
    since: int = 0


class News(NamedTuple):
    """What is to be shown, or done, of a member or of a link that it has, or had."""

    member_id: int
    seen: SeenElsewhere | Superseded | MonitorSeen


@dataclass(slots=True)
class Step:
    """What an entry came to.

    `commands` are the dispatcher's and, in between, what led to them and what people said beside that, all in the order
    in which it happened. `is_void`: it came to nothing.
    """

    entry: Entry
    commands: list[Command | Remark | News] = field(default_factory=list)
    is_void: bool = False

    @property
    def moment(self) -> Moment:
        """When it was, in pool time and by the author's wall clock."""
        return Moment(self.entry.seconds, self.entry.at)
