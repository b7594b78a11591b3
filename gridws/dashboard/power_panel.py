"""The fleet's power over the range that the visitor chose."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from nicegui import ui

from .charts import fleet_chart
from .history import FleetHistory, frame_of
from .markup import Text, block
from .range_buttons import RangeButtons
from .visitor import Visitor


class PowerPanel:
    """A chart of what all turbines delivered together."""

    def __init__(self, view: Visitor, on_range: Callable[[], Any]) -> None:
        self._view = view
        self._history = FleetHistory(view)
        self._drawn: object = None
        with block("section", "panel power", aria_label="Fleet power"):
            with block(classes="panel-head"):
                Text("h2", text="Fleet power")
                self._buttons = RangeButtons(view, on_range)
            self._said = Text("p", "said")
            self._chart = ui.echart(fleet_chart([], frame_of(view, view.range))).classes("chart")
            self._chart.props["role"] = "img"

    async def show(self) -> None:
        """Bring the chart up to date."""
        self._buttons.show()
        await self._history.refresh()
        self._said.show(self._history.trouble)
        view, points = self._view, self._history.points
        frame = frame_of(view, view.range)
        # What stands for many minutes is drawn anew in each minute only, with its frame.
        newest = points[-1] if points and not frame.step else bool(points)
        state = (view.range, frame, view.zone.name, newest)
        if view.stale or state == self._drawn:
            return
        self._drawn = state
        self._chart.props["aria-label"] = f"Power of the whole fleet, {view.range.words}"
        self._chart.options.clear()
        self._chart.options.update(fleet_chart(points, frame))
        self._chart.update()
