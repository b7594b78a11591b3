"""The register of turbines: what is known of each, and the picture that viewers and the API get.

The monitor writes it, once for each live frame; everybody else reads it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from math import isfinite
from typing import Final

from .clock import Clock
from .dispatcher import Dispatcher
from .frames import (
    Changes,
    EngineerState,
    Event,
    Metrics,
    OperationalStatus,
    Snapshot,
    Totals,
    TurbineState,
)
from .settings import MOST_AWAY
from .watching import Delta

HUGE: Final = 1e12
"""A value from here on is no measurement; hundredths of it are beyond a float soon."""


class Entry:
    """One turbine; `since` is when its present state began (ms UTC), `ok_power` its last output while ok."""

    __slots__ = (
        "last_seen_at",
        "ok_power",
        "online",
        "seen_before",
        "since",
        "status",
        "turbine_number",
    )

    def __init__(self, turbine_number: int, at: int) -> None:
        self.turbine_number = turbine_number
        self.online = False
        self.seen_before = False
        self.status: OperationalStatus | None = None
        self.ok_power: float | None = None
        self.since = at
        self.last_seen_at = at


class Register:
    """All turbines that are shown: those online, and those seen within the days that the settings say.

    `last_metrics` has the last live reading of each turbine that has sent one, its `measured_at` filled in.
    """

    def __init__(self, clock: Clock, dispatcher: Dispatcher, degraded: Callable[[], str | None]) -> None:
        self.started_at = clock.now().at
        self.last_metrics: dict[int, Metrics] = {}
        self._clock = clock
        self._dispatcher = dispatcher
        self._degraded = degraded
        self._entries: dict[int, Entry] = {}
        self._kept = 0

    def __iter__(self) -> Iterator[Entry]:
        return iter(self._entries.values())

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, turbine_number: int) -> Entry | None:
        """Return what is known of a turbine, None where it was never seen or too long ago."""
        return self._entries.get(turbine_number)

    def entry(self, turbine_number: int) -> Entry:
        """Return the entry of a turbine, a new one where there is none."""
        found = self._entries.get(turbine_number)
        if found is None:
            found = self._entries[turbine_number] = Entry(turbine_number, self._clock.now().at)
        return found

    def numbers(self) -> list[int]:
        """Return the numbers of all turbines, in order."""
        return sorted(self._entries)

    def touch(self, turbine_number: int, at: int) -> None:
        """Note that an engineer came to a turbine or left it, so that its present state begins now."""
        entry = self._entries.get(turbine_number)
        if entry is not None and entry.online:
            entry.since = at

    @property
    def is_full(self) -> bool:
        """Whether there are so many that some have to be forgotten now."""
        return len(self._entries) > MOST_AWAY and len(self._entries) > self._kept * 1.1

    def forget_before(self, at: int) -> list[int]:
        """Forget turbines that are offline and were last seen before `at`, or too many; return their numbers."""
        offline = sorted((entry.last_seen_at, entry.turbine_number) for entry in self if not entry.online)
        surplus = max(0, len(self) - MOST_AWAY)
        gone = [number for place, (seen_at, number) in enumerate(offline) if seen_at < at or place < surplus]
        for turbine_number in gone:
            del self._entries[turbine_number]
            self.last_metrics.pop(turbine_number, None)
        self._kept = len(self)
        return gone

    # The picture.

    def states(self, turbine_numbers: Iterable[int] | None = None) -> list[TurbineState]:
        """Return the states of these turbines, or of all by number."""
        numbers = self.numbers() if turbine_numbers is None else turbine_numbers
        entries = (self._entries.get(number) for number in numbers)
        return [self._state(entry) for entry in entries if entry is not None]

    def engineers(self) -> list[EngineerState]:
        """Return the roster, by id."""
        return [
            EngineerState(
                engineer_id=engineer.engineer_id,
                turbine_number=engineer.assignment.turbine_number if engineer.assignment else None,
                assignment_id=engineer.assignment.id if engineer.assignment else None,
                since=engineer.since.at,
            )
            for engineer in self._dispatcher.engineers()
        ]

    def totals(self) -> Totals:
        """Return the fleet in numbers."""
        online = broken = 0
        power = 0.0
        last = self.last_metrics
        # One pass: this is counted twice a second over the whole fleet.
        for entry in self._entries.values():
            if entry.online:
                online += 1
                broken += entry.status is OperationalStatus.broken
                metrics = last.get(entry.turbine_number)
                power += metrics.power_output_in_kwh if metrics else 0.0
        pool = self._dispatcher
        engineers = len(pool.engineers())
        return Totals(
            turbines=len(self),
            online=online,
            broken=broken,
            waiting=pool.waiting_count,
            under_repair=engineers - pool.free_count,
            engineers=engineers,
            engineers_free=pool.free_count,
            power_output_in_kwh=_held(power),
        )

    def snapshot(self, events: list[Event]) -> Snapshot:
        """Return the whole fleet."""
        return Snapshot(
            at=self._clock.now().at,
            started_at=self.started_at,
            turbines=self._shown(self.numbers()),
            engineers=self.engineers(),
            totals=self.totals(),
            degraded=self._degraded(),
            events=events,
        )

    def changes(self, delta: Delta) -> Changes:
        """Return the present state of what changed; the places of those behind it in the line follow."""
        at = self._clock.now().at
        return Changes(
            at=at,
            turbines=self._shown(delta.turbines),
            readings=self._readings(delta.readings - delta.turbines, at),
            engineers=self.engineers() if delta.engineers else None,
            removed=[number for number in delta.turbines if number not in self._entries],
            totals=self.totals(),
            degraded=self._degraded(),
            events=list(delta.events),
        )

    def _shown(self, turbine_numbers: Iterable[int]) -> list[TurbineState]:
        entries = (self._entries.get(number) for number in turbine_numbers)
        return [self._state(entry, _rounded) for entry in entries if entry is not None]

    def _readings(self, turbine_numbers: set[int], at: int) -> list[tuple[int, float, float, int]]:
        return [
            (
                number,
                _rounded(metrics.wind_speed),
                _rounded(metrics.power_output_in_kwh),
                at - (metrics.measured_at or 0),
            )
            for number in turbine_numbers
            if (metrics := self.last_metrics.get(number))
        ]

    def _state(self, entry: Entry, shown: Callable[[float], float] = float) -> TurbineState:
        assignment = self._dispatcher.assignment_of(entry.turbine_number)
        metrics = self.last_metrics.get(entry.turbine_number)
        return TurbineState(
            turbine_number=entry.turbine_number,
            online=entry.online,
            operational_status=entry.status,
            wind_speed=shown(metrics.wind_speed) if metrics else None,
            power_output_in_kwh=shown(metrics.power_output_in_kwh) if metrics else None,
            measured_at=metrics.measured_at if metrics else None,
            since=entry.since,
            broken_at=self._dispatcher.broken_at(entry.turbine_number),
            waiting_place=self._dispatcher.waiting_place(entry.turbine_number),
            engineer_id=assignment.engineer_id if assignment else None,
            assignment_id=assignment.id if assignment else None,
        )


def _rounded(value: float) -> float:
    """Return the value in hundredths, several times as fast as `round`."""
    return (value * 100.0 + 0.5) // 1.0 / 100.0 if -HUGE < value < HUGE else value


def _held(power: float) -> float:
    """Return what JSON can hold of a sum: finite readings may add up to more than a float is."""
    return _rounded(power) if isfinite(power) else HUGE
