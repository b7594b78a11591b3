"""A viewer's replica of the fleet, fed by the monitor's `/ws/watch`: whatever shows the fleet uses it.

`Mirror` is a `Replica` with a link: it connects, connects again with growing, jittered delays, and tells what
changed. What was known stays on show meanwhile; `connected`, `stale` and `age` say how good it still is.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, NoReturn

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from ..client.monitors import Monitors
from ..client.reaching import (
    CLOSE_TIMEOUT,
    NO_LINK,
    OPEN_TIMEOUT,
    PING_INTERVAL,
    REFUSED_DELAY,
    cause,
    refusal,
)
from ..clock import Clock, SystemClock
from ..errors import FrameError, MonitorRefused, MonitorUnreachable
from ..wire.frames import Event, Snapshot, TurbineState, WatchFrame, parse_watch
from .replica import Change, Replica

MAX_SNAPSHOT_BYTES: Final = 256 * 2**20
"""Room for a million turbines; a limit at all, since nobody should fill a viewer's memory."""
SHORTEST_PAUSE: Final = 0.5
LONGEST_PAUSE: Final = 5.0
"""Seconds between two tries: people wait and look, so they are shorter than a turbine's."""
STALE: Final = 5.0
"""Seconds without a frame after which what is shown may be wrong; the monitor sends two a second."""
Listener = Callable[[Change], None]


class Mirror(Replica):
    """The fleet of one monitor, kept up to date for as long as `run` runs.

    `monitor` is its base address, or several with commas between them: the next one is asked after each failure.
    Raises `OptionError` where one cannot be an address. Whoever shows the fleet reads the attributes and waits for
    `changed`, or is told by way of `subscribe`.
    """

    def __init__(
        self,
        monitor: str,
        *,
        token: str | None = None,
        ca_file: Path | None = None,
        site: str | None = None,
        clock: Clock | None = None,
        chance: random.Random | None = None,
    ) -> None:
        super().__init__()
        self._monitors = Monitors(monitor, ca_file)
        self._failures = 0
        self.site = site
        """Where the turbines are that are shown; None: all are."""
        self.connected = False
        """Whether a snapshot came over the present link."""
        self.refused: str | None = None
        """Why the monitor refuses this viewer, in a few words; None while it does not."""
        self.trouble: str | None = None
        """Why there is no connection, in a few words; also while `refused`. None while there is one."""
        self.version = 0
        """Grows with everything that `changed` and listeners are told."""
        self._clock = clock or SystemClock()
        self._chance = chance or random.Random()  # noqa: S311 - spreads tries, guards nothing
        self._heard_seconds: float | None = None
        self._listeners: list[Listener] = []
        self._news = asyncio.Event()
        self._options: dict[str, Any] = {}
        if token is not None:
            self._options["additional_headers"] = {"Authorization": f"Bearer {token}"}

    @property
    def monitor_url(self) -> str:
        """The base address of the monitor that is followed, or whose turn it is."""
        return self._monitors.address(self._failures).base

    @property
    def shown(self) -> dict[int, TurbineState]:
        """The turbines of the site, or all."""
        return self.turbines_of(self.site)

    def shows(self, event: Event) -> bool:
        """Return whether an event concerns the turbines that are shown."""
        return self.concerns(event, self.site)

    @property
    def age(self) -> float | None:
        """Seconds since the last frame: how old the picture is; None while there is none."""
        return None if self._heard_seconds is None else self._clock.now().seconds - self._heard_seconds

    @property
    def stale(self) -> bool:
        """Whether the picture may be wrong: no connection, or a monitor that says nothing any more."""
        return not self.connected or (self.age or 0.0) > STALE

    @property
    def monitor_now(self) -> int | None:
        """The monitor's time now (ms UTC), to say how long something has lasted; stands still while stale."""
        if self.at is None or self.age is None:
            return None
        return self.at if self.stale else self.at + int(self.age * 1000)

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Have `listener` called with every `Change`; it must not raise. Return the undo."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    async def changed(self, version: int) -> int:
        """Wait until there is something newer than `version`; return the present version."""
        while self.version == version:
            await self._news.wait()
        return self.version

    async def run(self) -> NoReturn:
        """Follow the monitor until cancelled, whatever happens to it."""
        tries = 0
        while True:
            try:
                await self._follow()
            except MonitorUnreachable as error:
                tries = 1 if self.connected else tries + 1
                self._failures += 1
                self._lose(error)
            await asyncio.sleep(self._delay(tries))

    async def look(self) -> None:
        """Take in one snapshot, without staying; raise what the last monitor's failure was where all fail."""
        for _ in range(len(self._monitors) - 1):
            try:
                return await self._look()
            except MonitorUnreachable:
                self._failures += 1
        return await self._look()

    async def _look(self) -> None:
        async with self._link() as link:
            self._take(await self._first(link))

    def _delay(self, tries: int) -> float:
        longest = REFUSED_DELAY if self.refused else min(LONGEST_PAUSE, SHORTEST_PAUSE * 2 ** min(tries, 10))
        return longest * self._chance.uniform(0.5, 1.0)

    async def _follow(self) -> None:
        async with self._link() as link:
            self._take(await self._first(link))
            while True:
                self._take(parse_watch(await link.recv(decode=True)))

    async def _first(self, link: ClientConnection) -> Snapshot:
        async with asyncio.timeout(OPEN_TIMEOUT):
            frame = parse_watch(await link.recv(decode=True))
        if not isinstance(frame, Snapshot):
            raise FrameError("invalid_frame", "the first frame must be a snapshot.")
        return frame

    @asynccontextmanager
    async def _link(self) -> AsyncIterator[ClientConnection]:
        """Open a link, and make whatever goes wrong on it one `MonitorUnreachable`."""
        base, tls = self._monitors.address(self._failures)
        try:
            async with connect(
                f"{base}/ws/watch",
                compression=None,
                max_size=MAX_SNAPSHOT_BYTES,
                # A viewer that cannot keep up leaves the merging to the monitor.
                max_queue=2,
                open_timeout=OPEN_TIMEOUT,
                close_timeout=CLOSE_TIMEOUT,
                ping_interval=PING_INTERVAL,
                ping_timeout=PING_INTERVAL,
                proxy=None,
                **self._options,
                **tls,
            ) as link:
                yield link
        except InvalidStatus as error:
            wanted = "a token that lets this viewer read"
            raise refusal(base, error.response, wanted=wanted, asked="viewer") from error
        except ConnectionClosed as error:
            raise MonitorUnreachable(base, _ending(error)) from error
        except FrameError as error:
            raise MonitorUnreachable(base, f"it is of another version: {error}") from error
        except NO_LINK as error:
            raise MonitorUnreachable(base, cause(error, base)) from error

    def _take(self, frame: WatchFrame) -> None:
        change = self.apply(frame)
        self._heard_seconds = self._clock.now().seconds
        if not self.connected:
            change = replace(change, connection=True)
        self.connected, self.refused, self.trouble = True, None, None
        self._tell(change)

    def _lose(self, error: MonitorUnreachable) -> None:
        refused = error.reason if isinstance(error, MonitorRefused) else None
        before = (self.connected, self.refused, self.trouble)
        self.connected, self.refused, self.trouble = False, refused, error.reason
        if before != (False, refused, error.reason):
            self._tell(Change(connection=True))

    def _tell(self, change: Change) -> None:
        self.version += 1
        self._news.set()
        self._news = asyncio.Event()
        for listener in list(self._listeners):
            listener(change)


def _ending(error: ConnectionClosed) -> str:
    if error.rcvd is None:
        return "the connection was lost"
    return (
        f"it closed the connection ({error.rcvd.code}{' ' + error.rcvd.reason if error.rcvd.reason else ''})"
    )
