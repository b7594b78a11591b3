"""Minutes merged into rows of many: a chart of a month needs 720 points, not 43,200. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Final, TypeVar

from ..storage.rows import FleetMinute, Minute

MINUTE: Final = 60_000

Row = TypeVar("Row", Minute, FleetMinute)


def coarser_minutes(rows: Iterable[Minute], step: int) -> list[Minute]:
    """Return one turbine's minutes by `step` of them: means weighted by readings, least, most, and sums."""
    return [_merged(at, group) for at, group in _by_step(rows, step)]


def coarser_fleet_minutes(rows: Iterable[FleetMinute], step: int) -> list[FleetMinute]:
    """Return the fleet's minutes by `step` of them: the mean power of those with readings, the most turbines, sums."""
    return [
        FleetMinute(
            at,
            max(row.turbines for row in group),
            sum(row.readings for row in group),
            sum(row.power_output_in_kwh for row in group) / len(group),
            sum(row.energy_in_kwh for row in group),
        )
        for at, group in _by_step(rows, step)
    ]


def _by_step(rows: Iterable[Row], step: int) -> Iterator[tuple[int, list[Row]]]:
    length = step * MINUTE
    for number, group in groupby(rows, lambda row: row.at // length):
        yield number * length, list(group)


def _merged(at: int, group: list[Minute]) -> Minute:
    readings = sum(row.readings for row in group)
    return Minute(
        group[0].turbine_number,
        at,
        readings,
        sum(row.ok_readings for row in group),
        sum(row.wind_speed * row.readings for row in group) / readings,
        min(row.wind_speed_min for row in group),
        max(row.wind_speed_max for row in group),
        sum(row.power_output_in_kwh * row.readings for row in group) / readings,
        min(row.power_output_in_kwh_min for row in group),
        max(row.power_output_in_kwh_max for row in group),
        sum(row.energy_in_kwh for row in group),
    )
