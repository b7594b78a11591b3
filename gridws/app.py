"""The monitor as a FastAPI application: thin routes and the lifespan; everything else is the monitor's."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from http import HTTPStatus
from importlib.metadata import version
from typing import Annotated, Literal

from fastapi import APIRouter, FastAPI, Query, Response, WebSocket
from fastapi_offline import FastAPIOffline
from prometheus_client import CONTENT_TYPE_LATEST
from pydantic import BaseModel

from . import api, documents, login, problems, report_api
from .api import Monitor, monitor_of
from .asgi_link import serve_turbine
from .asgi_socket import refuse
from .asking import Refusal
from .exposition import exposition
from .http_access import HttpAccess
from .monitor import GridMonitor
from .settings import MAX_TURBINE_NUMBER
from .viewers import serve_viewer

health = APIRouter()
sockets = APIRouter()

OnDeath = Callable[[BaseException], None]


class Health(BaseModel):
    """Whether readings can be stored; `reason` says why not, `warning` what will go wrong soon."""

    status: Literal["ok", "degraded"]
    reason: str | None
    warning: str | None


def create_app(monitor: GridMonitor, *, on_death: OnDeath | None = None) -> FastAPI:
    """Return the application of this monitor, which lives as long as the application does.

    `on_death` is called with the error if the monitor dies before the application ends.
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
    app.state.one_report = asyncio.Lock()
    app.state.one_encoding = asyncio.Lock()
    problems.install(app)
    documents.install(app)
    app.add_middleware(HttpAccess, guard=monitor.guard)
    for router in (health, sockets, api.router, report_api.router, documents.router, login.router):
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
    reason = monitor.queue.degraded
    return Health(status="degraded" if reason else "ok", reason=reason, warning=monitor.store.low_space)


@health.get("/readyz", responses={503: {"model": Health}})
async def readyz(monitor: Monitor, response: Response) -> Health:
    """200 while the monitor takes links and stores readings, else 503."""
    if monitor.queue.degraded or not monitor.accepting:
        response.status_code = 503
    return await healthz(monitor)


# Load balancers ask so.
health.add_api_route("/healthz", healthz, methods=["HEAD"], include_in_schema=False)
health.add_api_route("/readyz", readyz, methods=["HEAD"], include_in_schema=False)


@health.get("/metrics", response_class=Response)
async def metrics(monitor: Monitor) -> Response:
    """Every number for Prometheus."""
    return Response(exposition(monitor), media_type=CONTENT_TYPE_LATEST)


@sockets.websocket("/ws/turbines/{turbine_number:path}")
async def turbine_link(websocket: WebSocket, turbine_number: str) -> None:
    """One turbine's link."""
    await serve_turbine(websocket, monitor_of(websocket), turbine_number)


@sockets.websocket("/ws/watch")
async def watch(websocket: WebSocket) -> None:
    """The fleet's state."""
    monitor = monitor_of(websocket)
    await serve_viewer(websocket, monitor, open_viewer=monitor.watch.open, close_viewer=monitor.watch.close)


@sockets.websocket("/ws/frames")
async def frames(
    websocket: WebSocket,
    turbine: Annotated[int | None, Query(ge=1, le=MAX_TURBINE_NUMBER)] = None,
) -> None:
    """Raw frames as they cross, of one turbine or of all."""
    monitor = monitor_of(websocket)
    await serve_viewer(
        websocket, monitor, open_viewer=lambda: monitor.tap.open(turbine), close_viewer=monitor.tap.close
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
