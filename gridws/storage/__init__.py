"""What is kept, and the `Store` protocol: the monitor's only way to a database.

`memory` is the store of tests and simulations, `sqlite/` the embedded one, `postgres/` one that monitors share. Times
are ms since 1970 UTC.

The rules of storage. Code and tests cite them by these numbers.

1. `write` is one transaction: it returns after the COMMIT, or raises `StoreFailed` and keeps nothing of the batch. An
   `ack` goes out only after it returned. One writer; a commit about every 250 ms, or earlier when many rows wait.
2. A reading and its stream's cursor are in the same transaction, so the cursor, and not a time window, decides for ever
   what is a duplicate. Retention goes by the time of receipt and never deletes a cursor; links and statuses have an age
   of their own, and are summed up by day before they go.
3. The queue of rows to write is bounded. Long before it is full, links are read more slowly, each with the same share,
   and health says `overloaded`. When it is full, or the disk fails, dispatch goes on and no `ack` goes out: numbered
   readings may be dropped, since the turbine still has them; others are counted as lost. Repairs are never dropped in
   favour of readings. Health says `degraded` while readings cannot be committed, and recovery is by itself.
4. One bad row never fails a batch: values are bounded before they get here, and a batch that fails is split. Only what
   no table of ours would take is passed over; what the table at hand refuses for another reason is never acknowledged.
5. A file that is not ours, or is newer than we are, is refused in one sentence and never changed. A damaged database is
   renamed, and a fresh one begins, loudly. Nothing is vacuumed by itself.
6. An assignment that a crash left open ends `monitor_stopped` at the next start, and no id is used again. One monitor a
   database, by a lock that the system drops with the process.
7. A full disk, a file that cannot be written, a lock: the monitor starts degraded and dispatches. A file that is moved
   or replaced under it gets no foreign rows, what is in force goes on in the next one, and the operator is told.
8. In a table the key columns come first: SQLite's own check calls an intact table damaged otherwise.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from ..clock import Belief
from .batches import Batch
from .records import History
from .rows import Hold, Names, Reading, StreamKey


class Space(NamedTuple):
    """What the data takes of a disk of this machine, with the log of what is not in it yet, and what is free."""

    database_bytes: int
    log_bytes: int
    free_bytes: int


@dataclass(frozen=True, slots=True)
class Opened:
    """What a store knows when it opens.

    `last_assignment_id` and `last_link_id` are at least as high as any id that an earlier run can have used, also
    when it died before a commit. `last_readings` has the last one of each turbine seen within the days shown.
    `last_seen_at` has a time for each of them and for turbines with a link but no reading. `engineers` is how many
    there are, None as long as nobody ever said so. `holds` also has those whose time has passed meanwhile.
    """

    last_assignment_id: int
    last_link_id: int
    last_readings: dict[int, Reading]
    last_seen_at: dict[int, int]
    belief: Belief | None = None
    """What the run before knew of the time; None for a fresh database."""
    engineers: int | None = None
    holds: dict[int, Hold] = field(default_factory=dict)
    names: Names = field(default_factory=lambda: Names({}, {}))
    trouble: str | None = None
    """Why nothing can be written yet: the monitor starts degraded, and the first `write` that works opens anew."""


@dataclass(frozen=True, slots=True)
class Written:
    """What a transaction came to: the cursors wanted (None: unknown stream) and the rows no database takes.

    `opened` is what was found where the database was opened only now, or is another file since the write before.
    `refused` are streams that another monitor took over: none of their readings were written, nor may any be
    acknowledged; they are `refused_readings` in all.
    """

    cursors: dict[StreamKey, int | None]
    rejected: int = 0
    opened: Opened | None = None
    refused: frozenset[StreamKey] = frozenset()
    refused_readings: int = 0


class Store(History, Protocol):
    """A database behind the monitor. Raises `StoreUnusable` from `open`, `StoreFailed` from `write`."""

    @property
    def low_space(self) -> str | None:
        """How little free disk space there is, while it is little; readings are still stored."""

    @property
    def space(self) -> Space | None:
        """What the data takes of the disk, as it was a moment ago; None while that is not known, or on none of ours."""

    @property
    def notes(self) -> Sequence[str]:
        """Sentences for the operator about what was found and done to the files since the store was made."""

    @property
    def progress(self) -> int:
        """A number that grows whenever the writer gets anywhere: a disk that hangs is one that stands still."""

    async def open(self, *, now: int) -> Opened:
        """Open, migrate and mend: what an earlier run left open ends `monitor_stopped`.

        A disk in trouble refuses nobody: `trouble` says what is wrong, and a later `write` opens.
        """

    async def write(self, batch: Batch) -> Written:
        """Commit the batch in one transaction, or raise `StoreFailed` and keep nothing of it."""

    async def maintain(self, *, now: int, belief: Belief | None = None) -> Opened | None:
        """Do one short slice of upkeep (roll-ups, retention, checkpoint); called between writes about once a second.

        `now` is the time (ms) to count ages from; the `belief`, by default the same time, is for the next run.
        Returns what it found where the database is another file since the `write` before.
        """

    async def close(self, *, complete: bool = True) -> None:
        """Finish what is in hand and close; the ids not used are given back.

        Not `complete`: rows were left behind that no batch brought, so their ids are not known here, and none
        is given back.
        """
