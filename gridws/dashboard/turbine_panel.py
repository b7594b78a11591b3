"""The selected turbine: its state in words, wind and power, its repairs, and its readings as CSV."""

from __future__ import annotations

from collections import deque
from typing import Any, Final

from nicegui import ui

from ..errors import MonitorUnreachable
from ..frames import TurbineState
from ..storage import Repair
from .charts import Point, points_of, turbine_chart
from .export import ExportForm
from .markup import Button, Rows, Text, block
from .view import View
from .wording import duration, in_words, power, repair_in_words, state_of, wind

LIVE: Final = 300_000
"""ms of the live chart."""
DAY: Final = 86_400_000
MOST_LIVE: Final = 2_000
"""Readings kept for the live chart: five minutes of a turbine that sends some six a second."""
REPAIRS_LISTED: Final = 3
DAY_EVERY: Final = 60_000


class TurbinePanel:
    """Shows whatever turbine is selected; its history is asked for when it is."""

    def __init__(self, view: View) -> None:
        self._view = view
        self._turbine: int | None = None
        self._live: deque[Point] = deque(maxlen=MOST_LIVE)
        self._day: list[Point] = []
        self._day_at = 0
        self._whole_day = False
        self._seen: object = None
        self._drawn: object = None
        with block("section", "panel turbine", aria_label="Selected turbine") as panel:
            self._build()
        panel.on("keydown.escape", self._close_export)

    def _build(self) -> None:
        with block(classes="panel-head"):
            self._title = Text("h2", text="Turbine")
            with block(classes="push", role="group", aria_label="Range of the chart"):
                self._minutes = Button("5 min", lambda: self._choose_range(whole_day=False))
                self._hours = Button("24 h", lambda: self._choose_range(whole_day=True))
                self._export = Button("CSV…", self._toggle_export, name="Export readings as CSV")
        self._form = ExportForm(self._view)
        with block(classes="status"):
            self._word = Text("span", "word")
            self._reading = Text("span", "muted")
        self._said = Text("p", "said")
        self._chart = ui.echart(self._options()).classes("chart")
        self._chart.props["role"] = "img"
        self._repairs = Rows(("time", "", "end"), title="Last repairs of this turbine")
        self._no_repairs = Text("p", "muted")
        self._show_range()

    async def show(self) -> None:
        """Bring the panel up to date, first of all with another turbine's history if one was selected."""
        if self._view.selected != self._turbine:
            await self._change_turbine()
        turbine = self._view.room.mirror.turbines.get(self._turbine or 0)
        if turbine is None:
            self._title.show(
                "No turbine selected" if self._turbine is None else f"Turbine {self._turbine} is gone"
            )
            self._word.show("")
            self._reading.show("")
            return
        await self._show_turbine(turbine)

    async def _show_turbine(self, turbine: TurbineState) -> None:
        view, state = self._view, state_of(turbine)
        self._title.show(f"Turbine {turbine.turbine_number}")
        self._word.show(
            f"{state.sign} {in_words(turbine, view.now, len(view.room.mirror.waiting))}", state.name
        )
        reading = f"{wind(turbine.wind_speed)} wind, {power(turbine.power_output_in_kwh)}"
        if not turbine.online and turbine.measured_at:
            reading = f"last reading {view.zone.since(turbine.measured_at, view.now)}: {reading}"
        self._reading.show(reading)
        self._take(turbine)
        news = (turbine.online, turbine.operational_status, turbine.assignment_id)
        if news != self._seen:
            self._seen = news
            await self._show_repairs()
        await self._refresh_day()
        self._draw(reading)

    def _take(self, turbine: TurbineState) -> None:
        at = turbine.measured_at
        if at is None or turbine.wind_speed is None or turbine.power_output_in_kwh is None:
            return
        if not self._live or at > self._live[-1].at:
            self._live.append(Point(at, turbine.wind_speed, turbine.power_output_in_kwh))

    async def _change_turbine(self) -> None:
        self._turbine = self._view.selected
        self._live.clear()
        self._day, self._day_at, self._seen = [], 0, None
        if self._turbine is None:
            return
        self._form.aim(self._turbine)
        try:
            now = self._view.now
            rows = await self._view.room.archive.readings(self._turbine, now - LIVE, now + 60_000, MOST_LIVE)
        except MonitorUnreachable as error:
            self._said.show(f"No history: {error.reason}.")
        else:
            self._said.show("")
            self._live.extend(Point(row.measured_at, row.wind_speed, row.power_output_in_kwh) for row in rows)

    async def _show_repairs(self) -> None:
        try:
            archive = self._view.room.archive
            rows = await archive.repairs(turbine_number=self._turbine, limit=REPAIRS_LISTED)
        except MonitorUnreachable:
            self._seen = None
            return
        self._repairs.show([self._repair(row) for row in rows])
        self._no_repairs.show("" if rows else "It was not repaired yet.")
        # A row that just began or ended may reach the table after this: look once more.
        running = any(row.ended_at is None for row in rows)
        turbine = self._view.room.mirror.turbines.get(self._turbine or 0)
        if turbine is not None and running != (turbine.assignment_id is not None):
            self._seen = None

    def _repair(self, row: Repair) -> tuple[str, str, str]:
        zone, now = self._view.zone, self._view.now
        sentence = repair_in_words(row.engineer_id, row.outcome, (row.ended_at or now) - row.assigned_at)
        waited = f"broke {zone.since(row.broken_at, now)}, waited {duration(row.assigned_at - row.broken_at)}"
        return zone.since(row.assigned_at, now), sentence, waited

    async def _choose_range(self, *, whole_day: bool) -> None:
        self._whole_day = whole_day
        self._drawn = None
        self._show_range()
        await self.show()

    def _show_range(self) -> None:
        self._minutes.press(pressed=not self._whole_day)
        self._hours.press(pressed=self._whole_day)

    def _toggle_export(self) -> None:
        self._form.toggle(self._view.now)

    def _close_export(self) -> None:
        if self._form.is_open:
            self._form.toggle(self._view.now)
            # Where the focus was is hidden now.
            self._export.run_method("focus")

    async def _refresh_day(self) -> None:
        now = self._view.now
        if not self._whole_day or self._turbine is None or now - self._day_at < DAY_EVERY:
            return
        self._day_at = now
        try:
            self._day = points_of(await self._view.room.archive.minutes(self._turbine, now - DAY, now))
        except MonitorUnreachable as error:
            self._said.show(f"No history: {error.reason}.")

    def _draw(self, reading: str) -> None:
        points = self._day if self._whole_day else self._live
        newest = (self._whole_day, self._view.dark, self._view.zone.name, points[-1] if points else None)
        if self._view.stale or newest == self._drawn:
            return
        self._drawn = newest
        self._chart.props["aria-label"] = f"Wind and power of turbine {self._turbine}; now {reading}"
        self._chart.options.clear()
        self._chart.options.update(self._options())
        self._chart.update()

    def _options(self) -> dict[str, Any]:
        now, view = self._view.now, self._view
        points, length = (self._day, DAY) if self._whole_day else ([*self._live], LIVE)
        return turbine_chart(points, now - length, now, view.palette, utc=view.utc)
