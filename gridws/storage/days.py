"""What is left of statuses and links that are past their age: sums by day. Pure: rows in, sums out.

A day begins at midnight UTC. A state counts in each day for the part of it that lies there, a failure on the day it
began, a link's end on the day it ended. Sums and rows never speak of the same time, so they add up.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from operator import attrgetter
from typing import Final, NamedTuple

from ..spans import Span
from ..words import OperationalStatus
from .holds import PLANNED, pieces
from .rows import LinkRow, StatusChange, StatusDay

DAY: Final = 86_400_000
"""In ms."""
_LONGEST: Final = 3_653 * DAY
"""What seems to have lasted longer than ten years is a clock that was set meanwhile, and counts for nothing."""
_MS_PER_HOUR: Final = 3_600_000


class LinkDay(NamedTuple):
    """One row of `link_days`: links of one turbine that ended for this reason, and how long they were up that day."""

    turbine_number: int
    day: int
    reason: str
    links: int
    linked_in_ms: int


def end_of_sums(changes: Sequence[StatusChange], cutoff: int, *, is_all: bool) -> int | None:
    """Return to which moment (ms) the oldest changes of a turbine are summed up; None: there is nothing to sum up.

    All are before `cutoff`; `is_all` says that there are no more of them. Where nothing is known of the turbine any
    more, the sums end with its last change, so that one that is gone for good costs nothing more.
    """
    last = changes[-1]
    end = cutoff if is_all and last.operational_status is not None else last.at
    return None if len(changes) == 1 and end == last.at else end


def status_days(
    changes: Sequence[StatusChange], until: int, held: Sequence[Span], *, is_failing: bool
) -> list[StatusDay]:
    """Sum up one turbine's changes, in the order of time, to `until` (ms); `is_failing` is how they began."""
    days: dict[int, StatusDay] = {}
    number = changes[0].turbine_number if changes else 0
    for state, at, end, power in pieces(changes, until, held):
        begun = days.setdefault(at // DAY, StatusDay(number, at // DAY))
        begun.failures += state == OperationalStatus.broken and not is_failing
        if state not in {None, PLANNED}:
            is_failing = state == OperationalStatus.broken
        begun.is_failing = is_failing
        for day, part in _by_day(at, end):
            here = days.setdefault(day, StatusDay(number, day))
            here.is_failing = is_failing
            _add(here, state, power, part.length)
    summed_up = list(days.values())
    for each in summed_up:
        last = changes[bisect_left(changes, (each.day + 1) * DAY, key=attrgetter("at")) - 1]
        each.broken_at_end = last.operational_status == OperationalStatus.broken
    return summed_up


def link_days(links: Iterable[LinkRow]) -> list[LinkDay]:
    """Sum up links that have ended."""
    days: dict[tuple[int, int, str], list[int]] = {}
    for link in links:
        ended_at, reason = link.disconnected_at or link.connected_at, link.reason or ""
        days.setdefault((link.turbine_number, ended_at // DAY, reason), [0, 0])[0] += 1
        for day, part in _by_day(link.connected_at, ended_at):
            days.setdefault((link.turbine_number, day, reason), [0, 0])[1] += part.length
    return [LinkDay(*key, *sums) for key, sums in days.items()]


def _add(day: StatusDay, state: str | None, power: float | None, length: int) -> None:
    if state == OperationalStatus.ok:
        day.ok_in_ms += length
    elif state == OperationalStatus.broken:
        day.broken_in_ms += length
        day.lost_energy_in_kwh += (power or 0.0) * length / _MS_PER_HOUR
    elif state == PLANNED:
        day.held_in_ms += length
    else:
        day.unknown_in_ms += length


def _by_day(since: int, until: int) -> Iterator[tuple[int, Span]]:
    if until - since > _LONGEST:
        return
    for day in range(since // DAY, (until - 1) // DAY + 1):
        yield day, Span(day * DAY, (day + 1) * DAY).cut(since, until)
