"""The HTTP API under `/api/v1`: what is going on now, from memory; what was collected, from the database.

JSON has the tables' column names and ms since 1970 UTC. Lists come newest first, turbines by number.
"""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import APIRouter, Body, Depends, HTTPException, Path, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field, JsonValue
from starlette.requests import HTTPConnection

from .answers import as_list
from .frames import EngineerState, TurbineState
from .monitor import GridMonitor
from .problems import RESPONSES
from .settings import MAX_ENGINEERS, MAX_MEASURED_AT, MAX_TURBINE_NUMBER

router = APIRouter(prefix="/api/v1", responses={422: RESPONSES[422]})


def monitor_of(connection: HTTPConnection) -> GridMonitor:
    """Return the monitor that this app serves."""
    monitor: GridMonitor = connection.app.state.monitor
    return monitor


Monitor = Annotated[GridMonitor, Depends(monitor_of)]
Number = Annotated[int, Path(ge=1, le=MAX_TURBINE_NUMBER, description="the turbine's number")]
Limit = Annotated[int, Query(ge=1, le=10_000, description="how many rows at the most")]
Since = Annotated[int, Query(ge=0, le=MAX_MEASURED_AT, description="from here on, in ms since 1970 UTC")]
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


class Pool(BaseModel):
    """The engineers; `count` is how many there shall be, those too many leave when they finish."""

    count: int
    free: int
    engineers: list[EngineerState]


class Roster(BaseModel):
    """How many engineers there shall be."""

    model_config = ConfigDict(strict=True, extra="forbid")

    count: Annotated[int, Field(ge=0, le=MAX_ENGINEERS, examples=[3])]


@router.get("/turbines", response_model=list[TurbineState])
async def turbines(
    request: Request,
    monitor: Monitor,
    limit: Limit = 100,
    offset: Annotated[int, Query(ge=0, le=MAX_TURBINE_NUMBER, description="how many to leave out first")] = 0,
) -> Response:
    """Every turbine seen within 7 days, online or not, by number, with its last reading."""
    return await as_list(
        request, monitor.register.states(monitor.register.numbers()[offset : offset + limit])
    )


@router.get("/turbines/{turbine_number}", responses={404: RESPONSES[404]})
async def turbine(monitor: Monitor, turbine_number: Number) -> TurbineState:
    """One turbine, with its last reading."""
    states = monitor.register.states([turbine_number])
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
    return _pool(monitor)


@router.put("/engineers")
async def change_engineers(monitor: Monitor, roster: Annotated[Roster, Body()]) -> Pool:
    """Change how many engineers there are, until the monitor ends: it starts again with its `--engineers`."""
    monitor.change_roster(roster.count)
    return _pool(monitor)


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


def _pool(monitor: GridMonitor) -> Pool:
    everybody = monitor.register.engineers()
    free = sum(engineer.turbine_number is None for engineer in everybody)
    return Pool(count=monitor.engineer_count, free=free, engineers=everybody)
