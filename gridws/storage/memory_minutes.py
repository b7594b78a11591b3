"""Sums of minutes, from readings in memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from .rows import FleetMinute, Minute, Reading

_MINUTE: Final = 60_000
_MS_PER_HOUR: Final = 3_600_000


def steps(readings: Iterable[Reading]) -> Iterator[tuple[Reading, int]]:
    """Yield each reading with the time (ms) it stands for: since its turbine's one before, at most a minute of it."""
    before: dict[int, int] = {}
    for reading in readings:
        number, measured_at = reading.turbine_number, reading.measured_at
        step = min(_MINUTE, max(0, measured_at - before.get(number, measured_at)))
        before[number] = measured_at
        yield reading, step


def minutes(readings: Iterable[Reading]) -> list[Minute]:
    """Return the minutes of readings as they were received, by turbine and time."""
    groups: dict[tuple[int, int], list[tuple[Reading, float]]] = {}
    for reading, step in steps(readings):
        energy = reading.power_output_in_kwh * step / _MS_PER_HOUR
        groups.setdefault((reading.turbine_number, reading.measured_at // _MINUTE), []).append(
            (reading, energy)
        )
    return [_minute(number, minute, groups[number, minute]) for number, minute in sorted(groups)]


def fleet_minutes(rows: Iterable[Minute]) -> list[FleetMinute]:
    """Return the fleet's minutes, oldest first."""
    groups: dict[int, list[Minute]] = {}
    for row in rows:
        groups.setdefault(row.at, []).append(row)
    return [_fleet_minute(at, groups[at]) for at in sorted(groups)]


def _minute(turbine_number: int, minute: int, rows: Sequence[tuple[Reading, float]]) -> Minute:
    wind = [reading.wind_speed for reading, _ in rows]
    power = [reading.power_output_in_kwh for reading, _ in rows]
    return Minute(
        turbine_number,
        minute * _MINUTE,
        len(rows),
        sum(reading.operational_status == "ok" for reading, _ in rows),
        sum(wind) / len(rows),
        min(wind),
        max(wind),
        sum(power) / len(rows),
        min(power),
        max(power),
        sum(energy for _, energy in rows),
    )


def _fleet_minute(at: int, rows: Sequence[Minute]) -> FleetMinute:
    return FleetMinute(
        at,
        len(rows),
        sum(row.readings for row in rows),
        sum(row.power_output_in_kwh for row in rows),
        sum(row.energy_in_kwh for row in rows),
    )
