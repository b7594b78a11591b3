"""One numbered stream of readings on one link, as the monitor sees it: which readings are wanted.

Rules (the protocol's rule 2):
* Between `hello` and `welcome` no numbered reading is taken; `welcome` names what is committed.
* A sequence at or below the cursor is not taken again.
* A jump ahead is taken: the turbine's buffer dropped the rest.
* Once the monitor itself dropped a reading, or a commit failed, nothing is taken until the next `hello`:
  a later reading would move the cursor over the gap.
"""

from __future__ import annotations

from enum import Enum, auto

from .storage import StreamKey


class Taken(Enum):
    """What becomes of a numbered reading."""

    wanted = auto()
    repeated = auto()
    not_now = auto()


WANTED = Taken.wanted
"""By itself: a member is looked up through its class for 0.1 µs, and nearly every reading is wanted."""


class Stream:
    """The state of one stream between two `hello`s.

    `last_sequence` is the highest one taken, `acked` the highest one that the turbine was told to be committed; 0
    before the first.
    """

    __slots__ = ("_taking", "acked", "key", "last_sequence", "welcomed")

    def __init__(self, key: StreamKey) -> None:
        self.key = key
        self.last_sequence = 0
        self.acked = 0
        self.welcomed = False
        self._taking = False

    def open(self, last_sequence: int | None) -> None:
        """`welcome` goes out: take what is newer than `last_sequence`, the committed cursor (None: no cursor yet)."""
        self.last_sequence = self.acked = last_sequence or 0
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
        return WANTED if sequence > self.last_sequence else Taken.repeated

    def advance(self, sequence: int) -> int:
        """The reading is on its way to the disk (or passed over); return how many were skipped before it."""
        skipped = sequence - self.last_sequence - 1
        self.last_sequence = sequence
        return skipped
