"""A monitor that follows a script: a real WebSocket server on a free port, for tests of the turbine's side.

    async with ScriptedMonitor() as monitor:
        link = await monitor.next_link()      # a turbine has come
        hello = await link.next(Hello)        # the next frame of this type; others before it are passed over
        await link.welcome()                  # send down whatever the story wants
        link.cut()                            # gone without a close frame

`obliging=True` makes it welcome and acknowledge by itself and keep no frames: enough for thousands.
`refuse_with` answers handshakes with an HTTP status. Every wait has a time limit, so a story that
goes wrong fails instead of hanging.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Any, Self, TypeVar

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response
from websockets.typing import Subprotocol

from gridws.wire.frames import (
    SUBPROTOCOL,
    Ack,
    EngineerAssigned,
    Frame,
    Hello,
    Metrics,
    Status,
    UpFrame,
    Welcome,
    encode,
    parse_up,
)

F = TypeVar("F", Hello, Metrics, Status)

PATIENCE = 30.0
"""Seconds that any single wait of a story may take; only a failing test ever waits so long."""


class ScriptedLink:
    """One turbine's link; `frames` has everything that came up, in order."""

    def __init__(self, connection: ServerConnection, *, obliging: bool) -> None:
        self.connection = connection
        self.frames: list[UpFrame] = []
        self._obliging = obliging
        self._queue: asyncio.Queue[UpFrame] = asyncio.Queue()

    @property
    def turbine_number(self) -> int:
        return int(self.path.rpartition("/")[2])

    @property
    def path(self) -> str:
        assert self.connection.request is not None
        return self.connection.request.path

    @property
    def headers(self) -> Any:
        assert self.connection.request is not None
        return self.connection.request.headers

    async def next(self, kind: type[F]) -> F:
        """Return the next frame of this type that the story has not seen."""
        async with asyncio.timeout(PATIENCE):
            while not isinstance(frame := await self._queue.get(), kind):
                pass
        return frame

    async def send(self, frame: Frame) -> None:
        await self.connection.send(encode(frame))

    async def welcome(self, last_sequence: int | None = None, silence: float = 60.0) -> None:
        await self.send(
            Welcome(
                turbine_number=self.turbine_number,
                last_sequence=last_sequence,
                silence_timeout_in_seconds=silence,
            )
        )

    async def assign(self, assignment_id: int = 1, engineer_id: int = 1) -> None:
        await self.send(
            EngineerAssigned(
                turbine_number=self.turbine_number,
                engineer_id=engineer_id,
                assignment_id=assignment_id,
                assigned_at=0,
            )
        )

    def cut(self) -> None:
        """End the TCP connection without a close frame."""
        self.connection.transport.abort()

    async def close(self, code: int, reason: str = "") -> None:
        await self.connection.close(code, reason)

    async def closed(self) -> int | None:
        """Wait until the turbine is gone and return its close code, None when it sent none."""
        async with asyncio.timeout(PATIENCE):
            await self.connection.wait_closed()
        close = self.connection.protocol.close_rcvd
        return close.code if close is not None else None

    async def receive_all(self) -> None:
        try:
            async for text in self.connection:
                assert isinstance(text, str)
                await self._receive(parse_up(text))
        except ConnectionClosed:
            pass  # the story wants it so

    async def _receive(self, frame: UpFrame) -> None:
        if not self._obliging:
            self.frames.append(frame)
            self._queue.put_nowait(frame)
        elif isinstance(frame, Hello):
            await self.welcome(silence=max(5.0, 3 * (frame.upload_frequency_in_seconds or 20.0)))
        elif isinstance(frame, Metrics) and frame.sequence is not None:
            await self.send(Ack(sequence=frame.sequence))


class ScriptedMonitor:
    """The server; `links` has all that ever came."""

    def __init__(
        self,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        obliging: bool = False,
        refuse_with: int | None = None,
    ) -> None:
        self.links: list[ScriptedLink] = []
        self.handshakes = 0
        self.readings = 0
        self.refuse_with = refuse_with
        self._host = host
        self._port = port
        self._obliging = obliging
        self._queue: asyncio.Queue[ScriptedLink] = asyncio.Queue()
        self._server: Server | None = None

    async def __aenter__(self) -> Self:
        self._server = await serve(
            self._handle,
            self._host,
            self._port,
            subprotocols=[Subprotocol(SUBPROTOCOL)],
            process_request=self._process_request,
            compression=None,
            ping_interval=None,
            close_timeout=0.5,
        )
        self._port = next(iter(self._server.sockets)).getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._server is not None
        self._server.close()
        await self._server.wait_closed()

    @property
    def url(self) -> str:
        return f"ws://localhost:{self._port}"

    @property
    def port(self) -> int:
        return self._port

    async def next_link(self) -> ScriptedLink:
        """Return the next link that the story has not seen."""
        async with asyncio.timeout(PATIENCE):
            return await self._queue.get()

    def _process_request(self, connection: ServerConnection, request: Request) -> Response | None:
        self.handshakes += 1
        return None if self.refuse_with is None else connection.respond(self.refuse_with, "no")

    async def _handle(self, connection: ServerConnection) -> None:
        link = ScriptedLink(connection, obliging=self._obliging)
        self.links.append(link)
        self._queue.put_nowait(link)
        await link.receive_all()


@asynccontextmanager
async def running(life: Any) -> AsyncIterator[asyncio.Task[None]]:
    """Run a coroutine beside the story and end it afterwards; what it raised meanwhile fails the story."""
    task: asyncio.Task[None] = asyncio.ensure_future(life)
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.wait([task])
        if not task.cancelled():
            task.result()
