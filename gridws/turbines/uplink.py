"""A turbine's link to the monitor: says hello, sends what is not acknowledged yet, comes back after a loss.

Everything between `hello` and the loss happens in synchronous methods that are told what arrived and write at
once to a `Link`; `run` around them dials, waits and dials again. Whoever brings another `Dial` brings another
network, so tests and simulations run this same code without sockets.

Rule: whatever was taken before the status that the monitor knows is history. A reading that waits while a
`status` frame passes it would otherwise tell an old status as news when it arrives, and fetch an engineer to
a turbine that is well.
"""

from __future__ import annotations

import asyncio
import logging
import random
from typing import Final

from ..client.reaching import REFUSED_DELAY
from ..errors import FrameError, MonitorRefused, MonitorUnreachable
from ..printable import printable
from ..settings import SUPERSEDED_DELAY
from ..wire.frames import (
    Ack,
    CloseCode,
    EngineerAssigned,
    EngineerWithdrawn,
    Error,
    Hello,
    Measurement,
    Resync,
    Status,
    TurbineMetrics,
    Welcome,
    encode,
    encode_measurement,
    parse_down,
)
from ..words import OperationalStatus
from .backlog import Backlog
from .link import EARLY, Dial, Loss, MonitorLink, News, Owner, in_words, reconnect_delays

LIVED: Final = 5.0
"""Seconds after which a welcomed link counts as good, and the next loss as a new one."""

LONGEST_DETAIL: Final = 300
"""Characters of what a monitor says about a frame, for people to read."""

_log = logging.getLogger("gridws")


class Uplink:
    """One turbine's persistent link and the readings that wait for it.

    `owner` is told who comes and goes, `chance` draws the delays between tries, `buffer` is the most readings
    kept.
    """

    __slots__ = (
        "_chance",
        "_dial",
        "_frequency",
        "_link",
        "_lived_from",
        "_loop",
        "_news",
        "_owner",
        "_quiet_limit",
        "_refusals",
        "_said",
        "_sent_at",
        "_timer",
        "_told",
        "_welcomed",
        "backlog",
        "turbine_number",
    )

    def __init__(
        self,
        turbine_number: int,
        dial: Dial,
        *,
        owner: Owner,
        news: News,
        upload_frequency_in_seconds: float,
        buffer: int,
        chance: random.Random,
    ) -> None:
        self.turbine_number = turbine_number
        self.backlog = Backlog(buffer)
        self._dial = dial
        self._owner = owner
        self._news = news
        self._frequency = upload_frequency_in_seconds
        self._chance = chance
        # What the monitor will hold a turbine of this frequency to, until its welcome says so itself.
        self._quiet_limit = min(max(3.0 * upload_frequency_in_seconds, 5.0), 60.0) / 3.0
        self._link: MonitorLink | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._told: OperationalStatus | None = None
        self._said: str | None = None
        self._refusals: set[str] = set()
        self._sent_at = 0.0
        self._lived_from = 0.0
        self._welcomed = False
        self._timer: asyncio.TimerHandle | None = None

    async def run(self) -> None:
        """Hold a link for ever: dial, wait until it is lost, dial again."""
        self._loop = asyncio.get_running_loop()
        delays = reconnect_delays(self._chance)
        while True:
            try:
                link = await self._dial(self.turbine_number, self.receive)
            except MonitorRefused as error:
                self._say(error.reason)
                delay = self._chance.uniform(0.5, 1.0) * REFUSED_DELAY
            except MonitorUnreachable as error:
                self._say(error.reason)
                delay = next(delays)
            else:
                loss = await self._hold(link)
                self._say(in_words(loss))
                if self._welcomed and self._loop.time() - self._lived_from >= LIVED:
                    delays = reconnect_delays(self._chance)
                delay = SUPERSEDED_DELAY if loss.code == CloseCode.SUPERSEDED else next(delays)
            await asyncio.sleep(delay)

    def append(self, metrics: TurbineMetrics, measured_at: int) -> None:
        """Keep a reading and send it as soon as the monitor takes it; a new status goes up at once anyway."""
        status = metrics.operational_status
        if self._link is not None and status is not self._told and not self.backlog.ready:
            self.backlog.overtake()
            self._send_status(status)
        self.backlog.append(Measurement(measured_at, metrics.wind_speed, metrics.power_output_in_kwh, status))
        self._send_readings()
        if self._timer is None and not self.backlog.all_sent and self._quiet_ends_before_next_reading():
            self.report()

    def watch(self, *, closely: bool) -> None:
        """Notice within seconds, or within a minute, that the monitor does not answer any more."""
        if self._link is not None:
            self._link.watch(closely=closely)

    def report(self) -> None:
        """Tell the monitor the present status without a reading, if there is a link."""
        if self._link is not None:
            self._send_status(self._owner.operational_status)

    def receive(self, text: str) -> None:
        """Act on a frame from the monitor."""
        try:
            frame = parse_down(text)
        except FrameError as error:
            # A newer monitor may have more to say; what this turbine needs has a type that it knows.
            _log.debug("turbine %d passed over a frame: %s", self.turbine_number, error)
            return
        match frame:
            case Ack():
                self.backlog.ack(frame.sequence)
                self._send_readings()
            case EngineerAssigned():
                self._owner.engineer_assigned(frame)
            case EngineerWithdrawn():
                self._owner.engineer_withdrawn(frame)
            case Welcome():
                self._receive_welcome(frame)
            case Resync():
                self._say_hello()
            case Error():
                self._receive_error(frame)

    async def _hold(self, link: MonitorLink) -> Loss:
        self._link_made(link)
        try:
            return await link.lost()
        finally:
            self._link_lost()
            await link.leave()

    def _link_made(self, link: MonitorLink) -> None:
        self._link = link
        self._welcomed = False
        self._refusals.clear()
        self._lived_from = self._time()
        self._said = None
        self._news.linked(self.turbine_number)
        self._say_hello()
        self._watch_quiet()

    def _link_lost(self) -> None:
        self._link = None
        self._told = None
        self.backlog.lost()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._owner.link_lost()

    def _say_hello(self) -> None:
        if self._link is None:
            return
        self.backlog.hello()
        hello = Hello(
            turbine_number=self.turbine_number,
            stream=self.backlog.stream,
            upload_frequency_in_seconds=self._frequency,
        )
        self._link.send_now(encode(hello))
        self._send_status(self._owner.operational_status)

    def _receive_welcome(self, frame: Welcome) -> None:
        if self._link is None:
            return
        if (frame.last_sequence or 0) > self.backlog.last_sequence:
            self._begin_new_stream()
            return
        self._welcomed = True
        self.backlog.welcome(frame.last_sequence)
        # However short a silence the monitor asks for: twenty words a second are enough.
        self._quiet_limit = max(frame.silence_timeout_in_seconds / 3.0, 0.05)
        self._send_readings()
        self._watch_quiet()

    def _receive_error(self, frame: Error) -> None:
        if frame.code == "sequence_used":
            self._begin_new_stream()
        elif frame.code not in self._refusals:
            self._refusals.add(frame.code)
            self._news.happened(
                f"turbine {self.turbine_number} had a frame refused: {printable(frame.detail, longest=LONGEST_DETAIL)}"
            )

    def _begin_new_stream(self) -> None:
        """Take another name: under this one the monitor has readings that this turbine never sent."""
        self.backlog.renew()
        self._news.happened(
            f"turbine {self.turbine_number} begins a new stream: the old name was used before"
        )
        self._say_hello()

    def _send_readings(self) -> None:
        link = self._link
        if link is None:
            return
        while (out := self.backlog.take()) is not None:
            sequence, measurement, historical = out
            link.send_now(
                encode_measurement(self.turbine_number, measurement, sequence=sequence, historical=historical)
            )
            self._sent_at = self._time()
            if not historical:
                self._told = measurement.operational_status

    def _send_status(self, status: OperationalStatus) -> None:
        if self._link is not None:
            self._link.send_now(encode(Status(turbine_number=self.turbine_number, operational_status=status)))
            self._told = status
            self._sent_at = self._time()

    def _watch_quiet(self) -> None:
        """Set the one timer, which looks back when it rings, so that no frame has to reset it.

        A turbine that measures more often needs none: then each reading that cannot leave looks back, which
        for 10,000 turbines is 10,000 timers a second less.
        """
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._frequency < 0.9 * self._quiet_limit:
            return
        loop = self._loop or asyncio.get_running_loop()
        self._timer = loop.call_at(self._sent_at + self._quiet_limit, self._end_quiet)

    def _quiet_ends_before_next_reading(self) -> bool:
        return self._time() + self._frequency > self._sent_at + self._quiet_limit

    def _end_quiet(self) -> None:
        if self._time() >= self._sent_at + self._quiet_limit - EARLY:
            self.report()
        self._watch_quiet()

    def _say(self, reason: str) -> None:
        if reason != self._said:
            self._said = reason
            self._news.link_lost(self.turbine_number, reason)

    def _time(self) -> float:
        return (self._loop or asyncio.get_running_loop()).time()
