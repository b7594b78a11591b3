"""How many engineers are enough, over HTTP: `gridws plan` in a process of its own.

It takes seconds of a core, which the monitor's own process has not: it would dispatch with a delay. The process is
nice to everybody, there is one at a time, and it ends with whoever asked.
"""

from __future__ import annotations

import asyncio
import os
import sys
from contextlib import suppress
from datetime import UTC, datetime
from typing import Annotated, Final, Literal

from fastapi import APIRouter, HTTPException, Query, Request, Response
from pydantic import BaseModel, Field

from ..plan.record import Estimates
from ..settings import MAX_MEASURED_AT
from .api import Monitor
from .problems import RESPONSES

router = APIRouter(prefix="/api/v1", responses={422: RESPONSES[422]})

NICENESS: Final = 10
LONGEST: Final = 10.0
"""Seconds of playing; reading a month of a large fleet comes before."""
GIVE_UP_AFTER: Final = 60.0
LOOK_EVERY: Final = 0.5
MONTH: Final = 30 * 86_400_000


class PlanTheory(BaseModel):
    """The same pool by the finite-source model, in the long run."""

    availability: float
    utilisation: float | None
    wait_mean_in_seconds: float | None
    wait_p95_in_seconds: float | None


class PlanPool(BaseModel):
    """One pool of engineers; failures, waits and energy are those of one period, the mean over the replications."""

    engineers: int = Field(examples=[3])
    availability: float = Field(description="share of the turbines' time, between 0 and 1")
    availability_half_width: float | None = Field(description="half of an interval of 95 %")
    availability_by_energy: float | None
    utilisation: float | None = Field(description="work, travel included ÷ rostered time")
    wait_mean_in_seconds: float | None
    wait_p50_in_seconds: float | None
    wait_p95_in_seconds: float | None
    waiting_share: float
    replications: int
    failures: float
    repaired: float
    still_waiting: float
    overtime_in_seconds: float
    lost_energy_in_kwh: float | None
    cost: float | None
    theory: PlanTheory | None


class Plan(BaseModel):
    """How many engineers are enough, and what other pools would have made of the same failures."""

    source: Literal["model", "record"]
    turbines: int
    horizon_in_seconds: float
    seed: int
    recommended: int | None
    reason: str
    pools: list[PlanPool]
    estimates: Estimates | None


@router.get("/plan", response_model=Plan, responses={503: RESPONSES[503]})
async def plan(  # noqa: PLR0917 - parameters of the query
    request: Request,
    monitor: Monitor,
    since: Annotated[
        int | None,
        Query(
            ge=0, le=MAX_MEASURED_AT, description="from here on, in ms since 1970 UTC; 30 days before `until`"
        ),
    ] = None,
    until: Annotated[int | None, Query(ge=1, le=MAX_MEASURED_AT, description="up to here; now")] = None,
    engineers: Annotated[
        str | None, Query(pattern=r"^\d{1,5}(-\d{1,5})?$", description="pools, such as 3 or 1-6")
    ] = None,
    target_availability: Annotated[float | None, Query(ge=0, le=100, description="in per cent")] = None,
    target_wait_in_seconds: Annotated[float | None, Query(gt=0, le=1e8)] = None,
    power: Annotated[
        float | None, Query(ge=0, le=1e9, description="mean of a running turbine, in kW")
    ] = None,
    seed: Annotated[int, Query(ge=0, le=MAX_MEASURED_AT)] = 1,
    precision: Annotated[float, Query(ge=0.01, le=100, description="in per cent of availability")] = 0.1,
    seconds: Annotated[float, Query(gt=0, le=LONGEST, description="how long it may play")] = 5.0,
) -> Response:
    """Replay the recorded lives of the fleet with other numbers of engineers, decided by the live dispatcher.

    `gridws plan --explain` says how each figure is made.
    """
    end = min(until or monitor.clock.now().at, MAX_MEASURED_AT)
    begin = max(0, end - MONTH) if since is None else since
    if begin >= end:
        raise HTTPException(422, "The range is empty; since must be before until.")
    options = {
        "--from": _iso(begin),
        "--to": _iso(end),
        "--engineers": engineers,
        "--target-availability": target_availability,
        "--target-wait": None if target_wait_in_seconds is None else f"{target_wait_in_seconds:.3f}s",
        "--power": power,
        "--seed": seed,
        "--precision": precision,
        "--seconds": seconds,
    }
    said = [f"{name}={value}" for name, value in options.items() if value is not None]
    async with request.app.state.one_plan:
        return Response(
            await _played(request, said, monitor.settings.database), media_type="application/json"
        )


async def _played(request: Request, options: list[str], database: str) -> bytes:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "gridws", "plan", "--json", *options,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=_environment(database),
    )  # fmt: skip
    with suppress(OSError):  # it has ended already
        os.setpriority(os.PRIO_PROCESS, process.pid, NICENESS)
    answer = asyncio.create_task(process.communicate())
    try:
        async with asyncio.timeout(GIVE_UP_AFTER):
            while not answer.done():
                if await request.is_disconnected():
                    raise HTTPException(503, "Whoever asked is gone.")
                await asyncio.wait([answer], timeout=LOOK_EVERY)
    except TimeoutError:
        raise HTTPException(503, f"There was no answer within {GIVE_UP_AFTER:g} s; ask for less.") from None
    except asyncio.CancelledError:
        raise HTTPException(503, "The monitor stops.") from None
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await asyncio.wait([answer])  # killed, it ends at once, and its pipes are closed
    said, complaint = await answer
    if process.returncode == 2:
        raise HTTPException(422, _sentence(complaint))
    if process.returncode != 0:
        raise HTTPException(503, _sentence(complaint))
    return said


def _environment(database: str) -> dict[str, str]:
    """Return the variables without ours: a plan takes its options from the request alone, and needs no secret.

    The database is one of them, since others see the options of a process, and a URL may hold a password.
    """
    others = {name: value for name, value in os.environ.items() if not name.startswith("GRIDWS_")}
    return others | {"GRIDWS_DATABASE": database}


def _sentence(complaint: bytes) -> str:
    text = complaint.decode(errors="replace").strip().rpartition("\n")[2].removeprefix("gridws: ")
    return f"{text[:1].upper()}{text[1:]}." if text else "The plan ended without a word."


def _iso(at: int) -> str:
    return datetime.fromtimestamp(at / 1000, UTC).isoformat()
