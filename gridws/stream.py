"""One numbered stream of readings on one link, as the monitor sees it: which readings are wanted, which to acknowledge.

Rules (the protocol's rule 2):
* Between `hello` and `welcome` no numbered reading is taken; `welcome` names what is committed.
* A sequence at or below the cursor is not taken again, and is acknowledged again.
* A jump ahead is taken: the turbine's buffer dropped the rest.
* Once the monitor itself dropped a reading, or a commit failed, nothing is taken until the next `hello`:
  a later reading would move the cursor over the gap.
* Only committed sequences are acknowledged.
"""

from __future__ import annotations

from enum import Enum, auto

from .storage import StreamKey

ACK_INTERVAL = 0.75
"""Seconds between two acks of a link: one costs as much as a reading, but once a second is always answered."""
ACK_AT_ONCE = 100
"""Committed readings that are acknowledged without waiting: a turbine that catches up needs its window."""


class Taken(Enum):
    """What becomes of a numbered reading."""

    wanted = auto()
    repeated = auto()
    not_now = auto()


WANTED = Taken.wanted
"""By itself: a member is looked up through its class for 0.1 µs, and nearly every reading is wanted."""


class Stream:
    """The state of one stream between two `hello`s; `last_sequence` is the highest one taken, 0 before the first.

    `acked` was told to the turbine, at the monotonic second `acked_at`.
    """

    __slots__ = (
        "_repeated",
        "_taking",
        "acked",
        "acked_at",
        "committed",
        "key",
        "last_sequence",
        "welcomed",
    )

    def __init__(self, key: StreamKey) -> None:
        self.key = key
        self.last_sequence = 0
        self.committed = 0
        self.welcomed = False
        self._taking = False
        self.acked = 0
        self.acked_at = -ACK_INTERVAL
        self._repeated = False

    def open(self, last_sequence: int | None) -> None:
        """`welcome` goes out: take what is newer than `last_sequence`, the committed cursor (None: no cursor yet)."""
        self.last_sequence = self.committed = self.acked = last_sequence or 0
        self.welcomed = self._taking = True

    def stall(self) -> None:
        """A reading was dropped on the monitor's side: take nothing until the next `hello`."""
        self._taking = False

    @property
    def stalled(self) -> bool:
        """Whether the turbine must be asked to say `hello` again."""
        return self.welcomed and not self._taking

    def judge(self, sequence: int) -> Taken:
        """Return what becomes of the reading with this sequence; nothing is changed yet."""
        if not self._taking:
            return Taken.not_now
        if sequence > self.last_sequence:
            return WANTED
        self._repeated = True
        return Taken.repeated

    def advance(self, sequence: int) -> int:
        """The reading is on its way to the disk (or passed over); return how many were skipped before it."""
        skipped = sequence - self.last_sequence - 1
        self.last_sequence = sequence
        return skipped

    def commit(self, sequence: int) -> None:
        """All readings up to `sequence` are on disk."""
        if sequence > self.committed:  # noqa: PLR1730 - a call takes longer, and this is done for most readings
            self.committed = sequence

    @property
    def ack_wanted(self) -> bool:
        """Whether there is something to acknowledge that the turbine was not told, or asked for again."""
        return self.committed > self.acked or (self._repeated and self.committed > 0)

    def acknowledge(self, now: float) -> int | None:
        """Return the sequence to acknowledge now, None where it is too early or there is nothing to tell."""
        due = now - self.acked_at >= ACK_INTERVAL or self.committed - self.acked >= ACK_AT_ONCE
        if not (due and self.ack_wanted):
            return None
        self.acked, self.acked_at, self._repeated = self.committed, now, False
        return self.committed
