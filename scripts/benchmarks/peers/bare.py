"""Bare peers that gridws is measured beside. Each listens on a free port, prints it, and stores nothing.

`websockets`: the library's own server on asyncio's own loop, as its documentation runs it, each frame parsed and
validated by pydantic with our models.
`websockets-uvloop`: the same on uvloop, which gridws and all others here run on.
`echo`: the same on uvloop, sending each frame back.
`post`: the original's design: FastAPI on uvicorn, HTTP POST of one reading on a kept connection.
`clients URL COUNT`: no server but turbines as the library's own clients, each with two tasks, a reading a second.
`route DATABASE`: gridws itself on the FastAPI route instead of its own protocol class, with everything stored.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import random
import socket
import sys
import time
from pathlib import Path
from typing import Annotated

import uvicorn
import uvloop
from fastapi import FastAPI
from pydantic import Field, TypeAdapter
from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import ServerConnection, serve

from gridws.monitor.monitor import GridMonitor
from gridws.settings import MonitorSettings
from gridws.storage.sqlite.store import SqliteStore
from gridws.web.app import create_app
from gridws.wire.frames import TurbineMetrics, UpFrame, parse_down

from ..raw_links import READING


async def clients(url: str, count: int) -> None:
    gate = asyncio.Semaphore(100)

    async def live(number: int) -> None:
        await asyncio.sleep(random.random())
        async with gate:
            link = await connect(f"{url}/ws/turbines/{number}", compression=None, ping_interval=None)
        await link.send(HELLO % number)
        reading = asyncio.ensure_future(read(link))
        for sequence in itertools.count(1):
            await link.send((READING % (number, int(time.time() * 1000), sequence)).decode())
            await asyncio.sleep(1.0)
        await reading

    async def read(link: ClientConnection) -> None:
        async for text in link:
            parse_down(str(text))

    await asyncio.gather(*[live(number) for number in range(1, count + 1)])


HELLO = '{"type":"hello","turbine_number":%d,"stream":"bench","upload_frequency_in_seconds":1}'


async def websockets_server(*, echo: bool) -> None:
    adapter: TypeAdapter[UpFrame] = TypeAdapter(Annotated[UpFrame, Field(discriminator="type")])
    validate = adapter.validator.validate_json

    async def handle(connection: ServerConnection) -> None:
        async for text in connection:
            if echo:
                await connection.send(text)
            else:
                validate(str(text))

    async with serve(handle, "127.0.0.1", 0, compression=None, ping_interval=None) as server:
        print(next(iter(server.sockets)).getsockname()[1], flush=True)
        await asyncio.Future()


def post_app() -> FastAPI:
    app = FastAPI()
    queue: asyncio.Queue[TurbineMetrics] = asyncio.Queue(maxsize=1)

    @app.post("/post_metrics")
    async def on_post_metrics(turbine_metrics: TurbineMetrics) -> None:
        if queue.full():
            queue.get_nowait()
        await queue.put(turbine_metrics)

    return app


def route_app(database: str) -> FastAPI:
    settings = MonitorSettings(database=database)
    return create_app(GridMonitor(3, SqliteStore(Path(database), settings=settings), settings=settings))


async def serve_app(app: FastAPI) -> None:
    listener = socket.create_server(("127.0.0.1", 0), backlog=2048)
    print(listener.getsockname()[1], flush=True)
    config = uvicorn.Config(
        app, ws="websockets-sansio", log_level="critical", access_log=False, ws_per_message_deflate=False
    )
    await uvicorn.Server(config).serve([listener])


def main(kind: str, *arguments: str) -> None:
    logging.disable(logging.CRITICAL)  # the load is cut at its end, which is no news
    if kind == "clients":
        uvloop.run(clients(arguments[0], int(arguments[1])))
    elif kind == "websockets":
        asyncio.run(websockets_server(echo=False))
    elif kind in {"websockets-uvloop", "echo"}:
        uvloop.run(websockets_server(echo=kind == "echo"))
    else:
        uvloop.run(serve_app(post_app() if kind == "post" else route_app(*arguments)))


if __name__ == "__main__":
    main(*sys.argv[1:])
