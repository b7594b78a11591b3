"""The parts of the page that only show: numbers, legend, engineers, waiting line, repairs, events."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Coroutine
from typing import Any, Final

from nicegui import ui

from ..errors import MonitorRefused, MonitorUnreachable
from ..frames import EventKind
from .charts import MOST_ENGINEERS, engineers_shown, repairs_chart
from .markup import Button, Rows, Text, block
from .room import REPAIRS_SHOWN, ControlRoom
from .view import View
from .wording import NOTHING, State, duration, percent

MOST_WAITING: Final = 50
MOST_ENGINEERS_LISTED: Final = 100
MOST_EVENTS: Final = 60

_SIGNS: Final = {
    EventKind.broke: ("!", "broke"),
    EventKind.waiting: ("!", "waiting"),
    EventKind.withdrawn: ("!", "waiting"),
    EventKind.storage_failed: ("!", "waiting"),
    EventKind.assigned: ("↻", "repair"),
    EventKind.repaired: ("✓", "ok"),
    EventKind.healed: ("✓", "ok"),
    EventKind.storage_recovered: ("✓", "ok"),
    EventKind.lost: ("○", "offline"),
    EventKind.connected: ("●", "ok"),
}


class Tile:
    """One number with its label."""

    def __init__(self, label: str, *, loud: bool = False) -> None:
        self._loud = loud
        with block(classes="tile") as self._tile:
            Text("div", "label", label)
            with block():
                self._value = Text("span", "value", NOTHING)
                self._of = Text("span", "of")
        self._alarm = False

    def show(self, value: str, of: str = "") -> None:
        """Show the number; a loud tile shouts unless it is 0."""
        self._value.show(value)
        self._of.show(f" {of}" if of else "")
        alarm = self._loud and value not in {"0", NOTHING}
        if alarm != self._alarm:
            self._alarm = alarm
            self._tile.classes(**{"add" if alarm else "remove": "alarm"})


class Tiles:
    """The fleet in seven numbers."""

    def __init__(self) -> None:
        with block("section", "tiles", aria_label="The fleet in numbers"):
            self._online = Tile("online")
            self._broken = Tile("broken")
            self._waiting = Tile("waiting", loud=True)
            self._offline = Tile("offline")
            self._free = Tile("free engineers")
            self._power = Tile("fleet power")
            self._availability = Tile("availability today")

    def show(self, view: View) -> None:
        """Show the totals."""
        if view.room.mirror.at is None:
            return
        totals = view.room.mirror.totals
        self._online.show(f"{totals.online:,}", f"of {totals.turbines:,}")
        self._broken.show(f"{totals.broken:,}")
        self._waiting.show(f"{totals.waiting:,}")
        self._offline.show(f"{totals.turbines - totals.online:,}")
        self._free.show(f"{totals.engineers_free:,}", f"of {totals.engineers:,}")
        self._power.show(*_fleet_power(totals.power_output_in_kwh))
        availability = view.room.availability(view.zone.midnight(view.now))
        self._availability.show(percent(availability), "%" if availability is not None else "not known yet")


def _fleet_power(kilowatts: float) -> tuple[str, str]:
    return (f"{kilowatts:,.0f}", "kW") if kilowatts < 1_000 else (f"{kilowatts / 1000:,.1f}", "MW")


class Legend:
    """What colours and patterns of the map mean, and how many turbines are in each state."""

    def __init__(self) -> None:
        self._counts: dict[State, Text] = {}
        with block(classes="legend"):
            for state in State:
                with block():
                    block(classes=f"swatch {state.name}")
                    self._counts[state] = Text("span")

    def show(self, view: View) -> None:
        """Count the states."""
        counts = Counter(view.room.picture.states)
        for state, text in self._counts.items():
            text.show(f"{state.word} {counts[state.letter]:,}")


class Engineers:
    """Who is where, since when; and two buttons that change how many there are."""

    def __init__(self, room: ControlRoom) -> None:
        self._room = room
        with block("section", aria_label="Engineers"):
            with block(classes="panel-head"):
                Text("h2", text="Engineers")
                with block(classes="push"):
                    self._buttons = (
                        Button("-", lambda: self._change(-1), name="Take an engineer away"),
                        Button("+", lambda: self._change(+1), name="Add an engineer"),
                    )
            self._said = Text("p", "said")
            self._said.props["role"] = "status"
            with block(classes="list", tabindex="0", role="region", aria_label="List of engineers"):
                self._rows = Rows(("sign", "", "end"), title="Engineers")
                self._more = Text("p", "muted")

    def show(self, view: View) -> None:
        """Show the engineers in the order of their ids."""
        for button in self._buttons:
            button.enable(enabled=not view.stale)
        engineers = view.room.mirror.engineers
        rows = [
            (
                "↻" if each.turbine_number else "✓",
                f"Engineer {each.engineer_id}: "
                + (f"turbine {each.turbine_number}" if each.turbine_number else "free"),
                f"since {view.zone.since(each.since, view.now)}",
            )
            for each in engineers[:MOST_ENGINEERS_LISTED]
        ]
        kinds = ["repair" if each.turbine_number else "ok" for each in engineers[:MOST_ENGINEERS_LISTED]]
        self._rows.show(rows, kinds)
        self._more.show(_rest(len(engineers) - len(rows), "no engineers" if not engineers else ""))

    def _change(self, by: int) -> Coroutine[Any, Any, None]:
        return self._change_and_say(by)

    async def _change_and_say(self, by: int) -> None:
        try:
            await self._room.archive.change_engineers(by)
        except MonitorRefused as error:
            self._said.show(f"Not changed: {error.reason}.")
        except MonitorUnreachable as error:
            self._said.show(f"Not changed, the monitor is away: {error.reason}.")
        else:
            self._said.show("")


class WaitingLine:
    """The turbines that wait, the next one first, and how long they have."""

    def __init__(self, on_pick: Callable[[int], None]) -> None:
        with block("section", aria_label="Waiting line"):
            Text("h2", text="Waiting line")
            with block(classes="list", tabindex="0", role="region", aria_label="Turbines that wait"):
                self._rows = Rows(("time", "pick", "end"), title="Turbines that wait", on_pick=on_pick)
                self._more = Text("p", "muted")

    def show(self, view: View) -> None:
        """Show the line from its front."""
        mirror = view.room.mirror
        line = mirror.waiting[:MOST_WAITING]
        rows = [
            (
                str(place),
                f"turbine {number}",
                duration(view.now - (mirror.turbines[number].broken_at or view.now)),
            )
            for place, number in enumerate(line, 1)
        ]
        self._rows.show(rows, picks=line)
        self._more.show(_rest(len(mirror.waiting) - len(line), "" if line else "nobody waits"))


def _rest(count: int, otherwise: str) -> str:
    return f"and {count:,} more" if count > 0 else otherwise


class Repairs:
    """Who repaired what, when and how long: a bar for each."""

    def __init__(self, view: View) -> None:
        with block("section", "panel repairs", aria_label="Repairs"):
            with block(classes="panel-head"):
                Text("h2", text="Repairs by engineer, last 5 minutes")
                self._limit = Text("span", "muted")
                with block(classes="legend"):
                    for kind, word in (
                        ("done", "repaired"),
                        ("repair", "being repaired"),
                        ("ended", "ended otherwise"),
                    ):
                        with block():
                            block(classes=f"swatch {kind}")
                            Text("span", text=word)
            self._empty = Text("p", "muted", "No engineer was sent in the last five minutes.")
            self._chart = ui.echart(self._options(view)).classes("chart")
            self._chart.props["role"] = "img"
        self._shown: object = None

    def show(self, view: View) -> None:
        """Draw the bars again; the time goes on also where nothing else does."""
        repairs = view.room.repairs
        roster = _roster(view)
        rows = max(2, len(engineers_shown(repairs, roster)))
        self._limit.show(f"{rows} of {len(roster):,} engineers" if len(roster) > rows else "")
        state = (rows, bool(repairs))
        if state != self._shown:
            self._shown = state
            self._empty.set_visibility(not repairs)
            self._chart.set_visibility(bool(repairs))
            self._chart.style(f"height: {34 + rows * (28 if rows <= 3 else 20 if rows <= 6 else 18)}px")
        if repairs and not view.stale:
            self._chart.props["aria-label"] = (
                f"{len(repairs)} repairs by up to {MOST_ENGINEERS} engineers, as bars"
            )
            self._chart.options.clear()
            self._chart.options.update(self._options(view))
            self._chart.update()

    def _options(self, view: View) -> dict[str, Any]:
        now = view.now
        return repairs_chart(
            view.room.repairs, _roster(view), now - REPAIRS_SHOWN, now, view.palette, utc=view.utc
        )


def _roster(view: View) -> list[int]:
    return [each.engineer_id for each in view.room.mirror.engineers]


class Events:
    """What happens, in sentences, the newest first."""

    def __init__(self) -> None:
        with block("section", "panel events", aria_label="Events"):
            Text("h2", text="Events")
            title = "Events, the newest first"
            with (
                block(classes="rest"),
                block(classes="scroll", tabindex="0", role="region", aria_label=title),
            ):
                self._rows = Rows(("time", "sign", ""), title=title)
                self._none = Text("p", "muted")

    def show(self, view: View) -> None:
        """Show the last events."""
        events = [*view.room.mirror.events][: -MOST_EVENTS - 1 : -1]
        signs = [_SIGNS.get(event.kind, ("·", "")) for event in events]
        rows = [
            (view.zone.since(event.at, view.now), sign, event.text[:1].upper() + event.text[1:])
            for event, (sign, _) in zip(events, signs, strict=True)
        ]
        self._rows.show(rows, [kind for _, kind in signs])
        self._none.show("" if events else "Nothing has happened yet.")
