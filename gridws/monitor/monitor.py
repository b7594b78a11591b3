"""`GridMonitor`: sessions, dispatcher, store and viewers together.

Turns frames into events for the dispatcher, and its commands into frames and rows. Knows no web framework. A session
hands each reading to `collect_metrics`, which has it stored (`store_metrics`), keeps it as the turbine's last, and,
where its status is news, has the dispatcher decide (`dispatch_engineer`). The server does the same for a plain reading
by a copy of all this.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from contextlib import suppress

from ..clock import Clock, SystemClock
from ..dispatch import (
    ChosenNext,
    Connected,
    Disconnected,
    DispatchPort,
    Held,
    HoldEnded,
    MonitorStopped,
    Number,
    RosterChanged,
    StatusReported,
    Told,
    ToldToForget,
)
from ..errors import GridError, NotDecided, NotKept, StoreFailed
from ..moments import Moment
from ..settings import CLOCK_FAR, MonitorSettings
from ..storage import Opened, Store
from ..storage.memory import MemoryStore
from ..storage.records import SharedReadings
from ..storage.rows import LinkRow, ReadingRow
from ..wire.frames import CloseCode, Event, Metrics
from ..words import OperationalStatus
from .disk_watch import DiskWatch
from .earlier_runs import moment_of, what_earlier_runs_left
from .fleet_state import Entry
from .forecast import Forecast
from .long_waits import LongWaits
from .moving import MOVED, Moving
from .pace import ROUND
from .parts import own_pool, put_together
from .readings_elsewhere import ReadingsElsewhere
from .returns import Returns
from .session import Link, Session
from .stream import Stream

_log = logging.getLogger("gridws")

ANSWERED_WITHIN = 2.0
"""Seconds that a monitor which stops gives the dispatch port to say how its assignments end."""

KEPT_WITHIN = 5.0
"""Seconds that a person waits until what they asked for is on the disk: some twenty commits."""


class GridMonitor:
    """Watches turbines, keeps their readings, and sends `engineer_count` engineers to the broken ones.

    `run` is its life until it is cancelled; `connect` gives a turbine's new link its session. Without a `store`
    readings are kept in memory only; without a `port` the engineers are this monitor's own. `shared_readings` are those
    of turbines that are linked to others which share the port's pool.
    """

    def __init__(
        self,
        engineer_count: int = 3,
        store: Store | None = None,
        *,
        settings: MonitorSettings | None = None,
        clock: Clock | None = None,
        port: DispatchPort | None = None,
        shared_readings: SharedReadings | None = None,
    ) -> None:
        self.settings = settings or MonitorSettings(engineers=engineer_count)
        self.clock = clock or SystemClock()
        self.store = store or MemoryStore()
        self.accepting = False
        self._port = port or own_pool(engineer_count, self.settings, self.clock)
        parts = put_together(self._port, self.store, self.settings, self.clock)
        self.counters = parts.counters
        self.sessions = parts.sessions
        self.queue = parts.queue
        self.fleet_state = parts.fleet_state
        self.last_turbines_metrics = parts.fleet_state.last_metrics
        self.watch = parts.watch
        self.tap = parts.tap
        self.remarks = parts.remarks
        self._tidings = parts.tidings
        self._chronicles = parts.chronicles
        self._chronicle = parts.chronicles[Told.everybody]
        self._no_longer_held = parts.no_longer_held
        self._acks = parts.acks
        self._rounds = parts.rounds
        self.pace = parts.pace
        self._returns = Returns(self.settings)
        self._last_session_id = 0
        self._moving = Moving(self.sessions, self.fleet_state, self._port, clock=self.clock)
        self._long_waits = LongWaits(
            self.fleet_state, self._chronicles, limit=self.settings.long_wait, clock=self.clock
        )
        self.readings_elsewhere = ReadingsElsewhere(
            shared_readings, self.fleet_state, self.watch, clock=self.clock
        )
        self._disk_watch = DiskWatch(self.store, settings=self.settings, clock=self.clock)

    @property
    def forecast(self) -> Forecast | None:
        """What the disk will hold at the present rate, None while that is not known."""
        return self._disk_watch.forecast

    @property
    def engineer_count(self) -> int:
        """How many engineers there shall be."""
        return self._port.pool.engineer_count

    @property
    def undispatched(self) -> str | None:
        """Why no engineer can be sent anywhere now, None while they can."""
        return self._port.trouble

    @property
    def monitors(self) -> Sequence[str]:
        """The addresses of the monitors that share the pool, this one among them; none where it is its own."""
        return self._port.monitors

    def pool_numbers(self) -> Sequence[Number]:
        """Return what an operator may want to know of how engineers are given out."""
        return self._port.numbers()

    @property
    def overloaded(self) -> str | None:
        """What is done about more readings than can be stored, in a sentence; None while all are stored."""
        if not self.pace.holds_back:
            return None
        return f"more comes than can be stored: {self.pace.who_waits(self.queue.rows)}"

    # Its life.

    async def start(self) -> None:
        """Open the store and go on where an earlier run ended, once; raise `StoreUnusable`."""
        if self.accepting:
            return
        now = self.clock.now()
        opened = await self.store.open(now=now.at)
        self.queue.begin(opened, now)
        self._go_on_from(opened, now)
        try:
            await self._port.start()
        except GridError:
            await self.store.close()
            raise
        self.accepting = True

    def _go_on_from(self, opened: Opened, now: Moment) -> None:
        """Go on where the runs before ended that this database knows of."""
        self._last_session_id = max(self._last_session_id, opened.last_link_id)
        self._port.tell(what_earlier_runs_left(opened, self._no_longer_held, now), now)
        self.remarks.recall(opened.names)
        for turbine_number, seen_at in opened.last_seen_at.items():
            if turbine_number not in self.fleet_state:
                reading = opened.last_readings.get(turbine_number)
                self.fleet_state.recall(turbine_number, seen_at, reading)

    async def run(self) -> None:
        """Live until cancelled: commit, acknowledge, notice silence and deadlines; raise what fails."""
        await self.start()
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self.queue.run())
                tasks.create_task(self._port.run())
                tasks.create_task(self._make_rounds())
                tasks.create_task(self._keep_pace())
                tasks.create_task(self._disk_watch.run())
                tasks.create_task(self._long_waits.run())
                tasks.create_task(self._moving.run())
                tasks.create_task(self.readings_elsewhere.run())
        except BaseExceptionGroup as group:
            raise group.exceptions[0] from None
        finally:
            # In a task of its own: in one that was cancelled, Python 3.11.0 to 3.11.2 has no working time-outs.
            await asyncio.create_task(self._end())

    async def _end(self) -> None:
        self.close_links()
        with suppress(TimeoutError):
            async with asyncio.timeout(ANSWERED_WITHIN if self._port.trouble is None else 0.0):
                await self._port.answered()
        complete = await self.queue.finish()
        await self._port.close()
        await self.store.close(complete=complete)
        self._chronicle.sum_up_last(self.clock.now())
        _log.info("the monitor stops: %s readings stored in this run", f"{self.counters.readings_stored:,}")

    def close_links(self) -> None:
        """Stop: have all assignments end as `monitor_stopped`, close all links with 1012, take no new ones."""
        if not self.accepting:
            return
        self.accepting = False
        now = self.clock.now()
        self._port.tell(MonitorStopped(), now)
        for session in list(self.sessions.values()):
            session.close(CloseCode.RESTART, "monitor_stopped", "the monitor stops; connect again soon", now)

    def listen(self, listener: Callable[[Event], None]) -> None:
        """Have whatever happens told to `listener` too, which returns at once and does not raise."""
        self._tidings.listeners.append(listener)

    # Links.

    def seconds_to_wait(self, turbine_number: int) -> float:
        """Return in how many seconds a turbine may have its next link, 0.0: now. Who comes in a loop has to wait."""
        return self._returns.wait(turbine_number, self.clock.now().seconds)

    def connect(self, turbine_number: int, link: Link) -> Session:
        """Return the session of a new link; an older link of the same turbine is superseded by it."""
        self._last_session_id += 1
        now = self.clock.now()  # one moment: by it the store knows the link again when it ends
        older = self.sessions.get(turbine_number)
        session = Session(
            self._last_session_id,
            self._welcome_turbine(turbine_number, older, now),
            link,
            self,
            clock=self.clock,
            settings=self.settings,
            tap=self.tap,
            counters=self.counters,
            pace=self.pace,
            now=now,
        )
        self.sessions[turbine_number] = session
        self.counters.links += 1
        self._rounds.watch(session)
        self._returns.came(turbine_number, now.seconds)
        self.queue.put_link(LinkRow(session.id, turbine_number, now.at))
        self._port.tell(Connected(turbine_number, session.id), now)
        if older is not None:
            older.close(CloseCode.SUPERSEDED, "superseded", "superseded", now)
        return session

    def session_ended(self, session: Session, reason: str, now: Moment) -> None:
        self.counters.link_lost(reason)
        up = session.connected
        ended_at = up.at + round((now.seconds - up.seconds) * 1000)  # also where the wall clock was set since
        self.queue.put_link(LinkRow(session.id, session.turbine_number, up.at, ended_at, reason))
        self._rounds.forget(session)
        if session.stream is not None:
            self._close_stream(session.stream)
        if self.sessions.get(session.turbine_number) is session:
            del self.sessions[session.turbine_number]
            self._turbine_lost(session, reason, now)

    def _welcome_turbine(self, number: int, older: Session | None, now: Moment) -> Entry:
        if older is not None:
            self._chronicle.superseded(number, now)
            self._note_offline(number, now)
        else:
            self._chronicle.connected(number, now, again=number in self.fleet_state)
        self.watch.turbine_changed(number)
        return self.fleet_state.came_online(number, now.at)

    def _turbine_lost(self, session: Session, reason: str, now: Moment) -> None:
        number = session.turbine_number
        # Superseded, and not by a link here: how it is from now on is for another monitor to keep.
        self._note_offline(number, now, keep=reason != "superseded")
        self.watch.turbine_changed(number)
        if self.accepting:
            if reason != MOVED:
                self._chronicle.lost(number, now, reason)
            self._port.tell(Disconnected(number, session.id), now)

    def _note_offline(self, number: int, now: Moment, *, keep: bool = True) -> None:
        change = self.fleet_state.went_offline(number, now.at)
        if change is not None and keep:
            self.queue.put_status(change)

    # Readings.

    def collect_metrics(self, session: Session, metrics: Metrics, stream: Stream | None, now: Moment) -> None:
        """Take one reading, of `stream` where it is numbered: store it, and know a live one as the turbine's last.

        A live one is shown and dispatched on also where it cannot be stored now and comes again.
        """
        said_at = metrics.measured_at  # filled in where it is stored
        self.store_metrics(metrics, stream, now)
        if metrics.historical:
            return
        if metrics.operational_status is not session.entry.status:
            self.status_reported(session, metrics.operational_status, now)
        session.entry.reading = _row(metrics, now.at)
        if said_at is not None:
            ahead = said_at - now.at
            if not -CLOCK_FAR < ahead - session.clock_ahead < CLOCK_FAR:
                self._clock_differs(session, ahead, now)
        if self.watch.watched:
            self.watch.reading_taken(session.turbine_number)

    def _clock_differs(self, session: Session, ahead: int, now: Moment) -> None:
        """Note how far off the time of a live reading is, where that is news; tell it once a link."""
        number = session.turbine_number
        session.clock_ahead = ahead if abs(ahead) >= CLOCK_FAR else 0
        self.fleet_state.clock_is_ahead(number, session.clock_ahead)
        self.watch.turbine_changed(number)
        if session.clock_ahead and not session.clock_told:
            session.clock_told = True
            self._chronicle.clock_off(number, ahead / 1000, now)

    def store_metrics(self, metrics: Metrics, stream: Stream | None, now: Moment) -> None:
        """Queue one reading for the next commit; without a `measured_at` it was measured now."""
        if metrics.measured_at is None:
            metrics.measured_at = now.at
        reading = _row(metrics, self.queue.calendar.receipt(now))
        if stream is None or metrics.sequence is None:
            self.queue.append(reading)
        else:
            self.queue.append(reading, stream, metrics.sequence)

    def status_reported(self, session: Session, status: OperationalStatus, now: Moment) -> None:
        """Take a live status; what is news is shown, kept and dispatched on."""
        number = session.turbine_number
        if status is session.entry.status:
            return
        self.queue.put_status(self.fleet_state.changed(number, status, now.at))
        self.watch.turbine_changed(number)
        if status is OperationalStatus.broken:
            self._chronicle.broke(number, now)
        self.dispatch_engineer(session, status, now)

    # Dispatch.

    def dispatch_engineer(self, session: Session, status: OperationalStatus, now: Moment) -> None:
        """Have it decided what a turbine's new status means: an engineer goes there, comes back, or is waited for.

        The dispatcher remembers who waits, so an engineer that is not free now goes there as soon as one is.
        """
        self._port.tell(StatusReported(session.turbine_number, session.id, status), now)

    # What people ask for. What comes of it they are told when the port has answered; `kept` waits for that.

    async def kept(self) -> None:
        """Return when all that people asked for before is decided and on the disk.

        Raise `NotKept` where it is not on the disk within `KEPT_WITHIN`: it is in force, and goes there later; or
        `NotDecided` where it is not in force either.
        """
        slow: NotKept = NotDecided(self._port.trouble or "the pool of engineers does not answer")
        try:
            async with asyncio.timeout(KEPT_WITHIN):
                await self._port.answered()
                slow = NotKept("the disk does not answer")
                await self.queue.committed()
        except StoreFailed as error:
            raise NotKept(error.reason) from error
        except TimeoutError:
            raise slow from None

    def change_roster(self, engineer_count: int, *, by: str | None = None) -> None:
        """Have so many engineers from now on; those at work who are too many leave when they finish."""
        self._port.tell(RosterChanged(engineer_count, by), self.clock.now())

    def hold(
        self,
        turbine_number: int,
        *,
        reason: str | None = None,
        until: int | None = None,
        by: str | None = None,
    ) -> None:
        """Send nobody to a turbine until then (ms UTC) or, None, until the hold is ended; who is there leaves.

        A turbine that is held already is held for this reason and until then instead.
        """
        now = self.clock.now()
        self._port.tell(Held(turbine_number, moment_of(until, now), reason, by), now)

    def end_hold(self, turbine_number: int, *, by: str | None = None) -> None:
        """Hold a turbine no longer: still broken, it has its old place. One that is not held stays as it is."""
        self._port.tell(HoldEnded(turbine_number, by), self.clock.now())

    def put_next(self, turbine_number: int, *, reason: str | None = None, by: str | None = None) -> None:
        """Let a waiting turbine go first. One that does not wait stays as it is."""
        self._port.tell(ChosenNext(turbine_number, reason, by), self.clock.now())

    def forget(self, turbine_number: int, *, erase: bool = False, by: str | None = None) -> None:
        """Know a turbine no more until it comes back, and `erase` its readings. One with a link stays as it is."""
        self._port.tell(ToldToForget(turbine_number, erase, by), self.clock.now())

    # What sessions ask for.

    def stream_opened(self, session: Session, stream: Stream, older: Stream | None) -> None:
        if older is not None:
            self._close_stream(older)
        self.queue.want(stream)
        self._rounds.watch(session)

    def reading_passed_over(self, stream: Stream, sequence: int) -> None:
        self.queue.pass_over(stream, sequence)

    def ack_due(self, stream: Stream) -> None:
        self._acks.ack_due(stream)

    def session_hurries(self, now: Moment) -> None:
        self._rounds.notice_stall(now.seconds)

    def session_paused(self, session: Session) -> None:
        self._rounds.session_paused(session)

    def _close_stream(self, stream: Stream) -> None:
        self.queue.unwant(stream)
        self._acks.close_stream(stream)

    async def _make_rounds(self) -> None:
        while True:
            self._rounds.due = self.clock.now().seconds + self.settings.tick
            await asyncio.sleep(self.settings.tick)
            now = self.clock.now()
            self._rounds.make(now)
            for chronicle in self._chronicles.values():
                chronicle.sum_up(now)
            opened = self.queue.take_opened()
            if opened is not None:
                self._go_on_from(opened, now)

    async def _keep_pace(self) -> None:
        while True:
            await asyncio.sleep(ROUND if self.pace.holds_back else self.settings.tick)
            self.pace.next_round(self.queue.rows, self.clock.now().seconds)


def _row(metrics: Metrics, received_at: int) -> ReadingRow:
    return (
        metrics.turbine_number,
        metrics.measured_at or 0,
        metrics.wind_speed,
        metrics.power_output_in_kwh,
        metrics.operational_status._value_,
        received_at,
    )
