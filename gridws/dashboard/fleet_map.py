"""The fleet as one element, however many turbines: Python tells it what changed, the browser draws."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from nicegui.element import Element
from nicegui.events import GenericEventArguments

from .picture import Picture


class Look(NamedTuple):
    """Whether the page is dark, the browser's time zone, and whether its window is as narrow as a phone's."""

    dark: bool
    zone: str
    narrow: bool


class FleetMap(Element, component="fleet_map.js"):
    """The map; `on_pick` gets a turbine's number, `on_look` how the browser shows the page."""

    def __init__(self, *, on_pick: Callable[[int], Any], on_look: Callable[[Look], Any]) -> None:
        super().__init__()
        self._shown: Picture | None = None
        self._selected: int | None = None

        def pick(event: GenericEventArguments) -> None:
            on_pick(int(event.args))

        def look(event: GenericEventArguments) -> None:
            told = event.args
            on_look(Look(bool(told.get("dark")), str(told.get("zone")), bool(told.get("narrow"))))

        self.on("pick", pick)
        self.on("look", look)

    def show(self, picture: Picture, selected: int | None, *, wanted: bool) -> None:
        """Bring the browser up to date, with as little as will do; a selected turbine that is wanted, into sight."""
        shown, self._shown = self._shown, picture
        if shown is not picture:
            self._send(shown, picture, selected, wanted)
        if selected != self._selected:
            self.run_method("choose", selected, wanted)
        self._selected = selected

    def _send(self, shown: Picture | None, picture: Picture, *selected: int | bool | None) -> None:
        if picture.cards is not None:
            if shown is None or shown.cards != picture.cards:
                self.run_method("showCards", picture.cards, *selected)
        elif shown is None or shown._replace(states="") != picture._replace(states=""):
            self.run_method("show", picture.numbers, picture.states, picture.names, *selected)
        elif changes := changed_states(shown.states, picture.states):
            self.run_method("patch", changes)


def changed_states(before: str, after: str) -> list[tuple[int, str]]:
    """Return the places at which two texts of one length differ, with what is there now."""
    if before == after:
        return []
    return [(at, new) for at, (old, new) in enumerate(zip(before, after, strict=True)) if old != new]
