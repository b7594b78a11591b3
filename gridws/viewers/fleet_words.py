"""What a terminal says of the fleet: each state in words, a name, a length of time, the totals, and who is urgent.

What needs somebody comes first: waiting turbines by their place, then those under repair, held, offline, without a
status, and last those that are ok. Whatever text came over the network loses its control characters.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Final

from ..printable import printable
from ..spans import local_time, off_in_words
from ..wire.frames import EngineerState, HoldState, TurbineState
from ..words import OperationalStatus
from .mirror import Mirror
from .staffing import longest_wait

MINUTES: Final = len("2026-05-31 14:30")
"""How much of a time is shown of when a hold ends."""

LONGEST_NAME: Final = 24
LONGEST_REASON: Final = 40
"""Characters of a name or a reason beyond which other columns would have no room."""

STYLES: Final = {
    "waiting": "bold red",
    "repair": "yellow",
    "held": "blue",
    "offline": "magenta",
    "unknown": "cyan",
    "ok": "",
}
"""How each kind of state is coloured, the most urgent first."""
_RANKS: Final = {kind: rank for rank, kind in enumerate(STYLES)}


def by_urgency(states: Iterable[TurbineState], count: int) -> list[TurbineState]:
    """Return the `count` turbines that need somebody most, the most urgent first."""
    return heapq.nsmallest(count, states, key=_urgency)


def kind_of(state: TurbineState) -> str:
    """Return in one word what a turbine's state means for who looks at it."""
    if state.hold is not None and state.operational_status is not OperationalStatus.ok:
        return "held"
    if not state.online:
        return "offline"
    if state.engineer_id is not None:
        return "repair"
    if state.operational_status is None:
        return "unknown"
    return "ok" if state.operational_status is OperationalStatus.ok else "waiting"


def name_of(state: TurbineState) -> str:
    """Return what people call a turbine, and where it is."""
    return printable(", ".join(filter(None, (state.name, state.site))), longest=LONGEST_NAME)


def words_of(state: TurbineState) -> str:
    """Return a turbine's state in a few words."""
    words = [_words_of(replace(state, hold=None) if state.hold else state)]
    if state.hold is not None:
        words += words_of_hold(state.hold)
    if state.clock_ahead_in_seconds:
        words.append(f"clock {off_in_words(state.clock_ahead_in_seconds)}")
    return ", ".join(words)


def words_of_hold(hold: HoldState) -> Iterator[str]:
    """Yield what is to be said of a hold."""
    yield f"held until {local_time(hold.until)[:MINUTES]}" if hold.until else "held"
    if hold.reason:
        yield printable(hold.reason, longest=LONGEST_REASON)


def lasted(milliseconds: int) -> str:
    """Return a duration in its largest unit, rounded down."""
    seconds = max(0, milliseconds) // 1000
    for unit, length in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{seconds // length} {unit}"
    return f"{seconds} s"


def parts_of_totals(mirror: Mirror, utilisation: float | None = None) -> list[tuple[str, str]]:
    """Return the headline in parts, each with its style; put together they are a sentence."""
    totals, wait = mirror.totals, longest_wait(mirror.turbines.values(), mirror.monitor_now or 0)
    longest = "" if wait is None else f", longest {lasted(wait)}"
    busy = "" if utilisation is None else f", {utilisation * 100:.0f} % busy in the last hour"
    offline = totals.turbines - totals.online
    return [
        (f"{counted(totals.turbines, 'turbine')}, {totals.online:,} online", ""),
        (f", {offline:,} offline" if offline else "", "magenta"),
        (f", {totals.broken:,} broken", "yellow" if totals.broken else ""),
        (f", {totals.waiting:,} waiting{longest}", "bold red" if totals.waiting else ""),
        (f"; {counted(totals.engineers, 'engineer')}, {totals.engineers_free:,} free{busy}", ""),
        (f"; {totals.power_output_in_kwh:,.0f} kW", ""),
    ]


def reading_of(state: TurbineState) -> tuple[str, str]:
    """Return wind (m/s) and power (kW) as they are now."""
    # What an offline turbine sent last is history, and nobody shall add it up.
    if not state.online or state.wind_speed is None or state.power_output_in_kwh is None:
        return "-", "-"
    return _number(state.wind_speed, 1), _number(state.power_output_in_kwh, 0)


def who(engineer: EngineerState) -> str:
    """Return an engineer's id, with the name where there is one."""
    name = f" {printable(engineer.name, longest=LONGEST_NAME)}" if engineer.name else ""
    return f"{engineer.engineer_id}{name}"


def whereabouts(engineer: EngineerState) -> str:
    """Return where an engineer is."""
    return "free" if engineer.turbine_number is None else f"at turbine {engineer.turbine_number}"


def _words_of(state: TurbineState) -> str:
    match kind_of(state):
        case "repair":
            return f"broken, engineer {state.engineer_id}"
        case "waiting":
            return f"broken, waiting at {state.waiting_place}" if state.waiting_place else "broken"
        case "unknown":
            return "online, no status yet"
        case kind:
            return kind


def _urgency(state: TurbineState) -> tuple[int, int, int]:
    return (_RANKS[kind_of(state)], state.waiting_place or 0, state.turbine_number)


def counted(number: int, noun: str) -> str:
    """Return a number of things in words."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _number(value: float, decimals: int) -> str:
    return f"{value:.{decimals}f}" if abs(value) < 1e9 else f"{value:.1e}"
