"""What a monitor is made of, put together in the one order in which each part knows those before it."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from ..clock import Clock
from ..dispatch import Dispatcher, DispatchPort, LocalDispatch, Told
from ..settings import MonitorSettings
from ..storage import Store
from ..storage.rows import Names
from .acks import Acks
from .chronicle import Chronicle
from .counters import Counters
from .dispatching import Dispatching
from .fan_out import FleetWatch, FrameTap
from .fleet_state import FleetState
from .pace import Pace
from .remarks import Remarks
from .rounds import Rounds
from .session import Session
from .tidings import Tidings
from .write_queue import WriteQueue


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts that the monitor speaks to."""

    counters: Counters
    sessions: dict[int, Session]
    fleet_state: FleetState
    watch: FleetWatch
    tap: FrameTap
    tidings: Tidings
    chronicles: Mapping[Told, Chronicle]
    remarks: Remarks
    acks: Acks
    queue: WriteQueue
    rounds: Rounds
    pace: Pace
    no_longer_held: AbstractSet[int]


def put_together(port: DispatchPort, store: Store, settings: MonitorSettings, clock: Clock) -> Parts:
    """Make the parts of one monitor, and open the port: its commands are carried out from now on."""
    counters = Counters()
    sessions: dict[int, Session] = {}
    names = Names({}, {})
    fleet_state = FleetState(clock, port.pool, names)
    watch = FleetWatch(fleet_state)
    tidings = Tidings(watch)
    goes_on = port.outlives_database
    chronicles = {told: Chronicle(tidings, told, dispatch_goes_on=goes_on) for told in Told}
    chronicle = chronicles[Told.everybody]
    acks = Acks(
        sessions,
        settings=settings,
        clock=clock,
        fleet_state=fleet_state,
        chronicle=chronicle,
        counters=counters,
    )
    pace = Pace()
    queue = WriteQueue(store, acks, settings=settings, clock=clock, pace=pace)
    remarks = Remarks(names, port, queue=queue, watch=watch)
    dispatching = Dispatching(
        sessions,
        clock=clock,
        queue=queue,
        fleet_state=fleet_state,
        watch=watch,
        chronicles=chronicles,
        remarks=remarks,
        counters=counters,
    )
    port.open(dispatching.carry_out)
    tap = FrameTap(size=settings.viewer_queue)
    rounds = Rounds(
        sessions,
        port,
        settings=settings,
        acks=acks,
        queue=queue,
        fleet_state=fleet_state,
        watch=watch,
        counters=counters,
        pace=pace,
    )
    return Parts(
        counters=counters,
        sessions=sessions,
        fleet_state=fleet_state,
        watch=watch,
        tap=tap,
        tidings=tidings,
        chronicles=chronicles,
        remarks=remarks,
        acks=acks,
        queue=queue,
        rounds=rounds,
        pace=pace,
        no_longer_held=dispatching.no_longer_held,
    )


def own_pool(engineer_count: int, settings: MonitorSettings, clock: Clock) -> DispatchPort:
    """Return engineers that no other monitor sends anywhere."""
    return LocalDispatch(
        Dispatcher(
            engineer_count,
            repair_timeout=settings.repair_timeout,
            place_kept_for=settings.place_kept_for,
            started=clock.now(),
        )
    )
