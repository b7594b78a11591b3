"""Minutes by many, for charts of days and months."""

from __future__ import annotations

from gridws.report.coarse import MINUTE, coarser_fleet_minutes, coarser_minutes
from gridws.storage.rows import FleetMinute, Minute


def minute(number: int, readings: int, wind: float, power: float) -> Minute:
    return Minute(
        7,
        number * MINUTE,
        readings,
        readings,
        wind,
        wind - 1,
        wind + 1,
        power,
        power - 5,
        power + 5,
        power / 60,
    )


def test_means_are_weighted_by_readings_and_energy_adds_up() -> None:
    rows = [minute(60, 1, 4.0, 100.0), minute(61, 3, 8.0, 500.0), minute(120, 2, 6.0, 300.0)]

    first, second = coarser_minutes(rows, 60)

    assert first == Minute(7, 60 * MINUTE, 4, 4, 7.0, 3.0, 9.0, 400.0, 95.0, 505.0, 10.0)
    assert (second.at, second.power_output_in_kwh) == (120 * MINUTE, 300.0)


def test_the_fleets_power_is_the_mean_of_the_minutes_that_are_known() -> None:
    rows = [FleetMinute(at * MINUTE, at, 10, 100.0 * at, 1.0) for at in (5, 6, 9)]

    assert coarser_fleet_minutes(rows, 4) == [
        FleetMinute(4 * MINUTE, 6, 20, 550.0, 2.0),
        FleetMinute(8 * MINUTE, 9, 10, 900.0, 1.0),
    ]


def test_a_step_of_one_changes_nothing() -> None:
    rows = [minute(at, 2, 6.0, 300.0) for at in range(3)]

    assert coarser_minutes(rows, 1) == rows
    assert coarser_minutes([], 7) == []
