"""Names and notes over HTTP: what people say that sends nobody anywhere. Answered like the orders of `orders.py`."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import APIRouter, Body, HTTPException, Path
from pydantic import BaseModel, Field

from ..monitor.monitor import GridMonitor
from ..monitor.remarks import Naming
from ..settings import MAX_ENGINEERS, MAX_TURBINE_NUMBER
from .api import LONGEST_NAME, Monitor, Number
from .orders import Line, Order, Somebody
from .problems import RESPONSES

LONGEST_NOTE: Final = 2_000
MOST_NAMES: Final = 200
"""Names in one request, which has 64 KiB at the most."""

NameText = Annotated[Line, Field(max_length=LONGEST_NAME)]
EngineerId = Annotated[int, Path(ge=1, le=MAX_ENGINEERS, description="the engineer's id")]

router = APIRouter(prefix="/api/v1", responses={422: RESPONSES[422], 503: RESPONSES[503]})


class Called(Order):
    """What people call it, and where it is; what is missing, it has no more."""

    name: Annotated[NameText | None, Field(examples=["West 3"])] = None
    site: Annotated[NameText | None, Field(examples=["Westermarsch"])] = None


class CalledOf(Called):
    """What people call one turbine, or one engineer."""

    turbine_number: Annotated[int, Field(ge=1, le=MAX_TURBINE_NUMBER, examples=[7])] | None = None
    engineer_id: Annotated[int, Field(ge=1, le=MAX_ENGINEERS)] | None = None


class NameRow(BaseModel):
    """What people call one turbine, or one engineer, and where it is."""

    turbine_number: int | None = Field(default=None, examples=[7])
    engineer_id: int | None = None
    name: str | None = Field(examples=["West 3"])
    site: str | None = Field(examples=["Westermarsch"])


class Note(Order):
    """What somebody has to say."""

    text: Annotated[Line, Field(max_length=LONGEST_NOTE, examples=["crane is booked for Tuesday"])]


@router.put("/turbines/{turbine_number}")
async def name_turbine(
    monitor: Monitor, by: Somebody, turbine_number: Number, called: Annotated[Called, Body()]
) -> NameRow:
    """Say what people call a turbine, known or not, and where it is; its number stays what it is known by."""
    await _name(monitor, by, [Naming(turbine_number, None, called.name, called.site)])
    return NameRow(turbine_number=turbine_number, name=called.name, site=called.site)


@router.put("/engineers/{engineer_id}")
async def name_engineer(
    monitor: Monitor, by: Somebody, engineer_id: EngineerId, called: Annotated[Called, Body()]
) -> NameRow:
    """Say what people call an engineer, also one who is not there yet."""
    await _name(monitor, by, [Naming(None, engineer_id, called.name, called.site)])
    return NameRow(engineer_id=engineer_id, name=called.name, site=called.site)


@router.get("/names")
async def names(monitor: Monitor) -> list[NameRow]:
    """All names, of turbines and then of engineers, by number."""
    turbines, engineers = ([*sorted(known.items())] for known in monitor.fleet_state.names)
    rows = [NameRow(turbine_number=number, **name._asdict()) for number, name in turbines if any(name)]
    rows += [NameRow(engineer_id=number, **name._asdict()) for number, name in engineers if any(name)]
    return rows


@router.put("/names", status_code=204)
async def set_names(
    monitor: Monitor, by: Somebody, called: Annotated[list[CalledOf], Body(max_length=MOST_NAMES)]
) -> None:
    """Say what people call many turbines and engineers; those that are not in the list keep their names."""
    for place, each in enumerate(called):
        if (each.turbine_number is None) == (each.engineer_id is None):
            raise HTTPException(422, f"{place}: give either turbine_number or engineer_id.")
    await _name(
        monitor,
        by,
        [Naming(each.turbine_number, each.engineer_id, each.name, each.site) for each in called],
    )


@router.post("/turbines/{turbine_number}/notes", status_code=204)
async def note(monitor: Monitor, by: Somebody, turbine_number: Number, said: Annotated[Note, Body()]) -> None:
    """Say something of a turbine, for whoever looks at it later: it is told, and kept among the events."""
    monitor.remarks.note(said.text, monitor.clock.now(), turbine_number=turbine_number, by=by)
    await monitor.kept()


async def _name(monitor: GridMonitor, by: str, namings: list[Naming]) -> None:
    monitor.remarks.name(namings, monitor.clock.now(), by=by)
    await monitor.kept()
