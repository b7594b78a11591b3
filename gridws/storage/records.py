"""What is read of a database: by whoever looks something up, and by reports and exports.

`History` answers from within an event loop, `Records` in a thread, since it goes through all there is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from enum import StrEnum
from typing import Final, NamedTuple, Protocol, TypeVar

from ..settings import MAX_INTEGER
from ..spans import Span
from ..words import Deed
from .rows import Event, FleetMinute, LinkRow, Minute, Names, Reading, Repair, StatusChange, StatusDay

T = TypeVar("T")

KEPT_IN_MIND: Final = 7 * 86_400_000
"""A turbine that gave its last sign of life this long (ms) before the range is not in the report."""

SILENT_MONITOR: Final = 120_000
"""A monitor writes at least once a minute; twice that (ms) after its last commit it is taken for dead."""


class TurbineRows(NamedTuple):
    """What is known of one turbine: changes by time, assignments by id, and what it delivered in the range.

    `events` are those that begin and end its holds, by time, also those before the range. `days` are the sums of what
    is past its age, by day, from the last one before the range on: no change speaks of the same time.
    """

    turbine_number: int
    statuses: Sequence[StatusChange]
    repairs: Sequence[Repair]
    energy_in_kwh: float
    events: Sequence[Event] = ()
    days: Sequence[StatusDay] = ()


EVENTS_OF_HOLDS: Final = frozenset({Deed.hold, Deed.hold_ended, Deed.forgotten})
"""The kinds of events that begin and end holds."""


class Collected(NamedTuple):
    """Between which moments (ms) the database knows anything; nothing was collected yet where they are None.

    What was delivered before `energy_since` is past its age, and not known any more.
    """

    since: int | None
    until: int | None
    energy_since: int = 0


class Table(StrEnum):
    """What can be exported."""

    metrics = "metrics"
    repairs = "repairs"
    links = "links"


COLUMNS: Final = {Table.metrics: Reading._fields, Table.repairs: Repair._fields, Table.links: LinkRow._fields}
"""The columns of each table, in the order of the values in a `Slice`; those that end in `_at` are times."""


BEGIN_AND_END: Final = {
    Table.repairs: ("assigned_at", "ended_at"),
    Table.links: ("connected_at", "disconnected_at"),
}
"""The columns that say from when to when a row of these tables lasts; it goes on while the second is NULL."""


class Slice(NamedTuple):
    """Some rows of a table, and which share of the whole, above 0 and at most 1, is done with them."""

    rows: Sequence[tuple[int | float | str | None, ...]]
    done: float


class Records(Protocol):
    """What was collected, for a report or an export. It is read in a thread, so every method waits.

    Raises `StoreUnusable` or `StoreFailed`, also from an iterator, and soon when nobody wants the rows any more.
    """

    def report_rows(
        self, span: Span, *, now: int, turbine_number: int | None = None
    ) -> tuple[Collected, Iterator[TurbineRows]]:
        """Return what is known of each turbine by number, or of one only, all of it as of one moment.

        A turbine that was forgotten is none of them, nor is one without a sign of life since 7 days before the
        range, unless it is held. Status changes are those in the range and those before that say what held when it
        began; assignments are those that ran in it, with the earlier tries at the same failures.
        """

    def names(self) -> Names:
        """Return what people call turbines and engineers now."""

    def roster(self) -> list[Event]:
        """Return each change of how many engineers there are, by time, as far back as events are kept."""

    def slices(self, table: Table, span: Span, turbine_number: int | None = None) -> Iterator[Slice]:
        """Yield readings measured in the range, by time; repairs and links that overlap it, by id.

        Each slice is as of a moment of its own: what is committed meanwhile may be missing or half told.
        """


class History(Protocol):
    """What a page or an API looks up; a few questions at a time. Raises `StoreFailed`."""

    async def readings(self, turbine_number: int, *, since: int, until: int, limit: int) -> list[Reading]:
        """Return readings with since ≤ measured_at < until, newest first."""

    async def repairs(self, *, turbine_number: int | None = None, since: int = 0, limit: int) -> list[Repair]:
        """Return assignments that were running at or after `since`, newest first."""

    async def events(
        self, *, turbine_number: int | None = None, since: int = 0, until: int = MAX_INTEGER, limit: int
    ) -> list[Event]:
        """Return events with since ≤ at < until, newest first."""

    async def minutes(self, turbine_number: int, *, since: int, until: int) -> list[Minute]:
        """Return the turbine's minutes with since ≤ at < until, oldest first; the last may still be missing."""

    async def fleet_minutes(self, *, since: int, until: int) -> list[FleetMinute]:
        """Return the fleet's minutes with since ≤ at < until, oldest first; the last may still be missing."""

    async def read(self, work: Callable[[Records], T]) -> T:
        """Return what `work` makes of the records, in a thread beside everything else; cancelled, it is given up."""


class SharedReadings(Protocol):
    """The readings that other processes write to the same database."""

    async def newest_of_others(self, *, now: int, slow_ones: bool) -> list[Reading]:
        """Return the newest of each turbine that others received within the last seconds before `now` (ms UTC).

        With the `slow_ones` also the last of each turbine, as it was some ten seconds ago; so a turbine may have two.
        Raises `StoreError`.
        """
