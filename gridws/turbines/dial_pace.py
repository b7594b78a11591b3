"""Keeps thousands of turbines of one process from dialling all together."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

AT_ONCE: Final = 64
"""Handshakes in progress: enough to keep a distant monitor busy, fewer than a listening socket queues."""
EACH_SECOND: Final = 400.0
"""New handshakes: 2,000 turbines are connected after 5 s, with most of a core left for those that are."""


class DialPace:
    """Lets a bounded number of dials through, in the order in which they came."""

    def __init__(self, *, at_once: int = AT_ONCE, each_second: float = EACH_SECOND) -> None:
        self._places = asyncio.Semaphore(at_once)
        self._pace = 1.0 / each_second
        self._next_at = 0.0

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Wait for a turn, which lasts as long as the block."""
        async with self._places:
            loop = asyncio.get_running_loop()
            moment = max(loop.time(), self._next_at)
            self._next_at = moment + self._pace
            await asyncio.sleep(moment - loop.time())
            yield
