"""The selected turbine: its state in words, wind and power, its repairs, and its readings as CSV."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from nicegui import ui

from ..errors import MonitorUnreachable
from ..spans import off_in_words
from ..storage.rows import Repair
from ..wire.frames import TurbineState
from ..words import OperationalStatus
from .charts import turbine_chart
from .export import ExportForm
from .history import TurbineHistory, frame_of
from .markup import Button, Rows, Text, block
from .orders_form import OrdersForm
from .range_buttons import RangeButtons
from .ranges import own_range
from .shades import shades_of
from .visitor import Visitor
from .wording import duration, in_words, power, repair_in_words, state_of, title_of, wind

REPAIRS_LISTED: Final = 3


class TurbinePanel:
    """Shows whatever turbine is selected; its history is asked for when it is."""

    def __init__(self, view: Visitor, on_range: Callable[[], Any]) -> None:
        self._view = view
        self._on_range = on_range
        self._history = TurbineHistory(view)
        self._turbine: int | None = None
        self._seen: object = None
        self._drawn: object = None
        with block("section", "panel turbine", aria_label="Selected turbine") as self._panel:
            self._build()
        self._panel.on("keydown.escape", self._escape)
        if view.is_open:
            self.open()

    def _build(self) -> None:
        with block(classes="panel-head"):
            self._title = Text("h2", text="Turbine")
            self._ranges = RangeButtons(self._view, self._on_range)
            with self._ranges.group:
                self._export = Button(
                    "CSV…", self._toggle_export, name="Export readings, or choose their range"
                )
                self._order = Button("Orders…", self._toggle_orders, name="Hold, next, note")
                Button("✕", self.close, name="Close", classes="plain close")
        self._form = ExportForm(self._view, self._show_own_range)
        self._orders = OrdersForm(self._view)
        with block(classes="status"):
            self._word = Text("span", "word")
            self._reading = Text("span", "muted")
            self._shade = _shade_legend()
        self._said = Text("p", "said")
        self._chart = ui.echart(turbine_chart([], frame_of(self._view, self._view.range))).classes("chart")
        self._chart.props["role"] = "img"
        self._repairs = Rows(("time", "", "end"), title="Last repairs of this turbine")
        self._no_repairs = Text("p", "muted")

    def open(self) -> None:
        """Lay the panel over the page of a narrow window; elsewhere it is always there."""
        self._view.is_open = True
        self._panel.classes(add="open")

    def close(self) -> None:
        """Give the page of a narrow window free again."""
        self._view.is_open = False
        self._panel.classes(remove="open")

    async def show(self) -> None:
        """Bring the panel up to date, first of all with another turbine's history if one was selected."""
        number = self._view.selected
        if number != self._turbine:
            self._turbine, self._seen = number, None
            self._form.aim(number)
        self._ranges.show()
        turbine = self._view.room.mirror.turbines.get(number or 0)
        if turbine is None:
            self._title.show("No turbine selected" if number is None else f"Turbine {number} is not there")
            self._word.show("")
            self._reading.show("")
            return
        await self._show_turbine(turbine)

    async def _show_turbine(self, turbine: TurbineState) -> None:
        view, state = self._view, state_of(turbine)
        self._title.show(title_of(turbine))
        self._orders.show(turbine)
        self._word.show(
            f"{state.sign} {in_words(turbine, view.now, len(view.room.mirror.waiting))}", state.name
        )
        reading = f"{wind(turbine.wind_speed)} wind, {power(turbine.power_output_in_kwh)}"
        if not turbine.online and turbine.measured_at:
            reading = f"last reading {view.zone.since(turbine.measured_at, view.now)}: {reading}"
        clock = turbine.clock_ahead_in_seconds
        self._reading.show(f"{reading}; its clock is {off_in_words(clock)}" if clock else reading)
        news = (turbine.online, turbine.operational_status, turbine.assignment_id)
        if news != self._seen:
            self._seen = news
            await self._show_repairs()
        await self._orders.look_back()
        await self._history.refresh(turbine.turbine_number, (news, self._seen))
        self._history.take(turbine)
        self._said.show(self._history.trouble)
        self._draw(turbine, reading)

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
        waited = f"waited {duration(row.assigned_at - row.broken_at)}"
        return zone.since(row.assigned_at, now), sentence, waited

    def _show_own_range(self, since: int, until: int) -> Any:
        self._view.range = own_range(since, until)
        return self._on_range()

    def _toggle_orders(self) -> None:
        self._orders.toggle()

    def _toggle_export(self) -> None:
        self._form.toggle(self._view.now)

    def _escape(self) -> None:
        # Where the focus was in a form is hidden then.
        if self._orders.is_open:
            self._orders.toggle()
            self._order.run_method("focus")
        elif self._form.is_open:
            self._form.toggle(self._view.now)
            self._export.run_method("focus")
        else:
            self.close()

    def _draw(self, turbine: TurbineState, reading: str) -> None:
        view, points = self._view, self._history.points
        newest = (turbine.turbine_number, points[-1] if points else None, self._history.repairs)
        frame = frame_of(view, view.range)
        state = (view.range, frame, view.zone.name, *newest)
        if view.stale or state == self._drawn:
            return
        self._drawn = state
        is_broken = turbine.operational_status is OperationalStatus.broken and view.range.follows
        broken_at = turbine.broken_at if is_broken else None
        shades = shades_of(self._history.repairs, broken_at, frame.begin, frame.end)
        self._shade.set_visibility(bool(shades))
        self._chart.props["aria-label"] = f"Wind and power of turbine {turbine.turbine_number}; now {reading}"
        self._chart.options.clear()
        self._chart.options.update(turbine_chart(points, frame, shades))
        self._chart.update()


def _shade_legend() -> Any:
    with block(classes="legend shade-legend") as legend:
        for kind, word in (("broken", "broken"), ("repair", "being repaired")):
            with block():
                block(classes=f"swatch shade-{kind}")
                Text("span", text=word)
    return legend
