"""Follows the log and appends to it, one call at a time, and hands over what it comes to.

A lease that runs out, or a log that is not the one followed so far, ends the membership: everybody is called back, and
this monitor joins anew. All of it runs in steps of one event loop.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Final

from ..clock import Clock
from ..errors import StoreFailed
from ..moments import Moment
from ..settings import MonitorSettings
from .author import Author, Batch
from .chores import Chores
from .entries import Entry, Joined, Left, Lost
from .handing_over import HandingOver
from .loading import load
from .log import DispatchLog
from .membership import Membership
from .pending import Pending
from .pool_clock import PoolClock
from .replica import LogSplit, Replica
from .shared_pool import SharedPool
from .steps import Member, Step

_log = logging.getLogger("gridws")

POLL: Final = 0.25
"""Seconds between two looks at the log where no hint comes, and until a log that failed is tried again."""
STEPS_AT_ONCE: Final = 200
"""Entries that are applied before others have their turn, some 10 ms."""
LONGEST_DEATH: Final = 366 * 86_400.0
"""Seconds without any monitor that a wall clock may tell of."""


class Following:
    """The loop between `pending`, where what happens here waits, and `handing_over`, which has it carried out.

    `joined` makes what this monitor says of itself when it joins in the place of those members.
    """

    def __init__(
        self,
        log: DispatchLog,
        *,
        settings: MonitorSettings,
        clock: Clock,
        joined: Callable[[tuple[int, ...]], Joined],
    ) -> None:
        self.trouble: str | None = "the pool of engineers was not read yet"
        self.pool_clock = PoolClock()
        self.pool = SharedPool(self.pool_clock)
        self.pending = Pending()
        self.author = Author(log, self.pending, clock=clock, joined=joined)
        self.handing_over = HandingOver(self.pool_clock, self.author.ids, self.author.is_well_unheard)
        self.membership = Membership(log, self, clock=clock, pool_clock=self.pool_clock, lease=settings.lease)
        self.chores = Chores(log, self.pool, self.membership, self.handing_over, clock=clock)
        self.tried = asyncio.Event()
        """Set when it is known for the first time whether engineers can be sent."""
        self.is_stopping = self.has_left = False
        self.joins = self.appends = self.evictions = self.call_backs = self.splits = 0
        self.append_seconds = 0.0
        self.progress: Callable[[], None] = lambda: None
        """Called when something was handed over."""
        self._log = log
        self._settings = settings
        self._clock = clock
        self._news = asyncio.Event()
        self._is_missed = False
        self._has_more = self._is_catching_up = True
        self._read_at = self._dead_for = 0.0

    def wake(self) -> None:
        """There is something to append."""
        self._news.set()

    def wake_to_read(self) -> None:
        """There may be something to read."""
        self._has_more = True
        self._news.set()

    async def catch_up(self) -> None:
        """Load the pool and read the log to its end; raise `StoreFailed`, or `StoreUnusable` for good."""
        replica = await self._load()
        while self._is_catching_up:
            await self._read(replica)

    async def run(self) -> None:
        """Follow until this monitor has left."""
        while not self.has_left:
            try:
                await self._do_one_thing()
            except LogSplit as error:
                self._lose_track(str(error))
                await asyncio.sleep(POLL)
            except StoreFailed as error:
                self._has_more = True  # what became of the batch is in the log
                self._miss(error.reason)
                await asyncio.sleep(POLL)
            else:
                self._find()
            self.progress()

    def _miss(self, reason: str) -> None:
        if not self._is_missed:
            self._is_missed = True
            _log.warning("nobody is sent anywhere: the pool of engineers cannot be reached: %s", reason)
        self.trouble = reason
        self.tried.set()

    def _find(self) -> None:
        if self.trouble is not None and self.membership.member is not None:
            self.trouble = None
            self.tried.set()
            if self._is_missed:
                _log.info("the pool of engineers is found again")
            self._is_missed = False

    # Told by the membership.

    def known_members(self) -> Mapping[int, Member]:
        return self.pool.replica.members if self.pool.replica is not None else {}

    def fall_out(self, reason: str) -> None:
        """Be no member any more: nobody is sent, everybody is called back, and what was said is said anew."""
        if self.membership.member is None:
            return
        self.membership.end()
        self.call_backs += 1
        self.trouble = reason
        self.author.begin_anew()
        _log.warning("this monitor leaves the pool of engineers, and calls its own back: %s", reason)
        self.handing_over.call_everybody_back(self._clock.now())
        self.wake()

    def stand_still(self, lifeless: dict[int, int]) -> None:
        self.author.lifeless = lifeless
        self.wake()

    # The loop.

    async def _do_one_thing(self) -> None:
        replica, now = self.pool.replica, self._clock.now().seconds
        if replica is None:
            await self._load()
        elif self._has_more or now - self._read_at >= POLL:
            await self._read(replica)
        elif (batch := await self._next_batch(replica)) is not None:
            await self._append(replica, batch)
        elif not self.has_left:
            with suppress(TimeoutError):
                async with asyncio.timeout(POLL):
                    await self._news.wait()
            self._news.clear()

    async def _load(self) -> Replica:
        loaded = await load(self._log, self._settings, self._clock)
        replica = Replica.from_text(loaded.state)
        self.pool_clock.learn(max(loaded.seconds, replica.seconds), self._clock.now().seconds)
        self.pool.replica = replica
        self._has_more = self._is_catching_up = True
        return replica

    async def _read(self, replica: Replica) -> None:
        self._has_more, self._read_at = False, self._clock.now().seconds
        found = await self._log.read(replica.position)
        is_end = found.position == replica.position
        if found.position < replica.position or (is_end and found.chain != replica.chain):
            raise LogSplit(f"it ends at {found.position}, and was read up to {replica.position}")
        if not found.entries and not is_end:
            raise LogSplit(f"the entries after {replica.position} are gone")
        for first in range(0, len(found.entries), STEPS_AT_ONCE):
            self._apply(replica, found.entries[first : first + STEPS_AT_ONCE])
            await asyncio.sleep(0)
        self._has_more |= found.position > replica.position
        if self._is_catching_up and not self._has_more:
            self._is_catching_up = False
            self._dead_for = self._unlived(replica) if not self.joins else 0.0
            self.handing_over.show_all(replica, self._clock.now())

    def _apply(self, replica: Replica, entries: Sequence[Entry]) -> None:
        now = self._clock.now().seconds
        began = self.author.batch.began if self.author.batch is not None else None
        steps: list[Step] = []
        try:
            for entry in entries:
                steps.append(replica.apply(entry))
                self.pool_clock.learn(entry.seconds, now)
        finally:
            self._take_in(replica, steps, began)

    def _take_in(self, replica: Replica, steps: Sequence[Step], began: float | None) -> None:
        for step in steps:
            batch = self.author.recognise(replica, step)
            if batch is not None:
                self._has_appended(replica, batch, step.entry.position)
        self._see_members(replica)
        if self._is_catching_up:
            self.handing_over.remember(steps)
        else:
            self.handing_over.hand_over(replica, steps, self._clock.now().seconds, began)
        self.progress()

    def _has_appended(self, replica: Replica, batch: Batch, position: int) -> None:
        self.chores.appended(position)
        match batch.of_member:
            case Joined():
                self._be_member(batch, replica.dispatcher.repair_timeout)
            case Left():
                self.has_left = True
            case Lost() if batch.writer_id is not None:
                self.evictions += 1
                self.chores.evicted(batch.writer_id)

    def _be_member(self, batch: Batch, repair_timeout: float) -> None:
        own = self._settings.repair_timeout
        if own != repair_timeout and not self.joins:
            _log.warning(
                "the pool's repair time-out is %g s, which counts more than --repair-timeout %g: the first monitor in"
                " an empty pool sets it",
                repair_timeout,
                own,
            )
        self.joins += 1
        if self.joins > 1:
            self.handing_over.keep_again(self._clock.now())
        self.membership.begin(batch.member_id, batch.began)
        self.handing_over.member = batch.member_id
        for link in self.pending.links.values():
            link.know_pool_time(self.pool_clock)
        self.pending.begin_anew()

    def _see_members(self, replica: Replica) -> None:
        member = self.membership.member
        if member is None or self.has_left:
            return
        if member not in replica.members:
            self.fall_out("the other monitors did not hear of this one for too long")
        elif self.membership.may_send():
            self.pool.rank = sorted(replica.members).index(member)
            if len(replica.members) == 1:
                self._skip_death()

    # Appending.

    async def _next_batch(self, replica: Replica) -> Batch | None:
        member = self.membership.member
        if member is not None:
            return self.author.next(replica, member, leaves=self.is_stopping)
        if self.is_stopping:
            self.has_left = True  # nobody counts on this monitor
            return None
        if self.author.is_alone(replica):
            self._skip_death()
        return await self.author.join()

    async def _append(self, replica: Replica, batch: Batch) -> None:
        now = self._clock.now()
        entry = await batch.append(self._log, Moment(self.pool_clock.pool(now.seconds), now.at))
        self.appends += 1
        self.append_seconds += self._clock.now().seconds - now.seconds
        if entry is None:
            self.author.give_up(batch)
        elif entry.position == replica.position + 1:
            self._apply(replica, [entry])
        elif entry.position > replica.position:
            self._has_more = True
        else:
            raise LogSplit(f"entry {entry.position} was appended after {replica.position}")

    # What goes wrong, and what is seldom.

    def _lose_track(self, why: str) -> None:
        self.splits += 1
        _log.error("the log of the pool is not the one that was followed (%s): it is loaded again", why)
        self.fall_out("the pool's log has changed its past")
        self.author.begin_anew()
        self.pool.replica = None

    def _unlived(self, replica: Replica) -> float:
        """Return the seconds of the wall clock since the last entry, of which pool time knows nothing."""
        now = self._clock.now()
        passed = (now.at - replica.at) / 1000 - (self.pool_clock.pool(now.seconds) - replica.seconds)
        return min(max(0.0, passed), LONGEST_DEATH)

    def _skip_death(self) -> None:
        """Go on with pool time behind the time in which no monitor lived, seen that none did."""
        if self._dead_for and not self.membership.others_live:
            self.pool_clock.skip(self._dead_for)
        self._dead_for = 0.0
