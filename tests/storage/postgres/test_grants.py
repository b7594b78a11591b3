"""A role with no privilege of a superuser runs monitors, and another one reads: as the manual says, word by word."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from typing import NamedTuple
from urllib.parse import quote

import asyncpg
import pytest
from postgres import Server

from gridws.commands.manual import pages
from gridws.errors import StoreUnusable
from gridws.settings import MonitorSettings
from gridws.spans import Span
from gridws.storage.batches import Batch
from gridws.storage.postgres.connections import connect
from gridws.storage.postgres.records import open_records
from gridws.storage.postgres.store import PostgresStore
from gridws.storage.records import Table
from gridws.storage.rows import LinkRow, StatusChange

from ..conftest import NOW
from ..rows import moved, reading

PASSWORD = "a/pass:word@of?ours#"
DAY = 86_400_000


class Roles(NamedTuple):
    """The URLs of a database as its owner and its reader have them."""

    owner: str
    reader: str


def statements() -> list[list[str]]:
    """Return the statements of the SQL blocks of the page, block by block."""
    blocks = re.findall(r"```sql\n(.*?)```", pages()["several"].read_text(encoding="utf-8"), re.DOTALL)
    return [
        [each.strip() for each in re.sub(r"--.*", "", block).split(";") if each.strip()] for block in blocks
    ]


async def do(url: str, words: list[str]) -> None:
    connection = await asyncpg.connect(url)
    for each in words:
        await connection.execute(each)
    await connection.close()


def replaced(words: list[str], names: dict[str, str]) -> list[str]:
    return [re.sub("|".join(names), lambda found: names[found[0]], each) for each in words]


@pytest.fixture(params=["database", "schema"])
def roles(request: pytest.FixtureRequest, postgres_server: Server) -> Iterator[Roles]:
    """Return the roles that the page makes, with a database, or with a schema in one of others."""
    of_database, of_schema, of_reader = statements()
    kind, name = request.param, f"plain_{request.param}"
    names = {"'…'": f"'{PASSWORD}'", "gridws": name, "reports": f"{name}_reader"}
    if kind == "database":
        database = name
        asyncio.run(do(postgres_server.url("postgres"), replaced(of_database, names)))
    else:
        database = "of_others"
        asyncio.run(postgres_server.create(database))
        asyncio.run(do(postgres_server.url(database), replaced(of_schema, names)))
        names["public"] = name
        of_reader.append(f"ALTER ROLE {names['reports']} SET search_path = {name}")
    where = f"{quote(PASSWORD, safe='')}@127.0.0.1:{postgres_server.port}/{database}"
    found = Roles(f"postgresql://{name}:{where}", f"postgresql://{name}_reader:{where}")
    asyncio.run(begin(found.owner))
    asyncio.run(do(postgres_server.url(database), replaced(of_reader, names)))
    yield found
    asyncio.run(postgres_server.drop(database))
    asyncio.run(do(postgres_server.url("postgres"), [f"DROP ROLE {name}", f"DROP ROLE {name}_reader"]))


async def begin(url: str) -> None:
    store = PostgresStore(url, settings=MonitorSettings())
    await store.open(now=NOW)
    await store.close()


async def test_a_plain_role_runs_monitors(roles: Roles) -> None:
    ours, theirs = (PostgresStore(roles.owner, settings=MonitorSettings()) for _ in range(2))
    await ours.open(now=NOW)
    await theirs.open(now=NOW)
    await ours.write(Batch([reading(7)], moved({(7, "s"): 1}), numbered=1, links=[LinkRow(1, 7, NOW)]))
    for days in (1, 9):  # rolled up, then whole days of readings go
        for _ in range(4):
            await ours.maintain(now=NOW + days * DAY)
    outside = await connect(roles.owner)
    ended = await outside.fetchval(
        "SELECT bool_and(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = 'gridws alive'"
    )

    assert not await outside.fetchval("SELECT usesuper FROM pg_user WHERE usename = current_user")
    assert await outside.fetchval("SELECT count(*) FROM minutes") == 1
    assert await outside.fetchval("SELECT count(*) FROM metrics") == 0
    assert ended
    outside.terminate()
    for store in (ours, theirs):
        await store.close()


def test_who_may_only_read_has_reports_and_exports(roles: Roles) -> None:
    asyncio.run(record(roles.owner))

    with open_records(roles.reader) as records:
        known, rows = records.report_rows(Span(NOW - DAY, NOW + DAY), now=NOW)
        slices = list(records.slices(Table.metrics, Span(0, NOW + DAY)))
        assert known.since == NOW
        assert list(rows)
        assert len(slices) == 1

    with pytest.raises(StoreUnusable, match="permission denied"):
        asyncio.run(begin(roles.reader))


async def record(url: str) -> None:
    store = PostgresStore(url, settings=MonitorSettings())
    await store.open(now=NOW)
    changes = [StatusChange(7, NOW, "ok", None)]
    await store.write(Batch([reading(7)], links=[LinkRow(1, 7, NOW)], statuses=changes))
    await store.close()
