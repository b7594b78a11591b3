"""What time brings, looked at four times a second: silence, deadlines, held-back acks, resyncs, viewers.

A few looks instead of a timer for each frame. After a stall of the event loop itself neither silence nor
deadlines are judged until the frames that arrived meanwhile could be read, and these are no flood.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import inf

from ..dispatch import DispatchPort, TimePassed
from ..moments import Moment
from ..settings import AFTER_STALL, MonitorSettings
from ..wire.frames import CloseCode
from .acks import Acks
from .clock_watch import ClockWatch
from .counters import Counters
from .fan_out import FleetWatch
from .fleet_state import FleetState
from .pace import Pace
from .session import Session
from .silence import Silence
from .write_queue import WriteQueue

EVERY_SECOND = 1.0
FORGET_EVERY = 600.0
MOST_HELD = 5
"""Stalls that may hold back a judgement, one after the other: a loop that is always late must judge all the same."""


class Rounds:
    """Makes the monitor's rounds; `make` is called about every `settings.tick`.

    `due` is the monotonic second for which the next one is meant.
    """

    def __init__(
        self,
        sessions: Mapping[int, Session],
        port: DispatchPort,
        *,
        settings: MonitorSettings,
        acks: Acks,
        queue: WriteQueue,
        fleet_state: FleetState,
        watch: FleetWatch,
        counters: Counters,
        pace: Pace,
    ) -> None:
        self._sessions = sessions
        self._port = port
        self._settings = settings
        self._acks = acks
        self._queue = queue
        self._fleet_state = fleet_state
        self._clock_watch = ClockWatch(fleet_state)
        self._watch = watch
        self._counters = counters
        self._pace = pace
        self._silence = Silence()
        self._paused: dict[Session, None] = {}
        self.due = inf
        self._stalled_at = self._judge_from = 0.0
        self._held = 0
        self._resynced_at = self._delivered_at = self._forgot_at = 0.0

    def watch(self, session: Session) -> None:
        """End this session when its link is silent for too long; to be told again where its time-out changes."""
        self._silence.watch(session)

    def session_paused(self, session: Session) -> None:
        """Let this session read on as soon as its peer is within its rate."""
        self._paused[session] = None

    def forget(self, session: Session) -> None:
        """The session has ended."""
        self._silence.forget(session)
        self._paused.pop(session, None)
        self._pace.forget(session)

    def make(self, now: Moment) -> None:
        """Look at everything that depends on time."""
        self._counters.loop_lag = max(0.0, now.seconds - self.due)
        self.notice_stall(now.seconds)
        if now.seconds >= self._judge_from:
            self._held = 0
        self._queue.look_after(now.seconds)
        for change in self._clock_watch.look(now):
            self._queue.put_status(change)
        self._paused = {session: None for session in self._paused if not session.ease(now.seconds)}
        self._judge_silence(now)
        self._judge_deadlines(now)
        self._acks.send_acks(now.seconds)
        self._resync(now.seconds)
        self._deliver(now.seconds)
        self._forget(now)

    def notice_stall(self, now: float) -> None:
        """See whether the event loop stood still; then nobody is judged by when its frames were read."""
        lag = now - self.due
        if lag > self._settings.stall and self._stalled_at != self.due:
            self._stalled_at = self.due
            if self._held < MOST_HELD:
                self._held += 1
                self._judge_from = now + AFTER_STALL
            for session in self._sessions.values():
                session.held_up(lag, now)

    def _judge_silence(self, now: Moment) -> None:
        if now.seconds >= self._judge_from:
            for session in self._silence.found(now.seconds):
                session.close(CloseCode.SILENT, "silent", "silent", now)

    def _judge_deadlines(self, now: Moment) -> None:
        deadline = self._port.pool.next_deadline()
        if deadline is not None and deadline <= now.seconds >= self._judge_from:
            self._port.tell(TimePassed(), now)

    def _resync(self, now: float) -> None:
        if now - self._resynced_at >= EVERY_SECOND and not self._queue.degraded:
            self._resynced_at = now
            self._acks.send_resyncs(self._queue.room)

    def _deliver(self, now: float) -> None:
        if self._watch.watched and now - self._delivered_at >= self._settings.watch_interval:
            self._delivered_at = now
            self._watch.deliver()

    def _forget(self, now: Moment) -> None:
        if now.seconds - self._forgot_at >= FORGET_EVERY or self._fleet_state.is_full:
            self._forgot_at = now.seconds
            for turbine_number in self._fleet_state.forget_before(
                self._queue.calendar.at(now) - int(self._settings.turbines_shown_for * 1000)
            ):
                self._watch.turbine_changed(turbine_number)
