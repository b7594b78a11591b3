"""Each monitor's way to the database, and to the log in it.

A call goes there, is done, and is answered; each part takes time, and on each part it can be lost. So it may be
refused, done and not told, done late, or never be answered, and nobody who called can tell which.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from inspect import isawaitable
from typing import TYPE_CHECKING, Any, Final, TypeVar

from memory_log import MOST_AT_ONCE, LogClient, SharedLog

from gridws.dispatch import Assignment
from gridws.errors import StoreFailed, StoreUnusable
from gridws.several.log import Beat, Found

from .machines import Machine

if TYPE_CHECKING:
    from .tables import Tables

T = TypeVar("T")

WITHIN: Final = 5.0
"""Seconds that a caller waits for an answer."""
WELL: Final = 0.05
"""Seconds that a part of a call takes at most while all is well."""
LATEST: Final = 8.0
"""Seconds after which what is done late is done at the latest."""
LOOK_AGAIN: Final = 0.05
"""Seconds until a transaction that waits looks again."""


@dataclass
class Trouble:
    """How the database, or one way to it, behaves: the odds of what becomes of a call, and how long it takes (s)."""

    longest_delay: float = 0.005
    is_away: bool = False
    is_silent: bool = False
    """Where it is away: nobody says so."""
    refused: float = 0.0
    untold: float = 0.0
    late: float = 0.0
    hint_lost: float = 0.0

    @property
    def hampers(self) -> bool:
        """Whether not all that is asked for is done, and told, at once."""
        return self.longest_delay > WELL or max(self.refused, self.untold, self.late) > 0.0

    def heal(self) -> None:
        self.__init__()  # type: ignore[misc]


class Way:
    """One process's way to the database; where it is not `alive`, nothing comes over it any more."""

    def __init__(self, database: Database, machine: Machine) -> None:
        self.alive = True
        self.trouble = Trouble()
        self.machine = machine
        self._database = database

    @property
    def is_away(self) -> bool:
        return self.trouble.is_away or self._database.trouble.is_away

    async def ask(
        self, act: Callable[[], T | Awaitable[T]], *, within: float = WITHIN, may_be_late: bool = True
    ) -> T:
        """Have something done there; raise `StoreFailed` where nothing is known of it within so many seconds.

        It `may_be_late` where it may be done later than the next thing that is asked for.
        """
        if not self.alive:
            raise StoreFailed("the database", "this process is dead")
        answer: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._database.later(self._delay(), partial(self._arrive, act, answer, may_be_late))
        try:
            async with asyncio.timeout(within):
                return await answer
        except TimeoutError:
            raise StoreFailed("the database", "no answer") from None

    def hint(self, news: Callable[[], None]) -> None:
        """Tell this process that there is news, if the hint arrives."""
        if self.alive and not self.is_away and not self._happens("hint_lost"):
            self._database.later(self._delay(), partial(self.machine.call_soon, news))

    def _arrive(
        self,
        act: Callable[[], T | Awaitable[T]],
        answer: asyncio.Future[T],
        may_be_late: bool,  # noqa: FBT001
    ) -> None:
        if self.is_away or self._happens("refused"):
            self._fail(answer)
        elif may_be_late and self._happens("late"):
            self._database.later(self._database.chance.uniform(0.05, LATEST), partial(self._do_unheard, act))
            self._fail(answer)
        else:
            self._database.start(self._do(act, answer))

    async def _do(self, act: Callable[[], T | Awaitable[T]], answer: asyncio.Future[T]) -> None:
        try:
            done = act()
            result = await done if isawaitable(done) else done
        except (StoreFailed, StoreUnusable) as error:
            self._tell(answer, partial(_set_exception, answer, error))
        else:
            self._database.later(self._delay(), partial(self._tell, answer, partial(_set, answer, result)))

    def _do_unheard(self, act: Callable[[], T | Awaitable[T]]) -> None:
        self._database.start(_unheard(act))

    def _tell(self, answer: asyncio.Future[Any], how: Callable[[], None]) -> None:
        if self.is_away or self._happens("untold"):
            self._fail(answer)
        else:
            self.machine.call_soon(how)

    def _fail(self, answer: asyncio.Future[Any]) -> None:
        if not (self.trouble.is_silent or self._database.trouble.is_silent):
            error = StoreFailed("the database", "the connection broke")
            self.machine.call_soon(_set_exception, answer, error)

    def _delay(self) -> float:
        longest = max(self.trouble.longest_delay, self._database.trouble.longest_delay)
        return self._database.chance.uniform(0.0, longest)

    def _happens(self, what: str) -> bool:
        odds: float = max(getattr(self.trouble, what), getattr(self._database.trouble, what))
        return odds > 0.0 and self._database.chance.random() < odds


async def _unheard(act: Callable[[], T | Awaitable[T]]) -> None:
    with suppress(StoreFailed, StoreUnusable):
        done = act()
        if isawaitable(done):
            await done


def _set(answer: asyncio.Future[T], result: T) -> None:
    if not answer.done():
        answer.set_result(result)


def _set_exception(answer: asyncio.Future[Any], error: Exception) -> None:
    if not answer.done():
        answer.set_exception(error)


class Database:
    """The server, on a machine of its own."""

    def __init__(self, machine: Machine, log: SharedLog, tables: Tables, chance: random.Random) -> None:
        self.machine = machine
        self.log = log
        self.tables = tables
        self.chance = chance
        self.trouble = Trouble()
        self._at_work: set[asyncio.Task[None]] = set()

    def later(self, seconds: float, act: Callable[[], object]) -> None:
        self.machine.call_later(seconds, act)

    def start(self, work: Any) -> None:
        task = self.machine.create_task(work)
        self._at_work.add(task)
        task.add_done_callback(self._at_work.discard)


class LogWay(LogClient):
    """One monitor's `DispatchLog`, over its way."""

    def __init__(self, way: Way, database: Database, *, lease: float) -> None:
        super().__init__(database.log)
        self._patience = lease / 3
        self._way = way
        self._tables = database.tables

    def listen(self, news: Callable[[], None]) -> None:
        self.shared.listeners.append(partial(self._way.hint, news))

    async def read(self, after: int) -> Found:
        return await self._way.ask(lambda: self._found(after))

    def _found(self, after: int) -> Found:
        return Found(self.shared.after(after)[:MOST_AT_ONCE], self.shared.position, self.shared.chain)

    async def beat(self, member_id: int | None, seconds: float) -> dict[int, Beat]:
        return await self._way.ask(lambda: self.shared.beat(member_id, seconds), within=self._patience)

    async def settle(self, writer_id: int, at: int) -> None:
        await self._way.ask(lambda: self._tables.settle(writer_id, at))

    async def open_repairs(self) -> Sequence[Assignment]:
        return await self._way.ask(lambda: list(self._open()))

    def _open(self) -> list[Assignment]:
        return [
            Assignment(row.id, row.turbine_number, 0, row.engineer_id, row.broken_at, row.assigned_at, 0.0)
            for row in self._tables.store.repair_rows.values()
            if row.ended_at is None
        ]

    async def close(self) -> None:
        """The way ends with its process."""

    async def _write(self, act: Callable[[], T]) -> T:
        return await self._way.ask(act)

    async def _reach(self, act: Callable[[], T]) -> T:
        return await self._way.ask(act)
