"""Whether this monitor is in the pool: its beats, its lease, and whose beats it sees stand still."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Final, Protocol

from ..clock import Clock
from ..errors import StoreFailed
from .lease import Lease, Standstill, Still
from .log import MISSING, Beat, DispatchLog
from .pool_clock import PoolClock
from .steps import Member

RETRY: Final = 0.25
"""Seconds until a beat that failed is tried again: it may have hung for a third of the lease already."""


class Watched(Protocol):
    """Who is told what the beats come to."""

    def known_members(self) -> Mapping[int, Member]:
        """Return the members that the pool has, by the log."""

    def fall_out(self, reason: str) -> None:
        """This monitor is no member any more."""

    def stand_still(self, lifeless: dict[int, int]) -> None:
        """The beats of these members stand still, each at this one."""


class Membership:
    """Beats, looks and watches; `member` is the id that it beats for, None while this monitor is in no pool."""

    def __init__(
        self, log: DispatchLog, watched: Watched, *, clock: Clock, pool_clock: PoolClock, lease: float
    ) -> None:
        self.lease = Lease(lease)
        self.member: int | None = None
        self.others_live = False
        """Whether the beat of any other member was ever seen to move."""
        self.beats_missed = 0
        self._log = log
        self._watched = watched
        self._clock = clock
        self._pool_clock = pool_clock
        self._standstill = Standstill(lease)
        self._seen: dict[int, Beat] = {}
        self._end: asyncio.TimerHandle | None = None

    @property
    def remaining(self) -> float:
        """Seconds until this monitor may send nobody any more, 0.0 where it may not now."""
        ends_at = self.lease.ends_at
        return 0.0 if ends_at is None else max(0.0, ends_at - self._clock.now().seconds)

    def begin(self, member: int, sent: float) -> None:
        """Be a member, by an append that was sent at this local second."""
        self.member = member
        self._renew(sent)

    def end(self) -> None:
        """Be none."""
        self.member = None
        self.lease.end()
        if self._end is not None:
            self._end.cancel()
            self._end = None

    def may_send(self) -> bool:
        """Return whether the lease holds; fall out of the pool where it does not any more."""
        if self.member is None:
            return False
        if not self.lease.holds(self._clock.now().seconds):
            self._run_out()
        return self.member is not None

    async def run(self) -> None:
        """Beat and look until cancelled."""
        while True:
            was_answered = await self.look()
            await asyncio.sleep(self.lease.period if was_answered else min(RETRY, self.lease.period))

    async def look(self) -> bool:
        """Beat once, and look at the others; return whether the database answered."""
        member, sent = self.member, self._clock.now().seconds
        try:
            found = await self._log.beat(member, self._pool_clock.pool(sent))
        except StoreFailed:
            self.beats_missed += 1
            self._standstill.miss()
            return False
        received = self._clock.now().seconds
        if member is not None and member == self.member:
            self._hear_of_itself(member, found, sent)
        self._hear_of_others(found, sent, received)
        return True

    def _hear_of_itself(self, member: int, found: dict[int, Beat], sent: float) -> None:
        if member not in found:
            self._watched.fall_out("other monitors did not hear of this one for too long")
        elif self.lease.holds(self._clock.now().seconds):
            self._renew(sent)
        else:
            self._run_out()

    def _hear_of_others(self, found: dict[int, Beat], sent: float, received: float) -> None:
        for life in found.values():
            if self._pool_clock.is_set:
                self._pool_clock.learn(life.seconds, received)
        others = {m: life for m, life in found.items() if m != self.member}
        self.others_live |= any(
            m in self._seen and self._seen[m].beat != life.beat for m, life in others.items()
        )
        self._seen = others
        known = self._watched.known_members()
        beats = {m: Still(MISSING, each.lease) for m, each in known.items() if m != self.member}
        beats |= {m: Still(life.beat, life.lease) for m, life in others.items()}
        lifeless = self._standstill.look(beats, sent=sent, received=received)
        if lifeless:
            self._watched.stand_still(lifeless)

    def _renew(self, sent: float) -> None:
        self.lease.renew(sent)
        if self._end is not None:
            self._end.cancel()
        self._end = asyncio.get_running_loop().call_later(self.remaining, self._run_out)

    def _run_out(self) -> None:
        """A timer may be early, and a beat in between may have come late."""
        if self.member is not None and not self.lease.holds(self._clock.now().seconds):
            self._watched.fall_out("no beat was answered within the lease")
        elif self.member is not None:
            self._end = asyncio.get_running_loop().call_later(self.remaining + 0.001, self._run_out)
