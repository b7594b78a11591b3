"""Two whole monitors on one PostgreSQL: their APIs and pages tell of the whole fleet."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import httpx
from doubles import ListLink, metrics

from gridws.commands.sharing import make_monitor
from gridws.monitor.monitor import GridMonitor
from gridws.settings import MonitorSettings
from gridws.web.app import create_app

PATIENCE = 20.0


class Served:
    """A monitor and its API."""

    def __init__(self, monitor: GridMonitor, http: httpx.AsyncClient) -> None:
        self.monitor = monitor
        self.http = http

    async def get(self, path: str) -> Any:
        return (await self.http.get(path)).raise_for_status().json()


@asynccontextmanager
async def served(url: str, port: int) -> AsyncIterator[Served]:
    settings = MonitorSettings(engineers=1, database=url, tick=0.01)
    monitor, _ = make_monitor(settings, f"http://localhost:{port}")
    await monitor.start()
    life = asyncio.create_task(monitor.run())
    transport = httpx.ASGITransport(create_app(monitor))
    async with httpx.AsyncClient(transport=transport, base_url=f"http://localhost:{port}") as http:
        try:
            await until(lambda: monitor.undispatched is None)
            yield Served(monitor, http)
        finally:
            life.cancel()
            await asyncio.wait([life])


async def until(fact: Callable[[], object]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not fact():  # noqa: ASYNC110 - facts tell nobody when they come true
            await asyncio.sleep(0.005)


async def answered(served: Served) -> list[dict[str, Any]]:
    """Ask for the turbines until they are told with their readings; return them."""
    async with asyncio.timeout(PATIENCE):
        while True:
            turbines: list[dict[str, Any]] = await served.get("/api/v1/turbines")
            if all(turbine["measured_at"] for turbine in turbines):
                return turbines
            await asyncio.sleep(0.02)


async def test_both_monitors_answer_for_the_whole_fleet(postgres_url: str) -> None:
    async with AsyncExitStack() as stack:
        a, b = [await stack.enter_async_context(served(postgres_url, port)) for port in (8787, 8797)]
        a.monitor.connect(7, ListLink()).receive(metrics("broken", 7, power_output_in_kwh=0.0))
        await until(lambda: [each.engineer_id for each in b.monitor.fleet_state.states([7])] == [1])
        b.monitor.connect(8, ListLink()).receive(metrics("broken", 8, power_output_in_kwh=11.0))
        await until(lambda: a.monitor.fleet_state.waits(8))

        told = [await answered(each) for each in (a, b)]
        assert [[t.pop("monitor") for t in turbines] for turbines in told] == [
            [None, "http://localhost:8797"],
            ["http://localhost:8787", None],
        ]
        since = [[t.pop("since") for t in turbines] for turbines in told]
        assert told[0] == told[1]
        # The one says when it learned of it, the other when that was told to the pool.
        assert all(abs(here - there) < 1_000 for here, there in zip(*since, strict=True))
        assert [t["engineer_id"] for t in told[0]] == [1, None]
        assert [t["power_output_in_kwh"] for t in told[0]] == [0.0, 11.0]
        assert await a.get("/api/v1/engineers") == await b.get("/api/v1/engineers")

        for each, own in ((a, 7), (b, 8)):
            health = await each.get("/healthz")
            assert (health["links"], health["pool"]) == (1, {"monitors": 2, "links": 2})
            numbers = (await each.http.get("/metrics")).text
            assert "gridws_links 1.0" in numbers
            assert "gridws_turbines_online 2.0" in numbers
            assert f"gridws_power_watts {0.0 if own == 7 else 11_000.0}" in numbers

        refused = await a.http.delete("/api/v1/turbines/8")
        assert refused.status_code == 409
        assert "has a link at http://localhost:8797" in refused.json()["detail"]


async def test_what_a_person_asks_of_one_is_everywhere_and_so_is_what_is_forgotten(postgres_url: str) -> None:
    async with AsyncExitStack() as stack:
        a, b = [await stack.enter_async_context(served(postgres_url, port)) for port in (8787, 8797)]
        session = b.monitor.connect(8, ListLink())
        session.receive(metrics("ok", 8))
        await until(lambda: 8 in a.monitor.fleet_state)
        await a.http.put("/api/v1/engineers", json={"count": 5})
        await a.http.put("/api/v1/turbines/8", json={"name": "West 8"})
        await b.http.put("/api/v1/turbines/8/hold", json={"reason": "works"})

        pools = [each.monitor.fleet_state for each in (a, b)]
        await until(lambda: all(len(pool.engineers()) == 5 for pool in pools))
        await until(lambda: all(pool.name_of(8).name == "West 8" and pool.hold_of(8) for pool in pools))
        rows = [await each.get("/api/v1/events") for each in (a, b)]
        assert rows[0] == rows[1]
        assert [row["kind"] for row in rows[0]] == ["hold", "name", "roster"]

        session.lost()
        await until(lambda: not a.monitor.fleet_state.states([8])[0].online)
        gone = await a.http.delete("/api/v1/turbines/8")
        assert gone.status_code == 204
        await until(lambda: all(8 not in pool for pool in pools))
