"""What a log must do for one monitor: the `DispatchLog` protocol, behind which PostgreSQL is, or a list in a test.

Any method may raise `StoreFailed`; then it is not known whether what it was to do was done, will be done yet, or never.
`StoreUnusable` says that trying again would not help. Three callers share it, each with a call at a time and none
waiting for another's: one loads, reads and appends, one beats, and one does the chores (`keep` and below).

A double for tests keeps to this and to nothing else: a hint (`listen`) may be lost, a call may take any time, be done
and not be told, or be done later than the next one; entries have positions 1, 2, 3 … and are read in that order, each
after it was appended as a whole; `seconds` of an entry are those of its draft, or of the entry before where these are
later.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, Protocol

from ..dispatch import Assignment
from .entries import Draft, Entry, Joined
from .replica import Earlier

MISSING = -1
"""The beat of a member that the pool knows and that has no row."""


class Beat(NamedTuple):
    """How a member's row looks: its beat, the pool time by its clock when it last moved, and its lease (s)."""

    beat: int
    seconds: float
    lease: float


class Loaded(NamedTuple):
    """The newest state that is kept, the rules by which the pool decides, and the latest pool time in any row.

    `lives` are the members with a row.
    """

    state: str
    rules: int
    seconds: float
    lives: dict[int, Beat]


class Found(NamedTuple):
    """Some entries in order, and where the log ends: the position of its last entry, and the chain there."""

    entries: Sequence[Entry]
    position: int
    chain: str


class DispatchLog(Protocol):
    """One monitor's way to the log of its pool."""

    def listen(self, news: Callable[[], None]) -> None:
        """Have `news` called whenever something may have been appended; called once, before all else."""

    async def load(self, birth: Callable[[Earlier], str], rules: int) -> Loaded:
        """Return the newest state; where there is no pool yet, it is born with the state that `birth` makes."""

    async def change_rules(self, before: int, rules: int, lifeless: Mapping[int, int]) -> bool:
        """Have the pool decide by these rules, if no member has a row but those whose beat is still this.

        Their rows go. Return whether it does now, and nobody changed it meanwhile.
        """

    async def read(self, after: int) -> Found:
        """Return the entries after this position, or some first ones of them; raise `LogSplit` without a pool."""

    async def new_member_id(self) -> int:
        """Return an id that no member had, larger than those given before."""

    async def append(self, draft: Draft) -> Entry:
        """Append and return what the log has now.

        This and every other way to append raises `StoreUnusable` where the pool decides by other rules meanwhile.
        """

    async def join(self, draft: Draft, member: Joined) -> Entry:
        """Append, and give its author a row with a beat in the place of those that it replaces."""

    async def leave(self, draft: Draft) -> Entry:
        """Append, and take away its author's row."""

    async def evict(self, draft: Draft, member_id: int, beat: int) -> Entry | None:
        """Append and take away a member's row, if its beat is still this (`MISSING`: if there is still none)."""

    async def beat(self, member_id: int | None, seconds: float) -> dict[int, Beat]:
        """Move the beat of this member, if it has a row, and return the rows of all as they were or are then."""

    async def keep(self, position: int, chain: str, state: str) -> None:
        """Keep the state at this position; of those kept before one stays, and entries before both may go."""

    async def settle(self, writer_id: int, at: int) -> None:
        """End what a lost monitor still holds in the database, and write what it cannot, as of `at` (ms UTC)."""

    async def open_repairs(self) -> Sequence[Assignment]:
        """Return the assignments whose rows have no end; their sessions are unknown."""

    async def close(self) -> None:
        """Let go of everything; nothing is called afterwards."""
