"""What was collected, over HTTP: the report, and minutes for charts. It comes from the store."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Coroutine
from dataclasses import asdict, replace
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Query, Request, Response
from pydantic import BaseModel, Field

from ..clock import Clock
from ..report.coarse import coarser_fleet_minutes, coarser_minutes
from ..report.reporting import Report, report_of
from ..settings import MAX_MEASURED_AT, MAX_TURBINE_NUMBER
from ..spans import Span
from .api import Limit, Monitor, Number, Since, Site
from .json_lists import as_list
from .problems import RESPONSES

router = APIRouter(prefix="/api/v1", responses={422: RESPONSES[422]})

_DAY = 86_400_000
_MINUTE = 60_000
_MINUTES_OF_A_DAY = 1_440
_LOOK_EVERY = 0.5
"""Seconds between two looks at whether whoever asked for a report is still there."""

SinceOrDayBefore = Annotated[
    int | None,
    Query(ge=0, le=MAX_MEASURED_AT, description="from here on, in ms since 1970 UTC; a day before `until`"),
]
UntilOrNow = Annotated[
    int | None, Query(ge=1, le=MAX_MEASURED_AT + 1, description="up to here, exclusive; now")
]
Rows = Annotated[int, Query(ge=1, le=10_000, description="how many rows before `until` at the most")]
Step = Annotated[
    int, Query(ge=1, le=1_440, description="how many minutes make a row: 60 for a chart of a month")
]


class MinuteRow(BaseModel):
    """One minute of one turbine, or as many as `step` says, from `at` on: means, least and most of its readings."""

    turbine_number: int = Field(examples=[7])
    at: int = Field(examples=[1_790_000_040_000])
    readings: int
    ok_readings: int = Field(description="how many of them said ok")
    wind_speed: float = Field(description="the mean, in m/s")
    wind_speed_min: float
    wind_speed_max: float
    power_output_in_kwh: float = Field(
        description="the mean; energy of an hour at this rate, so the power in kW"
    )
    power_output_in_kwh_min: float
    power_output_in_kwh_max: float
    energy_in_kwh: float = Field(description="delivered in this time")


class FleetMinuteRow(BaseModel):
    """One minute of the fleet, or as many as `step` says, from `at` on: its power is the sum of the turbines' means."""

    at: int = Field(examples=[1_790_000_040_000])
    turbines: int = Field(description="how many sent readings")
    readings: int
    power_output_in_kwh: float
    energy_in_kwh: float = Field(description="delivered in this time")


@router.get(
    "/report",
    response_model=Report,
    responses={503: RESPONSES[503]},
)
async def report(  # noqa: PLR0917 - parameters of the query
    request: Request,
    monitor: Monitor,
    since: SinceOrDayBefore = None,
    until: UntilOrNow = None,
    turbine_number: Annotated[int | None, Query(ge=1, le=MAX_TURBINE_NUMBER)] = None,
    site: Site = None,
    limit: Limit = 100,
) -> Response:
    """Availability, energy, failures and repairs of a range; of the turbines the `limit` least available ones.

    What the monitor learned within the last second may not be in it. `gridws report --explain` has the formulas.
    """
    now = monitor.clock.now().at
    span = _span(since, until, now)
    body = await _while_wanted(
        request,
        monitor.store.read(
            lambda records: _json(
                report_of(records, span, now=now, turbine_number=turbine_number, site=site), limit
            )
        ),
    )
    return Response(body, media_type="application/json")


@router.get(
    "/turbines/{turbine_number}/minutes", response_model=list[MinuteRow], responses={503: RESPONSES[503]}
)
async def minutes(  # noqa: PLR0917 - parameters of the query
    request: Request,
    monitor: Monitor,
    turbine_number: Number,
    since: Since = 0,
    until: UntilOrNow = None,
    limit: Rows = _MINUTES_OF_A_DAY,
    step: Step = 1,
) -> Response:
    """One turbine's minutes that begin in the range, oldest first; the latest one or two may still be missing."""
    first, end = _minutes(since, until, limit * step, monitor.clock)
    rows = await monitor.store.minutes(turbine_number, since=first, until=end)
    if step > 1:
        rows = await asyncio.to_thread(coarser_minutes, rows, step)
    return await as_list(request, rows)


@router.get("/fleet/minutes", response_model=list[FleetMinuteRow], responses={503: RESPONSES[503]})
async def fleet_minutes(  # noqa: PLR0917 - parameters of the query
    request: Request,
    monitor: Monitor,
    since: Since = 0,
    until: UntilOrNow = None,
    limit: Rows = _MINUTES_OF_A_DAY,
    step: Step = 1,
) -> Response:
    """The fleet's minutes that begin in the range, oldest first; the latest one or two may still be missing."""
    first, end = _minutes(since, until, limit * step, monitor.clock)
    rows = await monitor.store.fleet_minutes(since=first, until=end)
    if step > 1:
        rows = await asyncio.to_thread(coarser_fleet_minutes, rows, step)
    return await as_list(request, rows)


async def _while_wanted(request: Request, reading: Coroutine[Any, Any, bytes]) -> bytes:
    """Return what is read, unless whoever asked goes away: a large range takes many seconds."""
    task = asyncio.create_task(reading)
    try:
        while not task.done():
            if await request.is_disconnected():
                raise HTTPException(503, "Whoever asked is gone.")
            await asyncio.wait([task], timeout=_LOOK_EVERY)
        return task.result()
    except asyncio.CancelledError:
        raise HTTPException(503, "The monitor stops.") from None
    finally:
        task.cancel()


def _span(since: int | None, until: int | None, now: int) -> Span:
    end = min(until or now, now)
    begin = max(0, end - _DAY) if since is None else since
    if begin >= end:
        raise HTTPException(
            422, "The range is empty or lies in the future; since must be before until and now."
        )
    return Span(begin, end)


def _minutes(since: int, until: int | None, limit: int, clock: Clock) -> tuple[int, int]:
    end = until or clock.now().at
    return max(since, end - limit * _MINUTE), end


def _json(found: Report, limit: int) -> bytes:
    left_out = max(0, len(found.turbines) - limit)
    shown = replace(found, turbines=found.turbines[:limit], turbines_left_out=left_out)
    return json.dumps(asdict(shown), allow_nan=False).encode()
