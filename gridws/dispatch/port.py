"""The dispatch port: the seam behind which engineers are given out.

The monitor tells the port what happened and carries out the commands that the port hands it. The one here hands
them over before `tell` returns; one that shares its pool with other monitors would do so a little later, and
nothing in the monitor relies on the difference: what came of an event is a command too, nothing is read from
the pool to find it out, and a command for a session that is gone is dropped.

Beside what the dispatcher wants done such a port hands over what follows from the others: `Elsewhere`, `SeenElsewhere`,
`MonitorSeen`, `Superseded`, `Withdraw`, `Settle` and `KeepStatuses`. One of a monitor's own never does.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import NamedTuple, Protocol

from ..moments import Moment
from ..words import OperationalStatus, Outcome
from .dispatcher import Dispatcher
from .events import Assignment, Command, DispatchEvent, Engineer, Hold, Named, Noted, Remark


class LinkNews(Enum):
    """What has become of a turbine's link at another monitor."""

    linked = auto()
    reported = auto()
    lost = auto()


@dataclass(frozen=True, slots=True)
class SeenElsewhere:
    """Show it: a turbine's link is at another monitor, this is its last word on it, and so it is since then (ms UTC).

    `monitor` is that one's address; None: it has no link there any more. Where it is `news`, tell whoever watches.
    """

    turbine_number: int
    monitor: str | None
    operational_status: OperationalStatus | None
    since: int
    news: LinkNews | None = None


class MonitorNews(Enum):
    """What has become of a monitor of the pool."""

    joined = auto()
    stopped = auto()
    lost = auto()


@dataclass(frozen=True, slots=True)
class MonitorSeen:
    """Tell people: the monitor of this address has come to the pool or, with so many links, has gone."""

    monitor: str
    news: MonitorNews
    link_count: int = 0


class Told(Enum):
    """Who is told of what is not carried out here: viewers are, each by the monitor that it watches.

    Logs and webhooks are told by one monitor: by the one that carries it out or, where that is gone, in its stead.
    """

    nobody = auto()
    viewers = auto()
    everybody = auto()


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """Show it, and have it `told`: nothing of it is carried out or kept here."""

    command: Command | Remark | MonitorSeen
    told: Told = Told.viewers


@dataclass(frozen=True, slots=True)
class Superseded:
    """Close this link, if it is still there: the turbine has a newer one, at another monitor."""

    turbine_number: int
    session_id: int


@dataclass(frozen=True, slots=True)
class Withdraw:
    """Call the engineer back: this monitor may not send anybody now. How the assignment ends follows from the pool."""

    assignment: Assignment


@dataclass(frozen=True, slots=True)
class Settle:
    """Keep how an assignment ended, which the monitor of its turbine may have been unable to."""

    assignment: Assignment
    outcome: Outcome
    ended_at: int


@dataclass(frozen=True, slots=True)
class KeepStatuses:
    """Keep again how the turbines are that have a link here: while this monitor was away others took it for dead."""


PortCommand = Command | Remark | Elsewhere | SeenElsewhere | Superseded | Withdraw | Settle | KeepStatuses

CarryOut = Callable[[Sequence[PortCommand], Moment], None]
"""Takes commands, in their order, and the moment of the event that they follow from."""


class Pool(Protocol):
    """The engineers and who waits for them, as far as it is known here: to be shown, never to be decided on."""

    @property
    def engineer_count(self) -> int:
        """How many engineers there shall be."""

    @property
    def free_count(self) -> int:
        """Engineers without work."""

    @property
    def waiting_count(self) -> int:
        """Online broken turbines without an engineer."""

    def engineers(self) -> list[Engineer]:
        """Return the roster by id, those included who will leave when they finish."""

    def assignment_of(self, turbine_number: int) -> Assignment | None:
        """Return the running assignment of a turbine."""

    def waiting_place(self, turbine_number: int) -> int | None:
        """Return the position among the waiting turbines, 1 for the next one; None when it does not wait."""

    def broken_at(self, turbine_number: int) -> int | None:
        """Return when the monitor learned that the turbine broke (ms UTC), also while it is offline."""

    def hold_of(self, turbine_number: int) -> Hold | None:
        """Return the hold of a turbine, None where it is not held."""

    def next_deadline(self) -> float | None:
        """Return the monotonic second at which `TimePassed` is wanted, None while nothing runs out."""


class Number(NamedTuple):
    """A number for the operator: what it is called, what it says, whether it only grows, and how much it is."""

    name: str
    text: str
    grows: bool
    value: float


class DispatchPort(Protocol):
    """Who decides which engineer goes where."""

    @property
    def pool(self) -> Pool:
        """What can be shown of it."""

    outlives_database: bool
    """Whether engineers are sent also while nothing can be stored."""

    @property
    def trouble(self) -> str | None:
        """Why no engineer can be sent anywhere now, None while they can."""

    @property
    def surplus_links(self) -> int:
        """How many links this monitor has beyond its share of all in the pool, below 0 where it has fewer."""

    @property
    def monitors(self) -> Sequence[str]:
        """The addresses of the monitors that share the pool, this one among them; none where it is its own."""

    def numbers(self) -> Sequence[Number]:
        """Return what an operator may want to know of it."""

    def open(self, carry_out: CarryOut) -> None:
        """Hand all commands to `carry_out`; called once, before anything is told."""

    async def start(self) -> None:
        """Get ready, once, after what earlier runs left was told; raise `StoreUnusable` where it never will be."""

    async def run(self) -> None:
        """Live until cancelled, if it does anything by itself; raise what fails.

        What is told afterwards counts too, until it is closed.
        """

    def tell(self, event: DispatchEvent | Remark, now: Moment) -> None:
        """Say what happened; what follows from it is handed over as commands, now or later."""

    async def answered(self) -> None:
        """Return when the commands that follow from all that was told have been handed over."""

    async def close(self) -> None:
        """Let go of everything; nothing is handed over any more."""


class LocalDispatch:
    """A pool of this monitor's own."""

    outlives_database = True
    trouble: str | None = None
    surplus_links = 0
    monitors: Sequence[str] = ()

    def __init__(self, dispatcher: Dispatcher) -> None:
        self._dispatcher = dispatcher
        self._carry_out: CarryOut

    @property
    def pool(self) -> Pool:
        return self._dispatcher

    def numbers(self) -> Sequence[Number]:
        """What there is to know the monitor tells itself."""
        return ()

    def open(self, carry_out: CarryOut) -> None:
        self._carry_out = carry_out

    async def start(self) -> None:
        """It is ready."""

    async def run(self) -> None:
        """It does nothing by itself."""

    def tell(self, event: DispatchEvent | Remark, now: Moment) -> None:
        commands = [event] if isinstance(event, Named | Noted) else self._dispatcher.tell(event, now)
        if commands:
            self._carry_out(commands, now)

    async def answered(self) -> None:
        """Nothing to wait for: `tell` has handed over all of it."""

    async def close(self) -> None:
        """It has nothing to let go of."""
