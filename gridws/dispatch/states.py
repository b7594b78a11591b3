"""The states of one turbine as the dispatcher sees it, and every legal move between them.

                 connected             broken            an engineer is free
    offline  ───────────────▶ unknown ────────▶ waiting ─────────────────────▶ assigned
       ▲                         │                 │  ▲          timed_out         │
       │ disconnected            │ ok              │  └────────────────────────────┤
       │                         ▼        ok       │                ok             │
       └─ from any other        ok ◀───────────────┴───────────────────────────────┘

A turbine that breaks, or is broken, while a person holds it is held instead of waiting, and whoever is there leaves:

    waiting, assigned  ──── held ───▶  held  ──── hold_ended ───▶ waiting

A newer link (connected) leads from every state to unknown: the turbine has to report anew. A monitor that
stops leads from every state to offline.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from ..moments import Moment
from ..words import OperationalStatus, Outcome


class State(Enum):
    """Where a turbine stands; all but offline have a live session."""

    offline = auto()
    unknown = auto()  # online, but this session has not reported yet
    ok = auto()
    waiting = auto()
    held = auto()  # broken, and nobody is sent
    assigned = auto()


class Cause(Enum):
    """What moves a turbine; from waiting to assigned it moves whenever an engineer is free."""

    connected = auto()
    ok = auto()
    broken = auto()
    disconnected = auto()
    timed_out = auto()
    held = auto()
    hold_ended = auto()
    monitor_stopped = auto()


MOVES: Final = {
    State.offline: {Cause.connected: State.unknown},
    State.unknown: {
        Cause.connected: State.unknown,
        Cause.ok: State.ok,
        Cause.broken: State.waiting,
        Cause.disconnected: State.offline,
        Cause.monitor_stopped: State.offline,
    },
    State.ok: {
        Cause.connected: State.unknown,
        Cause.broken: State.waiting,
        Cause.disconnected: State.offline,
        Cause.monitor_stopped: State.offline,
    },
    State.waiting: {
        Cause.connected: State.unknown,
        Cause.ok: State.ok,
        Cause.disconnected: State.offline,
        Cause.monitor_stopped: State.offline,
        Cause.held: State.held,
    },
    State.held: {
        Cause.connected: State.unknown,
        Cause.ok: State.ok,
        Cause.hold_ended: State.waiting,
        Cause.disconnected: State.offline,
        Cause.monitor_stopped: State.offline,
    },
    State.assigned: {
        Cause.connected: State.unknown,
        Cause.ok: State.ok,
        Cause.disconnected: State.offline,
        Cause.monitor_stopped: State.offline,
        Cause.timed_out: State.waiting,
        Cause.held: State.held,
    },
}
"""What is not listed changes nothing."""

OUTCOMES: Final = {
    Cause.connected: Outcome.superseded,
    Cause.ok: Outcome.repaired,
    Cause.disconnected: Outcome.disconnected,
    Cause.timed_out: Outcome.timed_out,
    Cause.held: Outcome.held,
    Cause.monitor_stopped: Outcome.monitor_stopped,
}
"""How an assignment ends, by what moved its turbine."""


CAUSES: Final = {OperationalStatus.ok: Cause.ok, OperationalStatus.broken: Cause.broken}
"""What a report causes."""


@dataclass(slots=True)
class Breakdown:
    """What is remembered until ok: the place in the queue, when it broke, the time engineers spent there."""

    place: int
    broken: Moment
    engineer_seconds: float = 0.0


@dataclass(slots=True)
class Turbine:
    """One turbine: its newest session, and when its present state ends by itself.

    `until` is when an assignment times out, or when the place of an offline turbine is forgotten.
    """

    number: int
    session_id: int
    state: State = State.offline
    until: float = 0.0
