"""The dispatch port of a monitor that shares its pool: what is told goes into the log, what it says is handed over."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Final

from ..clock import Clock
from ..dispatch import (
    CarryOut,
    Connected,
    Disconnected,
    DispatchEvent,
    Held,
    MonitorLost,
    MonitorStarted,
    MonitorStopped,
    Number,
    Pool,
    Remark,
    StatusReported,
    TimePassed,
)
from ..errors import StoreFailed
from ..moments import Moment
from ..settings import MonitorSettings
from .entries import Joined
from .following import Following
from .log import DispatchLog
from .pending import OwnLink

LAST_WITHIN: Final = 1.0
"""Seconds that the last one out has to leave everything as the next one wants it."""


class SharedDispatch:
    """A pool that this monitor shares; `url` is where it is, `writer` returns the id under which it writes readings."""

    outlives_database = False

    def __init__(
        self,
        log: DispatchLog,
        *,
        settings: MonitorSettings,
        clock: Clock,
        url: str,
        writer: Callable[[], int],
    ) -> None:
        def joined(replaces: tuple[int, ...]) -> Joined:
            return Joined(
                writer(), url, replaces, settings.lease, settings.repair_timeout, settings.place_kept_for
            )

        self._log = log
        self._following = Following(log, settings=settings, clock=clock, joined=joined)
        self._following.progress = self._answer
        self._pending = self._following.pending
        self._answers: list[tuple[int, asyncio.Future[None]]] = []
        self._life: asyncio.Task[None] | None = None

    @property
    def pool(self) -> Pool:
        return self._following.pool

    @property
    def trouble(self) -> str | None:
        return self._following.trouble

    @property
    def surplus_links(self) -> int:
        replica, member = self._following.pool.replica, self._following.membership.member
        if replica is None or member not in replica.members:
            return 0
        count, own = replica.count_links(member)
        return own - -(-count // len(replica.members))

    @property
    def monitors(self) -> Sequence[str]:
        return sorted(member.url for member in self._following.known_members().values())

    def open(self, carry_out: CarryOut) -> None:
        self._following.handing_over.carry_out = carry_out
        self._log.listen(self._following.wake_to_read)

    async def start(self) -> None:
        """Load the pool and join, if the log can be reached; raise `StoreUnusable` where it decides by other rules."""
        with suppress(StoreFailed):
            await self._following.catch_up()
        self._life = asyncio.create_task(self._live(), name="dispatch")
        tried = asyncio.create_task(self._following.tried.wait())
        await asyncio.wait({self._life, tried}, return_when=asyncio.FIRST_COMPLETED)
        tried.cancel()
        if self._life.done():
            await self._life

    async def run(self) -> None:
        if self._life is not None:
            await asyncio.shield(self._life)

    def tell(self, event: DispatchEvent | Remark, now: Moment) -> None:
        """Put down what happened; it is appended in a later step of the loop."""
        following = self._following
        match event:
            case Connected() | StatusReported() | Disconnected() | TimePassed():
                self._put_down(event, now)
            case MonitorStopped():
                following.is_stopping = True
            case MonitorStarted() | MonitorLost():
                pass  # the log knows more
            case Held(number, Moment(seconds, at), reason, by):
                until = Moment(following.pool_clock.pool(seconds), at)
                self._pending.said(Held(number, until, reason, by))
            case _:
                self._pending.said(event)
        following.wake()

    def _put_down(self, event: Connected | StatusReported | Disconnected | TimePassed, now: Moment) -> None:
        following, pending = self._following, self._pending
        is_member = following.membership.member is not None and not following.is_stopping
        match event:
            case Connected(turbine_number, session_id):
                link = OwnLink(turbine_number, session_id, now.seconds)
                if following.pool_clock.is_set:
                    link.know_pool_time(following.pool_clock)
                pending.connected(link, is_member=is_member)
            case StatusReported():
                pending.reported(event, is_member=is_member)
            case Disconnected(turbine_number):
                is_told = pending.disconnected(event, is_member=is_member)
                if not is_told and following.pool.replica is not None:
                    following.handing_over.show(following.pool.replica, turbine_number, now)
            case TimePassed() if is_member:
                pending.time_passed()

    async def answered(self) -> None:
        answer: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._answers.append((self._pending.last_place, answer))
        self._answer()
        await answer

    async def close(self) -> None:
        if self._life is not None:
            if self._following.has_left:
                await asyncio.wait([self._life], timeout=LAST_WITHIN)
            self._life.cancel()
            await asyncio.wait([self._life])
        self._following.membership.end()
        await self._log.close()

    def numbers(self) -> Sequence[Number]:
        """Return what `gridws manual several` tells to watch."""
        following, membership = self._following, self._following.membership
        replica = following.pool.replica
        is_member = int(membership.member is not None)
        members, position = (len(replica.members), replica.position) if replica else (0, 0)
        gauges = {
            "pool_members": ("Monitors in the pool.", members),
            "pool_member": ("1 while this monitor is in it.", is_member),
            "lease_remaining_seconds": ("Until this monitor may send nobody.", membership.remaining),
            "log_position": ("Entries of the log that were applied.", position),
            "log_waiting_events": ("Events that are not in the log yet.", len(self._pending)),
        }
        counters = {
            "pool_joins": ("Times that this monitor joined.", following.joins),
            "pool_evictions": ("Members that this monitor took for dead.", following.evictions),
            "lease_beats_missed": ("Beats that the database did not take.", membership.beats_missed),
            "lease_call_backs": ("Times that this monitor called everybody back.", following.call_backs),
            "log_appends": ("Entries that this monitor appended.", following.appends),
            "log_append_seconds": ("What these took, all together.", following.append_seconds),
            "log_splits": ("Times that the log was not the one followed so far.", following.splits),
        }
        return [
            *(Number(name, text, grows=False, value=value) for name, (text, value) in gauges.items()),
            *(Number(name, text, grows=True, value=value) for name, (text, value) in counters.items()),
        ]

    async def _live(self) -> None:
        try:
            async with asyncio.TaskGroup() as tasks:
                beside = [
                    tasks.create_task(self._following.membership.run()),
                    tasks.create_task(self._following.chores.run()),
                ]
                await self._following.run()
                for task in beside:
                    task.cancel()
            await self._following.chores.leave()
        except BaseExceptionGroup as group:
            raise group.exceptions[0] from None

    def _answer(self) -> None:
        """Answer those who asked for what is handed over by now; a monitor that stops, when it has left."""
        following = self._following
        undone = following.author.first_undone
        if following.is_stopping and not following.has_left:
            return
        for place, answer in self._answers:
            if place < undone and not answer.done():
                answer.set_result(None)
        self._answers = [(place, answer) for place, answer in self._answers if not answer.done()]
