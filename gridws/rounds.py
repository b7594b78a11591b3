"""What time brings, looked at four times a second: silence, deadlines, held-back acks, resyncs, viewers.

One scan over all sessions instead of a timer for each frame. After a stall of the event loop itself neither silence nor
deadlines are judged until the frames that arrived meanwhile could be read, and these are no flood.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import inf

from .dispatcher import Moment, TimePassed
from .frames import CloseCode
from .numbers import Numbers
from .port import DispatchPort
from .receipts import Receipts
from .register import Register
from .session import Session
from .settings import AFTER_STALL, MonitorSettings
from .storage.queue import WriteQueue
from .watching import FleetWatch

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
        receipts: Receipts,
        queue: WriteQueue,
        register: Register,
        watch: FleetWatch,
        numbers: Numbers,
        turbine_forgotten: Callable[[int], None],
    ) -> None:
        self._sessions = sessions
        self._port = port
        self._settings = settings
        self._receipts = receipts
        self._queue = queue
        self._register = register
        self._watch = watch
        self._numbers = numbers
        self._turbine_forgotten = turbine_forgotten
        self._paused: dict[Session, None] = {}
        self.due = inf
        self._stalled_at = self._judge_from = 0.0
        self._held = 0
        self._resynced_at = self._delivered_at = self._forgot_at = 0.0

    def session_paused(self, session: Session) -> None:
        """Let this session read on as soon as its peer is within its rate."""
        self._paused[session] = None

    def forget(self, session: Session) -> None:
        """The session has ended."""
        self._paused.pop(session, None)

    def make(self, now: Moment) -> None:
        """Look at everything that depends on time."""
        self._numbers.loop_lag = max(0.0, now.seconds - self.due)
        self.notice_stall(now.seconds)
        if now.seconds >= self._judge_from:
            self._held = 0
        self._queue.look_after(now.seconds)
        self._paused = {session: None for session in self._paused if not session.ease(now.seconds)}
        self._judge_silence(now.seconds)
        deadline = self._port.dispatcher.next_deadline()
        if deadline is not None and deadline <= now.seconds >= self._judge_from:
            self._pass_time(now)
        self._receipts.send_acks(now.seconds)
        self._resync(now.seconds)
        self._deliver(now.seconds)
        self._forget(now)

    def _pass_time(self, now: Moment) -> None:
        for turbine_number in self._port.dispatcher.forgotten_at(now):
            self._watch.turbine_changed(turbine_number)  # its `broken_at` goes
        self._port.tell(TimePassed(), now)

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

    def _judge_silence(self, now: float) -> None:
        if now < self._judge_from:
            return
        # The comparison comes first and here: it is made for every session, and nearly all have just been heard.
        unheard = [
            session
            for session in self._sessions.values()
            if now - session.last_heard >= session.silence_timeout
        ]
        for session in unheard:
            if session.is_silent(now):
                session.close(CloseCode.SILENT, "silent", "silent")

    def _resync(self, now: float) -> None:
        if now - self._resynced_at >= EVERY_SECOND and not self._queue.degraded:
            self._resynced_at = now
            self._receipts.send_resyncs(self._queue.room)

    def _deliver(self, now: float) -> None:
        if self._watch.watched and now - self._delivered_at >= self._settings.watch_interval:
            self._delivered_at = now
            self._watch.deliver()

    def _forget(self, now: Moment) -> None:
        if now.seconds - self._forgot_at >= FORGET_EVERY or self._register.is_full:
            self._forgot_at = now.seconds
            for turbine_number in self._register.forget_before(
                self._queue.calendar.at(now) - int(self._settings.turbines_shown_for * 1000)
            ):
                self._turbine_forgotten(turbine_number)
