"""What people tell the monitor over HTTP: how many engineers, which turbine is held, next or forgotten.

An order is carried out at once, whatever the disk does. It is answered when it is on the disk too, or with 503: then
it is in force, and stored as soon as that can be done. Who gave it is told by their token's name.
"""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import APIRouter, Body, Depends, HTTPException, Query, Request
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from ..monitor.monitor import GridMonitor
from ..settings import MAX_ENGINEERS, MAX_MEASURED_AT
from ..wire.frames import HoldState, TurbineState
from .api import Monitor, Number, Pool, pool_of
from .http_access import asking_of, guard_of
from .problems import RESPONSES

LONGEST_REASON: Final = 500
LONGEST_HOLD: Final = 366 * 86_400.0
"""Seconds; one that is to last longer has no end."""

Line = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, pattern=r"^[^\x00-\x1f\x7f]*$")]
"""One line of text, without what would end or forge one."""
Reason = Annotated[Line, Field(max_length=LONGEST_REASON, examples=["gearbox exchange"])]

router = APIRouter(prefix="/api/v1", responses={422: RESPONSES[422], 503: RESPONSES[503]})


def asked_by(request: Request) -> str:
    """Return who asks, in words."""
    return guard_of(request).asked_by(asking_of(request.scope))


Somebody = Annotated[str, Depends(asked_by)]


class Order(BaseModel):
    """What comes as JSON; a field that is misspelt is none to pass over."""

    model_config = ConfigDict(strict=True, extra="forbid")


class Roster(Order):
    """How many engineers there shall be."""

    count: Annotated[int, Field(ge=0, le=MAX_ENGINEERS, examples=[3])]


class Hold(Order):
    """Why nobody may be sent to a turbine, and how long: until a moment, for a time, or, without either, for good."""

    reason: Reason | None = None
    until: Annotated[int | None, Field(ge=0, le=MAX_MEASURED_AT, description="ms since 1970 UTC")] = None
    duration_in_seconds: Annotated[
        float | None,
        Field(gt=0, le=LONGEST_HOLD, description="from now on, by the monitor's clock", examples=[14400.0]),
    ] = None


class Next(Order):
    """Why a turbine goes first."""

    reason: Annotated[Reason | None, Field(examples=["strong wind ahead"])] = None


@router.put("/engineers")
async def change_engineers(monitor: Monitor, by: Somebody, roster: Annotated[Roster, Body()]) -> Pool:
    """Change how many engineers there are, for good: a monitor that starts again goes on with as many."""
    monitor.change_roster(roster.count, by=by)
    await monitor.kept()
    return pool_of(monitor)


@router.put("/turbines/{turbine_number}/hold", responses={409: RESPONSES[409]})
async def hold(
    monitor: Monitor, by: Somebody, turbine_number: Number, order: Annotated[Hold, Body()]
) -> HoldState:
    """Send nobody to a turbine, known or not, while people may be in it; an engineer who is there leaves at once.

    It ends by itself or by DELETE, outlives restarts, and counts as planned time. A second PUT takes its place.
    """
    monitor.hold(turbine_number, reason=order.reason, until=_until(order, monitor), by=by)
    await monitor.kept()
    held = monitor.fleet_state.hold_of(turbine_number)
    if held is None:
        raise HTTPException(409, f"The hold of turbine {turbine_number} is over already.")
    return held


@router.delete("/turbines/{turbine_number}/hold", status_code=204, responses={404: RESPONSES[404]})
async def end_hold(monitor: Monitor, by: Somebody, turbine_number: Number) -> None:
    """Hold a turbine no longer: still broken, it waits at its old place."""
    if monitor.fleet_state.hold_of(turbine_number) is None:
        raise HTTPException(404, f"Turbine {turbine_number} is not held.")
    monitor.end_hold(turbine_number, by=by)
    await monitor.kept()


@router.put("/turbines/{turbine_number}/next", responses={409: RESPONSES[409]})
async def put_next(
    monitor: Monitor, by: Somebody, turbine_number: Number, order: Annotated[Next, Body()]
) -> TurbineState:
    """Let a waiting turbine go before all others; one that does not wait: 409."""
    if not monitor.fleet_state.waits(turbine_number):
        raise HTTPException(409, f"Turbine {turbine_number} does not wait for an engineer.")
    monitor.put_next(turbine_number, reason=order.reason, by=by)
    await monitor.kept()
    return _state(monitor, turbine_number)


@router.delete(
    "/turbines/{turbine_number}", status_code=204, responses={404: RESPONSES[404], 409: RESPONSES[409]}
)
async def forget(
    monitor: Monitor,
    by: Somebody,
    turbine_number: Number,
    *,
    readings: Annotated[
        bool, Query(description="delete its readings too, within minutes; else they go when they are old")
    ] = False,
) -> None:
    """Know a turbine no more, in no list and no report, until it comes back.

    One that has a link, to this monitor or to another one of its pool, stays: 409.
    """
    _refuse_linked(monitor, turbine_number)
    if not await _is_known(monitor, turbine_number):
        raise HTTPException(404, f"Turbine {turbine_number} is not known here.")
    monitor.forget(turbine_number, erase=readings, by=by)
    await monitor.kept()
    _refuse_linked(monitor, turbine_number)  # it came meanwhile, and is not forgotten


def _refuse_linked(monitor: GridMonitor, turbine_number: int) -> None:
    entry = monitor.fleet_state.get(turbine_number)
    if entry is not None and entry.online:
        where = f" at {entry.monitor}" if entry.monitor else ""
        raise HTTPException(
            409, f"Turbine {turbine_number} has a link{where}; end that, then it can be forgotten."
        )


def _until(order: Hold, monitor: GridMonitor) -> int | None:
    if order.until is not None and order.duration_in_seconds is not None:
        raise HTTPException(422, "Give either until or duration_in_seconds.")
    now = monitor.clock.now().at
    if order.duration_in_seconds is not None:
        return min(now + round(order.duration_in_seconds * 1000), MAX_MEASURED_AT)
    if order.until is not None and order.until <= now:
        raise HTTPException(422, f"until: it is {now} already, by the monitor's clock.")
    return order.until


def _state(monitor: GridMonitor, turbine_number: int) -> TurbineState:
    (state,) = monitor.fleet_state.states([turbine_number])
    return state


async def _is_known(monitor: GridMonitor, turbine_number: int) -> bool:
    """Return whether there is anything of a turbine, also where it was seen last too long ago to be shown."""
    return (
        turbine_number in monitor.fleet_state
        or bool(await monitor.store.repairs(turbine_number=turbine_number, limit=1))
        or bool(await monitor.store.readings(turbine_number, since=0, until=MAX_MEASURED_AT + 1, limit=1))
    )
