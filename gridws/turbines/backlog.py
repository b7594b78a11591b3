"""The readings that the monitor has not acknowledged yet, numbered. Pure: no clock, no I/O, no asyncio.

Rules. Readings get the numbers 1, 2, 3 … of a stream without gaps and leave in this order, at most a window
of them unacknowledged. Nothing leaves between `hello` and `welcome`. The buffer is bounded: when it is full
the oldest reading is dropped and counted, for the newest say most about the turbine.
"""

from __future__ import annotations

import secrets
from collections import deque

from ..settings import WINDOW
from ..wire.frames import Measurement


class Backlog:
    """Numbers readings, keeps them until they are acknowledged, and says which one goes next.

    `dropped` counts the readings given up unacknowledged since the start.
    """

    __slots__ = (
        "_acked",
        "_capacity",
        "_live_from",
        "_next",
        "_open",
        "_readings",
        "_sent",
        "dropped",
        "stream",
    )

    def __init__(self, capacity: int) -> None:
        self.stream = new_stream()
        self.dropped = 0
        self._capacity = capacity
        self._readings: deque[Measurement] = deque()
        self._next = 1
        self._acked = 0
        self._sent = 0
        self._live_from = 1
        self._open = False

    def __len__(self) -> int:
        return len(self._readings)

    @property
    def last_sequence(self) -> int:
        """The number of the newest reading, 0 before the first."""
        return self._next - 1

    @property
    def all_sent(self) -> bool:
        """Whether no reading waits to be sent."""
        return self._sent == self.last_sequence

    @property
    def ready(self) -> bool:
        """Whether a reading appended now leaves at once."""
        return self._open and self.all_sent and self._sent - self._acked < WINDOW

    def append(self, reading: Measurement) -> None:
        """Keep a reading; the oldest goes when there are more than `capacity`."""
        self._readings.append(reading)
        self._next += 1
        if len(self._readings) > self._capacity:
            self._readings.popleft()
            self.dropped += 1

    def hello(self) -> None:
        """Hold everything until the monitor says what it has; what was taken so far is history by then."""
        self._open = False
        self.overtake()

    def overtake(self) -> None:
        """Make history of the readings taken so far: the monitor was told a newer status past them."""
        self._live_from = self._next

    def welcome(self, last_sequence: int | None) -> None:
        """Forget what the monitor has, which must not be more than there ever was, and start again behind it."""
        last = last_sequence or 0
        self._forget(last)
        # A monitor that knows less than it once acknowledged has lost it: that is gone here too.
        self._acked = self._sent = max(last, self.last_sequence - len(self._readings))
        self._open = True

    def ack(self, sequence: int) -> None:
        """Forget the readings up to `sequence`; what was never sent cannot be acknowledged."""
        sequence = min(sequence, self._sent)
        if sequence > self._acked:
            self._acked = sequence
            self._forget(sequence)

    def lost(self) -> None:
        """Hold everything: there is no link."""
        self._open = False

    def renew(self) -> None:
        """Begin another stream with the readings that are left."""
        self.stream = new_stream()
        before = self._next - len(self._readings) - 1
        self._next -= before
        self._live_from -= before
        self._acked = self._sent = 0
        self._open = False

    def take(self) -> tuple[int, Measurement, bool] | None:
        """Return sequence and reading to send now, and whether it is history; None when nothing may leave."""
        # What was dropped unsent leaves a gap, which counts as on the way until the next ack: at most too
        # careful.
        if self._sent + 1 == self._next or not self._open or self._sent - self._acked >= WINDOW:
            return None
        first = self._next - len(self._readings)
        self._sent = sequence = max(self._sent + 1, first)
        return sequence, self._readings[sequence - first], sequence < self._live_from

    def _forget(self, through: int) -> None:
        surplus = through - (self._next - len(self._readings)) + 1
        for _ in range(min(surplus, len(self._readings))):
            self._readings.popleft()


def new_stream() -> str:
    """Return a name that no other run ever had, whatever seed it was given."""
    return secrets.token_urlsafe(12)
