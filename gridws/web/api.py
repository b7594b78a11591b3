"""The HTTP API under `/api/v1`: what is going on now, from memory; what was collected, from the database.

JSON has the tables' column names and ms since 1970 UTC. Lists come newest first, turbines by number.
"""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import APIRouter, Depends, HTTPException, Path, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field, JsonValue
from starlette.requests import HTTPConnection

from ..monitor.monitor import GridMonitor
from ..settings import MAX_MEASURED_AT, MAX_TURBINE_NUMBER
from ..wire.frames import EngineerState, TurbineState
from .json_lists import as_list
from .problems import RESPONSES

router = APIRouter(prefix="/api/v1", responses={422: RESPONSES[422]})


def monitor_of(connection: HTTPConnection) -> GridMonitor:
    """Return the monitor that this app serves."""
    monitor: GridMonitor = connection.app.state.monitor
    return monitor


LONGEST_NAME: Final = 100
"""Characters of the name of a turbine, an engineer or a site."""

Monitor = Annotated[GridMonitor, Depends(monitor_of)]
Number = Annotated[int, Path(ge=1, le=MAX_TURBINE_NUMBER, description="the turbine's number")]
Limit = Annotated[int, Query(ge=1, le=10_000, description="how many rows at the most")]
Since = Annotated[int, Query(ge=0, le=MAX_MEASURED_AT, description="from here on, in ms since 1970 UTC")]
Site = Annotated[str | None, Query(max_length=LONGEST_NAME, description="the turbines of this site only")]
Until = Annotated[int, Query(ge=0, le=MAX_MEASURED_AT + 1, description="up to here, exclusive")]


READING: Final[dict[str, JsonValue]] = {
    "turbine_number": 7,
    "measured_at": 1_790_000_000_000,
    "wind_speed": 8.3,
    "power_output_in_kwh": 412.5,
    "operational_status": "ok",
    "received_at": 1_790_000_000_012,
}
REPAIR: Final[dict[str, JsonValue]] = {
    "id": 41,
    "turbine_number": 7,
    "engineer_id": 2,
    "broken_at": 1_790_000_000_000,
    "assigned_at": 1_790_000_000_003,
    "ended_at": 1_790_000_004_120,
    "outcome": "repaired",
}


EVENT: Final[dict[str, JsonValue]] = {
    "at": 1_790_000_000_000,
    "kind": "hold",
    "turbine_number": 7,
    "engineer_id": None,
    "engineers": None,
    "until": 1_790_014_400_000,
    "name": None,
    "site": None,
    "text": "gearbox exchange",
    "by": "ann",
    "id": 12,
}


class ReadingRow(BaseModel):
    """One reading, a row of the table `metrics`."""

    model_config = ConfigDict(json_schema_extra={"examples": [READING]})

    turbine_number: int = Field(examples=[7])
    measured_at: int = Field(examples=[1_790_000_000_000])
    wind_speed: float = Field(description="m/s", examples=[8.3])
    power_output_in_kwh: float = Field(description="energy of an hour at this rate, so the power in kW")
    operational_status: str = Field(examples=["ok"])
    received_at: int


class RepairRow(BaseModel):
    """One assignment, a row of the table `repairs`; it runs while `ended_at` and `outcome` are null."""

    model_config = ConfigDict(json_schema_extra={"examples": [REPAIR]})

    id: int
    turbine_number: int
    engineer_id: int
    broken_at: int
    assigned_at: int
    ended_at: int | None
    outcome: str | None = Field(examples=["repaired"])


class EventRow(BaseModel):
    """What a person did, a row of the table `events`; which values it has depends on its kind.

    `roster`: from now on there are so many `engineers`. `hold`: nobody is sent to the turbine, `until` then or, null,
    until it is ended; `hold_ended`; `next`: it goes first. `name`: the turbine, or the engineer, has this `name` and
    `site`. `note`: `text`. `forgotten`, `erased`: the turbine, its readings. `by` is who did it.
    """

    model_config = ConfigDict(json_schema_extra={"examples": [EVENT]})

    at: int
    kind: str = Field(examples=["hold"])
    turbine_number: int | None
    engineer_id: int | None
    engineers: int | None
    until: int | None
    name: str | None
    site: str | None
    text: str | None
    by: str | None
    id: int


class Pool(BaseModel):
    """The engineers; `count` is how many there shall be, those too many leave when they finish."""

    count: int
    free: int
    engineers: list[EngineerState]


@router.get("/turbines", response_model=list[TurbineState])
async def turbines(
    request: Request,
    monitor: Monitor,
    site: Site = None,
    limit: Limit = 100,
    offset: Annotated[int, Query(ge=0, le=MAX_TURBINE_NUMBER, description="how many to leave out first")] = 0,
) -> Response:
    """Every turbine seen within 7 days, online or not, by number, with its last reading.

    Of monitors that share a pool each lists all turbines; `monitor` says which are linked to another one.
    """
    await monitor.readings_elsewhere.look()
    numbers = monitor.fleet_state.numbers(site)[offset : offset + limit]
    return await as_list(request, monitor.fleet_state.states(numbers))


@router.get("/turbines/{turbine_number}", responses={404: RESPONSES[404]})
async def turbine(monitor: Monitor, turbine_number: Number) -> TurbineState:
    """One turbine, with its last reading."""
    await monitor.readings_elsewhere.look()
    states = monitor.fleet_state.states([turbine_number])
    if not states:
        raise HTTPException(404, f"Turbine {turbine_number} was not seen within the last 7 days.")
    return states[0]


@router.get(
    "/turbines/{turbine_number}/metrics", response_model=list[ReadingRow], responses={503: RESPONSES[503]}
)
async def metrics(  # noqa: PLR0917 - parameters of the query
    request: Request,
    monitor: Monitor,
    turbine_number: Number,
    since: Since = 0,
    until: Until = MAX_MEASURED_AT + 1,
    limit: Limit = 100,
) -> Response:
    """The readings of one turbine with since ≤ measured_at < until, newest first."""
    rows = await monitor.store.readings(turbine_number, since=since, until=until, limit=limit)
    return await as_list(request, rows)


@router.get("/engineers")
async def engineers(monitor: Monitor) -> Pool:
    """The pool: who is where, since when."""
    return pool_of(monitor)


@router.get("/repairs", response_model=list[RepairRow], responses={503: RESPONSES[503]})
async def repairs(
    request: Request,
    monitor: Monitor,
    turbine_number: Annotated[int | None, Query(ge=1, le=MAX_TURBINE_NUMBER)] = None,
    since: Since = 0,
    limit: Limit = 100,
) -> Response:
    """The assignments that ran at or after `since`, newest first; they reach the table within a second."""
    rows = await monitor.store.repairs(turbine_number=turbine_number, since=since, limit=limit)
    return await as_list(request, rows)


@router.get("/events", response_model=list[EventRow], responses={503: RESPONSES[503]})
async def events(
    request: Request,
    monitor: Monitor,
    turbine_number: Annotated[int | None, Query(ge=1, le=MAX_TURBINE_NUMBER)] = None,
    since: Since = 0,
    limit: Limit = 100,
) -> Response:
    """What people did at or after `since`, newest first: the roster, holds, names, notes."""
    rows = await monitor.store.events(turbine_number=turbine_number, since=since, limit=limit)
    return await as_list(request, rows)


def pool_of(monitor: GridMonitor) -> Pool:
    """Return the engineers as they are now."""
    everybody = monitor.fleet_state.engineers()
    free = sum(engineer.turbine_number is None for engineer in everybody)
    return Pool(count=monitor.engineer_count, free=free, engineers=everybody)
