"""One run of one monitor: the real one, on a machine of its own, from its start to its end."""

from __future__ import annotations

import asyncio
from math import inf

from gridws.monitor.monitor import GridMonitor
from gridws.settings import MonitorSettings
from gridws.several.replica import Replica
from gridws.several.shared_dispatch import SharedDispatch

from .machines import Machine
from .tables import SharedHandle, Tables
from .ways import Database, LogWay, Way
from .witness import Witness


class Spans:
    """When something went on."""

    def __init__(self) -> None:
        self._over: list[tuple[float, float]] = []
        self._since: float | None = None

    def note(self, now: float, *, goes_on: bool) -> bool:
        """Know whether it goes on from now on; return whether that is news."""
        if goes_on is (self._since is not None):
            return False
        if self._since is not None:
            self._over.append((self._since, now))
        self._since = now if goes_on else None
        return True

    def within(self, since: float, now: float) -> list[float]:
        """Return for how many seconds each time it went on since then."""
        spans = [*self._over, *([(self._since, now)] if self._since is not None else [])]
        return [min(end, now) - max(begin, since) for begin, end in spans if end > since]


class Process:
    """One run; `place` is which of the monitors it is."""

    def __init__(
        self,
        place: int,
        machine: Machine,
        database: Database,
        *,
        settings: MonitorSettings,
        tables: Tables,
        witness: Witness,
    ) -> None:
        self.place = place
        self.url = f"http://monitor-{place}.test"
        self.machine = machine
        self.alive = True
        self.crashed = False
        self.stopped_hampered = False
        self.way = Way(database, machine)
        self.handle = SharedHandle(tables, self.way)
        self.cut_off = Spans()
        """When it could not reach the database, or stood still."""
        self.hampered = Spans()
        """When it could not do all of its work at once."""
        self._witness = witness
        self._read_at: dict[int, float] = {}
        self.port = SharedDispatch(
            LogWay(self.way, database, lease=settings.lease),
            settings=settings,
            clock=machine,
            url=self.url,
            writer=lambda: self.handle.writer or 0,
        )
        self.monitor = GridMonitor(
            settings.engineers, self.handle, settings=settings, clock=machine, port=self.port
        )
        self.life = machine.create_task(self._live())
        self.life.add_done_callback(self._ended)

    @property
    def replica(self) -> Replica | None:
        """The pool as this monitor knows it."""
        return self.port._following.pool.replica

    @property
    def pool_seconds(self) -> float | None:
        """What it takes for pool time, None while it knows nothing of it."""
        clock = self.port._following.pool_clock
        return clock.pool(self.machine.time()) if clock.is_set else None

    @property
    def member(self) -> int | None:
        """The id under which it believes to be in the pool."""
        return self.port._following.membership.member

    def read_at(self, position: int) -> float:
        """Return when it was first seen to have read so far, `inf` where it was not."""
        replica = self.replica
        if replica is None or replica.position < position:
            return inf
        return self._read_at.setdefault(position, self.machine.universe.now)

    @property
    def runs(self) -> bool:
        """Whether it does what it should: it lives and takes links."""
        return self.alive and self.monitor.accepting

    @property
    def is_ready(self) -> bool:
        """Whether it runs, and has said all that it was told."""
        return self.runs and not len(self.port._pending)

    def note_ability(self, now: float, *, is_cut_off: bool, is_hampered: bool) -> None:
        """Know whether it can reach the database from now on, and whether that is as easy as it should be."""
        if self.cut_off.note(now, goes_on=is_cut_off) | self.hampered.note(now, goes_on=is_hampered):
            state = "is cut off" if is_cut_off else "is hampered" if is_hampered else "is well"
            self._witness.note(f"monitor {self.place} {state}")

    def crash(self, *, loses_power: bool) -> None:
        """End without a word."""
        self.alive, self.crashed = False, True
        self.way.alive, self.handle.dead = False, True
        if loses_power:
            self.handle.lost_power = True  # and nobody tells the database
        elif self.handle.writer is not None:
            self.handle.end_session()
        # What it does from here on, on its way out, reaches nobody.
        self.machine.thaw_for_good()
        self.life.cancel()

    async def _live(self) -> None:
        await self.monitor.start()
        await self.monitor.run()

    def _ended(self, life: asyncio.Task[None]) -> None:
        if self.alive and not life.cancelled():
            self._witness.wrong(f"monitor {self.place} ended by itself: {life.exception()!r}")
