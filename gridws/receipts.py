"""What turbines are told about their readings: `welcome`, `ack` after the commit, `resync` when there is room again."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from itertools import islice

from .numbers import Numbers
from .session import Session
from .settings import WINDOW
from .stream import ACK_AT_ONCE, ACK_INTERVAL, Stream


class Receipts:
    """Hears from the write queue what became of the readings, and tells the sessions whose stream it is."""

    def __init__(
        self, sessions: Mapping[int, Session], numbers: Numbers, storage_changed: Callable[[str | None], None]
    ) -> None:
        self._sessions = sessions
        self._numbers = numbers
        self._storage_changed = storage_changed
        self._to_acknowledge: dict[Stream, None] = {}
        self._to_resync: dict[Stream, None] = {}

    # From the write queue.

    def committed(self, streams: Iterable[Stream], *, readings: int, seconds: float, now: float) -> None:
        self._numbers.commits.observe(seconds)
        self._numbers.readings_stored += readings
        self._acknowledge(streams, now)

    def welcomed(self, stream: Stream, last_sequence: int | None) -> None:
        session = self._session_of(stream)
        if session is not None:
            session.welcome(stream, last_sequence)

    def stalled(self, streams: Iterable[Stream]) -> None:
        self._to_resync.update(dict.fromkeys(streams))

    def degraded(self, reason: str | None) -> None:
        # What is held back is committed; told later, it would look as if a failing disk had taken it.
        held_back, self._to_acknowledge = self._to_acknowledge, {}
        for stream in held_back:
            session = self._session_of(stream)
            if session is not None:
                session.acknowledge(stream.acked_at + ACK_INTERVAL)
        self._storage_changed(reason)

    # From the monitor.

    def ack_due(self, session: Session) -> None:
        """Acknowledge again what is committed, since the turbine asked."""
        if session.stream is not None:
            self._to_acknowledge[session.stream] = None

    def close_stream(self, stream: Stream) -> None:
        """The stream is over, by a fresh `hello` or with its session."""
        self._to_acknowledge.pop(stream, None)
        self._to_resync.pop(stream, None)

    def send_acks(self, now: float) -> None:
        """Send the acks that were held back, as far as they are due."""
        streams, self._to_acknowledge = self._to_acknowledge, {}
        self._acknowledge(streams, now)

    def send_resyncs(self, room: int) -> None:
        """Ask for a fresh `hello` from as many turbines as there is room for a whole window of each."""
        for stream in list(islice(self._to_resync, max(0, room) // WINDOW)):
            del self._to_resync[stream]
            session = self._session_of(stream)
            if session is not None and session.resync(stream):
                self._numbers.resyncs += 1

    def _acknowledge(self, streams: Iterable[Stream], now: float) -> None:
        waiting = self._to_acknowledge
        for stream in streams:
            # Most are not due. To see that here and not in two more calls saves half a microsecond a reading.
            if now - stream.acked_at < ACK_INTERVAL and stream.committed - stream.acked < ACK_AT_ONCE:
                waiting[stream] = None
                continue
            session = self._session_of(stream)
            if session is not None:
                session.acknowledge(now)

    def _session_of(self, stream: Stream) -> Session | None:
        session = self._sessions.get(stream.key[0])
        return session if session is not None and session.stream is stream else None
