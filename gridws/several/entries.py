"""The words of the log: entries, the events in them, and their text.

The text of an entry is a JSON list: the author's number for it, then its events, each a list of its kind and values. In
the log a link has the id that its row in `links` has, which no other monitor uses, and where `dispatch` speaks of a
session, `StatusReported` and `Disconnected` have this id.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, Final, NamedTuple

from ..dispatch import (
    ChosenNext,
    Disconnected,
    Held,
    HoldEnded,
    Named,
    Naming,
    Noted,
    RosterChanged,
    StatusReported,
    TimePassed,
    ToldToForget,
)
from ..moments import Moment
from ..words import OperationalStatus


class Entry(NamedTuple):
    """One batch of events as the log has it.

    `seconds` is pool time and never goes back; `at` (ms UTC) is by the author's wall clock. `chain` is the digest of
    the chain before and these events.
    """

    position: int
    seconds: float
    at: int
    member_id: int
    events: str
    chain: str


class Draft(NamedTuple):
    """What a member appends; the log gives it its position, and makes its time no earlier than that before."""

    member_id: int
    seconds: float
    at: int
    events: str


@dataclass(frozen=True, slots=True)
class Joined:
    """The author is a member from now on, in the place of those that it was, or may have become, before.

    Its lease (s) is for those who look at its beats; the other settings (s) become the pool's where nobody else is in
    it.
    """

    writer_id: int
    url: str
    replaces: tuple[int, ...]
    lease: float
    repair_timeout: float
    place_kept_for: float


@dataclass(frozen=True, slots=True)
class Left:
    """The author stops."""


@dataclass(frozen=True, slots=True)
class Lost:
    """The author saw the beat of this member stand still."""

    member_id: int


@dataclass(frozen=True, slots=True)
class Linked:
    """A turbine has a link to the author since `made`, in pool time."""

    turbine_number: int
    link_id: int
    made: float


LinkEvent = Linked | StatusReported | Disconnected
PersonEvent = RosterChanged | Held | HoldEnded | ChosenNext | ToldToForget | Named | Noted
LogEvent = Joined | Left | Lost | LinkEvent | PersonEvent | TimePassed

_CLASSES: Final[dict[str, type[Any]]] = {
    "joined": Joined,
    "left": Left,
    "lost": Lost,
    "linked": Linked,
    "status": StatusReported,
    "disconnected": Disconnected,
    "time": TimePassed,
    "roster": RosterChanged,
    "held": Held,
    "hold_ended": HoldEnded,
    "next": ChosenNext,
    "forget": ToldToForget,
    "named": Named,
    "noted": Noted,
}
_KINDS: Final = {each: kind for kind, each in _CLASSES.items()}
_FIELDS: Final = {each: [field.name for field in fields(each)] for each in _KINDS}


def encode_events(number: int, events: Sequence[LogEvent]) -> str:
    """Return the text of an entry that is its author's so-manyth."""
    return json.dumps([number, *map(_words, events)], separators=(",", ":"))


def decode_events(text: str) -> tuple[int, list[LogEvent]]:
    """Return the author's number and the events of an entry; raise `ValueError` for what is none."""
    try:
        number, *events = json.loads(text)
        return number, [_event(kind, values) for kind, *values in events]
    except (ValueError, TypeError, KeyError) as error:
        raise ValueError(f"no entry: {text[:80]}") from error


def _words(event: LogEvent) -> list[object]:
    kind = type(event)
    return [_KINDS[kind], *(getattr(event, name) for name in _FIELDS[kind])]


def _event(kind: str, values: list[Any]) -> LogEvent:
    match kind, values:
        case "joined", [writer_id, url, replaces, *settings]:
            return Joined(writer_id, url, tuple(replaces), *settings)
        case "status", [number, link_id, status]:
            return StatusReported(number, link_id, OperationalStatus(status))
        case "held", [number, until, reason, by]:
            return Held(number, Moment(*until) if until else None, reason, by)
        case "named", [namings, by]:
            return Named(tuple(Naming(*each) for each in namings), by)
        case _:
            event: LogEvent = _CLASSES[kind](*values)
            return event
