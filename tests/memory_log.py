"""A log in memory that several monitors share, and the way of each to it, on which calls can fail in every way.

`SharedLog` is what would lie in the database, `LogClient` is one monitor's `DispatchLog`. It does what it is told:
`cut` fails every call, `delay` holds each up, and `fates` say what becomes of the next appends, one each: refused, done
and not told, or done so much later that another may come in between.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from enum import Enum, auto
from typing import TypeVar

from gridws.dispatch import Assignment
from gridws.errors import StoreFailed, StoreUnusable
from gridws.several.entries import Draft, Entry, Joined
from gridws.several.log import MISSING, Beat, Found, Loaded
from gridws.several.replica import Earlier, next_chain

T = TypeVar("T")

MOST_AT_ONCE = 1_000


class Fate(Enum):
    """What becomes of a call."""

    refused = auto()
    done_untold = auto()
    done_late = auto()


class SharedLog:
    """The log, its members' rows and its snapshots."""

    def __init__(self, earlier: Earlier | None = None) -> None:
        self.earlier = earlier or Earlier()
        self.entries: list[Entry] = []
        self.first = 1
        """The position of the oldest entry that is kept."""
        self.lives: dict[int, Beat] = {}
        self.snapshots: list[tuple[int, str, str]] = []
        self.rules = 0
        self.open_rows: list[Assignment] = []
        self.settled: list[int] = []
        self.last_member_id = 0
        self.listeners: list[Callable[[], None]] = []

    @property
    def position(self) -> int:
        return self.first + len(self.entries) - 1

    @property
    def chain(self) -> str:
        return self.entries[-1].chain if self.entries else self.snapshots[-1][1] if self.snapshots else ""

    def after(self, position: int) -> list[Entry]:
        """Return the entries after a position; where older ones went, those that are left."""
        return self.entries[max(0, position - self.first + 1) :]

    def put(self, draft: Draft) -> Entry:
        seconds = max(draft.seconds, self.entries[-1].seconds if self.entries else 0.0)
        chain = next_chain(self.chain, draft.events)
        entry = Entry(self.position + 1, seconds, draft.at, draft.member_id, draft.events, chain)
        self.entries.append(entry)
        for news in self.listeners:
            news()
        return entry

    def join(self, draft: Draft, member: Joined) -> Entry:
        for before in member.replaces:
            self.lives.pop(before, None)
        self.lives[draft.member_id] = Beat(0, draft.seconds, member.lease)
        return self.put(draft)

    def leave(self, draft: Draft) -> Entry:
        self.lives.pop(draft.member_id, None)
        return self.put(draft)

    def evict(self, draft: Draft, member_id: int, beat: int) -> Entry | None:
        if self.lives.get(member_id, Beat(MISSING, 0.0, 0.0)).beat != beat:
            return None
        self.lives.pop(member_id, None)
        return self.put(draft)

    def beat(self, member_id: int | None, seconds: float) -> dict[int, Beat]:
        if member_id in self.lives:
            self.lives[member_id] = self.lives[member_id]._replace(
                beat=self.lives[member_id].beat + 1, seconds=seconds
            )
        return dict(self.lives)

    def load(self, birth: Callable[[Earlier], str], rules: int) -> Loaded:
        if not self.snapshots:
            self.snapshots.append((0, "", birth(self.earlier)))
            self.rules = rules
        seconds = [self.entries[-1].seconds] if self.entries else [0.0]
        latest = max([*seconds, *(life.seconds for life in self.lives.values())])
        return Loaded(self.snapshots[-1][2], self.rules, latest, dict(self.lives))

    def keep(self, position: int, chain: str, state: str) -> None:
        if position > self.snapshots[-1][0]:
            self.snapshots = [self.snapshots[-1], (position, chain, state)]
            oldest = self.snapshots[0][0]
            self.entries, self.first = self.after(oldest), max(self.first, oldest + 1)

    def new_member_id(self) -> int:
        self.last_member_id += 1
        return self.last_member_id

    def change_rules(self, before: int, rules: int, lifeless: Mapping[int, int]) -> bool:
        if self.rules != before or any(life.beat != lifeless.get(m) for m, life in self.lives.items()):
            return False
        self.lives.clear()
        self.rules = rules
        return True


class LogClient:
    """One monitor's way to a shared log."""

    def __init__(self, shared: SharedLog) -> None:
        self.shared = shared
        self.cut = False
        self.delay = 0.0
        self.lateness = 0.5
        self.fates: deque[Fate] = deque()
        self.appends = 0
        self.rules = 0

    def listen(self, news: Callable[[], None]) -> None:
        self.shared.listeners.append(lambda: None if self.cut else news())

    async def load(self, birth: Callable[[Earlier], str], rules: int) -> Loaded:
        self.rules = rules
        return await self._reach(lambda: self.shared.load(birth, rules))

    async def change_rules(self, before: int, rules: int, lifeless: Mapping[int, int]) -> bool:
        return await self._reach(lambda: self.shared.change_rules(before, rules, lifeless))

    async def read(self, after: int) -> Found:
        found = await self._reach(lambda: self.shared.after(after))
        return Found(found[:MOST_AT_ONCE], self.shared.position, self.shared.chain)

    async def new_member_id(self) -> int:
        return await self._reach(self.shared.new_member_id)

    async def append(self, draft: Draft) -> Entry:
        return await self._write(lambda: self.shared.put(draft))

    async def join(self, draft: Draft, member: Joined) -> Entry:
        return await self._write(lambda: self.shared.join(draft, member))

    async def leave(self, draft: Draft) -> Entry:
        return await self._write(lambda: self.shared.leave(draft))

    async def evict(self, draft: Draft, member_id: int, beat: int) -> Entry | None:
        return await self._write(lambda: self.shared.evict(draft, member_id, beat))

    async def beat(self, member_id: int | None, seconds: float) -> dict[int, Beat]:
        return await self._reach(lambda: self.shared.beat(member_id, seconds))

    async def keep(self, position: int, chain: str, state: str) -> None:
        await self._reach(lambda: self.shared.keep(position, chain, state))

    async def settle(self, writer_id: int, at: int) -> None:
        await self._reach(lambda: self.shared.settled.append(writer_id))

    async def open_repairs(self) -> Sequence[Assignment]:
        return await self._reach(lambda: list(self.shared.open_rows))

    async def close(self) -> None:
        self.cut = True

    async def _write(self, act: Callable[[], T]) -> T:
        self.appends += 1
        if self.rules != self.shared.rules:
            raise StoreUnusable("the log", "other rules")
        fate = self.fates.popleft() if self.fates else None
        if fate is Fate.refused:
            raise StoreFailed("the log", "refused")
        if fate is Fate.done_late:
            asyncio.get_running_loop().call_later(self.lateness, act)
            raise StoreFailed("the log", "no answer yet")
        written = await self._reach(act)
        if fate is Fate.done_untold:
            raise StoreFailed("the log", "no answer")
        return written

    async def _reach(self, act: Callable[[], T]) -> T:
        await asyncio.sleep(self.delay)
        if self.cut:
            raise StoreFailed("the log", "cannot be reached")
        return act()
