"""What the monitor counts of itself, where it happens and in plain integers; `/metrics` reads it when asked.

Durations are in seconds. A histogram's buckets are upper bounds, as Prometheus has them.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, field


class Histogram:
    """Counts durations by bucket."""

    __slots__ = ("bounds", "counts", "total")

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.total = 0.0

    def observe(self, seconds: float) -> None:
        """Count one duration."""
        self.counts[bisect_left(self.bounds, seconds)] += 1
        self.total += seconds


COMMIT_BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
DISPATCH_BOUNDS = (0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.0025, 0.01, 0.05, 0.1, 0.5)


@dataclass(slots=True)
class Counters:
    """Counters since the monitor started, and the present lag of its event loop."""

    links: int = 0
    links_lost: dict[str, int] = field(default_factory=dict)
    links_refused: dict[int, int] = field(default_factory=dict)
    frames: int = 0
    invalid_frames: int = 0
    readings_stored: int = 0
    readings_lost: int = 0
    sequence_jumps: int = 0
    readings_repeated: int = 0
    resyncs: int = 0
    assignments: int = 0
    assignments_ended: dict[str, int] = field(default_factory=dict)
    viewers: int = 0
    viewers_cut: int = 0
    viewers_refused: int = 0
    connections_refused: int = 0
    loop_lag: float = 0.0
    commits: Histogram = field(default_factory=lambda: Histogram(COMMIT_BOUNDS))
    dispatches: Histogram = field(default_factory=lambda: Histogram(DISPATCH_BOUNDS))

    def link_lost(self, reason: str) -> None:
        """Count a link that ended, by reason."""
        self.links_lost[reason] = self.links_lost.get(reason, 0) + 1

    def link_refused(self, status: int) -> None:
        """Count a link that was not to be, by the HTTP status that said so."""
        self.links_refused[status] = self.links_refused.get(status, 0) + 1

    def assignment_ended(self, outcome: str) -> None:
        """Count an assignment that ended, by outcome."""
        self.assignments_ended[outcome] = self.assignments_ended.get(outcome, 0) + 1
