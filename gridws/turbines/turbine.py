"""One wind turbine: it measures, breaks, waits for an engineer, is repaired, and goes on.

Rules. It measures at its frequency whether it works, is broken or has no link. It breaks only while it works,
so many seconds after its start or its last repair. A repair needs the engineer until its end: one who leaves,
or is cut off with the link, has repaired nothing. Every change of status is told at once.
"""

from __future__ import annotations

import asyncio
import math
import random
import time
from collections.abc import Callable
from typing import Final

from ..errors import OptionError
from ..settings import DEFAULT_MONITOR_URL, MAX_TURBINE_NUMBER, TurbineSettings
from ..wire.frames import EngineerAssigned, EngineerWithdrawn, TurbineMetrics
from ..words import OperationalStatus
from .dialing import Dialer
from .link import EARLY, Dial, News
from .shared_timer import SharedTimer, ring
from .turbine_news import EachTurbine
from .uplink import Uplink
from .wind import FarmWind, TurbineWind, Wind

DEFAULTS: Final = TurbineSettings()

Utc = Callable[[], int]
"""Returns ms since 1970 UTC."""


def utc_now() -> int:
    """Return the machine's wall clock in ms since 1970 UTC."""
    return time.time_ns() // 1_000_000


class WindTurbine:
    """A turbine that reports to the monitor at `grid_monitor_url` over one persistent link.

    A time that is given is used as it is. Without one, each life draws its own time to fail (up to 30 s) and
    each turbine its own time to repair (up to 5 s), both at least 1 s, from `chance`. `first_gap_in_seconds`
    lies between the first reading, taken at once, and the second; in a fleet it keeps the turbines from
    speaking all together. `dial` replaces the network, `utc` the wall clock; turbines that share a `wheel` are
    woken together. Raises `OptionError` for a number or a time that cannot be.
    """

    def __init__(
        self,
        turbine_number: int,
        upload_frequency_in_seconds: float = 1.0,
        time_to_fail_in_seconds: float | None = None,
        time_to_repair_in_seconds: float | None = None,
        grid_monitor_url: str = DEFAULT_MONITOR_URL,
        *,
        wind: Wind | None = None,
        chance: random.Random | None = None,
        dial: Dial | None = None,
        delays: random.Random | None = None,
        buffer: int = DEFAULTS.buffer,
        utc: Utc = utc_now,
        news: News | None = None,
        wheel: SharedTimer | None = None,
        first_gap_in_seconds: float | None = None,
    ) -> None:
        _check(
            turbine_number, upload_frequency_in_seconds, time_to_fail_in_seconds, time_to_repair_in_seconds
        )
        self._chance = chance or random.Random()  # noqa: S311  # physics
        self.turbine_number = turbine_number
        self.upload_frequency_in_seconds = upload_frequency_in_seconds
        self._draws_time_to_fail = time_to_fail_in_seconds is None
        self.time_to_fail_in_seconds = self._drawn(30.0, time_to_fail_in_seconds)
        self.time_to_repair_in_seconds = self._drawn(5.0, time_to_repair_in_seconds)
        self.grid_monitor_url = grid_monitor_url
        self.operational_status = OperationalStatus.ok
        self.time_passed_in_seconds = 0.0
        self.wind = wind or _own_wind(self._chance)
        self.news = news or EachTurbine()
        self.uplink = Uplink(
            turbine_number,
            dial or Dialer(grid_monitor_url).dial,
            owner=self,
            news=self.news,
            upload_frequency_in_seconds=upload_frequency_in_seconds,
            buffer=buffer,
            chance=delays or random.Random(),  # noqa: S311  # never seeded: all must come back at different times
        )
        self._utc = utc
        self._wheel = wheel or SharedTimer()
        self._first_gap = (
            upload_frequency_in_seconds if first_gap_in_seconds is None else first_gap_in_seconds
        )
        self._life_began = 0.0
        self._alarm: asyncio.Future[None] | None = None
        self._engineer: EngineerAssigned | None = None
        self._engineer_here = asyncio.Event()
        self._repairing: asyncio.Timeout | None = None

    async def run(self) -> None:
        """Live until cancelled, or until one of the parts fails: then raise what it raised."""
        try:
            async with asyncio.TaskGroup() as parts:
                parts.create_task(self.produce_metrics_indefinitely())
                parts.create_task(self.receive_repairs_indefinitely())
                await self.uplink.run()
        except BaseExceptionGroup as group:
            if len(group.exceptions) == 1:
                raise group.exceptions[0] from None
            raise

    async def produce_metrics(self, turbine_metrics: TurbineMetrics) -> None:
        """Hand one reading of this moment to the uplink, which keeps it until the monitor has it."""
        self.uplink.append(turbine_metrics, self._utc())

    async def produce_metrics_indefinitely(self) -> None:
        """Measure at the upload frequency, and break when the time has come."""
        loop = asyncio.get_running_loop()
        self._begin_life()
        await self.produce_metrics(self.measure())
        next_at = loop.time() + self._first_gap
        while True:
            self._alarm = self._wheel.alarm(min(next_at, self._fails_at()))
            await self._alarm
            now = loop.time()
            self.time_passed_in_seconds = now - self._life_began
            now += EARLY
            broke = now >= self._fails_at()
            if broke:
                self._break()
            if broke or now >= next_at:
                await self.produce_metrics(self.measure())
            if now >= next_at:
                # Moments that a stalled process slept through are gone: nobody measured then.
                missed = math.floor((now - next_at) / self.upload_frequency_in_seconds)
                next_at += (missed + 1) * self.upload_frequency_in_seconds

    async def receive_repairs_indefinitely(self) -> None:
        """Take one engineer after the other."""
        while True:
            await self.receive_repairs()

    async def receive_repairs(self) -> None:
        """Wait for an engineer and call `repair`; drop the repair when the engineer leaves before its end."""
        # An engineer may come and leave again before this task gets its turn.
        while self._engineer is None:
            await self._engineer_here.wait()
        self._say_who_is_here(self._engineer)
        try:
            async with asyncio.timeout(None) as repairing:
                self._repairing = repairing
                await self.repair()
        except TimeoutError:
            if not repairing.expired():
                raise
        else:
            self._dismiss()
        finally:
            self._repairing = None

    async def repair(self) -> None:
        """Be repaired, which takes its fixed time; a new life begins, and the monitor hears of it at once."""
        await asyncio.sleep(self.time_to_repair_in_seconds)
        self.operational_status = OperationalStatus.ok
        if self._draws_time_to_fail:
            self.time_to_fail_in_seconds = self._drawn(30.0, None)
        self._begin_life()
        self.news.happened(f"turbine {self.turbine_number} is repaired")
        await self.produce_metrics(self.measure())

    def measure(self) -> TurbineMetrics:
        """Return a reading of this moment; a broken turbine delivers nothing."""
        wind_speed = self.wind.speed(asyncio.get_running_loop().time())
        running = self.operational_status is OperationalStatus.ok
        return TurbineMetrics(
            turbine_number=self.turbine_number,
            wind_speed=round(wind_speed, 2),
            power_output_in_kwh=round(self.wind.power(wind_speed), 1) if running else 0.0,
            operational_status=self.operational_status,
        )

    def engineer_assigned(self, frame: EngineerAssigned) -> None:
        """Let the engineer begin; a newer assignment starts anew, and a turbine that is well says so."""
        if self.operational_status is OperationalStatus.ok:
            self.uplink.report()
        elif self._engineer is None or self._engineer.assignment_id != frame.assignment_id:
            self._stop_repair()
            self._engineer = frame
            self._engineer_here.set()
            # While somebody is here, a monitor that hangs may be one that others have given up, and its engineer too.
            self.uplink.watch(closely=True)

    def engineer_withdrawn(self, frame: EngineerWithdrawn) -> None:
        """Drop the repair if it is the one of this assignment."""
        if self._engineer is not None and self._engineer.assignment_id == frame.assignment_id:
            self.news.happened(
                f"turbine {self.turbine_number}: engineer {frame.engineer_id} left, {frame.reason}"
            )
            self._stop_repair()
            self._dismiss()

    def link_lost(self) -> None:
        """Drop any repair: the monitor has sent its engineer elsewhere."""
        self._stop_repair()
        self._dismiss()

    def _begin_life(self) -> None:
        self.time_passed_in_seconds = 0.0
        self._life_began = asyncio.get_running_loop().time()
        # The next failure may come before whatever the producer is waiting for.
        if self._alarm is not None:
            ring(self._alarm)

    def _fails_at(self) -> float:
        if self.operational_status is OperationalStatus.broken:
            return math.inf
        return self._life_began + self.time_to_fail_in_seconds

    def _break(self) -> None:
        self.operational_status = OperationalStatus.broken
        self.news.happened(f"turbine {self.turbine_number} broke after {self.time_passed_in_seconds:.0f} s")

    def _say_who_is_here(self, engineer: EngineerAssigned) -> None:
        here = f"engineer {engineer.engineer_id} is here"
        takes = f"repair takes {self.time_to_repair_in_seconds:.1f} s"
        self.news.happened(f"turbine {self.turbine_number}: {here}, {takes}")

    def _stop_repair(self) -> None:
        if self._repairing is not None:
            self._repairing.reschedule(asyncio.get_running_loop().time())
            self._repairing = None

    def _dismiss(self) -> None:
        self._engineer = None
        self._engineer_here.clear()
        self.uplink.watch(closely=False)

    def _drawn(self, longest: float, given: float | None) -> float:
        return max(self._chance.random() * longest, 1.0) if given is None else given


def _own_wind(chance: random.Random) -> Wind:
    # Its own source of chance: how often somebody looks at the wind must not move the next failure.
    farm = FarmWind(random.Random(chance.random()))  # noqa: S311  # physics
    return TurbineWind(farm, chance)


def _check(turbine_number: int, upload: float, fail: float | None, repair: float | None) -> None:
    if not 1 <= turbine_number <= MAX_TURBINE_NUMBER:
        raise OptionError(f"a turbine's number lies between 1 and {MAX_TURBINE_NUMBER}, not {turbine_number}")
    if not 0.0 < upload < math.inf:
        raise OptionError(f"a turbine cannot send every {upload} seconds")
    for name, seconds in (("fail", fail), ("repair", repair)):
        if seconds is not None and not seconds >= 0.0:
            raise OptionError(f"time_to_{name}_in_seconds cannot be {seconds}")
