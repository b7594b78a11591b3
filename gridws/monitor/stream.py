"""One numbered stream of readings on one link, as the monitor sees it: which readings are wanted.

Rules (the protocol's rule 2):
* Between `hello` and `welcome` no numbered reading is taken; `welcome` names what is committed.
* A sequence at or below the cursor is not taken again.
* A jump ahead is taken: the turbine's buffer dropped the rest. Should some of it come all the same, it is refused:
  the cursor has passed it, and an ack for it would be a lie.
* Once the monitor itself dropped a reading, or a commit failed, nothing is taken until the next `hello`:
  a later reading would move the cursor over the gap.
"""

from __future__ import annotations

from ..settings import WINDOW
from ..storage.rows import Cursor, StreamKey


class Stream(Cursor):
    """The state of one stream between two `hello`s; the session only asks it, the way to the disk moves it.

    `last_sequence` is the highest one taken, `acked` the highest one that the turbine was told to be committed; 0
    before the first. `taking` tells whether numbered readings are taken now.
    """

    __slots__ = ("_gap", "_welcomed", "acked", "last_sequence", "taking")

    def __init__(self, key: StreamKey) -> None:
        super().__init__(key)
        self.last_sequence = 0
        self.acked = 0
        self.taking = False
        self._welcomed = False
        self._gap = range(0)  # what the last jump left out

    def has(self, sequence: int) -> bool:
        """Return whether the reading with this sequence was taken before."""
        return self.taking and sequence <= self.last_sequence

    def left_out(self, sequence: int) -> bool:
        """Return whether the cursor has passed this sequence by the last jump, so that its reading was not taken."""
        return sequence in self._gap

    def is_next(self, sequence: int) -> bool:
        """Return whether a sequence is so near that it can be believed of a reading that is wrong otherwise."""
        return self.taking and 0 < sequence - self.last_sequence <= WINDOW

    @property
    def stalled(self) -> bool:
        """Whether the turbine must be asked to say `hello` again."""
        return self._welcomed and not self.taking

    def open(self, last_sequence: int | None) -> None:
        """`welcome` goes out: take what is newer than `last_sequence`, the committed cursor (None: no cursor yet)."""
        self.last_sequence = self.acked = last_sequence or 0
        self._welcomed = self.taking = True

    def stall(self) -> None:
        """A reading was dropped on the monitor's side: take nothing until the next `hello`."""
        self.taking = False

    def advance(self, sequence: int) -> int:
        """The reading is on its way to the disk (or passed over); return how many were skipped before it."""
        skipped = sequence - self.last_sequence - 1
        if skipped:
            self._gap = range(self.last_sequence + 1, sequence)
        self.last_sequence = sequence
        return skipped
