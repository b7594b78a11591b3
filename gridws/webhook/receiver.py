"""One receiver: its queue, and the task that sends from it."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Iterator
from typing import Final

import httpx

from .delivery import Delivery, is_taken, may_be_taken_later, shown

MOST_WAITING: Final = 1_000
"""Messages that wait for a receiver; beyond it the oldest go."""
ANSWER_WITHIN: Final = 10.0
"""Seconds from the first byte to the answer's headers, all together: a byte now and then is no answer."""
SHORTEST_DELAY: Final = 1.0
LONGEST_DELAY: Final = 300.0
"""Seconds between two tries."""

_log = logging.getLogger("gridws")


class Receiver:
    """Sends to one address until it is cancelled. `sent` and `dropped` count messages."""

    def __init__(
        self,
        url: str,
        *,
        most: int = MOST_WAITING,
        within: float = ANSWER_WITHIN,
        delay: float = SHORTEST_DELAY,
    ) -> None:
        self.sent = 0
        self.dropped = 0
        self._url = url
        self._within = within
        self._delay = delay
        self._most = most
        self._waiting: deque[Delivery] = deque()
        self._filled = asyncio.Event()
        self._trouble: str | None = None

    @property
    def waiting(self) -> int:
        """How many messages wait."""
        return len(self._waiting)

    def put(self, delivery: Delivery) -> None:
        """Queue a message; where too many wait the oldest goes."""
        if len(self._waiting) >= self._most:
            self._waiting.popleft()
            self._drop("it takes nothing, and too many messages wait")
        self._waiting.append(delivery)
        self._filled.set()

    async def run(self) -> None:
        """Send what waits, in its order, until cancelled."""
        async with self._client() as client:
            while True:
                while not self._waiting:
                    self._filled.clear()
                    await self._filled.wait()
                await self._deliver(client)

    async def finish(self) -> None:
        """Send what still waits, as long as each message is taken at once; not beside `run`."""
        async with self._client() as client:
            while self._waiting:
                delivery = self._waiting[0]
                why = await self._try(client, delivery)
                if why is not None:
                    self._tell(why)
                    return
                self._let_go(delivery)

    def give_up(self) -> None:
        """Count what waits as dropped, and tell how much that is."""
        left = len(self._waiting)
        self._waiting.clear()
        self.dropped += left
        if left:
            messages = f"{left:,} message{'' if left == 1 else 's'}"
            _log.warning(
                "the webhook %s: %s lost, not taken before the monitor ended", shown(self._url), messages
            )

    def _client(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(timeout=self._within, trust_env=False, follow_redirects=False)

    async def _deliver(self, client: httpx.AsyncClient) -> None:
        """Send the first message until it is taken, refused, or gone for those behind it."""
        delivery = self._waiting[0]
        for delay in delays(self._delay):
            why = await self._try(client, delivery)
            if why is None:
                self._let_go(delivery)
                return
            self._tell(why)
            await asyncio.sleep(delay)
            if not self._is_first(delivery):
                return

    async def _try(self, client: httpx.AsyncClient, delivery: Delivery) -> str | None:
        """Return why it is to be sent again, None where that is not to be done."""
        try:
            async with asyncio.timeout(self._within):
                request = client.build_request(
                    "POST", self._url, content=delivery.content, headers=delivery.headers
                )
                # The answer's body is nobody's concern, and may have no end.
                answer = await client.send(request, stream=True)
                await answer.aclose()
        except TimeoutError:
            return f"no answer within {self._within:g} s"
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            return f"the connection failed ({type(error).__name__})"
        if is_taken(answer.status_code):
            self.sent += 1
            self._trouble = None
            return None
        if may_be_taken_later(answer.status_code):
            return f"it answered HTTP {answer.status_code}"
        self._drop(f"it answered HTTP {answer.status_code}")
        return None

    def _let_go(self, delivery: Delivery) -> None:
        if self._is_first(delivery):
            self._waiting.popleft()

    def _is_first(self, delivery: Delivery) -> bool:
        return bool(self._waiting) and self._waiting[0] is delivery

    def _drop(self, why: str) -> None:
        self.dropped += 1
        self._tell(why)

    def _tell(self, why: str) -> None:
        """Log what is wrong once, and again where it is something else."""
        if why != self._trouble:
            self._trouble = why
            _log.warning("the webhook %s: %s", shown(self._url), why)


def delays(shortest: float = SHORTEST_DELAY) -> Iterator[float]:
    """Yield the seconds between one try and the next, for ever: each twice as long, up to `LONGEST_DELAY`."""
    delay = shortest
    while True:
        yield delay
        delay = min(2 * delay, LONGEST_DELAY)
