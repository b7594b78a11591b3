"""Mistakes that a pool of monitors could have: each breaks one rule, and the simulation must see it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Final

import pytest

from gridws.monitor.waiting_rows import Chunk
from gridws.monitor.write_queue import WriteQueue
from gridws.several.entries import Entry, LogEvent
from gridws.several.following import Following
from gridws.several.lease import Standstill, Still
from gridws.several.replica import Replica
from gridws.several.steps import LinkHeld, Step
from gridws.storage import Written

from .schedule import (
    Kind,
    cut_a_wire,
    freeze_a_monitor,
    have_the_database_go_away,
    lose_answers,
    send_a_turbine_elsewhere,
    slow_the_database_down,
)
from .story import simulate

Breakage = Callable[[pytest.MonkeyPatch], None]


def the_author_applies_its_own_time(broken: pytest.MonkeyPatch) -> None:
    """Break rule 1 of the log: the moment of an own entry is the one at which it was put together here."""
    apply = Following._apply

    def apply_own_time(self: Following, replica: Replica, entries: Sequence[Entry]) -> None:
        batch = self.author.batch
        own = None if batch is None else (batch.member_id, self.pool_clock.pool(batch.began))
        timed = [
            entry._replace(seconds=own[1]) if own is not None and entry.member_id == own[0] else entry
            for entry in entries
        ]
        apply(self, replica, timed)

    broken.setattr(Following, "_apply", apply_own_time)


def a_refused_stream_is_acknowledged(broken: pytest.MonkeyPatch) -> None:
    """Acknowledge readings that were not written, as another monitor has their stream."""
    take = WriteQueue._take_written

    def take_all(self: WriteQueue, chunk: Chunk, written: Written, began: float) -> None:
        take(self, chunk, replace(written, refused=frozenset(), refused_readings=0), began)

    broken.setattr(WriteQueue, "_take_written", take_all)


def a_member_is_evicted_by_the_clock_of_another(broken: pytest.MonkeyPatch) -> None:
    """Count all time since a beat moved, also that in which this monitor stood still or could not look."""

    def miss(self: Standstill) -> None:
        """Count the time up to the next look."""

    def look(self: Standstill, beats: Mapping[int, Still], *, sent: float, received: float) -> dict[int, int]:
        del sent
        before, seen = self._seen, dict[int, tuple[int, float]]()
        for member, (beat, _) in beats.items():
            last, since = before.get(member, (beat, received))
            seen[member] = (beat, since if beat == last else received)
        self._seen = seen
        return {
            member: beat for member, (beat, lease) in beats.items() if received - seen[member][1] >= lease
        }

    broken.setattr(Standstill, "miss", miss)
    broken.setattr(Standstill, "look", look)


def an_append_counts_twice(broken: pytest.MonkeyPatch) -> None:
    """Break rule 6 of the log: an entry counts under whatever number, also one that was said again."""
    counts = Replica._counts

    def count_any(self: Replica, author: int, number: int, events: list[LogEvent]) -> bool:
        return author in self.members or counts(self, author, number, events)

    broken.setattr(Replica, "_counts", count_any)


def the_link_told_last_wins(broken: pytest.MonkeyPatch) -> None:
    """Break rule 3 of the log: of two links the one counts of which was heard last."""
    link = Replica._link

    def link_last(self: Replica, held: LinkHeld, step: Step) -> None:
        before = self._links.get(held.turbine_number)
        if before is not None:
            before.made = float("-inf")
        link(self, held, step)

    broken.setattr(Replica, "_link", link_last)


BREAKAGES: Final[Mapping[Breakage, Sequence[Kind]]] = {
    the_author_applies_its_own_time: (),
    a_member_is_evicted_by_the_clock_of_another: (freeze_a_monitor, have_the_database_go_away),
    an_append_counts_twice: (lose_answers,),
    the_link_told_last_wins: (slow_the_database_down, send_a_turbine_elsewhere, lose_answers),
    a_refused_stream_is_acknowledged: (slow_the_database_down, send_a_turbine_elsewhere, cut_a_wire),
}
"""With the kinds of trouble in which each shows soonest; none: whatever a seed draws.

The last one shows in one of some sixty seeds only: the other monitor must take the stream over while the last readings
wait here, and be slow to store them when they are said to it again.
"""


def first_found(breakage: Breakage, *, seeds: int) -> int | None:
    """Return the first of so many seeds that sees the mistake, None where none does."""
    with pytest.MonkeyPatch.context() as broken:
        breakage(broken)
        kinds = BREAKAGES[breakage]
        return next((seed for seed in range(1, seeds + 1) if simulate(seed, kinds=kinds).failures), None)
