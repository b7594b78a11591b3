"""Whether the writer gets anywhere. What counts is its progress and not the clock: one without CPU is only slow."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from ..storage import Store

HUNG_AFTER: Final = 10.0
"""Seconds without any progress of a commit, or of upkeep, after which the disk counts as failing."""
LONGEST_LOOK: Final = 1.0
"""Seconds that one look at the writer may count for: whoever stood still meanwhile saw nothing of the disk."""


class WriterWatch:
    """Looks at what `store` has got done. Times are monotonic seconds."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._looked_at: float | None = None  # while it is at work
        self._progress = 0
        self._stuck_for = 0.0

    @property
    def is_at_work(self) -> bool:
        """Whether something was asked of the writer that is not done yet."""
        return self._looked_at is not None

    @contextmanager
    def over(self, now: float) -> Iterator[None]:
        """Have the writer looked at while it does what is asked for within."""
        self._looked_at, self._stuck_for = now, 0.0
        try:
            yield
        finally:
            self._looked_at = None

    def finds_it_hung(self, now: float) -> bool:
        """Look at the writer, and return whether it has got nowhere for too long."""
        if self._looked_at is None:
            return False
        progress = self._store.progress
        if progress != self._progress:
            self._progress, self._stuck_for = progress, 0.0
        self._stuck_for += min(max(0.0, now - self._looked_at), LONGEST_LOOK)
        self._looked_at = now
        return self._stuck_for > HUNG_AFTER
