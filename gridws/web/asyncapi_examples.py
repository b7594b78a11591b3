"""One example of each frame, for the AsyncAPI document: turbine 7 breaks, and engineer 2 comes."""

from __future__ import annotations

from typing import Final

from ..wire.frames import (
    Ack,
    Changes,
    EngineerAssigned,
    EngineerState,
    EngineerWithdrawn,
    Error,
    Event,
    EventKind,
    Frame,
    FramesSkipped,
    Hello,
    LinkedElsewhere,
    Metrics,
    Resync,
    SeenFrame,
    Snapshot,
    Status,
    Totals,
    TurbineState,
    Welcome,
    encode,
)
from ..words import OperationalStatus

AT: Final = 1_790_000_000_000

TURBINE: Final = TurbineState(
    turbine_number=7,
    online=True,
    operational_status=OperationalStatus.broken,
    wind_speed=8.3,
    power_output_in_kwh=0.0,
    measured_at=AT - 420,
    since=AT - 300,
    broken_at=AT - 420,
    waiting_place=None,
    engineer_id=2,
    assignment_id=41,
    hold=None,
    name="West 3",
    site="Westermarsch",
)
ENGINEERS: Final = [
    EngineerState(engineer_id=1, turbine_number=None, assignment_id=None, since=AT - 60_000),
    EngineerState(engineer_id=2, turbine_number=7, assignment_id=41, since=AT - 300, name="Ann"),
]
_TOTALS: Final = Totals(
    turbines=1,
    online=1,
    broken=1,
    waiting=0,
    under_repair=1,
    engineers=2,
    engineers_free=1,
    power_output_in_kwh=0.0,
)
_EVENT: Final = Event(
    id=12,
    at=AT - 300,
    kind=EventKind.assigned,
    turbine_number=7,
    engineer_id=2,
    assignment_id=41,
    text="engineer 2 goes to turbine 7",
)
_METRICS: Final = Metrics(
    turbine_number=7,
    wind_speed=8.3,
    power_output_in_kwh=412.5,
    operational_status=OperationalStatus.ok,
    measured_at=AT - 1_420,
    sequence=103,
)

EXAMPLES: Final[tuple[Frame | Metrics, ...]] = (
    Hello(turbine_number=7, stream="3f9c1a", upload_frequency_in_seconds=1.0),
    _METRICS,
    Status(turbine_number=7, operational_status=OperationalStatus.broken),
    Welcome(turbine_number=7, last_sequence=102, silence_timeout_in_seconds=5.0),
    Ack(sequence=103),
    EngineerAssigned(turbine_number=7, engineer_id=2, assignment_id=41, assigned_at=AT - 300),
    EngineerWithdrawn(turbine_number=7, engineer_id=2, assignment_id=41, reason="timed_out"),
    Resync(),
    Error(code="wrong_turbine", detail="turbine_number must be 7, this link's, but was 8."),
    Snapshot(
        at=AT,
        started_at=AT - 3_600_000,
        turbines=[TURBINE],
        engineers=ENGINEERS,
        totals=_TOTALS,
        degraded=None,
        events=[_EVENT],
    ),
    Changes(
        at=AT,
        turbines=[TURBINE],
        readings=[(8, 7.91, 355.2, 180)],
        engineers=ENGINEERS,
        removed=[],
        totals=_TOTALS,
        degraded=None,
        events=[_EVENT],
    ),
    SeenFrame(at=AT, turbine_number=7, direction="up", text=encode(_METRICS)),
    FramesSkipped(count=250),
    LinkedElsewhere(turbine_number=7, monitors=["https://b.example:8787"]),
)
