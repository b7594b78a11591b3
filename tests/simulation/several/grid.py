"""The monitors' machines, the turbines', the database's and the network between them, in virtual time."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from functools import partial
from math import inf

from gridws.client.reaching import OPEN_TIMEOUT
from gridws.errors import MonitorUnreachable
from gridws.settings import MonitorSettings
from gridws.turbines.link import Loss, Receive

from .machines import Machine, Universe
from .monitors import Process
from .replay import WatchedLog
from .tables import Tables
from .turbines import MONITOR, HoppingTurbine
from .ways import LATEST, Database
from .wires import MonitorEnd, TurbineEnd, Wire
from .witness import Witness

LOST = Loss(1006)


class Grid:
    """Everything there is; `chance` decides all that is not decided otherwise."""

    def __init__(
        self, universe: Universe, machine: Machine, seed: int, tell: Callable[[str], None] | None = None
    ) -> None:
        self.universe = universe
        self.machine = machine
        """The network's, and the story's own."""
        self.chance = random.Random(seed)
        self.witness = Witness(self, tell)
        self.places = self.chance.choice([2, 2, 3])
        self.buffer = self.chance.choice([30, 3600, 3600])
        self.balanced = self.chance.random() < 0.4
        """Whether turbines come by way of something that chooses the monitor for them."""
        self.settings = MonitorSettings(
            engineers=self.chance.randint(1, 3),
            repair_timeout=self.chance.choice([12.0, 40.0, 600.0]),
            place_kept_for=self.chance.choice([15.0, 24 * 3600.0]),
            batch_rows=self.chance.choice([3, 1000]),
            retain_readings=None,
        )
        self.longest_delay = self.chance.choice([0.0, 0.02, 0.3])
        self.log = WatchedLog(self)
        self.tables = Tables(self.chance)
        self.database = Database(machine, self.log, self.tables, self.chance)
        self.processes: list[Process] = []
        self.running: list[Process | None] = [None] * self.places
        self.turbines: list[HoppingTurbine] = []
        self.retired: list[HoppingTurbine] = []
        self.wires: list[Wire] = []
        self.wires_of: dict[int, list[Wire]] = {}
        """All that there ever were, by their turbines' numbers."""
        self._serial = 0

    def next_serial(self) -> int:
        self._serial += 1
        return self._serial

    def notices(self) -> float | None:
        """Return after how many seconds a side notices a broken connection; None: never."""
        return self.chance.choice([0.0, 0.1, self.chance.uniform(0.0, 15.0), None])

    def later(self, seconds: float, act: Callable[[], object]) -> None:
        self.machine.call_later(seconds, act)

    def delay(self) -> float:
        return self.chance.uniform(0.0, self.longest_delay)

    def new_machine(self) -> Machine:
        """Return a machine that was started at some time, with clocks of its own."""
        rate = 1.0 + self.chance.choice([0.0, 2e-4, -2e-4])
        return self.universe.machine(ahead=self.chance.uniform(0.0, 100_000.0), rate=rate)

    # Monitors.

    @property
    def alive(self) -> list[Process]:
        """The monitors that run, or stand still."""
        return [each for each in self.running if each is not None]

    def start(self, place: int) -> Process:
        """Start a monitor, unless it runs."""
        process = self.running[place]
        if process is None:
            self.witness.note(f"monitor {place} starts")
            process = Process(
                place,
                self.new_machine(),
                self.database,
                settings=self.settings,
                tables=self.tables,
                witness=self.witness,
            )
            process.machine.jumped = self.chance.choice([0, 0, -20_000, 3_000])
            self.running[place] = process
            self.processes.append(process)
            self.note_abilities()
        return process

    def kill(self, place: int) -> None:
        """End a monitor without a word, as kill -9 does, or the loss of its machine's power."""
        process = self.running[place]
        if process is None:
            return
        loses_power = self.chance.random() < 0.3
        self.witness.note(f"monitor {place} is killed{' with its machine' if loses_power else ''}")
        self.running[place] = None
        self._expect_eviction(process)
        process.crash(loses_power=loses_power)
        for wire in self.wires:
            if wire.process is process:
                wire.end(monitor_after=None, turbine_after=None if loses_power else 0.01)

    async def stop(self, place: int) -> None:
        """Stop a monitor cleanly, as SIGTERM does."""
        process = self.running[place]
        if process is None or process.machine.frozen:
            return
        self.witness.note(f"monitor {place} stops")
        process.stopped_hampered = bool(process.hampered.within(self.universe.now, inf))
        self.running[place] = None
        process.life.cancel()
        while not process.life.done():  # noqa: ASYNC110 - it is another loop's
            await asyncio.sleep(0.05)
        process.alive = process.way.alive = False
        for wire in self.wires:
            if wire.process is process:
                self.later(1.0, wire.calm)
                self.later(2.0, partial(wire.end, monitor_after=None, turbine_after=0.0))

    def process_of(self, member: int) -> Process | None:
        """Return who is, or was, this member."""
        for process in self.processes:
            if member in process.port._following.author.ids:
                return process
        return None

    def note_abilities(self) -> None:
        """Know of each monitor whether it can do its work from now on."""
        for process in self.processes:
            troubles = (process.way.trouble, self.database.trouble)
            gone = not process.alive or process.machine.frozen
            is_cut_off = gone or any(trouble.is_away for trouble in troubles)
            is_hampered = is_cut_off or any(trouble.hampers for trouble in troubles)
            process.note_ability(self.universe.now, is_cut_off=is_cut_off, is_hampered=is_hampered)

    def _expect_eviction(self, process: Process) -> None:
        """See that a monitor that is killed loses its turbines within a lease, a beat and a second."""
        replica, lease = self.log.replica, self.settings.lease
        member = process.member
        if replica is None or member not in replica.members:
            return
        killed, within = self.universe.now, lease + lease / 6 + 1.0
        if process.hampered.within(killed - LATEST, killed):
            return  # a beat of its own may still be on the way

        def look() -> None:
            if self.log.replica is None or member not in self.log.replica.members:
                return
            for other in self.alive:
                joined = self.log.joined.get(other.member or 0, inf) <= killed
                if joined and not other.hampered.within(killed, self.universe.now):
                    self.witness.wrong(
                        f"monitor {process.place} is dead for {within:.1f} s and still in the pool"
                    )

        self.later(within, look)

    # The network.

    async def connect(self, turbine: HoppingTurbine, base: str, receive: Receive) -> TurbineEnd:
        """Return a turbine's end of a new wire; runs on the turbine's machine."""
        await asyncio.sleep(self.delay())
        process = self._chosen(base)
        if process is None:
            raise MonitorUnreachable(base, "connection refused")
        wire = Wire(turbine, process, receive, network=self.machine, delay=self.delay, witness=self.witness)
        self.wires = [each for each in self.wires if not each.over]
        self.wires.append(wire)
        self.wires_of.setdefault(wire.number, []).append(wire)
        turbine.wire = wire
        answer: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        process.machine.call_soon(self._accept, wire, answer)
        try:
            async with asyncio.timeout(OPEN_TIMEOUT):
                await answer
        except TimeoutError:
            wire.end(monitor_after=0.0, turbine_after=None)
            wire.turbine_notices(LOST)
            raise MonitorUnreachable(base, "no answer") from None
        except BaseException:
            wire.end(monitor_after=self.notices(), turbine_after=None)
            wire.turbine_notices(LOST)
            raise
        return TurbineEnd(wire)

    def _chosen(self, base: str) -> Process | None:
        place = [MONITOR.format(place) for place in range(self.places)].index(base)
        if not self.balanced:
            return self.running[place]
        ready = [each for each in self.alive if each.runs and each.monitor.undispatched is None]
        return self.chance.choice(ready) if ready else None

    def _accept(self, wire: Wire, answer: asyncio.Future[None]) -> None:
        """Take a link, on the monitor's machine."""
        process = wire.process
        error = None
        if process.runs and not wire.loss.done():
            wire.made_at, wire.made = self.universe.now, process.pool_seconds
            wire.session = process.monitor.connect(wire.number, MonitorEnd(wire))
            self.witness.note(f"{wire.number} is linked to {process.place} by {wire.session.id}")
        else:
            error = MonitorUnreachable(process.url, "connection refused")
        self.later(self.delay(), partial(wire.turbine.machine.call_soon, _answer, wire, answer, error))


def _answer(wire: Wire, answer: asyncio.Future[None], error: Exception | None) -> None:
    if answer.done() or wire.down.broken:
        return
    if error is None:
        answer.set_result(None)
    else:
        answer.set_exception(error)
