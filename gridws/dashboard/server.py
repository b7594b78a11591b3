"""The dashboard as a web application, and the server that runs it until a signal."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import Final

from fastapi import FastAPI, Request
from nicegui import Client, ui
from starlette.types import ASGIApp
from uvicorn import Config, Server

from ..process.listening import open_sockets
from ..process.pipelining import PipelinedHttpProtocol
from ..process.reloading import Reloads
from ..process.signals import on_hangup
from ..settings import DashboardSettings
from .export import export_routes
from .page import Page
from .page_guard import PageGuard
from .room import ControlRoom

STYLE: Final = Path(__file__).with_name("style.css")
FAVICON: Final = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><rect width="16" height="16" rx="3" '
    'fill="#1a7f4b"/><path d="M8 15V8M8 8 3 4M8 8l6-2M8 8l-1 6" stroke="#fff" stroke-width="1.6"/></svg>'
)


def create_app(settings: DashboardSettings) -> ASGIApp:
    """Return the application: the page, `/healthz`, and the CSV files."""
    room = ControlRoom(settings)
    room.visited = lambda: any(client.has_socket_connection for client in Client.instances.values())
    app = FastAPI(lifespan=lambda _app: _life(room, settings), openapi_url=None)

    @app.get("/healthz")
    async def healthz() -> dict[str, str]:
        """A plain route: a probe that fetched the page would leave a page without a visitor behind."""
        return {"status": "ok", "monitor": "disconnected" if room.mirror.stale else "connected"}

    app.include_router(export_routes(room.archive))
    build_pages(room, settings)
    ui.run_with(
        app,
        title="gridws: wind fleet",
        favicon=FAVICON,
        dark=None,
        language="en-US",
        tailwind=False,
        binding_refresh_interval=None,
        show_welcome_message=False,
    )
    for name in ("engineio.server", "socketio.server"):  # they write past the log what strangers say
        logging.getLogger(name).handlers.clear()
    logging.getLogger("uvicorn.error").setLevel(logging.ERROR)  # it warns of every request that is none
    return PageGuard(app, settings)


def build_pages(room: ControlRoom, settings: DashboardSettings) -> None:
    """Register the page with NiceGUI."""
    style = STYLE.read_text(encoding="utf-8")

    @ui.page("/")
    def index(request: Request) -> None:
        forget_unclaimed(settings)
        ui.add_css(style)
        Page(room, dict(request.query_params))


def forget_unclaimed(settings: DashboardSettings) -> None:
    """Forget pages that were fetched, but whose browsers never connected: the old ones, and the oldest."""
    Client.prune_instances(client_age_threshold=settings.unclaimed_for)
    unclaimed = sorted(
        (client for client in Client.instances.values() if _is_unclaimed(client)),
        key=lambda client: client.created,
    )
    for client in unclaimed[: max(0, len(unclaimed) - settings.max_unclaimed)]:
        client.delete()


def _is_unclaimed(client: Client) -> bool:
    # NiceGUI keeps the page of a visitor whose connection broke for a few seconds: that one is not unclaimed.
    never_connected = client.environ is None
    return never_connected and client.created < time.time() - 1.0


@asynccontextmanager
async def _life(room: ControlRoom, settings: DashboardSettings) -> AsyncIterator[None]:
    async def tidy() -> None:
        while True:
            await asyncio.sleep(settings.unclaimed_for / 3)
            forget_unclaimed(settings)

    tasks = [asyncio.create_task(room.run()), asyncio.create_task(tidy())]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        with suppress(asyncio.CancelledError):
            await asyncio.gather(*tasks)


class DashboardServer(Server):
    """uvicorn, with one signal or ten meaning the same, and none of them raised again at the end."""

    def __init__(self, config: Config, on_listening: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_listening = on_listening

    def stop(self) -> None:
        """Begin to stop; `serve` returns when it is done."""
        self.should_exit = True

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002 - as `signal` calls it
        """Stop as well."""
        self.stop()

    async def startup(self, sockets: list[object] | None = None) -> None:  # type: ignore[override]
        """Listen, and say so."""
        await super().startup(sockets)  # type: ignore[arg-type]
        if self.started:
            self._on_listening()


async def serve(settings: DashboardSettings, on_listening: Callable[[int], None]) -> None:
    """Serve until SIGINT, SIGTERM or a closed terminal; `on_listening` is told the port."""
    sockets = open_sockets(settings.hosts, settings.port)
    port = sockets[0].getsockname()[1]
    config = Config(
        create_app(settings),
        http=PipelinedHttpProtocol,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        ws_per_message_deflate=False,
        timeout_graceful_shutdown=max(1, round(settings.graceful_shutdown)),
    )
    server = DashboardServer(config, lambda: on_listening(port))
    on_hangup(stop=server.stop, reload=Reloads(()).reload)
    await server.serve(sockets)
