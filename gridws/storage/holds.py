"""Holds: when nobody was to be sent to a turbine, and what that makes of the time.

A hold ends when its time has come, when somebody ends it or holds the turbine anew, or when it is forgotten. Held time
counts as planned unless the turbine is ok meanwhile: then it delivers, whatever somebody had in mind.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from ..settings import MAX_INTEGER
from ..spans import Span
from ..words import Deed, OperationalStatus
from .rows import Event, StatusChange

PLANNED: Final = "planned"
"""The state of a turbine that is held and not ok."""

Piece = tuple[str | None, int, int, float | None]
"""A state (None: unknown), from when to when (ms), and the last output while ok."""


def held_spans(events: Sequence[Event]) -> list[Span]:
    """Return when one turbine was held, by its events in the order of time; without an end, until after all times."""
    spans: list[Span] = []
    for event in events:
        if spans and spans[-1].until > event.at:
            spans[-1] = Span(spans[-1].since, event.at)
        if event.kind == Deed.hold:
            spans.append(Span(event.at, MAX_INTEGER if event.until is None else event.until))
    return [span for span in spans if span.length]


def time_held(held: Sequence[Span], since: int, until: int) -> int:
    """Return how much of the time between two moments was held, in ms."""
    return sum(span.cut(since, until).length for span in held)


def pieces(changes: Sequence[StatusChange], end: int, held: Sequence[Span]) -> Iterator[Piece]:
    """Yield the states of one turbine up to `end`, each change with its time cut where holds begin and end."""
    ends = [*(change.at for change in changes[1:]), end]
    for change, until in zip(changes, ends, strict=False):  # no change has no end
        status, power = change.operational_status, change.power_output_in_kwh
        if status == OperationalStatus.ok:
            yield status, change.at, until, power
        else:
            yield from (
                (PLANNED if is_held else status, *cut, power) for is_held, cut in _cut(change.at, until, held)
            )


def _cut(since: int, until: int, held: Sequence[Span]) -> Iterator[tuple[bool, Span]]:
    """Yield the parts of a time that were held and that were not; one of no length is a part as well."""
    begin = since
    for hold in held:
        part = hold.cut(begin, until)
        if part.length:
            if part.since > begin:
                yield False, Span(begin, part.since)
            yield True, part
            begin = part.until
    if begin < until or begin == since:
        yield False, Span(begin, until)
