"""Runs one coroutine as a command: on the fastest event loop there is, ended by Ctrl-C or SIGTERM."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import signal
import sys
from collections.abc import Awaitable, Coroutine
from contextlib import suppress
from typing import Final, NoReturn

from .reloading import Reloads
from .signals import on_hangup

COLLECT_EVERY: Final = 3_600.0
"""Seconds between two whole collections: each takes some 15 ms per thousand turbines."""


def spare_the_collector() -> None:
    """Let the garbage collector look seldom, and never at what there is now; to be called once, when all is ready.

    Readings wait for their commit in tens of thousands and are freed without it, there being no cycles in
    them. Looking at them after every 700 new objects took 6 to 10 % of a frame.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)


async def spared(main: Awaitable[None]) -> None:
    """Run `main` with the collector spared, and let it look at everything once an hour.

    Left to its thresholds it would look again after gigabytes of old cycles, of viewers and lost links.
    """
    spare_the_collector()
    await beside(main, _collect_now_and_then())


async def beside(main: Awaitable[None], *others: Coroutine[object, object, None]) -> None:
    """Run `main` to its end, and the others for as long at the most."""
    tasks = [asyncio.create_task(each) for each in others]
    try:
        await main
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)


async def _collect_now_and_then() -> None:
    while True:
        await asyncio.sleep(COLLECT_EVERY)
        gc.collect()


def new_event_loop() -> asyncio.AbstractEventLoop:
    """Return a uvloop where there is one: a frame costs a third less on it."""
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop()
    return uvloop.new_event_loop()


def leave(code: int) -> NoReturn:
    """End this process although a thread of it hangs, which Python would wait for."""
    logging.shutdown()
    sys.stdout.flush()
    os._exit(code)


def run_until_signal(main: Coroutine[object, object, None], reloads: Reloads | None = None) -> None:
    """Run `main` to its end; the first SIGINT or SIGTERM cancels it, further ones change nothing.

    SIGHUP does the same, or reloads: see `signals.py`.
    """
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        runner.run(_until_signal(main, reloads or Reloads(())))


async def _until_signal(main: Coroutine[object, object, None], reloads: Reloads) -> None:
    loop = asyncio.get_running_loop()
    task = asyncio.ensure_future(main)
    stopped = False

    def stop() -> None:
        nonlocal stopped
        if not stopped:
            stopped = True
            task.cancel()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop)
    on_hangup(stop=stop, reload=reloads.reload)
    with suppress(asyncio.CancelledError):
        await beside(task, reloads.watch())
