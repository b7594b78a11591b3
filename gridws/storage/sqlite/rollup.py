"""The sums of each turbine's minutes, made while the readings pass by.

The readings are not read again: `RollUp.add` sums them up in memory after their COMMIT, `flush` adds the sums to
the tables. `rolled_up_id` in `meta` is the first reading that the tables do not hold yet.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from typing import Final

from ...settings import MOST_AWAY
from ..rows import ReadingRow
from .minute_tables import FINITE, LONGEST_STEP, MINUTE, MS_PER_HOUR, add_sums

MOST_PENDING: Final = 20_000
"""So many sums are flushed at once, early if need be: a replay of an hour makes 60 for each turbine."""


class Sums:
    """What is known of one minute of one turbine; `last` is its last reading, the one before it while it is new.

    `energy` is in kW times ms. `begins` and `ends` are the same objects in all sums of a minute: compared for every
    reading, they are then near at hand. `other_readings` are those that are not ok.
    """

    __slots__ = (
        "begins",
        "ends",
        "energy",
        "last",
        "other_readings",
        "power",
        "power_max",
        "power_min",
        "readings",
        "received_at",
        "wind",
        "wind_max",
        "wind_min",
    )

    def __init__(self, first: ReadingRow, begins: int, ends: int) -> None:
        _, _, wind, power, _, received_at = first
        self.begins = begins
        self.ends = ends
        self.readings = self.other_readings = 0
        self.wind = self.power = self.energy = 0.0
        self.wind_min = self.wind_max = wind
        self.power_min = self.power_max = power
        self.received_at = received_at
        self.last = first

    def as_row(self) -> tuple[float, ...]:
        """Return the row of `fresh`."""
        wind = map(_held, (self.wind, self.wind_min, self.wind_max))
        power = map(_held, (self.power, self.power_min, self.power_max))
        counts = (self.readings, self.readings - self.other_readings)
        energy = _held(self.energy / MS_PER_HOUR)
        key = (self.last[0], self.begins // MINUTE)
        return (*key, *counts, *wind, *power, energy, self.received_at)


class RollUp:
    """The sums that are not in the tables yet; `last` has each turbine's last reading that is in them."""

    def __init__(self, last: Mapping[int, ReadingRow] | None = None) -> None:
        self.last: dict[int, ReadingRow] = dict(last or {})
        self._sums: dict[tuple[int, int], Sums] = {}
        self._current: dict[int, Sums] = {}
        self._edges: dict[int, tuple[int, int]] = {}

    def __len__(self) -> int:
        return len(self._sums)

    def clear(self) -> None:
        """Forget the sums: they are in the tables now. The last readings stay, of too many only those of now."""
        if len(self.last) > MOST_AWAY:
            self.last.clear()
        self.last |= self._last_of_current()
        self._sums.clear()
        self._current.clear()
        self._edges.clear()

    def add(self, readings: Sequence[ReadingRow]) -> None:  # noqa: C901 - one loop without a call: see below
        """Sum up readings that were committed, in the order of their ids."""
        current = self._current
        # This loop runs for every reading there is, and a call takes a fifth of it.
        for reading in readings:
            turbine_number, measured_at, wind, power, status, received_at = reading
            sums = current.get(turbine_number)
            if sums is None or not sums.begins <= measured_at < sums.ends:
                sums = self._turn_to(reading, sums)
            step = measured_at - sums.last[1]
            if step > 0:
                sums.energy += power * (step if step < LONGEST_STEP else LONGEST_STEP)  # noqa: FURB136
            sums.last = reading
            sums.readings += 1
            if status != "ok":
                sums.other_readings += 1
            sums.wind += wind
            if wind < sums.wind_min:
                sums.wind_min = wind
            elif wind > sums.wind_max:
                sums.wind_max = wind
            sums.power += power
            if power < sums.power_min:
                sums.power_min = power
            elif power > sums.power_max:
                sums.power_max = power
            if received_at > sums.received_at:  # noqa: PLR1730 - as above
                sums.received_at = received_at

    def flush(self, connection: sqlite3.Connection) -> None:
        """Add the sums to the tables, within the caller's transaction; `clear` follows its COMMIT."""
        rows = [sums.as_row() for sums in self._sums.values()]
        add_sums(connection, rows, list(self._last_of_current().values()))

    def _turn_to(self, reading: ReadingRow, before: Sums | None) -> Sums:
        """Make the reading's minute its turbine's current one: the next, or an older one again."""
        turbine_number, measured_at = reading[:2]
        minute = measured_at // MINUTE
        key = (turbine_number, minute)
        sums = self._sums.get(key)
        if sums is None:
            edges = self._edges.setdefault(minute, (minute * MINUTE, (minute + 1) * MINUTE))
            sums = self._sums[key] = Sums(reading, *edges)
        sums.last = before.last if before is not None else self.last.get(turbine_number, reading)
        self._current[turbine_number] = sums
        return sums

    def _last_of_current(self) -> dict[int, ReadingRow]:
        return {turbine_number: sums.last for turbine_number, sums in self._current.items()}


def _held(value: float) -> float:
    return max(-FINITE, min(FINITE, value))
