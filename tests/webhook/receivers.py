"""Receivers on the loopback: one that takes all, and those that are slow, dead, rude or lying."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

Answer = Callable[[asyncio.StreamWriter], Awaitable[None]]


@dataclass
class Post:
    """A server that writes down what it is sent; each request gets the next of `answers`, the last one again."""

    answers: list[Answer]
    bodies: list[bytes] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    tries: int = 0
    url: str = ""
    serving: set[asyncio.Task[None]] = field(default_factory=set)

    def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.serving.add(asyncio.create_task(self._serve(reader, writer)))

    async def end(self) -> None:
        for task in self.serving:
            task.cancel()
        await asyncio.gather(*self.serving, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await self._answer(reader, writer)
        finally:
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            lines = [line.split(": ", 1) for line in head.split("\r\n")[1:] if ": " in line]
            headers = {name.lower(): value for name, value in lines}
            self.headers.append(headers)
            self.bodies.append(await reader.readexactly(int(headers["content-length"])))
            self.tries += 1
            await self.answers[min(self.tries, len(self.answers)) - 1](writer)
            await writer.drain()


def says(status: int, *headers: str) -> Answer:
    """Answer with a status and nothing else."""

    async def answer(writer: asyncio.StreamWriter) -> None:
        lines = [f"HTTP/1.1 {status} Word", "Content-Length: 0", "Connection: close", *headers]
        writer.write(("\r\n".join(lines) + "\r\n\r\n").encode())

    return answer


async def hangs_up(writer: asyncio.StreamWriter) -> None:
    writer.close()


async def says_nothing(writer: asyncio.StreamWriter) -> None:
    await asyncio.Event().wait()


async def drips(writer: asyncio.StreamWriter) -> None:
    """Answer a byte at a time, so that each read is in time and the whole never."""
    while True:
        writer.write(b"H")
        await writer.drain()
        await asyncio.sleep(0.01)


async def talks_for_ever(writer: asyncio.StreamWriter) -> None:
    """Say that it took the message, and never come to the end of it."""
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000000\r\n\r\n")
    while True:
        writer.write(b"x" * 65_536)
        await writer.drain()


async def speaks_another_language(writer: asyncio.StreamWriter) -> None:
    writer.write(b"220 mail.example ESMTP\r\n")


@asynccontextmanager
async def post(*answers: Answer) -> AsyncIterator[Post]:
    """Serve a receiver."""
    made = Post(list(answers))
    server = await asyncio.start_server(made.accept, "127.0.0.1", 0)
    made.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hook/secret-path"
    try:
        yield made
    finally:
        server.close()
        await made.end()
