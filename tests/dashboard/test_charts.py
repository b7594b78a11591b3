from __future__ import annotations

import pytest

from gridws.dashboard.charts import (
    DARK,
    LIGHT,
    MOST_POINTS,
    Frame,
    Palette,
    Point,
    fleet_chart,
    turbine_chart,
)
from gridws.dashboard.fleet_map import changed_states
from gridws.dashboard.ranges import LIVE, MINUTE, RANGES, Range
from gridws.dashboard.repair_bars import MOST_ENGINEERS, engineers_shown, repairs_chart
from gridws.dashboard.shades import Shade
from gridws.storage.rows import Repair

END = 300_000


def repair(engineer_id: int, assigned_at: int = 1_000, ended_at: int | None = 2_000) -> Repair:
    outcome = None if ended_at is None else "repaired"
    return Repair(assigned_at, 7, engineer_id, assigned_at, assigned_at, ended_at, outcome)


@pytest.mark.parametrize("palette", [LIGHT, DARK])
def test_a_chart_names_what_it_shows_with_units(palette: Palette) -> None:
    options = turbine_chart([Point(1_000, 8.0, 640.0)], Frame(0, END, palette))

    assert [line["name"] for line in options["series"]] == ["wind, m/s", "power, kW"]
    assert [axis["name"] for axis in options["yAxis"]] == ["m/s", "kW"]
    assert options["legend"]["textStyle"]["color"] == palette.text


def test_the_dashed_line_of_the_legend_ends_with_a_whole_dash() -> None:
    options = turbine_chart([Point(1_000, 8.0, 640.0)], Frame(0, END, LIGHT))

    dash, gap = options["series"][1]["lineStyle"]["type"]
    assert options["legend"]["itemWidth"] % (dash + gap) == dash


def test_a_line_is_broken_where_nothing_was_measured() -> None:
    points = [Point(1_000, 8.0, 1.0), Point(2_000, 8.0, 1.0), Point(60_000, 9.0, 1.0)]

    options = turbine_chart(points, Frame(0, END, LIGHT))

    assert options["series"][0]["data"] == [(1_000, 8.0), (2_000, 8.0), (2_001, None), (60_000, 9.0)]


@pytest.mark.parametrize("shown", RANGES.values(), ids=RANGES)
def test_a_line_is_whole_where_all_was_measured_in_any_range(shown: Range) -> None:
    step = 1_000 if shown == LIVE else shown.step * MINUTE
    frame = Frame(0, shown.length, LIGHT, step=0 if shown == LIVE else step)
    points = [Point(at, 8.0, 640.0) for at in range(0, shown.length, step)]

    for line in (*turbine_chart(points, frame)["series"], *fleet_chart(points, frame)["series"]):
        assert len(line["data"]) > 100
        assert all(value is not None for _, value in line["data"])


def test_a_line_has_no_more_points_than_a_panel_shows_and_ends_with_the_last() -> None:
    points = [Point(at, 8.0, 1.0) for at in range(0, END, 500)]

    data = turbine_chart(points, Frame(0, END, LIGHT))["series"][0]["data"]

    assert len(data) <= MOST_POINTS
    assert data[-1][0] == points[-1].at


@pytest.mark.parametrize(("power", "top"), [(0, 300), (290, 300), (301, 600), (1_900, 3_000), (3_000, 3_000)])
def test_an_axis_has_three_round_steps(power: float, top: float) -> None:
    axis = turbine_chart([Point(1, 8.0, power)], Frame(0, END, LIGHT))["yAxis"][1]

    assert (axis["max"], axis["interval"]) == (top, top / 3)


@pytest.mark.parametrize(("power", "unit", "shown"), [(900.0, "kW", 900.0), (14_700.0, "MW", 14.7)])
def test_the_fleets_power_is_told_in_the_shorter_unit(power: float, unit: str, shown: float) -> None:
    options = fleet_chart([Point(1_000, 0.0, power)], Frame(0, END, LIGHT))

    assert options["yAxis"][0]["name"] == unit
    assert options["series"][0]["data"] == [(1_000, shown)]


def test_the_time_axes_of_all_charts_have_the_same_edges() -> None:
    frame = Frame(0, END, LIGHT)
    charts = [fleet_chart([], frame), turbine_chart([], frame), repairs_chart([], [1], frame)]

    assert {(each["grid"]["left"], each["grid"]["right"]) for each in charts} == {(46, 52)}
    assert {(each["xAxis"]["min"], each["xAxis"]["max"]) for each in charts} == {(0, END)}


def test_when_it_was_broken_and_repaired_is_shaded_behind_the_power() -> None:
    options = turbine_chart([], Frame(0, END, LIGHT), [Shade("broken", 5, 7), Shade("repair", 7, 9)])

    areas = options["series"][1]["markArea"]["data"]
    assert [(area[0]["xAxis"], area[1]["xAxis"]) for area in areas] == [(5, 7), (7, 9)]
    assert areas[0][0]["itemStyle"] != areas[1][0]["itemStyle"]


def test_a_running_repair_goes_on_to_the_present() -> None:
    bars = repairs_chart([repair(1, ended_at=None)], [1], Frame(0, END, LIGHT))["series"][0]["data"]

    assert bars[0]["value"] == [0, 1_000, END, 7, 1]
    assert bars[0]["name"] == "turbine 7: being repaired, 299 s"


def test_engineers_with_the_latest_work_have_rows_before_idle_ones() -> None:
    repairs = [repair(engineer, assigned_at=engineer) for engineer in range(1, 30)]

    assert engineers_shown(repairs, range(1, 100)) == list(range(30 - MOST_ENGINEERS, 30))
    assert engineers_shown([repair(3)], [1, 2, 3]) == [1, 2, 3]


def test_only_what_changed_is_sent_to_the_map() -> None:
    assert changed_states("ooow", "orow") == [(1, "r")]
    assert changed_states("oo", "oo") == []
