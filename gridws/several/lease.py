"""The lease, by which a monitor that is gone loses its turbines before anybody sends engineers twice: pure.

A member's beat moves every `period`, a sixth of the lease. Whoever looks at a beat that stands still counts only time
between looks of its own that it made one after the other: a database that was away, or an own standstill, makes nobody
dead. The member counts from before its last beat that was answered, and stops a sixth of the lease earlier.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

BEATS: Final = 6
"""In a lease."""
LONGEST_GAP: Final = 2.0
"""Periods between two looks that count at the most: who looked later than that stood still itself."""
ENOUGH: Final = 0.999
"""Of a lease: six waits of a sixth may come to a hair less than all of it, and the seventh would be another beat."""


class Still(NamedTuple):
    """A beat, and for how long (s) it may stand still."""

    beat: int
    lease: float


class Lease:
    """How long this monitor may send what the log decides; times in local monotonic seconds."""

    def __init__(self, length: float) -> None:
        self.length = length
        self.period = length / BEATS
        self.ends_at: float | None = None
        """When it ends unless it is renewed; None: this monitor has none."""

    def renew(self, sent: float) -> None:
        """Know that a beat that was sent then was counted."""
        self.ends_at = sent + self.length - self.period

    def end(self) -> None:
        """Have none any more."""
        self.ends_at = None

    def holds(self, now: float) -> bool:
        """Return whether there is one that has not run out."""
        return self.ends_at is not None and now < self.ends_at


class Standstill:
    """Whose beat stands still, and for how long, as one monitor sees it; `lease` (s) is that one's own."""

    def __init__(self, lease: float) -> None:
        self._longest_gap = lease / BEATS * LONGEST_GAP
        self._seen: dict[int, tuple[int, float]] = {}  # member: its beat, and how long it has stood still
        self._looked_at: float | None = None

    def look(self, beats: Mapping[int, Still], *, sent: float, received: float) -> dict[int, int]:
        """Take a look that was asked for and answered at these seconds; return whose beat stood still too long."""
        since = received if self._looked_at is None else self._looked_at
        gap = min(max(0.0, sent - since), self._longest_gap)
        self._looked_at = received
        before, self._seen = self._seen, {}
        for member, (beat, _) in beats.items():
            last, stood = before.get(member, (beat, -gap))
            self._seen[member] = (beat, stood + gap if beat == last else 0.0)
        return {
            member: beat for member, (beat, lease) in beats.items() if self._seen[member][1] >= ENOUGH * lease
        }

    def miss(self) -> None:
        """A look failed: the time up to the next one counts for nobody."""
        self._looked_at = None
