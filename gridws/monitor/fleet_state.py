"""The state of the fleet: what is known of each, and the picture that viewers and the API get.

The monitor writes it, once for each live frame; everybody else reads it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from math import isfinite
from typing import Final

from ..clock import Clock
from ..dispatch import Pool
from ..settings import MOST_AWAY
from ..storage.rows import NAMELESS, Name, Names, ReadingRow, StatusChange
from ..wire.frames import (
    Changes,
    EngineerState,
    Event,
    HoldState,
    Metrics,
    Snapshot,
    Totals,
    TurbineState,
)
from ..words import OperationalStatus
from .delta import Delta

_NO_READING: Final = (None,) * 6

HUGE: Final = 1e12
"""A value from here on is no measurement; hundredths of it are beyond a float soon."""


class Entry:
    """One turbine; `since` is when its present state began (ms UTC), `ok_power` its last output while ok.

    `clock_ahead` is how many ms its clock is ahead of ours, 0 where that is little; `reading` its last live one, None
    before the first: as a row, which is kept anyway until it is summed up. `monitor` is the address of the monitor that
    has its link, where that is another one.
    """

    __slots__ = (
        "clock_ahead",
        "last_seen_at",
        "monitor",
        "ok_power",
        "online",
        "reading",
        "since",
        "status",
        "turbine_number",
    )

    def __init__(self, turbine_number: int, at: int) -> None:
        self.turbine_number = turbine_number
        self.online = False
        self.status: OperationalStatus | None = None
        self.reading: ReadingRow | None = None
        self.monitor: str | None = None
        self.ok_power: float | None = None
        self.clock_ahead = 0
        self.since = at
        self.last_seen_at = at

    def status_change(self, at: int) -> StatusChange:
        """Return the row that says what is known of the turbine from now on."""
        return StatusChange(
            self.turbine_number, at, self.status.value if self.status else None, self.ok_power
        )


class LastMetrics(Mapping[int, Metrics]):
    """The last live reading of each turbine that has sent one, its `measured_at` filled in."""

    def __init__(self, entries: Mapping[int, Entry]) -> None:
        self._entries = entries

    def __getitem__(self, turbine_number: int) -> Metrics:
        reading = self._entries[turbine_number].reading
        if reading is None:
            raise KeyError(turbine_number)
        _, measured_at, wind, power, status, _ = reading
        return Metrics(
            turbine_number=turbine_number,
            wind_speed=wind,
            power_output_in_kwh=power,
            operational_status=OperationalStatus(status),
            measured_at=measured_at,
        )

    def __iter__(self) -> Iterator[int]:
        return (number for number, entry in self._entries.items() if entry.reading is not None)

    def __len__(self) -> int:
        return sum(1 for _ in self)


class FleetState:
    """All turbines that are shown: those online, and those seen within the days that the settings say.

    The monitor keeps the last reading of each in its entry. Times are in ms UTC.
    """

    def __init__(self, clock: Clock, pool: Pool, names: Names | None = None) -> None:
        self.names = names or Names({}, {})
        """What people call turbines and engineers; `Remarks` writes it."""
        self.started_at = clock.now().at
        self._degraded: str | None = None
        self._clock = clock
        self._pool = pool
        self._entries: dict[int, Entry] = {}
        self.last_metrics = LastMetrics(self._entries)
        self._kept = 0

    def __iter__(self) -> Iterator[Entry]:
        return iter(self._entries.values())

    def __len__(self) -> int:
        return len(self._entries)

    def __contains__(self, turbine_number: object) -> bool:
        return turbine_number in self._entries

    def get(self, turbine_number: int) -> Entry | None:
        """Return what is known of a turbine, None where it was never seen or too long ago."""
        return self._entries.get(turbine_number)

    def numbers(self, site: str | None = None) -> list[int]:
        """Return the numbers of all turbines, or of those at a site, in order."""
        here = self._entries
        return sorted(
            here if site is None else (number for number in here if self.name_of(number).site == site)
        )

    def name_of(self, turbine_number: int) -> Name:
        """Return what people call a turbine, and where it is."""
        return self.names.turbines.get(turbine_number, NAMELESS)

    # What happens to a turbine.

    def recall(self, turbine_number: int, seen_at: int, reading: ReadingRow | None) -> None:
        """Know a turbine that an earlier run saw last at `seen_at`, with its last reading if it had one."""
        self._entries[turbine_number] = entry = Entry(turbine_number, seen_at)
        entry.reading = reading

    def came_online(self, turbine_number: int, at: int) -> Entry:
        """Note that a turbine has a link; how it is, is not known until it reports."""
        entry = self._entries.setdefault(turbine_number, Entry(turbine_number, at))
        entry.online, entry.status, entry.clock_ahead, entry.monitor = True, None, 0, None
        entry.since = entry.last_seen_at = at
        return entry

    def clock_is_ahead(self, turbine_number: int, ms: int) -> None:
        """Note how far a turbine's clock is ahead of ours, 0: it is right again."""
        self._entries[turbine_number].clock_ahead = ms

    @property
    def clocks_off(self) -> int:
        """Turbines with a link to this monitor whose clock is far from ours."""
        return sum(entry.online and entry.clock_ahead != 0 for entry in self)

    def went_offline(self, turbine_number: int, at: int) -> StatusChange | None:
        """Note that a turbine lost its link; return the row that says so, None where nothing was known of it before."""
        entry = self._entries[turbine_number]
        was_known = entry.status is not None
        entry.online, entry.status = False, None
        entry.since = entry.last_seen_at = at
        return entry.status_change(at) if was_known else None

    def changed(self, turbine_number: int, status: OperationalStatus, at: int) -> StatusChange:
        """Note the new status of a turbine that is online; return the row that says so.

        When it breaks, the reading before tells what it would deliver.
        """
        entry = self._entries[turbine_number]
        reading = entry.reading
        if reading is not None and (entry.status, status) == (OperationalStatus.ok, OperationalStatus.broken):
            entry.ok_power = reading[3]
        entry.status, entry.since = status, at
        return entry.status_change(at)

    def engineer_moved(self, turbine_number: int, at: int) -> None:
        """Note that an engineer came to a turbine or left it, so that its present state begins now."""
        entry = self._entries.get(turbine_number)
        if entry is not None and entry.online:
            entry.since = at

    def seen_elsewhere(
        self, turbine_number: int, monitor: str | None, status: OperationalStatus | None, since: int, at: int
    ) -> None:
        """Note how a turbine is, `since` when, whose link another monitor has or, None, had."""
        entry = self._entries.setdefault(turbine_number, Entry(turbine_number, at))
        entry.online, entry.monitor, entry.status = monitor is not None, monitor, status
        entry.since, entry.last_seen_at, entry.clock_ahead = since, at, 0

    def monitors_elsewhere(self, turbine_number: int | None = None) -> list[str]:
        """Return the addresses of the other monitors that have the turbine's link or, None, any links."""
        numbers = self._entries if turbine_number is None else (turbine_number,)
        entries = (self._entries.get(number) for number in numbers)
        return sorted({entry.monitor for entry in entries if entry is not None and entry.monitor is not None})

    def power_here(self) -> float:
        """Return what the turbines with a link to this monitor deliver, in kW."""
        here = (entry.reading for entry in self if entry.online and entry.monitor is None)
        return _held(sum(reading[3] for reading in here if reading is not None))

    def storage_changed(self, degraded: str | None) -> None:
        """Note why readings cannot be stored, None: they can."""
        self._degraded = degraded

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
            self.forget(turbine_number)
        self._kept = len(self)
        return gone

    def forget(self, turbine_number: int) -> None:
        """Know nothing of a turbine any more, unless it is online by now."""
        entry = self._entries.get(turbine_number)
        if entry is None or not entry.online:
            self._entries.pop(turbine_number, None)

    # The picture.

    def states(self, turbine_numbers: Iterable[int] | None = None) -> list[TurbineState]:
        """Return the states of these turbines, or of all by number."""
        numbers = self.numbers() if turbine_numbers is None else turbine_numbers
        entries = (self._entries.get(number) for number in numbers)
        return [self._state(entry) for entry in entries if entry is not None]

    def hold_of(self, turbine_number: int) -> HoldState | None:
        """Return the hold of a turbine, which may be unknown otherwise, None where it is not held."""
        hold = self._pool.hold_of(turbine_number)
        if hold is None:
            return None
        until = hold.until.at if hold.until else None
        return HoldState(since=hold.since, until=until, reason=hold.reason, by=hold.by)

    @property
    def held_count(self) -> int:
        """How many of them are held."""
        return sum(self._pool.hold_of(number) is not None for number in self._entries)

    def longest_wait(self) -> float:
        """Return since when the turbine that broke first of those that wait is broken, in seconds; 0 if none waits."""
        now = self._clock.now().at
        broken = (entry.turbine_number for entry in self if entry.status is OperationalStatus.broken)
        return max((self.waited(number, now) or 0.0 for number in broken), default=0.0)

    def waited(self, turbine_number: int, at: int) -> float | None:
        """Return for how long (s) a turbine that waits was broken by then, None where it does not wait."""
        broken_at = self._pool.broken_at(turbine_number)
        if broken_at is None or not self.waits(turbine_number):
            return None
        return max(0.0, (at - broken_at) / 1000)

    def waits(self, turbine_number: int) -> bool:
        """Return whether a turbine waits for an engineer."""
        return self._pool.waiting_place(turbine_number) is not None

    def engineers(self) -> list[EngineerState]:
        """Return the roster, by id."""
        return [
            EngineerState(
                engineer_id=engineer.engineer_id,
                turbine_number=engineer.assignment.turbine_number if engineer.assignment else None,
                assignment_id=engineer.assignment.id if engineer.assignment else None,
                since=engineer.since.at,
                **self.names.engineers.get(engineer.engineer_id, NAMELESS)._asdict(),
            )
            for engineer in self._pool.engineers()
        ]

    def totals(self) -> Totals:
        """Return the fleet in numbers."""
        online = broken = 0
        power = 0.0
        # One pass: this is counted twice a second over the whole fleet.
        for entry in self._entries.values():
            if entry.online:
                online += 1
                broken += entry.status is OperationalStatus.broken
                power += entry.reading[3] if entry.reading else 0.0
        pool = self._pool
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
            degraded=self._degraded,
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
            degraded=self._degraded,
            events=list(delta.events),
        )

    def _shown(self, turbine_numbers: Iterable[int]) -> list[TurbineState]:
        entries = (self._entries.get(number) for number in turbine_numbers)
        return [self._state(entry, _rounded) for entry in entries if entry is not None]

    def _readings(self, turbine_numbers: set[int], at: int) -> list[tuple[int, float, float, int]]:
        entries = (self._entries.get(number) for number in turbine_numbers)
        readings = [entry.reading for entry in entries if entry is not None and entry.reading is not None]
        return [
            (number, _rounded(wind), _rounded(power), at - measured_at)
            for number, measured_at, wind, power, _, _ in readings
        ]

    def _state(self, entry: Entry, shown: Callable[[float], float] = float) -> TurbineState:
        assignment = self._pool.assignment_of(entry.turbine_number)
        _, measured_at, wind, power, _, _ = entry.reading or _NO_READING
        name, site = self.name_of(entry.turbine_number)
        return TurbineState(
            turbine_number=entry.turbine_number,
            online=entry.online,
            operational_status=entry.status,
            wind_speed=None if wind is None else shown(wind),
            power_output_in_kwh=None if power is None else shown(power),
            measured_at=measured_at,
            since=entry.since,
            broken_at=self._pool.broken_at(entry.turbine_number),
            waiting_place=self._pool.waiting_place(entry.turbine_number),
            engineer_id=assignment.engineer_id if assignment else None,
            assignment_id=assignment.id if assignment else None,
            hold=self.hold_of(entry.turbine_number),
            name=name,
            site=site,
            clock_ahead_in_seconds=entry.clock_ahead / 1000 if entry.clock_ahead else None,
            monitor=entry.monitor,
        )


def _rounded(value: float) -> float:
    """Return the value in hundredths, several times as fast as `round`."""
    return (value * 100.0 + 0.5) // 1.0 / 100.0 if -HUGE < value < HUGE else value


def _held(power: float) -> float:
    """Return what JSON can hold of a sum: finite readings may add up to more than a float is."""
    return _rounded(power) if isfinite(power) else HUGE
