"""What turbines are told about their readings: `welcome`, `ack` after the commit, `resync` when there is room again.

An ack costs as much as three readings, so there are only so many a second. A small fleet gets one after each
commit; in a large one they go round, the longest waiting first, and each speaks for all readings since the one
before. When no readings come any more, all that is held back goes out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Final

from ..clock import Clock
from ..settings import WINDOW, MonitorSettings
from .chronicle import Chronicle
from .counters import Counters
from .fleet_state import FleetState
from .session import Session
from .stream import Stream

ACK_AT_ONCE: Final = 100
"""Committed readings that are acknowledged without waiting: a turbine that catches up needs its window."""
ACKS_WHEN_QUIET: Final = 1_000
"""In one round: some 10 ms of the event loop, which has nothing else to do."""
QUIET_AFTER: Final = 1.0
"""Seconds without a cursor in any commit: between two rounds alone there often is none while readings go on."""


MOST_LOST_AT_ONCE: Final = 1_000_000
"""Readings that one jump of a sequence may count as lost, a second each for eleven days: the number is the peer's word,
and a few of 2^53 would make the sum so large that nothing is seen to be added to it."""


class Acks:
    """Hears from the write queue what became of the readings, and tells the sessions whose stream it is."""

    def __init__(
        self,
        sessions: Mapping[int, Session],
        *,
        settings: MonitorSettings,
        clock: Clock,
        fleet_state: FleetState,
        chronicle: Chronicle,
        counters: Counters,
    ) -> None:
        self._sessions = sessions
        self._acks_per_second = settings.acks_per_second
        self._clock = clock
        self._fleet_state = fleet_state
        self._chronicle = chronicle
        self._counters = counters
        self._allowance = 0.0
        self._allowed_at = 0.0
        self._busy_at = 0.0
        self._to_acknowledge: dict[Stream, int] = {}  # up to which sequence; the longest waiting first
        self._to_resync: dict[Stream, None] = {}

    # From the write queue.

    def committed(self, cursors: Mapping[Stream, int], *, readings: int, seconds: float, now: float) -> None:
        self._counters.commits.observe(seconds)
        self._counters.readings_stored += readings
        self._busy_at = now if cursors else self._busy_at
        self._to_acknowledge.update(cursors)
        for stream in [
            stream for stream, sequence in cursors.items() if sequence - stream.acked >= ACK_AT_ONCE
        ]:
            self._acknowledge(stream)
        self._send_allowed(now)

    def welcomed(self, stream: Stream, last_sequence: int | None) -> None:
        session = self._session_of(stream)
        if session is not None:
            stream.open(last_sequence)
            session.welcome(last_sequence)

    def lost(self, readings: int) -> None:
        self._counters.readings_lost += readings

    def jumped(self, skipped: int) -> None:
        self._counters.sequence_jumps += 1
        self.lost(min(skipped, MOST_LOST_AT_ONCE))

    def stalled(self, streams: Iterable[Stream]) -> None:
        self._to_resync.update(dict.fromkeys(streams))

    def degraded(self, reason: str | None) -> None:
        # What is held back is committed; told later, it would look as if a failing disk had taken it.
        self._send(len(self._to_acknowledge))
        self._fleet_state.storage_changed(reason)
        self._chronicle.storage(reason, self._clock.now())

    # From the monitor.

    def ack_due(self, stream: Stream) -> None:
        """Acknowledge again what is committed, since the turbine asked."""
        if stream.acked:
            self._to_acknowledge.setdefault(stream, stream.acked)

    def close_stream(self, stream: Stream) -> None:
        """The stream is over, by a fresh `hello` or with its session."""
        self._to_acknowledge.pop(stream, None)
        self._to_resync.pop(stream, None)

    def send_acks(self, now: float) -> None:
        """Send acks that were held back; called in each round."""
        if now - self._busy_at >= QUIET_AFTER:
            self._send(ACKS_WHEN_QUIET)
        else:
            self._send_allowed(now)

    def send_resyncs(self, room: int) -> None:
        """Ask for a fresh `hello` from as many turbines as there is room for a whole window of each."""
        for stream in list(islice(self._to_resync, max(0, room) // WINDOW)):
            del self._to_resync[stream]
            session = self._session_of(stream)
            if session is not None and stream.stalled:
                session.resync()
                self._counters.resyncs += 1

    def _send_allowed(self, now: float) -> None:
        """Send as many acks as the rate allows; what was not used up to now is there for half a second."""
        earned = (now - self._allowed_at) * self._acks_per_second
        self._allowance = min(self._acks_per_second / 2, self._allowance + earned)
        self._allowed_at = now
        self._allowance -= self._send(int(self._allowance))

    def _send(self, most: int) -> int:
        streams = list(islice(self._to_acknowledge, most))
        for stream in streams:
            self._acknowledge(stream)
        return len(streams)

    def _acknowledge(self, stream: Stream) -> None:
        sequence = self._to_acknowledge.pop(stream)
        session = self._session_of(stream)
        if session is not None:
            stream.acked = sequence
            session.acknowledge(sequence)

    def _session_of(self, stream: Stream) -> Session | None:
        """Return whose stream it is, None where its session has ended or a later `hello` replaced it."""
        session = self._sessions.get(stream.key[0])
        return session if session is not None and session.stream is stream else None
