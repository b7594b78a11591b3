"""A fleet without sockets: fleet state, dispatcher and watch as the monitor joins them, for tests of what is shown."""

from __future__ import annotations

from gridws.dispatch import (
    Assign,
    Connected,
    Disconnected,
    Dispatcher,
    DispatchEvent,
    Held,
    Release,
    RosterChanged,
    StatusReported,
    TimePassed,
)
from gridws.moments import Moment
from gridws.monitor.fan_out import FleetWatch, Viewer
from gridws.monitor.fleet_state import FleetState
from gridws.viewers.replica import Replica
from gridws.wire.frames import Event, EventKind, WatchFrame, parse_watch
from gridws.words import OperationalStatus


class StillClock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.moment = Moment(1_000.0, 1_700_000_000_000)

    def now(self) -> Moment:
        return self.moment

    def move(self, seconds: float) -> None:
        self.moment = Moment(self.moment.seconds + seconds, self.moment.at + int(seconds * 1000))


class World:
    """Turbines that come, go, break and heal; every change is noted as the monitor notes it."""

    def __init__(self, *, engineers: int = 2) -> None:
        self.clock = StillClock()
        self.dispatcher = Dispatcher(
            engineers, repair_timeout=60.0, place_kept_for=86_400.0, started=self.clock.now()
        )
        self.fleet_state = FleetState(self.clock, self.dispatcher)
        self.watch = FleetWatch(self.fleet_state)
        self._sessions: dict[int, int] = {}
        self._last_session = self._last_event = 0

    def connect(self, number: int) -> None:
        self._last_session += 1
        self._sessions[number] = self._last_session
        self.fleet_state.came_online(number, self.clock.now().at)
        self._changed(number, EventKind.connected)
        self._tell(Connected(number, self._last_session))

    def lose(self, number: int) -> None:
        self.fleet_state.went_offline(number, self.clock.now().at)
        self._changed(number, EventKind.lost)
        self._tell(Disconnected(number, self._sessions.pop(number)))

    def report(self, number: int, status: OperationalStatus) -> None:
        self.fleet_state.changed(number, status, self.clock.now().at)
        self._changed(number, EventKind.broke)
        self._tell(StatusReported(number, self._sessions[number], status))

    def read(self, number: int, power: float, *, wind: float = 10.0) -> None:
        now = self.clock.now().at
        entry = self.fleet_state.get(number)
        assert entry is not None
        entry.reading = (number, now, wind, power, "ok", now)
        self.watch.reading_taken(number)

    def pass_time(self, seconds: float) -> None:
        self.clock.move(seconds)
        self._tell(TimePassed())

    def change_roster(self, count: int) -> None:
        self.watch.engineers_changed()
        self._tell(RosterChanged(count))

    def hold(self, number: int, reason: str | None) -> None:
        self._tell(Held(number, None, reason))
        self.watch.turbine_changed(number)

    def forget_offline(self) -> None:
        for number in self.fleet_state.forget_before(self.clock.now().at + 1):
            self.watch.turbine_changed(number)

    def is_online(self, number: int) -> bool:
        return number in self._sessions

    def _tell(self, event: DispatchEvent) -> None:
        now = self.clock.now()
        for command in self.dispatcher.tell(event, now):
            if isinstance(command, Assign | Release):
                number = command.assignment.turbine_number
                self.watch.engineers_changed()
                self.fleet_state.engineer_moved(number, now.at)
                self._changed(
                    number, EventKind.assigned if isinstance(command, Assign) else EventKind.repaired
                )

    def _changed(self, number: int, kind: EventKind) -> None:
        self.watch.turbine_changed(number)
        self._last_event += 1
        text = f"turbine {number} {kind.value}"
        event = Event(
            id=self._last_event, at=self.clock.now().at, kind=kind, turbine_number=number, text=text
        )
        self.watch.happened(event)


def taken(viewer: Viewer) -> WatchFrame | None:
    """Return the next frame of a viewer that is ready for another one, None while there is none."""
    asking = viewer.next()
    try:
        asking.send(None)
    except StopIteration as answer:
        return parse_watch(answer.value)
    finally:
        asking.close()
    return None


def drained_into(replica: Replica, viewer: Viewer) -> None:
    """Let a viewer take all that is there, until it is idle."""
    while (frame := taken(viewer)) is not None:
        replica.apply(frame)


def seen(replica: Replica) -> tuple[object, ...]:
    """Return all that a replica shows."""
    return (
        replica.turbines,
        replica.waiting,
        replica.engineers,
        replica.totals,
        replica.degraded,
        list(replica.events),
    )
