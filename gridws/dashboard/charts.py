"""Options for ECharts: pure functions of rows and a palette. Times are in ms UTC; the browser's zone shows them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final, NamedTuple

from ..storage import Minute, Repair

GAP: Final = 15_000
"""ms between two readings that a line must not bridge: longer than three misses of a slow turbine."""
MOST_POINTS: Final = 150
"""Points of a line: more than that nobody sees in a panel, and each costs on its way every second."""
DASH: Final = 8
DASH_GAP: Final = 4
"""A dashed line in pixels."""
LEGEND_LINE: Final = 3 * DASH + 2 * DASH_GAP
"""Ends with a whole dash: a piece of one looks like a dot before the name."""
MOST_ENGINEERS: Final = 8
"""Rows of bars that stay readable."""


@dataclass(frozen=True, slots=True)
class Palette:
    """The colours of the charts; those of everything else stand in the style sheet."""

    text: str
    line: str
    wind: str
    power: str
    done: str
    running: str
    panel: str


LIGHT: Final = Palette(
    text="#4a5868",
    line="#dde3ea",
    wind="#1f6feb",
    power="#1a7f4b",
    done="#4a6c8f",
    running="#f0a92b",
    panel="#ffffff",
)
DARK: Final = Palette(
    text="#a3b1c0",
    line="#26313d",
    wind="#6cb0ff",
    power="#4cc38a",
    done="#46668a",
    running="#f0a92b",
    panel="#161d26",
)


class Point(NamedTuple):
    """What was measured at a moment; `at` in ms UTC, wind in m/s, power in kW."""

    at: int
    wind_speed: float
    power: float


def points_of(rows: Iterable[Minute]) -> list[Point]:
    """Return minutes as points at their middles."""
    return [Point(row.at + 30_000, row.wind_speed, row.power_output_in_kwh) for row in rows]


def turbine_chart(
    points: Sequence[Point], begin: int, end: int, palette: Palette, *, utc: bool
) -> dict[str, Any]:
    """Return wind and power from `begin` to `end`, each with an axis and a unit of its own."""
    gap = max(GAP, 3 * (end - begin) // 1440)
    thinned = _thin([point for point in points if begin <= point.at <= end])
    return {
        "animation": False,
        "useUTC": utc,
        "textStyle": {"fontFamily": "system-ui, sans-serif"},
        "grid": {"left": 44, "right": 52, "top": 30, "bottom": 24},
        "legend": {
            "top": 0,
            "left": "center",
            "itemHeight": 8,
            "itemWidth": LEGEND_LINE,
            "textStyle": {"color": palette.text},
        },
        "tooltip": {
            "trigger": "axis",
            "backgroundColor": palette.panel,
            "textStyle": {"color": palette.text},
        },
        "xAxis": _time_axis(begin, end, palette),
        "yAxis": [
            _axis("m/s", palette, _top(thinned, 1, 15), lines=True),
            _axis("kW", palette, _top(thinned, 2, 300), lines=False),
        ],
        "series": [
            _line("wind, m/s", 0, palette.wind, "solid", _with_gaps(thinned, 1, gap)),
            _line("power, kW", 1, palette.power, [DASH, DASH_GAP], _with_gaps(thinned, 2, gap)),
        ],
    }


def repairs_chart(
    repairs: Sequence[Repair], roster: Sequence[int], begin: int, end: int, palette: Palette, *, utc: bool
) -> dict[str, Any]:
    """Return a row for each engineer and a bar for each repair, with the turbine's number in it."""
    engineers = engineers_shown(repairs, roster)
    rows = {engineer: row for row, engineer in enumerate(engineers)}
    bars = [_bar(each, rows[each.engineer_id], end, palette) for each in repairs if each.engineer_id in rows]
    return {
        "animation": False,
        "useUTC": utc,
        "textStyle": {"fontFamily": "system-ui, sans-serif"},
        "grid": {"left": 84, "right": 12, "top": 4, "bottom": 24},
        "tooltip": {"backgroundColor": palette.panel, "textStyle": {"color": palette.text}},
        "xAxis": _time_axis(begin, end, palette),
        "yAxis": {
            "type": "category",
            "inverse": True,
            "data": [f"engineer {engineer}" for engineer in engineers],
            "axisLabel": {"color": palette.text, "fontSize": 12},
            "axisLine": {"show": False},
            "axisTick": {"show": False},
            "splitLine": {"show": True, "lineStyle": {"color": palette.line}},
        },
        "series": [
            {
                "type": "custom",
                ":renderItem": _DRAW_BAR,
                "encode": {"x": [1, 2], "y": 0},
                "tooltip": {":formatter": "(bar) => bar.data.name"},
                "clip": True,
                "data": bars,
            }
        ],
    }


def engineers_shown(repairs: Sequence[Repair], roster: Sequence[int]) -> list[int]:
    """Return the engineers that get a row, by id: those with the latest work, then the others of the roster."""
    latest = dict.fromkeys(repair.engineer_id for repair in reversed(repairs))
    return sorted([*dict.fromkeys([*latest, *roster])][:MOST_ENGINEERS])


# A running repair is hatched, one that ended without success is hollow: told apart without colour too.
_DRAW_BAR: Final = """(params, api) => {
    const from = api.coord([api.value(1), api.value(0)]);
    const to = api.coord([api.value(2), api.value(0)]);
    const area = params.coordSys;
    const left = Math.max(from[0], area.x);
    const width = Math.max(2, to[0] - left - 1);
    const height = Math.min(26, api.size([0, 1])[1] * 0.75);
    const text = String(api.value(3));
    const kind = api.value(4);
    const color = api.visual("color");
    const hollow = kind === 2;
    const stripes = { symbol: "rect", dashArrayX: [1, 0], dashArrayY: [2, 5], rotation: -Math.PI / 4,
                      color: "rgba(0,0,0,0.25)" };
    return { type: "group", children: [
        { type: "rect",
          shape: { x: left, y: from[1] - height / 2, width, height, r: 3 },
          style: { fill: hollow ? "transparent" : color, stroke: hollow ? color : null,
                   lineWidth: hollow ? 2 : 0, decal: kind === 1 ? stripes : null } },
        { type: "text", silent: true,
          style: { text: width > text.length * 7 + 8 ? text : "", x: left + 5, y: from[1],
                   verticalAlign: "middle", fill: ["#ffffff", "#2b1c00", color][kind],
                   fontWeight: 600, fontSize: 11 } },
    ] };
}"""


def _bar(repair: Repair, row: int, now: int, palette: Palette) -> dict[str, Any]:
    running = repair.ended_at is None
    kind = 1 if running else 0 if repair.outcome == "repaired" else 2
    color = (palette.done, palette.running, palette.text)[kind]
    end = repair.ended_at or now
    seconds = max(0, end - repair.assigned_at) / 1000
    outcome = "being repaired" if running else (repair.outcome or "").replace("_", " ")
    return {
        "name": f"turbine {repair.turbine_number}: {outcome}, {seconds:.0f} s",
        "value": [row, repair.assigned_at, end, repair.turbine_number, kind],
        "itemStyle": {"color": color},
    }


def _time_axis(begin: int, end: int, palette: Palette) -> dict[str, Any]:
    return {
        "type": "time",
        "min": begin,
        "max": end,
        "axisLabel": {"color": palette.text, "formatter": "{HH}:{mm}", "hideOverlap": True},
        "axisLine": {"lineStyle": {"color": palette.line}},
        "axisTick": {"show": False},
        "splitLine": {"show": False},
        "minInterval": 60_000,
    }


def _top(points: Sequence[Point], field: int, least: int) -> float:
    """Return the top of an axis of three round steps; a still turbine must not look like a wild one."""
    most = max((point[field] for point in points), default=0.0)
    if most <= least:
        return least
    power: float = 10 ** math.floor(math.log10(most / 3))
    return 3 * power * next(step for step in (1, 2, 5, 10) if 3 * step * power >= most)


def _axis(unit: str, palette: Palette, top: float, *, lines: bool) -> dict[str, Any]:
    return {
        "type": "value",
        "name": unit,
        "nameGap": 8,
        "nameTextStyle": {"color": palette.text},
        "min": 0,
        "max": top,
        "interval": top / 3,
        "axisLabel": {"color": palette.text},
        "splitLine": {"show": lines, "lineStyle": {"color": palette.line}},
    }


def _line(
    name: str, axis: int, color: str, dash: str | list[int], data: list[tuple[int, float | None]]
) -> dict[str, Any]:
    return {
        "name": name,
        "type": "line",
        "yAxisIndex": axis,
        "showSymbol": False,
        "connectNulls": False,
        "lineStyle": {"width": 2, "color": color, "type": dash},
        "itemStyle": {"color": color},
        "data": data,
    }


def _thin(points: Sequence[Point]) -> list[Point]:
    """Leave out points evenly, never the last one."""
    step = -(-len(points) // MOST_POINTS) or 1
    return list(points[::-1][::step][::-1])


def _with_gaps(points: Sequence[Point], field: int, gap: int) -> list[tuple[int, float | None]]:
    """Return one field over time, with a hole where nothing was measured."""
    data: list[tuple[int, float | None]] = [(point.at, round(point[field], 2)) for point in points[:1]]
    for before, point in pairwise(points):
        if point.at - before.at > gap:
            data.append((before.at + 1, None))
        data.append((point.at, round(point[field], 2)))
    return data
