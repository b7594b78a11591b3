"""What one transaction writes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from .rows import Cursor, Event, LinkRow, ReadingRow, Repair, StatusChange, StreamKey

_TIMES: Final = range(2**53)


@dataclass(slots=True)
class Batch:
    """What one transaction writes, and the cursors to read right after it.

    `repairs` and `links` are written by id: a later row of the same id replaces the earlier one.
    The last `numbered` readings are those of streams. `cursors` holds the highest sequence of each stream among the
    readings, or passed over as invalid. `wanted` are the streams of fresh `hello`s: a store that other monitors share
    makes them this monitor's own. `events` also change what they speak of: the count of engineers, holds, names, and
    the turbines that are known.
    """

    readings: Sequence[ReadingRow] = ()
    cursors: Mapping[Cursor, int] = field(default_factory=dict)
    repairs: list[Repair] = field(default_factory=list)
    links: list[LinkRow] = field(default_factory=list)
    statuses: list[StatusChange] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    wanted: list[StreamKey] = field(default_factory=list)
    numbered: int = 0

    @property
    def latest_time(self) -> int:
        """The latest time (ms) that the batch speaks of as its present, 0 if of none."""
        times = [change.at for change in self.statuses[-1:]]
        times += [reading[5] for reading in self.readings[-1:]]
        times += [event.at for event in self.events[-1:]]
        times += [link.last_sign for link in self.links[-1:]]
        return max((time for time in times if time in _TIMES), default=0)


def signs_of_life(links: Iterable[LinkRow], statuses: Iterable[StatusChange]) -> list[tuple[int, int]]:
    """Return the turbines that these rows tell of, and when (ms) each was last heard of by them."""
    signs = [(link.turbine_number, link.last_sign) for link in links]
    return signs + [(change.turbine_number, change.at) for change in statuses]
