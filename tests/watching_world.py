"""A fleet without sockets: register, dispatcher and watch as the monitor joins them, for tests of what is shown."""

from __future__ import annotations

from gridws.dispatcher import (
    Assign,
    Connected,
    Disconnected,
    Dispatcher,
    DispatchEvent,
    Moment,
    RosterChanged,
    StatusReported,
    TimePassed,
)
from gridws.frames import Event, EventKind, Metrics, OperationalStatus, WatchFrame, parse_watch
from gridws.register import Register
from gridws.replica import Replica
from gridws.watching import FleetWatch, Viewer


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
        self.degraded: str | None = None
        self.dispatcher = Dispatcher(
            engineers, repair_timeout=60.0, place_kept_for=86_400.0, started=self.clock.now()
        )
        self.register = Register(self.clock, self.dispatcher, lambda: self.degraded)
        self.watch = FleetWatch(self.register)
        self._sessions: dict[int, int] = {}
        self._last_session = self._last_event = 0

    def connect(self, number: int) -> None:
        self._last_session += 1
        self._sessions[number] = self._last_session
        entry = self.register.entry(number)
        entry.online, entry.status = True, None
        entry.since = entry.last_seen_at = self.clock.now().at
        self._changed(number, EventKind.connected)
        self._tell(Connected(number, self._last_session))

    def lose(self, number: int) -> None:
        entry = self.register.entry(number)
        entry.online, entry.status = False, None
        entry.since = self.clock.now().at
        self._changed(number, EventKind.lost)
        self._tell(Disconnected(number, self._sessions.pop(number)))

    def report(self, number: int, status: OperationalStatus) -> None:
        entry = self.register.entry(number)
        entry.status, entry.since = status, self.clock.now().at
        self._changed(number, EventKind.broke)
        self._tell(StatusReported(number, self._sessions[number], status))

    def read(self, number: int, power: float, *, wind: float = 10.0) -> None:
        metrics = Metrics(
            turbine_number=number,
            wind_speed=wind,
            power_output_in_kwh=power,
            operational_status=OperationalStatus.ok,
            measured_at=self.clock.now().at,
        )
        self.register.last_metrics[number] = metrics
        self.watch.reading_taken(number)

    def pass_time(self, seconds: float) -> None:
        self.clock.move(seconds)
        self._tell(TimePassed())

    def change_roster(self, count: int) -> None:
        self.watch.engineers_changed()
        self._tell(RosterChanged(count))

    def forget_offline(self) -> None:
        for number in self.register.forget_before(self.clock.now().at + 1):
            self.watch.turbine_changed(number)

    def is_online(self, number: int) -> bool:
        return number in self._sessions

    def _tell(self, event: DispatchEvent) -> None:
        now = self.clock.now()
        for command in self.dispatcher.tell(event, now):
            number = command.assignment.turbine_number
            self.watch.engineers_changed()
            self.register.touch(number, now.at)
            self._changed(number, EventKind.assigned if isinstance(command, Assign) else EventKind.repaired)

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
