"""Options for ECharts: pure functions of rows and a palette. Times are in ms UTC; the browser's zone shows them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final, NamedTuple

from ..storage.rows import Minute
from .shades import Shade

GAP: Final = 15_000
"""ms between two readings that a line must not bridge: longer than three misses of a slow turbine."""
MOST_POINTS: Final = 150
"""Points of a line that follows each reading: each costs on its way every second."""
DASH: Final = 8
DASH_GAP: Final = 4
"""A dashed line in pixels."""
LEGEND_LINE: Final = 3 * DASH + 2 * DASH_GAP
"""Ends with a whole dash: a piece of one looks like a dot before the name."""


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
    broken_shade: str
    repair_shade: str


LIGHT: Final = Palette(
    text="#4a5868",
    line="#dde3ea",
    wind="#1f6feb",
    power="#1a7f4b",
    done="#4a6c8f",
    running="#f0a92b",
    panel="#ffffff",
    broken_shade="rgba(211, 48, 47, 0.17)",
    repair_shade="rgba(240, 169, 43, 0.38)",
)
DARK: Final = Palette(
    text="#a3b1c0",
    line="#26313d",
    wind="#6cb0ff",
    power="#4cc38a",
    done="#46668a",
    running="#f0a92b",
    panel="#161d26",
    broken_shade="rgba(216, 59, 58, 0.30)",
    repair_shade="rgba(240, 169, 43, 0.34)",
)


FONT: Final = {"fontFamily": "system-ui, sans-serif"}
EDGES: Final = {"left": 46, "right": 52}
"""Pixels beside every chart's time axis: those that stand one above the other line up."""
_TIMES: Final = {
    "year": "{yyyy}",
    "month": "{d} {MMM}",
    "day": "{d} {MMM}",
    "hour": "{HH}:{mm}",
    "minute": "{HH}:{mm}",
    "second": "{HH}:{mm}:{ss}",
}


class Point(NamedTuple):
    """What was measured at a moment; `at` in ms UTC, wind in m/s, power in kW."""

    at: int
    wind_speed: float
    power: float


def points_of(rows: Iterable[Minute], step: int) -> list[Point]:
    """Return rows of `step` minutes as points at their middles."""
    return [Point(row.at + step * 30_000, row.wind_speed, row.power_output_in_kwh) for row in rows]


class Frame(NamedTuple):
    """What all charts of a page share: begin and end (ms UTC), the ms a point stands for, and how it is drawn."""

    begin: int
    end: int
    palette: Palette
    utc: bool = False
    step: int = 0

    @property
    def gap(self) -> int:
        """Ms between two points that a line must not bridge."""
        return max(GAP, 3 * self.step)

    def cut(self, points: Iterable[Point]) -> list[Point]:
        """Return the points that are shown; those that are readings, no more than can be seen."""
        shown = [point for point in points if self.begin <= point.at <= self.end]
        # Means of some minutes are few already; thinned out, they would look like a line with gaps.
        return shown if self.step else _thin(shown)


def fleet_chart(points: Sequence[Point], frame: Frame) -> dict[str, Any]:
    """Return the fleet's power, in MW where that is shorter."""
    palette, thinned = frame.palette, frame.cut(points)
    mega = max((point.power for point in thinned), default=0.0) >= 1_000
    unit, scale = ("MW", 1_000) if mega else ("kW", 1)
    scaled = [point._replace(power=point.power / scale) for point in thinned]
    line = _line(f"power, {unit}", 0, palette.power, "solid", _with_gaps(scaled, 2, frame.gap))
    return {
        **_common(frame),
        "grid": {**EDGES, "top": 22, "bottom": 24},
        "yAxis": [_axis(unit, palette, _top(scaled, 2, 3 if mega else 300), lines=True)],
        "series": [line | {"areaStyle": {"color": palette.power, "opacity": 0.12}}],
    }


def turbine_chart(points: Sequence[Point], frame: Frame, shades: Sequence[Shade] = ()) -> dict[str, Any]:
    """Return wind and power, each with an axis and a unit of its own, behind them when it was broken and repaired."""
    palette, thinned = frame.palette, frame.cut(points)
    power = _line("power, kW", 1, palette.power, [DASH, DASH_GAP], _with_gaps(thinned, 2, frame.gap))
    return {
        **_common(frame),
        "grid": {**EDGES, "top": 30, "bottom": 24},
        "legend": {
            "top": 0,
            "left": "center",
            "itemHeight": 8,
            "itemWidth": LEGEND_LINE,
            "textStyle": {"color": palette.text},
        },
        "yAxis": [
            _axis("m/s", palette, _top(thinned, 1, 15), lines=True),
            _axis("kW", palette, _top(thinned, 2, 300), lines=False),
        ],
        "series": [
            _line("wind, m/s", 0, palette.wind, "solid", _with_gaps(thinned, 1, frame.gap)),
            power | {"markArea": _areas(shades, palette)},
        ],
    }


def _common(frame: Frame) -> dict[str, Any]:
    palette = frame.palette
    return {
        "animation": False,
        "useUTC": frame.utc,
        "textStyle": FONT,
        "tooltip": {
            "trigger": "axis",
            "backgroundColor": palette.panel,
            "textStyle": {"color": palette.text},
        },
        "xAxis": time_axis(frame.begin, frame.end, palette),
    }


def _areas(shades: Sequence[Shade], palette: Palette) -> dict[str, Any]:
    colors = {"broken": palette.broken_shade, "repair": palette.repair_shade}
    areas = [
        [{"xAxis": shade.begin, "itemStyle": {"color": colors[shade.kind]}}, {"xAxis": shade.end}]
        for shade in shades
    ]
    return {"silent": True, "data": areas}


def time_axis(begin: int, end: int, palette: Palette) -> dict[str, Any]:
    return {
        "type": "time",
        "min": begin,
        "max": end,
        "axisLabel": {"color": palette.text, "formatter": _TIMES, "hideOverlap": True},
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
