"""Fan-out to viewers: raw frames, and the fleet's state.

No viewer ever slows the monitor or another viewer: each has a bounded queue of its own, texts are encoded
once, and nothing at all is done while nobody watches.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from typing import Final, Literal, Protocol

from ..wire.frames import Changes, Event, FramesSkipped, LinkedElsewhere, SeenFrame, Snapshot, encode
from .delta import EVENTS_KEPT, Delta

MOST_CHARACTERS: Final = 1_000_000
"""Beyond it a viewer's frames are skipped, however few they are: one of 64 KiB may take 256 KiB of memory."""


class Viewer:
    """One viewer's queue of texts; the newest are kept, and what is skipped is counted."""

    def __init__(self, *, turbine_number: int | None = None, size: int) -> None:
        self.turbine_number = turbine_number
        self.idle = False
        self._texts: deque[str] = deque()
        self._characters = 0
        self._size = size
        self._skipped = 0
        self._filled = asyncio.Event()

    def put(self, text: str) -> int:
        """Queue a text; return how many older ones were skipped for it."""
        skipped = 0
        self._characters += len(text)
        while self._texts and (len(self._texts) >= self._size or self._characters > MOST_CHARACTERS):
            self._take()
            skipped += 1
        self._texts.append(text)
        self._skipped += skipped
        self._filled.set()
        self.idle = False
        return skipped

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
        return self._take()

    def clear(self) -> None:
        """Let go of all texts: the viewer is gone, and what still refers to it may stay for long."""
        self._texts.clear()
        self._characters = 0

    def _take(self) -> str:
        text = self._texts.popleft()
        self._characters -= len(text)
        return text


class FrameTap:
    """Shows raw frames, as they cross, to any number of viewers."""

    def __init__(self, *, size: int) -> None:
        self.watched = False
        self.skipped = 0
        self._size = size
        self._viewers: set[Viewer] = set()

    def open(self, turbine_number: int | None, *, elsewhere: Sequence[str] = ()) -> Viewer:
        """Return a new viewer of one turbine's frames, or of all of them; it is told that some are `elsewhere`."""
        viewer = Viewer(turbine_number=turbine_number, size=self._size)
        if elsewhere:
            viewer.put(encode(LinkedElsewhere(turbine_number=turbine_number, monitors=list(elsewhere))))
        self._viewers.add(viewer)
        self.watched = True
        return viewer

    def close(self, viewer: Viewer) -> None:
        """Forget a viewer."""
        self._viewers.discard(viewer)
        viewer.clear()
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


class FleetView(Protocol):
    """Where the state that viewers see is looked up."""

    def snapshot(self, events: list[Event]) -> Snapshot:
        """Return the whole fleet."""

    def changes(self, delta: Delta) -> Changes:
        """Return the present state of what is in `delta`."""


_UP_TO_DATE: Final = Delta()


class FleetWatch:
    """Shows the fleet's state: a snapshot first, then merged changes whenever `deliver` is called.

    A viewer that was not ready for a delivery has missed its delta, and gets the sum of all that it missed
    when it is ready again. Those that missed the same share one delta and one text; so do those that missed about
    as much, between one power of two of deliveries and the next: what one of them missed is looked up for all.
    """

    def __init__(self, view: FleetView) -> None:
        self.watched = False
        self._view = view
        self._recent: deque[Event] = deque(maxlen=EVENTS_KEPT)
        self._delta = Delta()
        self._missed: dict[Viewer, Delta] = {}
        self._snapshot = ""

    def open(self) -> Viewer:
        """Return a new viewer, with a snapshot queued; what it lacks comes with the next delivery."""
        if not self._missed:
            self._delta, self._snapshot = Delta(), ""
        # Many viewers come at once when the monitor was away: for readings alone none is made anew.
        self._snapshot = self._snapshot or encode(self._view.snapshot(list(self._recent)))
        viewer = Viewer(size=1)
        viewer.put(self._snapshot)
        self._missed[viewer] = _UP_TO_DATE
        self.watched = True
        return viewer

    def close(self, viewer: Viewer) -> None:
        """Forget a viewer."""
        self._missed.pop(viewer, None)
        viewer.clear()
        self.watched = bool(self._missed)

    def turbine_changed(self, turbine_number: int) -> None:
        """Note that the state of a turbine changed."""
        if self.watched:
            self._delta.turbines.add(turbine_number)
            self._snapshot = ""

    def reading_taken(self, turbine_number: int) -> None:
        """Note that a turbine sent a reading and nothing else changed."""
        if self.watched:
            self._delta.readings.add(turbine_number)

    def engineers_changed(self) -> None:
        """Note that an engineer or the roster changed."""
        self._delta.engineers = True
        self._snapshot = ""

    def happened(self, event: Event) -> None:
        """Note an event."""
        self._recent.append(event)
        self._delta.events.append(event)
        self._snapshot = ""

    def deliver(self) -> None:
        """Queue what changed: one text for all that are up to date, and one for each gap of others."""
        delta, self._delta, self._snapshot = self._delta, Delta(), ""
        groups: dict[int, list[Viewer]] = {}
        for viewer, missed in self._missed.items():
            groups.setdefault(id(missed), []).append(viewer)
        for viewers in groups.values():
            self._deliver(viewers, delta)
        self._join_gaps()

    def _deliver(self, viewers: list[Viewer], delta: Delta) -> None:
        missed = self._missed[viewers[0]]
        total = delta if missed is _UP_TO_DATE else missed.followed_by(delta)
        text = encode(self._view.changes(total)) if any(viewer.idle for viewer in viewers) else ""
        for viewer in viewers:
            self._missed[viewer] = _UP_TO_DATE if viewer.idle else total
            if viewer.idle:
                viewer.put(text)

    def _join_gaps(self) -> None:
        """Hundreds of gaps, each as large as the fleet, would be encoded one after the other when all are ready."""
        gaps = {id(gap): gap for gap in self._missed.values() if gap is not _UP_TO_DATE}
        joined: dict[int, Delta] = {}
        for gap in gaps.values():
            size = gap.deliveries.bit_length()
            joined[size] = joined[size].merged_with(gap) if size in joined else gap
        if len(joined) < len(gaps):
            self._missed = {
                viewer: gap if gap is _UP_TO_DATE else joined[gap.deliveries.bit_length()]
                for viewer, gap in self._missed.items()
            }
