"""Fan-out to viewers: raw frames, and the fleet's state.

No viewer ever slows the monitor or another viewer: each has a bounded queue of its own, texts are encoded once,
and nothing at all is done while nobody watches.
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass, field
from typing import Literal, Protocol

from .frames import Changes, Event, FramesSkipped, SeenFrame, Snapshot, encode

EVENTS_KEPT = 200
"""Events that a new viewer is shown, and at most as many for one that was slow."""


class Viewer:
    """One viewer's queue of texts; the newest are kept, and what is skipped is counted."""

    def __init__(self, *, turbine_number: int | None = None, size: int) -> None:
        self.turbine_number = turbine_number
        self.idle = False
        self._texts: deque[str] = deque()
        self._size = size
        self._skipped = 0
        self._filled = asyncio.Event()

    def put(self, text: str) -> int:
        """Queue a text; return how many were skipped for it, 0 or 1."""
        full = len(self._texts) >= self._size
        if full:
            self._texts.popleft()
            self._skipped += 1
        self._texts.append(text)
        self._filled.set()
        return int(full)

    async def next(self) -> str:
        """Wait for the next text; after a gap the first one says how many frames were skipped.

        Asking for the next text means that the one before was sent: only then the viewer is `idle`.
        """
        while not self._texts:
            self._filled.clear()
            self.idle = True
            await self._filled.wait()
        self.idle = False
        if self._skipped:
            count, self._skipped = self._skipped, 0
            return encode(FramesSkipped(count=count))
        return self._texts.popleft()


class FrameTap:
    """Shows raw frames, as they cross, to any number of viewers."""

    def __init__(self, *, size: int) -> None:
        self.watched = False
        self.skipped = 0
        self._size = size
        self._viewers: set[Viewer] = set()

    def open(self, turbine_number: int | None) -> Viewer:
        """Return a new viewer of one turbine's frames, or of all of them."""
        viewer = Viewer(turbine_number=turbine_number, size=self._size)
        self._viewers.add(viewer)
        self.watched = True
        return viewer

    def close(self, viewer: Viewer) -> None:
        """Forget a viewer."""
        self._viewers.discard(viewer)
        self.watched = bool(self._viewers)

    def show(self, turbine_number: int, direction: Literal["up", "down"], text: str, at: int) -> None:
        """Show one frame that crossed a link at `at` (ms UTC)."""
        encoded = ""
        for viewer in self._viewers:
            if viewer.turbine_number in {None, turbine_number}:
                encoded = encoded or encode(
                    SeenFrame(at=at, turbine_number=turbine_number, direction=direction, text=text)
                )
                self.skipped += viewer.put(encoded)


@dataclass(slots=True)
class Delta:
    """What changed in the fleet since some moment: which turbines, not how; the newest state is looked up."""

    turbines: set[int] = field(default_factory=set)
    readings: set[int] = field(default_factory=set)
    engineers: bool = False
    events: deque[Event] = field(default_factory=lambda: deque(maxlen=EVENTS_KEPT))

    def add(self, other: Delta) -> None:
        """Take in a later delta; its size is bounded by the fleet's."""
        self.turbines |= other.turbines
        self.readings |= other.readings
        self.engineers |= other.engineers
        self.events.extend(other.events)


class Picture(Protocol):
    """Where the state that viewers see is looked up."""

    def snapshot(self, events: list[Event]) -> Snapshot:
        """Return the whole fleet."""

    def changes(self, delta: Delta) -> Changes:
        """Return the present state of what is in `delta`."""


class FleetWatch:
    """Shows the fleet's state: a snapshot first, then merged changes whenever `deliver` is called."""

    def __init__(self, picture: Picture) -> None:
        self.watched = False
        self._picture = picture
        self._recent: deque[Event] = deque(maxlen=EVENTS_KEPT)
        self._delta = Delta()
        self._missed: dict[Viewer, Delta | None] = {}

    def open(self) -> Viewer:
        """Return a new viewer, with a snapshot queued; changes not delivered yet are part of it."""
        viewer = Viewer(size=1)
        viewer.put(encode(self._picture.snapshot(list(self._recent))))
        if not self._missed:
            self._delta = Delta()
        self._missed[viewer] = None
        self.watched = True
        return viewer

    def close(self, viewer: Viewer) -> None:
        """Forget a viewer."""
        self._missed.pop(viewer, None)
        self.watched = bool(self._missed)

    def turbine_changed(self, turbine_number: int) -> None:
        """Note that the state of a turbine changed."""
        if self.watched:
            self._delta.turbines.add(turbine_number)

    def reading_taken(self, turbine_number: int) -> None:
        """Note that a turbine sent a reading and nothing else changed."""
        if self.watched:
            self._delta.readings.add(turbine_number)

    def engineers_changed(self) -> None:
        """Note that an engineer or the roster changed."""
        self._delta.engineers = True

    def happened(self, event: Event) -> None:
        """Note an event."""
        self._recent.append(event)
        self._delta.events.append(event)

    def deliver(self) -> None:
        """Queue what changed: one text for all that are up to date, one each for those that were slow."""
        delta, self._delta = self._delta, Delta()
        shared = ""
        for viewer, missed in self._missed.items():
            if not viewer.idle:
                self._missed[viewer] = delta if missed is None else _sum(missed, delta)
            elif missed is None:
                shared = shared or encode(self._picture.changes(delta))
                viewer.put(shared)
            else:
                viewer.put(encode(self._picture.changes(_sum(missed, delta))))
                self._missed[viewer] = None


def _sum(earlier: Delta, later: Delta) -> Delta:
    """Return a new delta: an earlier one may be shared by several slow viewers."""
    total = Delta()
    total.add(earlier)
    total.add(later)
    return total
