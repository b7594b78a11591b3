"""What an operator says of the selected turbine: hold it, hold it no longer, let it go first, a note.

The dashboard asks the monitor with its own token, so buttons do something where that is an operator's; what the monitor
answers otherwise is shown.
"""

from __future__ import annotations

from typing import Any, Final

from nicegui.events import GenericEventArguments

from ..access.guard import NOBODY
from ..errors import MonitorRefused, MonitorUnreachable
from ..storage.rows import Event as Deed
from ..wire.frames import Event, EventKind, HoldState, TurbineState
from .markup import Rows, Text, block
from .visitor import Visitor
from .wording import deed_in_words

LENGTHS: Final = {
    "1": "1 h",
    "4": "4 h",
    "12": "12 h",
    "24": "24 h",
    "168": "7 days",
    "": "until it is ended",
}
"""Hours that a hold may last, and how that is said."""
ORDERS: Final = {"hold": "Hold", "end": "End the hold", "next": "Next", "note": "Note"}
DEEDS_LISTED: Final = 5
LOOKS: Final = 2
"""Looks after news: what was just told may reach the table a moment later."""
_TOLD: Final = {EventKind.held, EventKind.hold_ended, EventKind.next, EventKind.named, EventKind.note}
_GIVEN: Final = (
    "(e) => { e.preventDefault(); const given = e.target.elements;"
    " emit(e.submitter.value, given.words.value, given.hours.value); }"
)


class OrdersForm:
    """One line of words, a length of time, a button for each order, and what was ordered and said before."""

    def __init__(self, view: Visitor) -> None:
        self._view = view
        self._turbine: int | None = None
        self._held = Text("p", "held-line")
        with block("form", "orders", aria_label="Orders for this turbine") as self._form:
            with block("label"):
                Text("span", text="reason or note")
                block("input", type="text", name="words", maxlength="500")
            with block("label"):
                Text("span", text="hold for")
                with block("select", name="hours"):
                    for hours, words in LENGTHS.items():
                        Text("option", text=words).props["value"] = hours
            for order, word in ORDERS.items():
                button = Text("button", "plain", word)
                button.props.update(type="submit", value=order)
            self._said = Text("p", "said")
            self._said.props["role"] = "status"
        self.is_open = False
        self._form.on("submit", self._give, js_handler=_GIVEN)
        self._form.set_visibility(False)
        self._deeds = Rows(("time", "", "end"), title="Orders and notes of this turbine")
        self._told: object = None
        self._looks = 0

    def toggle(self) -> None:
        """Show or hide the form."""
        self.is_open = not self.is_open
        self._form.set_visibility(self.is_open)
        self._deeds.show([])
        self._told = None

    def show(self, turbine: TurbineState) -> None:
        """Aim at a turbine, and say whether it is held."""
        if turbine.turbine_number != self._turbine:
            self._turbine = turbine.turbine_number
            self._said.show("")
        self._held.show(hold_in_words(turbine.hold, self._view) if turbine.hold else "")

    async def look_back(self) -> None:
        """Show the last orders and notes under the open form, anew where there is another one."""
        number, mirror = self._turbine, self._view.room.mirror
        if number is None or not self.is_open:
            return
        newest = max((each.id for each in mirror.events if _is_of(each, number)), default=0)
        if (number, mirror.started_at, newest) != self._told:
            self._told, self._looks = (number, mirror.started_at, newest), LOOKS
        if self._looks:
            self._looks -= 1
            try:
                deeds = await self._view.room.archive.deeds(number, DEEDS_LISTED)
            except MonitorUnreachable:
                self._told = None
            else:
                self._deeds.show([_deed(each, self._view) for each in deeds])

    async def _give(self, event: GenericEventArguments) -> None:
        order, words, hours = (str(each) for each in event.args)
        number = self._turbine
        if number is None:
            self._said.show("Select a turbine first.")
            return
        try:
            await self._view.room.archive.order(*_request(order, number, words.strip(), hours))
        except MonitorRefused as error:
            self._said.show(f"Not done: {error.reason}.")
        except MonitorUnreachable as error:
            self._said.show(f"Not done, the monitor is away: {error.reason}.")
        else:
            self._said.show("")


def hold_in_words(hold: HoldState, view: Visitor) -> str:
    """Return a hold as a sentence."""
    until = f"until {view.zone.since(hold.until, view.now)}" if hold.until else "until somebody ends it"
    by = f", by {hold.by}" if hold.by else ""
    reason = f": {hold.reason}" if hold.reason else ""
    return f"Held since {view.zone.since(hold.since, view.now)} {until}{by}{reason}"


def _is_of(event: Event, turbine_number: int) -> bool:
    return event.turbine_number == turbine_number and event.kind in _TOLD


def _deed(deed: Deed, view: Visitor) -> tuple[str, str, str]:
    until = view.zone.since(deed.until, view.now) if deed.until else None
    by = "" if deed.by in {None, NOBODY} else f"by {deed.by}"
    return view.zone.since(deed.at, view.now), deed_in_words(deed, until), by


def _request(order: str, number: int, words: str, hours: str) -> tuple[str, str, dict[str, Any] | None]:
    reason: dict[str, Any] = {"reason": words} if words else {}
    match order:
        case "hold":
            lasting = {"duration_in_seconds": int(hours) * 3600} if hours in LENGTHS and hours else {}
            return "PUT", f"/turbines/{number}/hold", {**reason, **lasting}
        case "end":
            return "DELETE", f"/turbines/{number}/hold", None
        case "next":
            return "PUT", f"/turbines/{number}/next", reason
        case _:
            return "POST", f"/turbines/{number}/notes", {"text": words}
