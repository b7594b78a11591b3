"""The monitor as a FastAPI application: thin routes and the lifespan; everything else is the monitor's."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from http import HTTPStatus
from importlib.metadata import version
from typing import Annotated, Literal

from fastapi import APIRouter, FastAPI, Query, Request, Response, WebSocket
from fastapi_offline import FastAPIOffline
from prometheus_client import CONTENT_TYPE_LATEST
from pydantic import BaseModel, Field

from ..access.guard import Guard
from ..access.request import Refusal
from ..monitor.monitor import GridMonitor
from ..server.asgi_link import serve_turbine
from ..server.asgi_socket import refuse
from ..server.viewer_routes import serve_viewer
from ..settings import MAX_TURBINE_NUMBER
from ..webhook.webhooks import Webhooks
from . import api, documents, login, orders, plan_api, problems, remarks_api, report_api
from .api import Monitor, monitor_of
from .http_access import HttpAccess, guard_of
from .prometheus import exposition

health = APIRouter()
sockets = APIRouter()

NOTES_SHOWN = 10

OnDeath = Callable[[BaseException], None]


class DiskState(BaseModel):
    """What the data takes of the disk, what is free there, what a day adds, and when it is full, null if never."""

    database_bytes: int
    log_bytes: int
    free_bytes: int
    bytes_a_day: float | None = Field(description="at the rate of the last hour; null until it is known")
    full_at: int | None = Field(description="ms since 1970 UTC; null where all that is to be kept fits")


class PoolState(BaseModel):
    """How many monitors share the pool of engineers, and how many turbines are linked to them, all together."""

    monitors: int
    links: int


class Health(BaseModel):
    """Whether readings can be stored: all, not as fast as they come (turbines keep them meanwhile), or none.

    `reason` says why not, `dispatch` why no engineer can be sent anywhere (null: they can), `warning` what will go
    wrong soon, `notes` what was found and done to the database since the monitor began, the latest last.
    """

    status: Literal["ok", "overloaded", "degraded"]
    reason: str | None
    dispatch: str | None
    warning: str | None
    notes: list[str]
    links: int = Field(description="turbines that are linked to this monitor")
    pool: PoolState | None = Field(
        default=None, description="null where this monitor's engineers are its own"
    )
    disk: DiskState | None = Field(
        default=None, description="null where the data lies on no disk of this machine"
    )


def create_app(
    monitor: GridMonitor,
    guard: Guard | None = None,
    webhooks: Webhooks | None = None,
    *,
    on_death: OnDeath | None = None,
) -> FastAPI:
    """Return the application of this monitor, which lives as long as the application does.

    `webhooks` is who else is told what happens, for `/metrics` to count.

    `guard` decides who may what; without one it is made as the monitor's settings say. `on_death` is called with
    the error if the monitor dies before the application ends.
    """
    app: FastAPI = FastAPIOffline(
        docs_url=None,  # ours has a policy; the files it needs are served all the same
        redoc_url=None,
        title="gridws",
        version=version("gridws"),
        description="Wind turbines: what goes on now, and what was collected.",
        lifespan=lambda _app: _life(monitor, on_death),
    )
    app.state.monitor = monitor
    app.state.guard = guard = guard or Guard(monitor.settings)
    app.state.webhooks = webhooks
    app.state.one_encoding = asyncio.Lock()
    app.state.one_plan = asyncio.Lock()
    problems.install(app)
    documents.install(app)
    app.add_middleware(HttpAccess, guard=guard)
    parts = (api, orders, remarks_api, report_api, plan_api, documents, login)
    for router in (health, sockets, *(part.router for part in parts)):
        app.include_router(router)
    return app


@asynccontextmanager
async def _life(monitor: GridMonitor, on_death: OnDeath | None) -> AsyncIterator[dict[str, GridMonitor]]:
    await monitor.start()
    life = asyncio.create_task(monitor.run(), name="monitor")

    def report(task: asyncio.Task[None]) -> None:
        error = None if task.cancelled() else task.exception()
        if error is not None and on_death is not None:
            on_death(error)

    life.add_done_callback(report)
    await asyncio.sleep(0)  # a task cancelled before it began would not close the store
    try:
        yield {"monitor": monitor}
    finally:
        life.cancel()
        await asyncio.wait([life])


@health.get("/healthz")
async def healthz(monitor: Monitor) -> Health:
    """200 while the monitor lives; whether it can store readings is in the body."""
    degraded, overloaded = monitor.queue.degraded, monitor.overloaded
    return Health(
        status="degraded" if degraded else "overloaded" if overloaded else "ok",
        reason=degraded or overloaded,
        dispatch=monitor.undispatched,
        warning=monitor.store.low_space or (monitor.forecast.warning if monitor.forecast else None),
        notes=list(monitor.store.notes[-NOTES_SHOWN:]),
        links=len(monitor.sessions),
        pool=_pool(monitor),
        disk=_disk(monitor),
    )


def _pool(monitor: GridMonitor) -> PoolState | None:
    count = len(monitor.monitors)
    return PoolState(monitors=count, links=monitor.fleet_state.totals().online) if count else None


def _disk(monitor: GridMonitor) -> DiskState | None:
    space, found = monitor.store.space, monitor.forecast
    if space is None:
        return None
    return DiskState(
        **space._asdict(),
        bytes_a_day=found.bytes_a_day if found else None,
        full_at=found.full_at if found else None,
    )


@health.get("/readyz", responses={503: {"model": Health}})
async def readyz(monitor: Monitor, response: Response) -> Health:
    """200 while the monitor takes links, stores readings and can send engineers, else 503."""
    if monitor.queue.degraded or monitor.undispatched or not monitor.accepting:
        response.status_code = 503
    return await healthz(monitor)


# Load balancers ask so.
health.add_api_route("/healthz", healthz, methods=["HEAD"], include_in_schema=False)
health.add_api_route("/readyz", readyz, methods=["HEAD"], include_in_schema=False)


@health.get("/metrics", response_class=Response)
async def metrics(request: Request, monitor: Monitor) -> Response:
    """Every number for Prometheus."""
    return Response(exposition(monitor, request.app.state.webhooks), media_type=CONTENT_TYPE_LATEST)


@sockets.websocket("/ws/turbines/{turbine_number:path}")
async def turbine_link(websocket: WebSocket, turbine_number: str) -> None:
    """One turbine's link."""
    await serve_turbine(websocket, monitor_of(websocket), guard_of(websocket), turbine_number)


@sockets.websocket("/ws/watch")
async def watch(websocket: WebSocket) -> None:
    """The fleet's state."""
    monitor = monitor_of(websocket)
    await serve_viewer(
        websocket,
        monitor,
        guard_of(websocket),
        open_viewer=monitor.watch.open,
        close_viewer=monitor.watch.close,
    )


@sockets.websocket("/ws/frames")
async def frames(
    websocket: WebSocket,
    turbine: Annotated[int | None, Query(ge=1, le=MAX_TURBINE_NUMBER)] = None,
) -> None:
    """Raw frames as they cross the links of this monitor, of one turbine or of all."""
    monitor = monitor_of(websocket)
    await serve_viewer(
        websocket,
        monitor,
        guard_of(websocket),
        open_viewer=lambda: monitor.tap.open(
            turbine, elsewhere=monitor.fleet_state.monitors_elsewhere(turbine)
        ),
        close_viewer=monitor.tap.close,
    )


@sockets.websocket("/{path:path}")
async def nothing_here(websocket: WebSocket) -> None:
    """Every other path, so that a mistyped one does not look like a missing token."""
    await refuse(
        websocket,
        Refusal(
            HTTPStatus.NOT_FOUND,
            "There is no such path: turbines use /ws/turbines/NUMBER, viewers /ws/watch or /ws/frames.",
        ),
    )
