"""What changed in the fleet since some moment: which turbines, not how; the newest state is looked up."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Final

from ..wire.frames import Event

EVENTS_KEPT: Final = 200
"""Events that a new viewer is shown, and at most as many for one that was slow."""


@dataclass(slots=True)
class Delta:
    """What changed in so many deliveries."""

    deliveries: int = 1
    turbines: set[int] = field(default_factory=set)
    readings: set[int] = field(default_factory=set)
    engineers: bool = False
    events: deque[Event] = field(default_factory=lambda: deque(maxlen=EVENTS_KEPT))

    def followed_by(self, later: Delta) -> Delta:
        """Return a new delta of both: the earlier one may be shared by several viewers."""
        return Delta(
            self.deliveries + later.deliveries,
            self.turbines | later.turbines,
            self.readings | later.readings,
            self.engineers or later.engineers,
            deque((*self.events, *later.events), maxlen=EVENTS_KEPT),
        )

    def merged_with(self, other: Delta) -> Delta:
        """Return a new delta of both, which reach up to the same moment: the longer one has the other's events."""
        return Delta(
            max(self.deliveries, other.deliveries),
            self.turbines | other.turbines,
            self.readings | other.readings,
            self.engineers or other.engineers,
            max(self.events, other.events, key=len),
        )
