"""Some hours of a small fleet, the same in every run and on every Python."""

from __future__ import annotations

from collections.abc import Iterator

from gridws.dispatch import (
    ChosenNext,
    Connected,
    Disconnected,
    DispatchEvent,
    Held,
    HoldEnded,
    MonitorStarted,
    MonitorStopped,
    RosterChanged,
    StatusReported,
    TimePassed,
    ToldToForget,
)
from gridws.moments import Moment
from gridws.words import OperationalStatus

TURBINES = 12
EVENTS = 5_000


class Draws:
    """Numbers that look random and are the same on every Python."""

    def __init__(self) -> None:
        self._state = 1

    def below(self, limit: int) -> int:
        self._state = (self._state * 6_364_136_223_846_793_005 + 1_442_695_040_888_963_407) % 2**64
        return (self._state >> 33) % limit


def history() -> Iterator[tuple[DispatchEvent, Moment]]:
    """Yield some hours of a small fleet, in which everything happens that can happen."""
    draws = Draws()
    sessions = dict.fromkeys(range(1, TURBINES + 1), 0)
    seconds, last_session = 0, 0
    yield MonitorStarted(last_assignment_id=100), Moment(0.0, 0)
    for _ in range(EVENTS):
        seconds += draws.below(20)
        number = 1 + draws.below(TURBINES)
        kind = draws.below(40)
        if kind < 6:
            sessions[number] = last_session = last_session + 1
            event: DispatchEvent = Connected(number, last_session)
        elif kind < 10:
            event = Disconnected(number, sessions[number])
        elif kind < 13:
            event = TimePassed()
        elif kind < 18:
            until = Moment(float(seconds + draws.below(400)), 0)
            event = (
                RosterChanged(draws.below(6)),
                Held(number, until, "works", "ann"),
                HoldEnded(number, "ann"),
                ChosenNext(number, "wind ahead"),
                ToldToForget(number, erases=True, by="ann"),
            )[draws.below(5)]
        else:
            status = OperationalStatus.ok if kind % 3 else OperationalStatus.broken
            event = StatusReported(number, sessions[number], status)
        yield event, Moment(float(seconds), 1_000 * seconds)
    yield MonitorStopped(), Moment(float(seconds), 1_000 * seconds)
