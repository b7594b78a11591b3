"""The log in PostgreSQL: one row orders it, and each append is one statement, so that no client ever holds its lock.

NOTIFY is a hint; what is true is read. There are three ways to the database, since no call waits for another's: for the
log, for beats, and for chores. A connection on which anything went wrong is thrown away, and the next call makes a new
one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from asyncpg import Connection, Record

from ..dispatch import Assignment, Naming
from ..errors import StoreUnusable
from ..storage.postgres import events, writers
from ..storage.postgres.connections import session_of
from ..storage.postgres.schema import migrate
from ..storage.postgres.urls import without_password
from . import statements as sql
from .entries import Draft, Entry, Joined
from .log import Beat, Found, Loaded
from .postgres_way import Way
from .replica import Earlier, LogSplit

POOL: Final = "gridws"
"""The pool's name; a database could have several."""
CALL_WITHIN: Final = 5.0
CHORE_WITHIN: Final = 30.0
"""Seconds for a call, with a new connection where that is wanted."""
READ_AT_ONCE: Final = 1_000
GO_AT_ONCE: Final = 2_000
"""Entries that are read, or deleted, by one statement."""


class PostgresLog:
    """The `DispatchLog` of one monitor in the database at `url`; the lease (s) bounds how long a beat may take."""

    def __init__(self, url: str, *, lease: float) -> None:
        self._url = url
        self._rules = 0
        self._is_migrated = False
        self._news: Callable[[], None] = lambda: None
        self._log = Way(url, "gridws dispatch", within=CALL_WITHIN, prepare=self._prepare)
        self._beats = Way(url, "gridws beats", within=lease / 3)
        self._chores = Way(url, "gridws chores", within=CHORE_WITHIN)

    def listen(self, news: Callable[[], None]) -> None:
        self._news = news

    async def load(self, birth: Callable[[Earlier], str], rules: int) -> Loaded:
        self._rules = rules
        return await self._log.use(lambda connection: self._load(connection, birth))

    async def change_rules(self, before: int, rules: int, lifeless: Mapping[int, int]) -> bool:
        async def change(connection: Connection) -> bool:
            async with connection.transaction():
                await connection.execute(sql.LIFELESS, POOL, list(lifeless), list(lifeless.values()))
                return bool(await connection.fetchval(sql.CHANGE_RULES, POOL, before, rules))

        return await self._log.use(change)

    async def read(self, after: int) -> Found:
        rows = await self._log.use(lambda c: c.fetch(sql.READ, POOL, after, READ_AT_ONCE))
        if not rows:
            raise LogSplit("there is no pool any more")
        entries = [Entry(*values) for _, _, *values in map(tuple, rows) if values[0] is not None]
        return Found(entries, rows[0]["last"], rows[0]["last_chain"])

    async def new_member_id(self) -> int:
        return int(await self._log.use(lambda c: c.fetchval(sql.NEW_MEMBER)))

    async def append(self, draft: Draft) -> Entry:
        return self._appended(await self._append(sql.APPEND, draft), draft)

    async def join(self, draft: Draft, member: Joined) -> Entry:
        values = list(member.replaces), member.writer_id, member.url, member.lease
        return self._appended(await self._append(sql.JOIN, draft, *values), draft)

    async def leave(self, draft: Draft) -> Entry:
        return self._appended(await self._append(sql.LEAVE, draft), draft)

    async def evict(self, draft: Draft, member_id: int, beat: int) -> Entry | None:
        row = await self._append(sql.EVICT, draft, member_id, beat)
        return None if row is None else self._appended(row, draft)

    async def beat(self, member_id: int | None, seconds: float) -> dict[int, Beat]:
        return _beats(await self._beats.use(lambda c: c.fetch(sql.BEAT, POOL, member_id, seconds)))

    async def keep(self, position: int, chain: str, state: str) -> None:
        async def keep(connection: Connection) -> None:
            await connection.execute(sql.KEEP, POOL, position, chain, state)
            await connection.execute(sql.GO_SNAPSHOTS, POOL)
            while await connection.execute(sql.GO_ENTRIES, POOL, GO_AT_ONCE) != "DELETE 0":
                pass

        await self._chores.use(keep)

    async def settle(self, writer_id: int, at: int) -> None:
        async def settle(connection: Connection) -> None:
            await connection.execute(sql.END_SESSIONS, session_of(writer_id))
            await writers.settle(connection, writer_id, at)

        await self._chores.use(settle)

    async def open_repairs(self) -> Sequence[Assignment]:
        rows = await self._chores.use(lambda c: c.fetch(sql.OPEN_REPAIRS))
        return [
            Assignment(
                row["id"],
                row["turbine_number"],
                0,
                row["engineer_id"],
                row["broken_at"],
                row["assigned_at"],
                0.0,
            )
            for row in rows
        ]

    async def close(self) -> None:
        for way in (self._log, self._beats, self._chores):
            way.throw_away()

    async def _prepare(self, connection: Connection) -> None:
        if not self._is_migrated:
            await migrate(connection, without_password(self._url))
            self._is_migrated = True
        await connection.execute("SET default_transaction_isolation = 'read committed'")
        await connection.add_listener(f"gridws_{POOL}", lambda *_: self._news())
        connection.add_termination_listener(lambda _: self._news())

    async def _append(self, statement: str, draft: Draft, *values: object) -> Record | None:
        arguments = (POOL, draft.seconds, draft.at, draft.member_id, draft.events, self._rules, *values)
        row: Record | None = await self._log.use(lambda c: c.fetchrow(statement, *arguments))
        if row is None:
            pool = await self._log.use(lambda c: c.fetchrow(sql.POOL_ROW, POOL))
            if pool is None:
                raise LogSplit("there is no pool any more")
            if (rules := pool["rules"]) != self._rules:
                raise StoreUnusable(
                    without_password(self._url),
                    f"a gridws that sends engineers by rules {rules} has taken the pool over",
                )
        return row

    def _appended(self, row: Record | None, draft: Draft) -> Entry:
        if row is None:
            raise LogSplit("the pool was away for a moment")
        position, seconds, chain = row
        return Entry(position, seconds, draft.at, draft.member_id, draft.events, chain)

    async def _load(self, connection: Connection, birth: Callable[[Earlier], str]) -> Loaded:
        async with connection.transaction(isolation="repeatable_read"):
            pool = await connection.fetchrow(sql.POOL_ROW, POOL)
            if pool is not None:
                lives = _beats(await connection.fetch(sql.MEMBERS, POOL))
                state = await connection.fetchval(sql.NEWEST, POOL)
                seconds = max([pool["seconds"], *(life.seconds for life in lives.values())])
                return Loaded(state, pool["rules"], seconds, lives)
        await self._bear(connection, birth)
        return await self._load(connection, birth)

    async def _bear(self, connection: Connection, birth: Callable[[Earlier], str]) -> None:
        names = await events.names(connection)
        earlier = Earlier(
            await connection.fetchval(sql.LAST_ASSIGNMENT),
            await events.engineer_count(connection),
            await events.holds(connection),
            (
                *(Naming(number, None, *name) for number, name in names.turbines.items()),
                *(Naming(None, engineer, *name) for engineer, name in names.engineers.items()),
            ),
        )
        async with connection.transaction():
            born = await connection.fetchval(sql.BORN, POOL, self._rules)
            if born:
                await connection.execute(sql.KEEP, POOL, 0, "", birth(earlier))


def _beats(rows: Sequence[Record]) -> dict[int, Beat]:
    return {row["member_id"]: Beat(row["beat"], row["seconds"], row["lease"]) for row in rows}
