"""One visitor's page: built once, then brought up to date once a second."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Final
from urllib.parse import urlencode

from nicegui import ui

from ..wire.frames import TurbineState
from .address import follow, query_of
from .alarm import Alarm
from .crew import Engineers, WaitingLine
from .enough import Enough
from .finding import Order
from .fleet_map import Look
from .fleet_panel import FleetPanel
from .markup import Button, Text, block
from .panels import Events, Repairs
from .power_panel import PowerPanel
from .room import ControlRoom
from .tiles import Tiles
from .turbine_panel import TurbinePanel
from .visitor import Visitor
from .wording import State, Zone, duration, state_of

EVERY: Final = 1.0
FEW: Final = 20
"""Up to so many turbines the map is a few cards, and the selected turbine gets the room beside it."""
THEMES: Final = {None: "auto", False: "light", True: "dark"}
_URGENT: Final = (State.waiting, State.repair, State.held, State.unknown, State.ok, State.offline)


class Page:
    """Everything that one visitor sees."""

    def __init__(self, room: ControlRoom, address: Mapping[str, str]) -> None:
        """Build the page; `address` is the query of its address."""
        self._view = Visitor(room)
        follow(self._view, address)
        self._query = urlencode(address)
        self._theme = ui.dark_mode(None)
        self._few: bool | None = None
        self._stale: bool | None = None
        with block(classes="room") as self._room:
            self._build_top()
            self._tiles = Tiles(self._filter)
            with block(classes="board") as self._board:
                self._build_board()
        ui.timer(EVERY, self.show)

    def _build_top(self) -> None:
        with block("header", "top"):
            Text("h1", text="gridws")
            Text("span", "muted name", "wind fleet")
            self._clock = Text("span", "clock")
            self._alarm = Alarm()
            self._switch = Button("theme: auto", self._next_theme, name="Theme: auto; press to change")
        self._banner = Text("div", "banner")
        self._banner.props["role"] = "alert"
        self._banner.set_visibility(False)

    def _build_board(self) -> None:
        view = self._view
        self._fleet = FleetPanel(view, on_pick=self._pick, on_look=self._look)
        self._turbine = TurbinePanel(view, self._show_range)
        with block("div", "panel crew"):
            enough = Enough(view)
            self._engineers = Engineers(view, enough)
            self._waiting = WaitingLine(view, self._pick)
            enough.build_answer()
        self._power = PowerPanel(view, self._show_range)
        self._repairs = Repairs(view)
        self._events = Events(view)

    async def show(self) -> None:
        """Bring the page up to date."""
        view = self._view
        self._arrange()
        self._select_somebody()
        self._show_connection()
        if view.search.order is Order.availability:
            await view.room.refresh_availabilities()
        self._fleet.show()
        for part in (self._tiles, self._repairs, self._alarm):
            part.show(view)
        for listing in (self._engineers, self._waiting, self._events):
            listing.show()
        await self._show_range()
        self._name_what_is_shown()

    async def _show_range(self) -> None:
        # The fleet's first reading tells where the axes of all charts begin.
        await self._power.show()
        await self._turbine.show()

    def _name_what_is_shown(self) -> None:
        """Have the address name it, once the browser has told how it shows the page."""
        query = query_of(self._view)
        if self._view.narrow is not None and query != self._query:
            self._query = query
            # What is left is the path, also that of a proxy in front of this.
            ui.run_javascript(f"history.replaceState(history.state, '', {json.dumps('?' + query)})")

    def _arrange(self) -> None:
        count = len(self._view.room.picture.numbers)
        if self._few != (count <= FEW):
            self._few = count <= FEW
            self._board.classes(**{"add" if self._few else "remove": "few"})

    def _select_somebody(self) -> None:
        """Begin with a turbine that needs somebody, so that nobody has to click to see something."""
        view = self._view
        if view.selected is None and view.turbines:
            view.selected = min(view.turbines, key=_urgency).turbine_number

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
        self._turbine.open()
        self._fleet.show()
        ui.timer(0, self._turbine.show, once=True)

    def _filter(self, word: str) -> None:
        self._fleet.filter(word)
        self._tiles.show(self._view)

    def _look(self, look: Look) -> None:
        self._view.dark, self._view.narrow = look.dark, look.narrow
        if look.zone != self._view.zone.name:
            self._view.zone = Zone(look.zone)

    def _next_theme(self) -> None:
        order = [*THEMES]
        value = order[(order.index(self._theme.value) + 1) % len(order)]
        self._theme.value = value
        self._switch.show(f"theme: {THEMES[value]}")
        self._switch.props["aria-label"] = f"Theme: {THEMES[value]}; press to change"


def _urgency(turbine: TurbineState) -> tuple[int, int, int]:
    return _URGENT.index(state_of(turbine)), turbine.waiting_place or 0, turbine.turbine_number


def _disconnected(view: Visitor) -> str:
    mirror = view.room.mirror
    why = f" ({mirror.trouble})" if mirror.trouble else ""
    shown = (
        "nothing to show yet" if mirror.age is None else f"what is shown is {duration(mirror.age * 1000)} old"
    )
    return f"disconnected from the monitor, trying again{why}: {shown}"
