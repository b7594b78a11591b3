"""One connection to the database that is made when it is wanted, and thrown away when anything goes wrong on it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from asyncpg import Connection

from ..errors import StoreFailed, StoreUnusable
from ..storage.postgres.connections import connect, failures

T = TypeVar("T")


async def _nothing(_connection: Connection) -> None:
    """As it is made, it is ready."""


class Way:
    """A way to the database for one caller at a time; `name` is what the database's owner sees.

    A call raises `StoreFailed` where it goes wrong, or takes longer than `within` seconds with the connection for it,
    and `StoreUnusable` only before the first connection: what worked once is tried again.
    """

    def __init__(
        self,
        url: str,
        name: str,
        *,
        within: float,
        prepare: Callable[[Connection], Awaitable[None]] = _nothing,
    ) -> None:
        self._url = url
        self._name = name
        self._within = within
        self._prepare = prepare
        self._connection: Connection | None = None
        self._has_worked = False

    async def use(self, work: Callable[[Connection], Awaitable[T]]) -> T:
        """Do the work on the connection."""
        try:
            with failures(self._url):
                async with asyncio.timeout(self._within):
                    return await work(await self._ready())
        except BaseException:
            self.throw_away()
            raise

    def throw_away(self) -> None:
        """Let go of the connection, whatever it does."""
        if self._connection is not None:
            self._connection.terminate()
        self._connection = None

    async def _ready(self) -> Connection:
        if self._connection is None or self._connection.is_closed():
            try:
                self._connection = await connect(self._url, name=self._name)
                await self._prepare(self._connection)
            except StoreUnusable as error:
                if not self._has_worked:
                    raise
                raise StoreFailed(error.path, error.reason) from error
            self._has_worked = True
        return self._connection
