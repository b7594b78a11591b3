"""The fleet as a viewer knows it: pure, a snapshot replaces all, changes alter what they name.

A turbine that `Changes` does not name keeps its order among the waiting ones, so its new place follows from
those that came and went.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Final

from ..errors import FrameError
from ..wire.frames import Changes, EngineerState, Event, Snapshot, Totals, TurbineState, WatchFrame

EVENTS_KEPT: Final = 200


@dataclass(frozen=True, slots=True)
class Change:
    """What one frame, or a link that came or went, changed in a mirror.

    `turbines` are the numbers of those whose state, reading or waiting place is new, `gone` of those no
    longer there. After a snapshot `everything` is set and `turbines` holds all. `events`: oldest first.
    """

    everything: bool = False
    turbines: frozenset[int] = frozenset()
    gone: frozenset[int] = frozenset()
    engineers: bool = False
    connection: bool = False
    events: tuple[Event, ...] = ()


_NOTHING: Final = Totals(
    turbines=0,
    online=0,
    broken=0,
    waiting=0,
    under_repair=0,
    engineers=0,
    engineers_free=0,
    power_output_in_kwh=0.0,
)


class Replica:
    """The fleet as it was when the last frame was made. Its states are altered in place."""

    def __init__(self) -> None:
        self.started_at: int | None = None
        """When the monitor started (ms UTC); None until there is anything to show."""
        self.at: int | None = None
        """The monitor's time of the last frame (ms UTC)."""
        self.turbines: dict[int, TurbineState] = {}
        self.waiting: list[int] = []
        """The numbers of the turbines that wait for an engineer, the next one first."""
        self.engineers: list[EngineerState] = []
        self.totals = _NOTHING
        self.events: deque[Event] = deque(maxlen=EVENTS_KEPT)
        """The newest last."""
        self.degraded: str | None = None

    def turbines_of(self, site: str | None) -> dict[int, TurbineState]:
        """Return the turbines of a site; None: all."""
        if site is None:
            return self.turbines
        return {number: state for number, state in self.turbines.items() if state.site == site}

    def concerns(self, event: Event, site: str | None) -> bool:
        """Return whether an event is of a turbine of a site, or of no turbine that is known; None: all are."""
        turbine = self.turbines.get(event.turbine_number or 0)
        return site is None or turbine is None or turbine.site == site

    def apply(self, frame: WatchFrame) -> Change:
        """Take in a frame and return what it changed."""
        self.at, self.totals, self.degraded = frame.at, frame.totals, frame.degraded
        return self._replace(frame) if isinstance(frame, Snapshot) else self._alter(frame)

    def _replace(self, frame: Snapshot) -> Change:
        if frame.started_at != self.started_at:
            # Another run of the monitor: its event ids begin anew.
            self.events.clear()
        self.started_at = frame.started_at
        gone = frozenset(self.turbines)
        self.turbines = {state.turbine_number: state for state in frame.turbines}
        self.engineers = frame.engineers
        places = [
            (state.waiting_place, state.turbine_number) for state in frame.turbines if state.waiting_place
        ]
        self.waiting = [number for _, number in sorted(places)]
        turbines = frozenset(self.turbines)
        return Change(
            everything=True,
            turbines=turbines,
            gone=gone - turbines,
            engineers=True,
            events=self._new_events(frame.events),
        )

    def _alter(self, frame: Changes) -> Change:
        gone = {number for number in frame.removed if self.turbines.pop(number, None)}
        changed = {state.turbine_number for state in frame.turbines}
        self.turbines.update((state.turbine_number, state) for state in frame.turbines)
        if self._reorder(frame.turbines, changed | gone):
            changed |= self._number_places()
        changed |= self._take_readings(frame)
        if frame.engineers is not None:
            self.engineers = frame.engineers
        return Change(
            turbines=frozenset(changed),
            gone=frozenset(gone),
            engineers=frame.engineers is not None,
            events=self._new_events(frame.events),
        )

    def _take_readings(self, frame: Changes) -> set[int]:
        for number, wind_speed, power_output_in_kwh, age in frame.readings:
            state = self.turbines.get(number)
            if state is None:
                raise FrameError("invalid_frame", f"a reading of turbine {number}, which was never shown.")
            state.wind_speed, state.power_output_in_kwh = wind_speed, power_output_in_kwh
            state.measured_at = frame.at - age
        return {reading[0] for reading in frame.readings}

    def _reorder(self, states: list[TurbineState], named: set[int]) -> bool:
        """Take the named turbines out of the line, put in those that wait; return whether any did."""
        joining = sorted(
            (state.waiting_place, state.turbine_number) for state in states if state.waiting_place
        )
        if not joining and named.isdisjoint(self.waiting):
            return False
        line = [number for number in self.waiting if number not in named]
        # By rising place, so that everybody ahead of a turbine is there when it is put in.
        for place, number in joining:
            line.insert(place - 1, number)
        self.waiting = line
        return True

    def _number_places(self) -> set[int]:
        moved = set()
        for place, number in enumerate(self.waiting, 1):
            state = self.turbines[number]
            if state.waiting_place != place:
                state.waiting_place = place
                moved.add(number)
        return moved

    def _new_events(self, events: list[Event]) -> tuple[Event, ...]:
        last = self.events[-1].id if self.events else 0
        new = tuple(event for event in events if event.id > last)
        self.events.extend(new)
        return new
