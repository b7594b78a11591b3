"""One visitor's page: built once, then brought up to date once a second."""

from __future__ import annotations

from typing import Final

from nicegui import ui

from .fleet_map import FleetMap
from .markup import Button, Text, block
from .panels import Engineers, Events, Legend, Repairs, Tiles, WaitingLine
from .room import ControlRoom
from .turbine_panel import TurbinePanel
from .view import View
from .wording import State, Zone, duration, state_of

EVERY: Final = 1.0
FEW: Final = 20
"""Up to so many turbines the map is a few cards, and the selected turbine gets the room beside it."""
THEMES: Final = {None: "auto", False: "light", True: "dark"}
_URGENT: Final = (State.waiting, State.repair, State.unknown, State.ok, State.offline)


class Page:
    """Everything that one visitor sees."""

    def __init__(self, room: ControlRoom) -> None:
        self._view = View(room)
        self._theme = ui.dark_mode(None)
        self._few: bool | None = None
        self._stale: bool | None = None
        with block(classes="room") as self._room:
            self._build_top()
            self._tiles = Tiles()
            with block(classes="board") as self._board:
                self._build_board()
        ui.timer(EVERY, self.show)

    def _build_top(self) -> None:
        with block("header", "top"):
            Text("h1", text="gridws")
            Text("span", "muted name", "wind fleet")
            self._clock = Text("span", "clock")
            self._switch = Button("theme: auto", self._next_theme, name="Theme: auto; press to change")
        self._banner = Text("div", "banner")
        self._banner.props["role"] = "alert"
        self._banner.set_visibility(False)

    def _build_board(self) -> None:
        view = self._view
        with block("section", "panel fleet", aria_label="Fleet"):
            with block(classes="panel-head"):
                Text("h2", text="Fleet")
                self._legend = Legend()
            self._nobody = Text("p", "muted")
            self._map = FleetMap(on_pick=self._pick, on_look=self._look)
        self._turbine = TurbinePanel(view)
        with block("div", "panel crew"):
            self._engineers = Engineers(view.room)
            self._waiting = WaitingLine(self._pick)
        self._repairs = Repairs(view)
        self._events = Events()

    async def show(self) -> None:
        """Bring the page up to date."""
        view = self._view
        self._arrange()
        self._select_somebody()
        self._show_connection()
        self._map.show(view.room.picture, view.selected)
        for part in (self._tiles, self._legend, self._engineers, self._waiting, self._events, self._repairs):
            part.show(view)
        await self._turbine.show()

    def _arrange(self) -> None:
        count = len(self._view.room.picture.numbers)
        self._nobody.set_visibility(not count)
        if not count:
            monitor = self._view.room.mirror.monitor_url
            self._nobody.show(f"No turbines yet. This starts five: gridws turbines --monitor {monitor}")
        if self._few != (count <= FEW):
            self._few = count <= FEW
            self._board.classes(**{"add" if self._few else "remove": "few"})

    def _select_somebody(self) -> None:
        """Begin with a turbine that needs somebody, so that nobody has to click to see something."""
        mirror, view = self._view.room.mirror, self._view
        if view.selected is None and mirror.waiting:
            view.selected = mirror.waiting[0]
        elif view.selected is None and mirror.turbines:
            first = min(
                mirror.turbines.values(),
                key=lambda each: (_URGENT.index(state_of(each)), each.turbine_number),
            )
            view.selected = first.turbine_number

    def _show_connection(self) -> None:
        view, mirror = self._view, self._view.room.mirror
        self._clock.show(f"{view.zone.clock(view.now)} {view.zone.name}")
        if view.stale != self._stale:
            self._stale = view.stale
            self._banner.set_visibility(view.stale or bool(mirror.degraded))
            self._room.classes(**{"add" if view.stale else "remove": "stale"})
        if view.stale:
            self._banner.show(_disconnected(view))
        else:
            self._banner.set_visibility(bool(mirror.degraded))
            self._banner.show(f"Readings cannot be stored: {mirror.degraded}" if mirror.degraded else "")

    def _pick(self, turbine_number: int) -> None:
        self._view.selected = turbine_number
        self._map.show(self._view.room.picture, turbine_number)
        ui.timer(0, self._turbine.show, once=True)

    def _look(self, dark: bool, zone: str) -> None:  # noqa: FBT001 - as the browser tells it
        self._view.dark = dark
        if zone != self._view.zone.name:
            self._view.zone = Zone(zone)

    def _next_theme(self) -> None:
        order = [*THEMES]
        value = order[(order.index(self._theme.value) + 1) % len(order)]
        self._theme.value = value
        self._switch.show(f"theme: {THEMES[value]}")
        self._switch.props["aria-label"] = f"Theme: {THEMES[value]}; press to change"


def _disconnected(view: View) -> str:
    mirror = view.room.mirror
    why = f" ({mirror.trouble})" if mirror.trouble else ""
    shown = (
        "nothing to show yet" if mirror.age is None else f"what is shown is {duration(mirror.age * 1000)} old"
    )
    return f"disconnected from the monitor, trying again{why}: {shown}"
