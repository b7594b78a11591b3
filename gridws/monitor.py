"""`GridMonitor`: sessions, dispatcher, store and viewers together.

Turns frames into events for the dispatcher, and its commands into frames and rows. Knows no web framework. Every
reading takes the same way: a session hands it to `collect_metrics`, which has it stored (`store_metrics`), keeps it
as the turbine's last, and, where its status is news, has the dispatcher decide (`dispatch_engineer`).
"""

from __future__ import annotations

import asyncio
import logging

from .clock import Clock, SystemClock
from .dispatcher import (
    Connected,
    Disconnected,
    Dispatcher,
    Moment,
    RosterChanged,
    StatusReported,
)
from .dispatching import Dispatching
from .frames import CloseCode, Metrics, OperationalStatus
from .guard import Guard
from .numbers import Numbers
from .receipts import Receipts
from .register import Entry, Register
from .rounds import Rounds
from .session import Link, Session
from .settings import MonitorSettings
from .storage import LinkRow, Reading, StatusChange, Store
from .storage.memory import MemoryStore
from .storage.queue import WriteQueue
from .story import Story
from .stream import Stream
from .watching import FleetWatch, FrameTap

_log = logging.getLogger("gridws")
_new = tuple.__new__


class GridMonitor:
    """Watches turbines, keeps their readings, and sends `engineer_count` engineers to the broken ones.

    `run` is its life until it is cancelled; `connect` gives a turbine's new link its session. Without a `store`
    readings are kept in memory only.
    """

    def __init__(
        self,
        engineer_count: int = 3,
        store: Store | None = None,
        *,
        settings: MonitorSettings | None = None,
        clock: Clock | None = None,
    ) -> None:
        self.settings = settings or MonitorSettings(engineers=engineer_count)
        self.clock = clock or SystemClock()
        self.store = store or MemoryStore()
        self.numbers = Numbers()
        self.sessions: dict[int, Session] = {}
        self.accepting = False
        self.guard = Guard(self.settings)
        self._receipts = Receipts(self.sessions, self.numbers, self._storage_changed, self.settings)
        self.queue = WriteQueue(self.store, self._receipts, settings=self.settings, clock=self.clock)
        self._dispatcher = Dispatcher(
            engineer_count,
            repair_timeout=self.settings.repair_timeout,
            place_kept_for=self.settings.place_kept_for,
            started=self.clock.now(),
        )
        self.register = Register(self.clock, self._dispatcher, lambda: self.queue.degraded)
        self.last_turbines_metrics = self.register.last_metrics
        self.watch = FleetWatch(self.register)
        self.tap = FrameTap(size=self.settings.viewer_queue)
        self._story = Story(self.watch)
        self._dispatching = Dispatching(
            self._dispatcher,
            self.sessions,
            clock=self.clock,
            queue=self.queue,
            register=self.register,
            watch=self.watch,
            story=self._story,
            numbers=self.numbers,
        )
        self._rounds = Rounds(
            self.sessions,
            self._dispatching.port,
            settings=self.settings,
            receipts=self._receipts,
            queue=self.queue,
            register=self.register,
            watch=self.watch,
            numbers=self.numbers,
            turbine_forgotten=self._turbine_forgotten,
        )
        self._last_session_id = 0

    @property
    def engineer_count(self) -> int:
        """How many engineers there shall be."""
        return self._dispatcher.engineer_count

    # Its life.

    async def start(self) -> None:
        """Open the store and go on where an earlier run ended, once; raise `StoreUnusable`."""
        if self.accepting:
            return
        now = self.clock.now()
        opened = await self.store.open(now=now.at)
        for note in opened.notes:
            _log.warning("%s", note)
        self.queue.calendar.go_on_from(opened.committed_at or now.at, now)
        self._last_session_id = opened.last_link_id
        self._dispatcher.last_assignment_id = opened.last_assignment_id
        for turbine_number, seen_at in opened.last_seen_at.items():
            self._recall(turbine_number, seen_at, opened.last_readings.get(turbine_number))
        self.accepting = True

    async def run(self) -> None:
        """Live until cancelled: commit, acknowledge, notice silence and deadlines; raise what fails."""
        await self.start()
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self.queue.run())
                tasks.create_task(self._make_rounds())
        except BaseExceptionGroup as group:
            raise group.exceptions[0] from None
        finally:
            self.close_links()
            complete = await self.queue.finish()
            await self.store.close(complete=complete)
            _log.info(
                "the monitor stops: %s readings stored in this run", f"{self.numbers.readings_stored:,}"
            )

    def close_links(self) -> None:
        """Stop: end all assignments as `monitor_stopped`, close all links with 1012, take no new ones."""
        if not self.accepting:
            return
        now = self.clock.now()
        self.accepting = False
        self._dispatching.stop(now)
        for session in list(self.sessions.values()):
            session.close(CloseCode.RESTART, "monitor_stopped", "the monitor stops; connect again soon")

    # Links.

    def connect(self, turbine_number: int, link: Link) -> Session:
        """Return the session of a new link; an older link of the same turbine is superseded by it."""
        self._last_session_id += 1
        session = Session(
            self._last_session_id,
            turbine_number,
            link,
            self,
            clock=self.clock,
            settings=self.settings,
            tap=self.tap,
            numbers=self.numbers,
        )
        now = self.clock.now()
        older = self.sessions.get(turbine_number)
        self.sessions[turbine_number] = session
        self.numbers.links += 1
        self.queue.put_link(LinkRow(session.id, turbine_number, now.at))
        self._welcome_turbine(session, older, now)
        self._dispatching.port.tell(Connected(turbine_number, session.id), now)
        if older is not None:
            older.close(CloseCode.SUPERSEDED, "superseded", "superseded")
        return session

    def session_ended(self, session: Session, reason: str, now: Moment) -> None:
        self.numbers.link_lost(reason)
        ended_at = max(now.at, session.connected_at)
        self.queue.put_link(
            LinkRow(session.id, session.turbine_number, session.connected_at, ended_at, reason)
        )
        self._rounds.forget(session)
        if session.stream is not None:
            self._close_stream(session.stream)
        if self.sessions.get(session.turbine_number) is session:
            del self.sessions[session.turbine_number]
            self._turbine_lost(session, reason, now)

    def _welcome_turbine(self, session: Session, older: Session | None, now: Moment) -> None:
        entry = self.register.entry(session.turbine_number)
        if older is not None:
            self._story.superseded(session.turbine_number, now)
            self._put_status(entry, None, now)
        else:
            self._story.connected(session.turbine_number, now, again=entry.seen_before)
        entry.online, entry.seen_before, entry.status = True, True, None
        entry.since = entry.last_seen_at = now.at
        self.watch.turbine_changed(session.turbine_number)

    def _turbine_lost(self, session: Session, reason: str, now: Moment) -> None:
        entry = self.register.entry(session.turbine_number)
        self._put_status(entry, None, now)
        entry.online, entry.status = False, None
        entry.since = entry.last_seen_at = now.at
        self.watch.turbine_changed(session.turbine_number)
        if self.accepting:
            self._story.lost(session.turbine_number, now, reason)
            self._dispatching.port.tell(Disconnected(session.turbine_number, session.id), now)

    # Readings.

    def collect_metrics(self, session: Session, metrics: Metrics, now: Moment) -> bool:
        """Take one reading: store it, know it as the turbine's last, dispatch on it if it is a live one.

        Return False where there was no room to store it; it is shown and dispatched on all the same.
        """
        stored = self.store_metrics(session, metrics, now)
        if not metrics.historical:
            self.show_metrics(session, metrics, now)
        return stored

    def show_metrics(self, session: Session, metrics: Metrics, now: Moment) -> None:
        """Know a live reading as the turbine's last and dispatch on it, whether it is stored or comes again later."""
        if metrics.measured_at is None:
            metrics.measured_at = now.at
        if metrics.operational_status is not session.status:
            self.status_reported(session, metrics.operational_status, now)
        self.last_turbines_metrics[session.turbine_number] = metrics
        if self.watch.watched:
            self.watch.reading_taken(session.turbine_number)

    def store_metrics(self, session: Session, metrics: Metrics, now: Moment) -> bool:
        """Queue one reading for the next commit; False: refused, and asked for again if it is numbered."""
        measured_at = metrics.measured_at
        if measured_at is None:
            measured_at = metrics.measured_at = now.at
        reading = (
            metrics.turbine_number,
            measured_at,
            metrics.wind_speed,
            metrics.power_output_in_kwh,
            metrics.operational_status._value_,
            now.at,
        )
        if session.stream is not None and metrics.sequence is not None:
            return self.queue.append(reading, session.stream, metrics.sequence)
        stored = self.queue.append(reading)
        self.numbers.readings_lost += not stored
        return stored

    def status_reported(self, session: Session, status: OperationalStatus, now: Moment) -> None:
        """Take a live status; what is news is shown, kept and dispatched on."""
        if status is session.status:
            return
        healed = session.status is OperationalStatus.broken and not self._dispatcher.assignment_of(
            session.turbine_number
        )
        session.status = status
        entry = self.register.entry(session.turbine_number)
        self._put_status(entry, status, now)
        entry.status, entry.since = status, now.at
        self.watch.turbine_changed(session.turbine_number)
        if status is OperationalStatus.broken:
            self._story.broke(session.turbine_number, now)
        elif healed:
            self._story.healed(session.turbine_number, now)
        self.dispatch_engineer(session, status, now)

    # Dispatch.

    def dispatch_engineer(self, session: Session, status: OperationalStatus, now: Moment) -> None:
        """Have it decided what a turbine's new status means: an engineer goes there, comes back, or is waited for.

        The dispatcher remembers who waits, so an engineer that is not free now goes there as soon as one is.
        """
        self._dispatching.port.tell(StatusReported(session.turbine_number, session.id, status), now)
        place = self._dispatcher.waiting_place(session.turbine_number)
        if place is not None:
            self._story.waiting(session.turbine_number, now, engineers=self.engineer_count, place=place)

    def change_roster(self, engineer_count: int) -> None:
        """Have so many engineers from now on; those at work who are too many leave when they finish."""
        now = self.clock.now()
        if engineer_count != self.engineer_count:
            self._story.roster(engineer_count, now)
        self.watch.engineers_changed()
        self._dispatching.port.tell(RosterChanged(engineer_count), now)

    # What sessions ask for.

    def stream_opened(self, stream: Stream, older: Stream | None) -> None:
        if older is not None:
            self._close_stream(older)
        self.queue.want(stream)

    def reading_passed_over(self, stream: Stream, sequence: int) -> None:
        self.queue.pass_over(stream, sequence)

    def ack_due(self, session: Session) -> None:
        self._receipts.ack_due(session)

    def session_hurries(self, now: Moment) -> None:
        self._rounds.notice_stall(now.seconds)

    def session_paused(self, session: Session) -> None:
        self._rounds.session_paused(session)

    # Small things.

    def _storage_changed(self, reason: str | None) -> None:
        self._story.storage(reason, self.clock.now())

    def _turbine_forgotten(self, turbine_number: int) -> None:
        self.watch.turbine_changed(turbine_number)

    def _close_stream(self, stream: Stream) -> None:
        self.queue.unwant(stream)
        self._receipts.close_stream(stream)

    def _put_status(self, entry: Entry, status: OperationalStatus | None, now: Moment) -> None:
        metrics = self.last_turbines_metrics.get(entry.turbine_number)
        if (
            status is OperationalStatus.broken
            and metrics is not None
            and entry.status is OperationalStatus.ok
        ):
            entry.ok_power = metrics.power_output_in_kwh
        self.queue.put_status(
            StatusChange(entry.turbine_number, now.at, status.value if status else None, entry.ok_power)
        )

    def _recall(self, turbine_number: int, seen_at: int, reading: Reading | None) -> None:
        entry = self.register.entry(turbine_number)
        entry.since = entry.last_seen_at = seen_at
        entry.seen_before = True
        if reading is None:
            return
        self.last_turbines_metrics[turbine_number] = Metrics(
            turbine_number=turbine_number,
            wind_speed=reading.wind_speed,
            power_output_in_kwh=reading.power_output_in_kwh,
            operational_status=OperationalStatus(reading.operational_status),
            measured_at=reading.measured_at,
        )

    async def _make_rounds(self) -> None:
        while True:
            self._rounds.due = self.clock.now().seconds + self.settings.tick
            await asyncio.sleep(self.settings.tick)
            self._rounds.make(self.clock.now())
