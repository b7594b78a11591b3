from __future__ import annotations

import pytest

from gridws.dashboard.charts import (
    DARK,
    LIGHT,
    MOST_ENGINEERS,
    MOST_POINTS,
    Palette,
    Point,
    engineers_shown,
    repairs_chart,
    turbine_chart,
)
from gridws.dashboard.fleet_map import changed_states
from gridws.storage import Repair

END = 300_000


def repair(engineer_id: int, assigned_at: int = 1_000, ended_at: int | None = 2_000) -> Repair:
    outcome = None if ended_at is None else "repaired"
    return Repair(assigned_at, 7, engineer_id, assigned_at, assigned_at, ended_at, outcome)


@pytest.mark.parametrize("palette", [LIGHT, DARK])
def test_a_chart_names_what_it_shows_with_units(palette: Palette) -> None:
    options = turbine_chart([Point(1_000, 8.0, 640.0)], 0, END, palette, utc=False)

    assert [line["name"] for line in options["series"]] == ["wind, m/s", "power, kW"]
    assert [axis["name"] for axis in options["yAxis"]] == ["m/s", "kW"]
    assert options["legend"]["textStyle"]["color"] == palette.text


def test_the_dashed_line_of_the_legend_ends_with_a_whole_dash() -> None:
    options = turbine_chart([Point(1_000, 8.0, 640.0)], 0, END, LIGHT, utc=False)

    dash, gap = options["series"][1]["lineStyle"]["type"]
    assert options["legend"]["itemWidth"] % (dash + gap) == dash


def test_a_line_is_broken_where_nothing_was_measured() -> None:
    points = [Point(1_000, 8.0, 1.0), Point(2_000, 8.0, 1.0), Point(60_000, 9.0, 1.0)]

    options = turbine_chart(points, 0, END, LIGHT, utc=False)

    assert options["series"][0]["data"] == [(1_000, 8.0), (2_000, 8.0), (2_001, None), (60_000, 9.0)]


def test_a_line_has_no_more_points_than_a_panel_shows_and_ends_with_the_last() -> None:
    points = [Point(at, 8.0, 1.0) for at in range(0, END, 500)]

    data = turbine_chart(points, 0, END, LIGHT, utc=False)["series"][0]["data"]

    assert len(data) <= MOST_POINTS
    assert data[-1][0] == points[-1].at


@pytest.mark.parametrize(("power", "top"), [(0, 300), (290, 300), (301, 600), (1_900, 3_000), (3_000, 3_000)])
def test_an_axis_has_three_round_steps(power: float, top: float) -> None:
    axis = turbine_chart([Point(1, 8.0, power)], 0, END, LIGHT, utc=False)["yAxis"][1]

    assert (axis["max"], axis["interval"]) == (top, top / 3)


def test_a_running_repair_goes_on_to_the_present() -> None:
    bars = repairs_chart([repair(1, ended_at=None)], [1], 0, END, LIGHT, utc=False)["series"][0]["data"]

    assert bars[0]["value"] == [0, 1_000, END, 7, 1]
    assert bars[0]["name"] == "turbine 7: being repaired, 299 s"


def test_engineers_with_the_latest_work_have_rows_before_idle_ones() -> None:
    repairs = [repair(engineer, assigned_at=engineer) for engineer in range(1, 30)]

    assert engineers_shown(repairs, range(1, 100)) == list(range(30 - MOST_ENGINEERS, 30))
    assert engineers_shown([repair(3)], [1, 2, 3]) == [1, 2, 3]


def test_only_what_changed_is_sent_to_the_map() -> None:
    assert changed_states("ooow", "orow") == [(1, "r")]
    assert changed_states("oo", "oo") == []
