"""An event loop whose clock jumps to the next timer as soon as nothing else is left to do.

`run(story())` plays hours of asyncio code in milliseconds and always in the same order. Sockets are polled
but not waited for, so whoever needs time to pass only when a peer has answered brings a peer in memory.
Threads are waited for: while a job of an executor runs, the clock stands still.

A story that waits for something that cannot come any more ends in `NothingLeft`, one that only goes round and
round in `TooLate`: a wrong story fails at once, it never hangs.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from concurrent.futures import Executor
from typing import Any, TypeVar, TypeVarTuple

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

DAY = 24 * 3600.0


class NothingLeft(AssertionError):
    """No timer, no callback, no thread: what the story waits for will never happen."""


class TooLate(AssertionError):
    """The story took longer than it was given, in its own time."""


class _JumpingSelector(selectors.DefaultSelector):
    """Polls for what is really there; where the loop would wait, the clock jumps instead."""

    def __init__(self, limit: float) -> None:
        super().__init__()
        self.now = 0.0
        self.jobs = 0
        self._limit = limit

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if self.jobs and timeout != 0:
            # A thread is at work. A short real wait, then the loop looks at its timers and asks again.
            return super().select(0.05)
        ready = super().select(0)
        if ready or timeout == 0:
            return ready
        if timeout is None:
            raise NothingLeft(f"at {self.now:.3f} s")
        self.now += timeout
        if self.now > self._limit:
            raise TooLate(f"after {self.now:.3f} s")
        return ready


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """The loop; its time starts at 0."""

    def __init__(self, limit: float = DAY) -> None:
        self._jumping = _JumpingSelector(limit)
        super().__init__(self._jumping)

    def time(self) -> float:
        return self._jumping.now

    def run_in_executor(
        self, executor: Executor | None, func: Callable[[*Ts], T], *args: *Ts
    ) -> asyncio.Future[T]:
        self._jumping.jobs += 1
        job = super().run_in_executor(executor, func, *args)
        job.add_done_callback(self._job_done)
        return job

    async def shutdown_default_executor(self, timeout: float | None = None) -> None:  # noqa: ASYNC109  # asyncio's
        # This waits for a thread too, and however long: what Python 3.12 and newer ask for, a time-out, would be
        # counted by a clock that stands still.
        self._jumping.jobs += 1
        try:
            await super().shutdown_default_executor()
        finally:
            self._jumping.jobs -= 1

    def _job_done(self, job: asyncio.Future[T]) -> None:
        self._jumping.jobs -= 1


class VirtualUtc:
    """The wall clock that belongs to a loop: ms since 1970, which is `start` when the loop's time is 0."""

    def __init__(self, start: int = 1_800_000_000_000) -> None:
        self.start = start

    def __call__(self) -> int:
        return self.start + round(asyncio.get_running_loop().time() * 1000)


def run(story: Coroutine[Any, Any, T], *, limit: float = DAY) -> T:
    """Play a story to its end on a new loop, giving it at most `limit` seconds of its own time."""
    with asyncio.Runner(loop_factory=lambda: VirtualTimeLoop(limit)) as runner:
        return runner.run(story)
