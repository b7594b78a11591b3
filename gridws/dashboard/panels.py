"""What was: the last repairs, and what happened."""

from __future__ import annotations

from typing import Any, Final

from nicegui import ui

from ..viewers.replica import EVENTS_KEPT
from ..wire.frames import EventKind
from .history import frame_of
from .markup import Rows, ShortList, Text, block
from .ranges import LIVE
from .repair_bars import MOST_ENGINEERS, engineers_shown, repairs_chart
from .visitor import Visitor

MOST_EVENTS: Final = 60
FEW_EVENTS: Final = 8
"""Where the page itself scrolls, a list that is not open must not keep the rest away."""

_SIGNS: Final = {
    EventKind.broke: ("!", "broke"),
    EventKind.waiting: ("!", "waiting"),
    EventKind.withdrawn: ("!", "waiting"),
    EventKind.clock_off: ("!", "waiting"),
    EventKind.storage_failed: ("!", "waiting"),
    EventKind.assigned: ("↻", "repair"),
    EventKind.repaired: ("✓", "ok"),
    EventKind.healed: ("✓", "ok"),
    EventKind.storage_recovered: ("✓", "ok"),
    EventKind.lost: ("○", "offline"),
    EventKind.held: ("=", "held"),
    EventKind.note: ("✎", "note"),
    EventKind.connected: ("●", "ok"),
    EventKind.monitor_joined: ("●", "ok"),
    EventKind.monitor_stopped: ("○", "offline"),
    EventKind.monitor_lost: ("!", "waiting"),
}


class Repairs:
    """Who repaired what, when and how long: a bar for each."""

    def __init__(self, view: Visitor) -> None:
        with block("section", "panel repairs", aria_label="Repairs"):
            with block(classes="panel-head"):
                Text("h2", text="Repairs, last 5 min")
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

    def show(self, view: Visitor) -> None:
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
            self._chart.style(f"height: {32 + rows * (22 if rows <= 3 else 20 if rows <= 6 else 16)}px")
        if repairs and not view.stale:
            self._chart.props["aria-label"] = (
                f"{len(repairs)} repairs by up to {MOST_ENGINEERS} engineers, as bars"
            )
            self._chart.options.clear()
            self._chart.options.update(self._options(view))
            self._chart.update()

    def _options(self, view: Visitor) -> dict[str, Any]:
        return repairs_chart(view.room.repairs, _roster(view), frame_of(view, LIVE))


def _roster(view: Visitor) -> list[int]:
    return [each.engineer_id for each in view.room.mirror.engineers]


class Events:
    """What happens, in sentences, the newest first."""

    def __init__(self, view: Visitor) -> None:
        self._view = view
        with block("section", "panel events", aria_label="Events"):
            self._short = ShortList("Events", self.show, most=EVENTS_KEPT)
            title = "Events, the newest first"
            with (
                block(classes="rest"),
                block(classes="scroll", tabindex="0", role="region", aria_label=title),
            ):
                self._rows = Rows(("time", "sign", ""), title=title)
                self._none = Text("p", "muted")

    def show(self) -> None:
        """Show the last events."""
        view, mirror = self._view, self._view.room.mirror
        events = self._short.cut(
            [event for event in mirror.events if mirror.concerns(event, view.search.site)][::-1],
            MOST_EVENTS if view.narrow is False else FEW_EVENTS,
        )
        signs = [_SIGNS.get(event.kind, ("·", "")) for event in events]
        rows = [
            (view.zone.since(event.at, view.now), sign, event.text[:1].upper() + event.text[1:])
            for event, (sign, _) in zip(events, signs, strict=True)
        ]
        self._rows.show(rows, [kind for _, kind in signs])
        self._none.show("" if events else "Nothing has happened yet.")
