"""Counters, times and states in words: what every part of the page says in the same way."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo
from enum import Enum
from typing import Final
from zoneinfo import ZoneInfo

from ..printable import printable
from ..storage.rows import Event
from ..wire.frames import TurbineState
from ..words import Deed, OperationalStatus, Outcome

NOTHING: Final = "\N{EN DASH}"
_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
"""As on the charts, whatever the language of this machine."""


_WHY_LEFT: Final[dict[str, str]] = {
    Outcome.disconnected: "the link was lost",
    Outcome.superseded: "the turbine connected anew",
    Outcome.timed_out: "it took too long",
    Outcome.held: "nobody was to be there",
    Outcome.monitor_stopped: "the monitor stopped",
}


class State(Enum):
    """How a turbine is shown: a letter for the map, words, and a sign that tells it without colour."""

    ok = ("o", "ok", "✓")
    waiting = ("w", "waiting", "!")
    repair = ("r", "being repaired", "↻")
    held = ("h", "held", "=")
    offline = ("x", "offline", "○")
    unknown = ("u", "no report yet", "?")

    def __init__(self, letter: str, word: str, sign: str) -> None:
        self.letter = letter
        self.word = word
        self.sign = sign


def state_of(turbine: TurbineState) -> State:
    """Return how a turbine is shown."""
    if turbine.hold is not None and turbine.operational_status is not OperationalStatus.ok:
        return State.held
    if not turbine.online:
        return State.offline
    if turbine.operational_status is OperationalStatus.broken:
        return State.repair if turbine.engineer_id else State.waiting
    return State.ok if turbine.operational_status is OperationalStatus.ok else State.unknown


def in_words(turbine: TurbineState, now: int, waiting: int) -> str:
    """Return the state of a turbine as a sentence; `waiting` is how many wait in all."""
    lasted = duration(now - turbine.since)
    match state_of(turbine):
        case State.waiting:
            place = f": place {turbine.waiting_place} of {waiting}" if turbine.waiting_place else ""
            return f"waits for an engineer for {duration(now - (turbine.broken_at or now))}{place}"
        case State.repair:
            return f"engineer {turbine.engineer_id} repairs it for {lasted}"
        case State.held:
            broken = turbine.operational_status is OperationalStatus.broken
            return f"held, {'broken' if broken else 'online' if turbine.online else 'offline'} for {lasted}"
        case State.offline:
            return f"offline for {lasted}"
        case State.unknown:
            return f"online for {lasted}, has not said yet how it is"
        case _:
            return f"ok for {lasted}"


def name_of(turbine: TurbineState) -> str:
    """Return what people call a turbine, and where it is; nothing where it has neither name nor site."""
    return printable(" · ".join(filter(None, (turbine.name, turbine.site))))


def title_of(turbine: TurbineState) -> str:
    """Return a turbine's number with what people call it, and where it is."""
    return " · ".join(filter(None, (f"Turbine {turbine.turbine_number}", name_of(turbine))))


def repair_in_words(engineer_id: int, outcome: str | None, took: float) -> str:
    """Return an assignment as a sentence; `took` is how long it lasted in ms, `outcome` None while it does."""
    if outcome is None:
        return f"engineer {engineer_id} is at work"
    if outcome == Outcome.repaired:
        return f"engineer {engineer_id} repaired it in {duration(took)}"
    why = _WHY_LEFT.get(outcome, outcome.replace("_", " "))
    return f"engineer {engineer_id} left after {duration(took)}: {why}"


def deed_in_words(deed: Event, until: str | None) -> str:
    """Return what a person ordered or said of a turbine; `until` is when a hold ends, None where that is open."""
    because = f": {deed.text}" if deed.text else ""
    match deed.kind:
        case Deed.hold:
            return f"held {f'until {until}' if until else 'until somebody ends it'}{because}"
        case Deed.hold_ended:
            return "held no longer"
        case Deed.next:
            return f"goes first{because}"
        case Deed.name:
            called = " · ".join(filter(None, (deed.name, deed.site)))
            return f"is called {called}" if called else "has no name"
        case Deed.note:
            return deed.text or ""
        case _:
            return str(deed.kind).replace("_", " ")


def duration(milliseconds: float) -> str:
    """Return a length of time in the two units that matter."""
    seconds = max(0, int(milliseconds // 1000))
    if seconds < 60:
        return f"{seconds} s"
    if seconds < 3600:
        return f"{seconds // 60} min {seconds % 60} s"
    if seconds < 86_400:
        return f"{seconds // 3600} h {seconds % 3600 // 60} min"
    return f"{seconds // 86_400} d {seconds % 86_400 // 3600} h"


def wind(speed: float | None) -> str:
    """Return a wind speed with its unit."""
    return NOTHING if speed is None else f"{speed:.1f} m/s"


def power(kilowatts: float | None) -> str:
    """Return one turbine's power with its unit."""
    return NOTHING if kilowatts is None else f"{kilowatts:,.0f} kW"


def percent(ratio: float | None) -> str:
    """Return a ratio in percent; never rounded up to 100."""
    if ratio is None:
        return NOTHING
    return "100" if ratio >= 1 else f"{min(ratio * 100, 99.9):.1f}"


class Zone:
    """A visitor's time zone; one that this machine does not know is shown as UTC."""

    def __init__(self, name: str = "UTC") -> None:
        self.name = name
        self._zone: tzinfo = UTC
        try:
            self._zone = ZoneInfo(name)
        except (LookupError, ValueError, OSError):
            self.name = "UTC"

    def at(self, milliseconds: int) -> datetime:
        """Return a moment in this zone."""
        return datetime.fromtimestamp(milliseconds / 1000, self._zone)

    def clock(self, milliseconds: int) -> str:
        """Return the time of day."""
        return self.at(milliseconds).strftime("%H:%M:%S")

    def since(self, milliseconds: int, now: int) -> str:
        """Return when something began: the time of day, with the date where that was another day."""
        begin, today = self.at(milliseconds), self.at(now)
        if begin.date() == today.date():
            return begin.strftime("%H:%M:%S")
        date = f"{begin.day} {_MONTHS[begin.month - 1]}" if begin.year == today.year else str(begin.date())
        return f"{date} {begin:%H:%M}"

    def midnight(self, now: int) -> int:
        """Return when today began, in ms UTC."""
        today = self.at(now).replace(hour=0, minute=0, second=0, microsecond=0)
        return int(today.timestamp() * 1000)

    def for_input(self, milliseconds: int) -> str:
        """Return a moment as a browser's date and time input takes it."""
        return self.at(milliseconds).strftime("%Y-%m-%dT%H:%M")

    def from_input(self, text: str) -> int | None:
        """Return the moment that a date and time input holds, None where it holds none."""
        try:
            moment = datetime.fromisoformat(text).replace(tzinfo=self._zone)
            return max(0, (moment - datetime.fromtimestamp(0, UTC)) // timedelta(milliseconds=1))
        except (ValueError, OverflowError):
            return None
