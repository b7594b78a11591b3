"""How links are read while more comes than can be stored.

Rule 1: what cannot be stored is best kept by the turbines, so links wait long before the queue is full. Rule 2: all
links have the same share, and those that wait longest are read first; a turbine that sends less than its share
waits for nobody. Rule 3: a round lets in as many readings as the queue lacks, not as many as somebody thinks that
the machine can do. So the queue never runs empty, the writer always has work, and nothing swings. Rule 4: whoever
has its turn may send several readings, since to stop and go on costs as much as three; and no round lets in so
many that an engineer would have to wait for them.
"""

from __future__ import annotations

from itertools import islice
from typing import Final, Protocol

QUEUE_WANTED: Final = 20_000
"""Readings that shall wait for the disk: two commits full, half a second of a fast machine. Above it links wait."""
QUEUE_SHORT: Final = QUEUE_WANTED // 2
"""Readings in the queue below which links may send freely again. Between both marks whoever was let in may not have
sent yet, and the others have more than anybody knows of."""
ROUND: Final = 0.02
"""Seconds between two rounds while links wait."""
MOST_A_ROUND: Final = 1_200
"""Readings that one round lets in at the most, some 10 ms of work: a commit makes room for thousands at once."""
TURN: Final = 4
"""Readings that a link may send at the least when its turn comes."""


class Waiting(Protocol):
    """A session, as far as the pace needs it."""

    def read_on(self, now: float) -> None:
        """Let its link be read on."""


class Pace:
    """One for all links of a monitor.

    While `holds_back`, a link whose turn has come may send `turn` readings in the round numbered `round`, any other
    one; whoever has sent them waits.
    """

    __slots__ = ("_waiting", "holds_back", "round", "turn")

    def __init__(self) -> None:
        self.holds_back = False
        self.turn = TURN
        self.round = 0
        self._waiting: dict[Waiting, None] = {}  # the longest first

    def __len__(self) -> int:
        return len(self._waiting)

    def who_waits(self, queued: int) -> str:
        """Return in words who waits, with `queued` readings taken and not yet stored."""
        if not self._waiting:  # whoever was let in has not sent yet
            return f"{queued:,} readings wait to be committed"
        links = "1 link waits" if len(self) == 1 else f"{len(self):,} links wait"
        return f"{links} to be read, turbines keep the rest"

    def wait(self, session: Waiting) -> None:
        """Let this session's link be read on when its turn comes."""
        self._waiting[session] = None

    def forget(self, session: Waiting) -> None:
        """The session has ended."""
        self._waiting.pop(session, None)

    def note(self, queued: int) -> None:
        """Hold links back from now on where enough waits: the step that goes on may read from all of them."""
        if queued >= QUEUE_WANTED:
            self.holds_back = True

    def next_round(self, queued: int, now: float) -> None:
        """Let in as many readings as the queue lacks, in equal shares, the longest waiting first."""
        lacking = max(0, QUEUE_WANTED - queued)
        room = min(lacking, MOST_A_ROUND)
        self.round += 1
        self.turn = max(TURN, room // max(1, len(self._waiting)))
        for session in list(islice(self._waiting, room // self.turn)):
            del self._waiting[session]
            session.read_on(now)
        enough = QUEUE_SHORT if self.holds_back else QUEUE_WANTED
        self.holds_back = bool(self._waiting) or queued >= enough
