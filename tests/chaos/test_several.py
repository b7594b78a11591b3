"""Two monitors share a pool, and whatever happens to them or to the database, no engineer is in two places.

Judged by the turbines' own view, by the log, replayed with every invariant looked at, and by the rows.
"""

from __future__ import annotations

import asyncio
import json
import random
import signal
from collections.abc import Iterator, Sequence

import pytest
from asyncpg import Record
from postgres import Server, serving

from gridws.dispatch import check
from gridws.several.entries import Entry
from gridws.several.replica import Replica
from gridws.storage.postgres.connections import connect

from .checker import at_work
from .patients import Patient, engineers_at_two_turbines, go_on
from .programs import Monitor, Site, until
from .proxy import proxy

pytestmark = [pytest.mark.slow, pytest.mark.needs("postgres")]

LEASE = 3
ENGINEERS = 2
TURBINES = range(901, 907)


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """Return a server of these tests' own, which may be stopped."""
    with serving() as made:
        yield made


@pytest.fixture
def url(server: Server, request: pytest.FixtureRequest) -> str:
    return asyncio.run(server.create(request.node.name[:40]))


async def monitor_at(here: Site, url: str, port: int = 0) -> Monitor:
    return await here.monitor("--engineers", ENGINEERS, "--lease", LEASE, port=port, server=url)


def patients_of(*monitors: Monitor) -> list[Patient]:
    """Return turbines, of which every second one tries the second monitor first."""
    chance, urls = random.Random(5), [monitor.url for monitor in monitors]
    return [Patient(number, urls if number % 2 else urls[::-1], chance) for number in TURBINES]


async def is_in(monitor: Monitor, members: int) -> None:
    """Wait until a monitor is in the pool, with so many in it."""
    await monitor.until_number("gridws_pool_members", lambda count: count == members)
    await monitor.until_number("gridws_pool_member", lambda member: member == 1)
    await monitor.until_status("/readyz", 200)


async def rows(url: str, query: str) -> list[Record]:
    connection = await connect(url, name="the test")
    try:
        return await connection.fetch(query)
    finally:
        await connection.close()


async def judge(url: str, patients: Sequence[Patient]) -> None:
    assert engineers_at_two_turbines(patients) == []
    await replay(url)
    for patient in patients:
        found = await rows(
            url, f"SELECT wind_speed FROM metrics WHERE turbine_number = {patient.number} ORDER BY 1"
        )
        stored = [int(row[0]) for row in found]
        assert stored[: patient.acknowledged] == list(range(1, patient.acknowledged + 1))
        assert len(set(stored)) == len(stored)
    cursors = await rows(url, "SELECT turbine_number, last_sequence FROM streams")
    counts = await rows(url, "SELECT turbine_number, count(*) FROM metrics GROUP BY 1")
    assert sorted(map(tuple, cursors)) == sorted(map(tuple, counts))


async def replay(url: str) -> None:
    """Apply the whole log, and look at every invariant after each entry."""
    found = await rows(
        url, "SELECT position, seconds, at, member_id, events, chain FROM dispatch_log ORDER BY 1"
    )
    states = await rows(url, "SELECT position, state FROM dispatch_snapshots ORDER BY 1")
    replica = Replica.from_text(states[0]["state"])
    for row in found:
        replica.apply(Entry(*row))
        check(replica.dispatcher)
    if states[-1]["position"] == replica.position:
        assert json.loads(replica.to_text()) == json.loads(states[-1]["state"])
    open_rows = {row[0] for row in await rows(url, "SELECT id FROM repairs WHERE ended_at IS NULL")}
    assert open_rows <= {e.assignment.id for e in replica.dispatcher.engineers() if e.assignment}


async def test_monitors_may_die_freeze_and_stop(here: Site, url: str) -> None:
    a, b = await monitor_at(here, url), await monitor_at(here, url)
    patients = patients_of(a, b)

    async with at_work(*patients):
        await is_in(a, 2)
        await go_on(patients)
        await a.kill()
        await go_on(patients)
        await is_in(b, 1)
        a = await monitor_at(here, url, port=a.port)
        await is_in(b, 2)
        await go_on(patients)

        b.signal(signal.SIGSTOP)
        await is_in(a, 1)
        await go_on(patients)
        b.signal(signal.SIGCONT)
        await is_in(b, 2)
        await go_on(patients)

        assert await a.stop() == 0
        await is_in(b, 1)
        await go_on(patients)
        a = await monitor_at(here, url, port=a.port)
        await is_in(a, 2)
        await go_on(patients)
    assert [await b.stop(), await a.stop()] == [0, 0]

    await judge(url, patients)
    ended = await rows(url, "SELECT outcome, count(*) FROM repairs GROUP BY 1")
    assert {"repaired", "monitor_stopped"} <= {row[0] for row in ended}
    assert await rows(url, "SELECT 1 FROM members") == []


async def test_the_database_may_be_cut_off_restarted_and_away(here: Site, url: str, server: Server) -> None:
    async with proxy(server.port) as way:
        a = await monitor_at(here, url.replace(f":{server.port}/", f":{way.port}/"))
        b = await monitor_at(here, url)
        patients = patients_of(a, b)
        async with at_work(*patients):
            await is_in(a, 2)
            await go_on(patients)
            linked = [patient.connections for patient in patients]

            way.refuses = True
            way.cut()
            await is_in(b, 1)
            assert (await a.get("/readyz"))[0] == 503
            assert await a.number("gridws_lease_call_backs_total") == 1
            way.refuses = False
            await is_in(a, 2)
            await go_on(patients)

            ended = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
            await rows(url, ended)
            await go_on(patients)
            server.stop("fast")
            server.start()
            await go_on(patients)
            called_back = await a.number("gridws_lease_call_backs_total")

            server.stop("fast")
            for monitor in (a, b):
                await monitor.until_number("gridws_pool_member", lambda member: member == 0)
            assert await until_nobody_is_there(patients)
            server.start()
            await is_in(a, 2)
            await is_in(b, 2)
            await go_on(patients)

            assert called_back >= 1
            assert [patient.connections for patient in patients] == linked
        assert [await b.stop(), await a.stop()] == [0, 0]

    await judge(url, patients)
    assert "tell-nobody" not in "".join(program.log.read_text() for program in here.programs)


async def until_nobody_is_there(patients: Sequence[Patient]) -> bool:
    await until(lambda: all(not patient.visits or patient.visits[-1].until for patient in patients))
    return True


async def test_other_rules_and_another_schema_are_refused_in_a_sentence(here: Site, url: str) -> None:
    monitor = await monitor_at(here, url)
    assert f"({ENGINEERS} engineers, database" in monitor.log.read_text()
    await monitor.stop()

    await rows(url, "UPDATE pools SET rules = rules + 1")
    rules = await here.run("monitor", "--port", 0, "--database", url), here.programs[-1].lines
    await rows(url, "UPDATE gridws_schema SET version = 99")
    schema = await here.run("monitor", "--port", 0, "--database", url), here.programs[-1].lines

    for (code, lines), words in ((rules, "newer than those of this gridws"), (schema, "schema 99")):
        assert code == 1
        assert len(lines) == 1
        assert words in lines[0]
