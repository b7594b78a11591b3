"""Options for ECharts: who repaired what, a row for each engineer and a bar for each repair."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from ..storage.rows import Repair
from .charts import EDGES, FONT, Frame, Palette, time_axis

MOST_ENGINEERS: Final = 8
"""Rows of bars that stay readable."""


def repairs_chart(repairs: Sequence[Repair], roster: Sequence[int], frame: Frame) -> dict[str, Any]:
    """Return a row for each engineer and a bar for each repair, with the turbine's number in it."""
    palette = frame.palette
    engineers = engineers_shown(repairs, roster)
    rows = {engineer: row for row, engineer in enumerate(engineers)}
    bars = [
        _bar(each, rows[each.engineer_id], frame.end, palette) for each in repairs if each.engineer_id in rows
    ]
    return {
        "animation": False,
        "useUTC": frame.utc,
        "textStyle": FONT,
        "grid": {**EDGES, "top": 4, "bottom": 24},
        "tooltip": {"backgroundColor": palette.panel, "textStyle": {"color": palette.text}},
        "xAxis": time_axis(frame.begin, frame.end, palette),
        "yAxis": {
            "type": "category",
            "inverse": True,
            "data": [str(engineer) for engineer in engineers],
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
