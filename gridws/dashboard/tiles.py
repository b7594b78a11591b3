"""The fleet in numbers: the tiles, and the legend of the map."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Any, Final, NamedTuple

from nicegui.element import Element

from ..viewers.staffing import longest_broken, longest_wait
from ..words import OperationalStatus
from .markup import Text, block, press_block, set_pressed
from .visitor import Visitor
from .wording import NOTHING, State, duration, percent

_ALWAYS: Final = (State.ok, State.waiting, State.repair, State.offline)


class Tile:
    """One number with its label, its unit, and a line with what else there is to say of it."""

    def __init__(
        self, label: str, *, loud: bool = False, on_press: Callable[[str], Any] | None = None
    ) -> None:
        self._loud = loud
        self._label = label
        self._tile = press_block("tile", partial(on_press, label)) if on_press else block(classes="tile")
        with self._tile:
            Text("span", "label", label)
            with block("span", "figure"):
                self._value = Text("span", "value", NOTHING)
                self._unit = Text("span", "of")
            self._more = Text("span", "of more")
        self._alarm = False

    def show(self, value: str, more: str = "", *, unit: str = "") -> None:
        """Show the number; a loud tile shouts unless it is 0."""
        self._value.show(value)
        self._unit.show(f" {unit}" if unit else "")
        self._more.show(more)
        alarm = self._loud and value not in {"0", NOTHING}
        if alarm != self._alarm:
            self._alarm = alarm
            self._tile.classes(**{"add" if alarm else "remove": "alarm"})

    def press(self, word: str) -> None:
        """Show whether the map shows the turbines that this tile counts."""
        set_pressed(self._tile, pressed=word == self._label)


class Tiles:
    """The fleet in seven numbers; pressed, one that counts turbines has the map show those only."""

    def __init__(self, on_filter: Callable[[str], Any]) -> None:
        with block("section", "tiles", aria_label="The fleet in numbers"):
            self._online = Tile("online", on_press=on_filter)
            self._broken = Tile("broken", on_press=on_filter)
            self._waiting = Tile("waiting", loud=True, on_press=on_filter)
            self._offline = Tile("offline", on_press=on_filter)
            self._free = Tile("free engineers")
            self._power = Tile("fleet power")
            self._availability = Tile("availability today")

    def show(self, view: Visitor) -> None:
        """Show the totals."""
        mirror = view.room.mirror
        if mirror.at is None:
            return
        for tile in (self._online, self._broken, self._waiting, self._offline):
            tile.press(view.search.text)
        self._show_turbines(view)
        totals = mirror.totals
        self._free.show(f"{totals.engineers_free:,}", _staff(totals.engineers, view.room.utilisation))
        value, unit = _fleet_power(totals.power_output_in_kwh)
        self._power.show(value, unit=unit)
        self._show_availability(view)

    def _show_turbines(self, view: Visitor) -> None:
        turbines, counts = view.turbines, _counts(view)
        self._online.show(f"{counts.online:,}", f"of {len(turbines):,}{_at(view.search.site)}")
        self._broken.show(f"{counts.broken:,}", _longest(longest_broken(turbines, view.now)))
        self._waiting.show(f"{counts.waiting:,}", _longest(longest_wait(turbines, view.now)))
        self._offline.show(f"{len(turbines) - counts.online:,}")

    def _show_availability(self, view: Visitor) -> None:
        known = view.room.availability(view.zone.midnight(view.now))
        if known is None or known.by_time is None:
            self._availability.show(NOTHING, "not known yet")
        else:
            by_energy = "" if known.by_energy is None else f"{percent(known.by_energy)} % by energy"
            self._availability.show(percent(known.by_time), by_energy, unit="%")


class _Counts(NamedTuple):
    online: int
    broken: int
    waiting: int


def _counts(view: Visitor) -> _Counts:
    totals, site = view.room.mirror.totals, view.search.site
    if site is None:
        return _Counts(totals.online, totals.broken, totals.waiting)
    online = [each for each in view.turbines if each.online]
    broken = sum(each.operational_status is OperationalStatus.broken for each in online)
    return _Counts(len(online), broken, sum(each.waiting_place is not None for each in online))


def _at(site: str | None) -> str:
    return "" if site is None else f" at {site}"


def _longest(milliseconds: int | None) -> str:
    return "" if milliseconds is None else f"longest {duration(milliseconds)}"


def _staff(engineers: int, utilisation: float | None) -> str:
    busy = "" if utilisation is None else f", {utilisation * 100:.0f} % busy"
    return f"of {engineers:,}{busy}"


def _fleet_power(kilowatts: float) -> tuple[str, str]:
    return (f"{kilowatts:,.0f}", "kW") if kilowatts < 1_000 else (f"{kilowatts / 1000:,.1f}", "MW")


class Legend:
    """What colours and patterns of the map mean, how many turbines are in each state; pressed, these only."""

    def __init__(self, on_filter: Callable[[str], Any]) -> None:
        self._entries: dict[State, tuple[Element, Text]] = {}
        with block(classes="legend", role="group", aria_label="States"):
            for state in State:
                with press_block("entry", partial(on_filter, state.word)) as entry:
                    block("span", f"swatch {state.name}")
                    self._entries[state] = (entry, Text("span"))

    def show(self, view: Visitor) -> None:
        """Count the states; one that is rare and that no turbine is in is not told of."""
        counts = Counter(view.sites_picture.states)
        for state, (entry, text) in self._entries.items():
            text.show(f"{state.word} {counts[state.letter]:,}")
            set_pressed(entry, pressed=view.search.text == state.word)
            entry.set_visibility(state in _ALWAYS or counts[state.letter] > 0)
