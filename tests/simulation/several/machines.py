"""Machines in one virtual time: an event loop and a clock each, so that one can stand still while others go on.

A machine that is frozen runs nothing, and what arrives waits for it, as after SIGSTOP. Its clock goes on, a little
faster or slower than the others', from a moment of its own.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable, Coroutine, Mapping
from contextvars import Context
from math import inf
from typing import Any, TypeVar, TypeVarTuple

from doubles import SOME_DAY
from virtual_time import NothingLeft, TooLate

from gridws.moments import Moment

T = TypeVar("T")
Ts = TypeVarTuple("Ts")


class Universe:
    """The time, and all machines in it."""

    def __init__(self) -> None:
        self.now = 0.0
        self.complain: Callable[[dict[str, Any]], None] | None = None
        """Who is told of what no task of any machine caught."""
        self._machines: list[Machine] = []

    def machine(self, *, ahead: float = 0.0, rate: float = 1.0) -> Machine:
        """Return a new machine; its monotonic clock began so many seconds before all else and goes at this rate."""
        machine = Machine(self, ahead, rate)
        machine.set_exception_handler(self._heard_of)
        self._machines.append(machine)
        return machine

    def play(self, machine: Machine, story: Coroutine[Any, Any, T], *, limit: float) -> T:
        """Play a story on one of the machines, while the others live, until this second at most."""
        task = machine.create_task(story)
        self._go_on(task.done, limit)
        return task.result()

    def close(self) -> None:
        """End all that still goes on anywhere."""
        tasks = [task for each in self._machines for task in asyncio.all_tasks(each)]
        for task in tasks:
            task.cancel()
        for each in self._machines:
            each.thaw_for_good()
        self._go_on(lambda: all(task.done() for task in tasks), self.now + 60.0)
        for each in self._machines:
            each.close()

    def _heard_of(self, _machine: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        if self.complain is not None:
            self.complain(context)

    def _go_on(self, is_done: Callable[[], bool], limit: float) -> None:
        while True:
            for each in self._machines:
                if each.due_at <= self.now:
                    each.go()
            if is_done():
                return
            next_at = min(each.due_at for each in self._machines)
            if next_at == inf:
                raise NothingLeft(f"at {self.now:.3f} s")
            self.now = max(self.now, next_at)
            if self.now > limit:
                raise TooLate(f"after {self.now:.3f} s")


class Machine(asyncio.SelectorEventLoop):
    """One loop."""

    def __init__(self, universe: Universe, ahead: float, rate: float) -> None:
        self.universe = universe
        self._ahead = ahead
        self._rate = rate
        self._frozen = 0
        self._frozen_at = 0.0
        self._goes_on_at = 0.0
        self.jumped = 0
        """ms by which its wall clock is wrong."""
        self._idle = _Idle(self)
        super().__init__(self._idle)

    def time(self) -> float:
        return self._ahead + self.universe.now * self._rate

    def now(self) -> Moment:
        """Return both clocks, as the monitor's `Clock`."""
        return Moment(self.time(), self.utc())

    def utc(self) -> int:
        """Return the wall clock (ms)."""
        return SOME_DAY + self.jumped + round(self.universe.now * 1000)

    @property
    def frozen(self) -> bool:
        return self._frozen > 0

    @property
    def frozen_for(self) -> float | None:
        """Seconds since when it stands still, None where it goes."""
        return self.universe.now - self._frozen_at if self._frozen else None

    def freeze(self) -> None:
        """Stand still until it was thawed as many times."""
        if not self._frozen:
            self._frozen_at = self.universe.now
        self._frozen += 1

    def thaw(self) -> None:
        self._frozen -= 1

    def thaw_for_good(self) -> None:
        self._frozen = 0

    @property
    def due_at(self) -> float:
        """The second at which it has something to do, `inf` while it stands still."""
        return inf if self._frozen else self._goes_on_at

    def go(self) -> None:
        """Do all that there is to do now."""
        self._goes_on_at = inf
        self.run_forever()

    def has_nothing_before(self, seconds: float | None) -> None:
        """All is done that there was to do, for so long."""
        self._goes_on_at = inf if seconds is None else self.universe.now + seconds / self._rate
        self.stop()

    def call_soon(
        self, callback: Callable[[*Ts], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.Handle:
        self._goes_on_at = self.universe.now
        return super().call_soon(callback, *args, context=context)

    def call_at(
        self, when: float, callback: Callable[[*Ts], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.TimerHandle:
        seconds = max(0.0, when - self.time()) / self._rate
        self._goes_on_at = min(self._goes_on_at, self.universe.now + seconds)
        return super().call_at(when, callback, *args, context=context)


class _Idle(selectors.BaseSelector):
    """Knows no sockets; where the loop would wait, it stops."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._keys: dict[Any, selectors.SelectorKey] = {}

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        self._keys[fileobj] = selectors.SelectorKey(fileobj, fileobj, events, data)
        return self._keys[fileobj]

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        return self._keys.pop(fileobj)

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout != 0:
            self._machine.has_nothing_before(timeout)
        return []

    def get_map(self) -> Mapping[Any, selectors.SelectorKey]:
        return self._keys
