"""The monitor's processes, the turbines and the network between them, in virtual time."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from contextlib import suppress
from functools import partial

from doubles import SOME_DAY

from gridws.dispatch import Dispatcher, LocalDispatch
from gridws.errors import MonitorRefused, MonitorUnreachable
from gridws.moments import Moment
from gridws.monitor.monitor import GridMonitor
from gridws.settings import MonitorSettings
from gridws.turbines.link import Receive
from gridws.turbines.turbine import WindTurbine
from gridws.wire.frames import TurbineMetrics
from gridws.words import OperationalStatus

from .disk import Disk, Handle, Identity
from .media import Files, Memory
from .network import ClientEnd, MonitorEnd, Wire
from .witness import Client, Witness

URL = "ws://monitor.test"


class SimClock:
    """Both clocks by the loop's time; the wall clock can jump on its own."""

    def __init__(self) -> None:
        self.jumped = 0

    def now(self) -> Moment:
        seconds = asyncio.get_running_loop().time()
        return Moment(1000.0 + seconds, self.utc())

    def utc(self) -> int:
        return SOME_DAY + self.jumped + round(asyncio.get_running_loop().time() * 1000)


class Process:
    """One run of the monitor, from its start to its end or crash."""

    def __init__(self, engineers: int, handle: Handle, settings: MonitorSettings, world: World) -> None:
        self.alive = True
        self.crashed = False
        self.handle = handle
        self.witness = world.witness
        self.dispatcher = Dispatcher(
            engineers,
            repair_timeout=settings.repair_timeout,
            place_kept_for=settings.place_kept_for,
            started=world.clock.now(),
        )
        port = LocalDispatch(self.dispatcher)
        self.monitor = GridMonitor(engineers, handle, settings=settings, clock=world.clock, port=port)
        self.life: asyncio.Task[None] | None = None

    def status_of(self, number: int) -> OperationalStatus | None:
        """Return what the monitor knows of a turbine, None where it has no link."""
        entry = self.monitor.fleet_state.get(number)
        return entry.status if entry is not None else None

    async def start(self) -> None:
        await self.monitor.start()
        self.life = asyncio.create_task(self.monitor.run())
        self.life.add_done_callback(self._ended)

    def _ended(self, life: asyncio.Task[None]) -> None:
        if not life.cancelled() and life.exception() is not None:
            self.witness.wrong(f"the monitor ended by itself: {life.exception()!r}")


class CountingWind:
    """A wind that never blows twice alike."""

    def __init__(self, first: int) -> None:
        self._last = first

    def speed(self, now: float) -> float:
        self._last += 1
        return float(self._last)

    def power(self, wind_speed: float) -> float:
        return wind_speed / 10


class SimTurbine(WindTurbine):
    """A real turbine that remembers what it measured; another with the same number is another process."""

    def __init__(self, world: World, number: int, frequency: float, fail: float, repair: float) -> None:
        self.client = Client()
        self.serial = world.next_serial()
        super().__init__(
            number,
            frequency,
            fail,
            repair,
            wind=CountingWind(self.serial * 1_000_000),
            chance=random.Random(self.serial),
            delays=random.Random(world.chance.random()),
            dial=self._dial,
            buffer=world.buffer,
            utc=world.clock.utc,
            news=world,
        )
        self.uplink.backlog.stream = f"stream-{self.serial}"
        self.world = world
        self.taken: list[tuple[float, Identity, OperationalStatus]] = []
        self.last_ok_at = 0.0
        self.wire: Wire | None = None
        self.life = asyncio.create_task(self.run())
        self.life.add_done_callback(self._ended)

    async def produce_metrics(self, turbine_metrics: TurbineMetrics) -> None:
        now = asyncio.get_running_loop().time()
        status = turbine_metrics.operational_status
        self.taken.append((now, (self.turbine_number, turbine_metrics.wind_speed), status))
        if status is OperationalStatus.ok:
            self.last_ok_at = now
        backlog = self.uplink.backlog
        dropped, oldest = backlog.dropped, backlog.last_sequence - len(backlog) + 1
        await super().produce_metrics(turbine_metrics)
        if backlog.dropped > dropped:
            self.client.dropped.add((backlog.stream, oldest))
        if self.wire is not None and not self.wire.loss.done():
            self.world.later(self.world.longest_delay + 0.01, partial(self._must_be_known, self.wire, status))

    async def repair(self) -> None:
        wire = self.wire
        await super().repair()
        # After a stall the end of the repair and the loss of the link arrive together.
        stalled = asyncio.get_running_loop().time() - self.world.stalled_until < 0.01
        if (wire is None or wire is not self.wire or wire.loss.done()) and not stalled:
            self.world.witness.wrong(
                f"turbine {self.turbine_number} was repaired by an engineer who had left"
            )

    def _must_be_known(self, wire: Wire, status: OperationalStatus) -> None:
        """A new status goes up at once, whatever else is on its way."""
        session = wire.session
        if wire is not self.wire or not wire.healthy or wire.loss.done() or session is None or session.ended:
            return
        if self.operational_status is status is not wire.process.status_of(self.turbine_number):
            self.world.witness.wrong(
                f"turbine {self.turbine_number} is {status}, and the monitor does not know"
            )

    async def kill(self) -> None:
        """End at once, without a word; the monitor notices soon, late or never."""
        if self.wire is not None:
            self.wire.cut(monitor_after=self.world.notices(), client_after=0.0)
        self.life.cancel()
        with suppress(asyncio.CancelledError):
            await self.life

    async def _dial(self, turbine_number: int, receive: Receive, /) -> ClientEnd:
        end = await self.world.dial(turbine_number, receive, self.client)
        self.wire = end.wire
        return end

    def _ended(self, life: asyncio.Task[None]) -> None:
        if not life.cancelled() and life.exception() is not None:
            self.world.witness.wrong(f"turbine {self.turbine_number} ended: {life.exception()!r}")


class World:
    """Everything there is; `chance` decides all that is not decided otherwise."""

    def __init__(self, seed: int, tell: Callable[[str], None] | None = None) -> None:
        self.chance = random.Random(seed)
        self.clock = SimClock()
        self.disk = Disk(self.chance, Memory() if seed % 6 else Files())
        self.witness = Witness(self.disk, tell)
        self.engineers = self.chance.randint(1, 3)
        self.buffer = self.chance.choice([12, 3600, 3600])
        self.settings = MonitorSettings(
            repair_timeout=self.chance.choice([12.0, 40.0, 600.0]),
            place_kept_for=self.chance.choice([15.0, 24 * 3600.0]),
            queue_rows=self.chance.choice([700, 100_000]),
            batch_rows=self.chance.choice([3, 1000]),
        )
        self.longest_delay = self.chance.choice([0.0, 0.02, 0.5])
        self.refuses: MonitorUnreachable | None = None
        self.process: Process | None = None
        self.processes: list[Process] = []
        self.turbines: list[SimTurbine] = []
        self.retired: list[SimTurbine] = []
        self.wires: list[Wire] = []
        self.background: set[asyncio.Task[object]] = set()
        self.stalled_until = -1.0
        self._serial = 0

    def next_serial(self) -> int:
        self._serial += 1
        return self._serial

    def notices(self) -> float | None:
        """Return after how many seconds a side notices a broken connection; None: never."""
        return self.chance.choice([0.0, 0.1, self.chance.uniform(0.0, 15.0), None])

    def later(self, seconds: float, act: Callable[[], object]) -> None:
        asyncio.get_running_loop().call_later(seconds, act)

    # The network.

    async def dial(self, number: int, receive: Receive, client: Client) -> ClientEnd:
        await asyncio.sleep(self._delay())
        process = self.process
        if process is None or not process.monitor.accepting:
            raise MonitorUnreachable(URL, "connection refused")
        if self.refuses is not None:
            raise self.refuses
        wire = Wire(process, number, receive, self._delay)
        self.wires = [each for each in self.wires if not each.over]
        self.wires.append(wire)
        wire.session = process.monitor.connect(number, MonitorEnd(wire))
        self.witness.connected(wire, client)
        try:
            await asyncio.sleep(self._delay())
        except asyncio.CancelledError:
            wire.cut(monitor_after=self.notices(), client_after=0.0)
            raise
        return ClientEnd(wire, sent=lambda _, text: client.note(text))

    def refuse(self, *, for_good: bool) -> None:
        self.refuses = (MonitorRefused if for_good else MonitorUnreachable)(URL, "no")

    def _delay(self) -> float:
        return self.chance.uniform(0.0, self.longest_delay)

    # The monitor.

    async def start(self) -> None:
        # The lock of the database lets nobody in before.
        ending = [each.life for each in self.processes if each.life is not None and not each.crashed]
        if ending:
            await asyncio.wait(ending)
        if self.process is not None:
            return
        self.process = Process(self.engineers, Handle(self.disk), self.settings, self)
        self.processes.append(self.process)
        self.witness.note("the monitor starts")
        held = self.disk.medium.held()
        await self.process.start()
        if not all(self.process.dispatcher.hold_of(number) for number in held):
            self.witness.wrong(f"of the turbines {held} that are held some are forgotten")

    def crash(self) -> None:
        """As after kill -9, or when the machine loses its power: then the turbines notice late."""
        if self.process is not None and not self.process.handle.has_noticed:
            return  # what it had in mind of a file that it has lost is lost
        process, self.process = self.process, None
        if process is None or process.life is None:
            return
        self.witness.crashed(process)
        process.alive, process.crashed = False, True
        process.handle.die()
        at_once = self.chance.random() < 0.7
        for wire in self.wires:
            if wire.process is process:
                wire.cut(monitor_after=None, client_after=0.01 if at_once else self.chance.uniform(0.0, 40.0))
        process.life.cancel()

    async def stop(self) -> None:
        """Stop cleanly, as after SIGTERM."""
        process, self.process = self.process, None
        if process is None or process.life is None:
            return
        self.witness.note("the monitor stops")
        process.life.cancel()
        await asyncio.wait([process.life])
        process.alive = False
        for wire in self.wires:
            if wire.process is process:
                self.later(1.0, wire.calm)
                self.later(2.0, lambda wire=wire: wire.cut(monitor_after=None, client_after=0.0))  # type: ignore[misc]

    # What people would have been told.

    def linked(self, turbine_number: int) -> None:
        self.witness.note(f"{turbine_number} says: linked")

    def link_lost(self, turbine_number: int, reason: str) -> None:
        self.witness.note(f"{turbine_number} says: {reason}")

    def happened(self, text: str) -> None:
        self.witness.note(f"news: {text}")
