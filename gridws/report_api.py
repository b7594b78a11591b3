"""What was collected, over HTTP: the report, and minutes for charts. Reads the database, not the memory."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable
from dataclasses import asdict, replace
from typing import Annotated

from fastapi import APIRouter, HTTPException, Query, Request, Response
from pydantic import BaseModel, Field

from .answers import as_list
from .api import Limit, Monitor, Number, Since
from .clock import Clock
from .problems import RESPONSES
from .reporting import Report
from .settings import MAX_MEASURED_AT, MAX_TURBINE_NUMBER
from .spans import Span
from .storage.collected import read_report
from .storage.sqlite import SqliteStore

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
Minutes = Annotated[int, Query(ge=1, le=10_000, description="how many minutes before `until` at the most")]


class MinuteRow(BaseModel):
    """One minute of one turbine, from `at` on: means, least and most of its readings."""

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
    energy_in_kwh: float = Field(description="delivered in this minute")


class FleetMinuteRow(BaseModel):
    """One minute of the fleet, from `at` on: its power is the sum of the turbines' means."""

    at: int = Field(examples=[1_790_000_040_000])
    turbines: int = Field(description="how many sent readings")
    readings: int
    power_output_in_kwh: float
    energy_in_kwh: float = Field(description="delivered in this minute")


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
    limit: Limit = 100,
) -> Response:
    """Availability, energy, failures and repairs of a range; of the turbines the `limit` least available ones.

    What the monitor learned within the last second may not be in it. `gridws report --explain` has the formulas.
    """
    if not isinstance(monitor.store, SqliteStore):
        raise HTTPException(
            503, "This monitor keeps everything in memory only, so there is nothing to report from."
        )
    path, now = monitor.store.path, monitor.clock.now().at
    span = _span(since, until, now)

    given_up = threading.Event()

    def make() -> bytes:
        found = read_report(path, span, now=now, turbine_number=turbine_number, given_up=given_up.is_set)
        return _json(found, limit)

    try:
        # One at a time, in a thread with a connection of its own: readings go on being stored beside it.
        async with request.app.state.one_report:
            body = await _while_wanted(request, make, given_up)
    except asyncio.CancelledError:
        raise HTTPException(503, "The monitor stops.") from None
    finally:
        given_up.set()
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
    limit: Minutes = _MINUTES_OF_A_DAY,
) -> Response:
    """One turbine's minutes that begin in the range, oldest first; the latest one or two may still be missing."""
    first, end = _minutes(since, until, limit, monitor.clock)
    rows = await monitor.store.minutes(turbine_number, since=first, until=end)
    return await as_list(request, rows)


@router.get("/fleet/minutes", response_model=list[FleetMinuteRow], responses={503: RESPONSES[503]})
async def fleet_minutes(
    request: Request,
    monitor: Monitor,
    since: Since = 0,
    until: UntilOrNow = None,
    limit: Minutes = _MINUTES_OF_A_DAY,
) -> Response:
    """The fleet's minutes that begin in the range, oldest first; the latest one or two may still be missing."""
    first, end = _minutes(since, until, limit, monitor.clock)
    rows = await monitor.store.fleet_minutes(since=first, until=end)
    return await as_list(request, rows)


async def _while_wanted(request: Request, make: Callable[[], bytes], given_up: threading.Event) -> bytes:
    """Return what a thread makes, unless whoever asked goes away: a large range takes many seconds."""
    making = asyncio.ensure_future(asyncio.to_thread(make))
    try:
        while not making.done():
            if await request.is_disconnected():
                given_up.set()
                await asyncio.gather(making, return_exceptions=True)  # the next one begins after this one
                raise HTTPException(503, "Whoever asked is gone.")
            await asyncio.wait([making], timeout=_LOOK_EVERY)
        return making.result()
    finally:
        making.cancel()


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
