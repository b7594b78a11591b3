"""What was collected, over HTTP."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import pytest
from an_hour import BEGIN, HOUR, MINUTE, REPAIRS, STATUSES, at, readings
from doubles import HandClock
from starlette.testclient import TestClient
from starlette.types import Message

from gridws.monitor.monitor import GridMonitor
from gridws.report.reporting import report_of
from gridws.report.text import as_json
from gridws.settings import MonitorSettings
from gridws.storage.batches import Batch
from gridws.storage.memory import MemoryStore
from gridws.storage.records import Records
from gridws.storage.rows import LinkRow, Minute
from gridws.storage.sqlite.records import open_records
from gridws.storage.sqlite.store import SqliteStore
from gridws.web.app import create_app

pytestmark = pytest.mark.slow

T = TypeVar("T")

SETTINGS = MonitorSettings(tick=0.01, retain_readings=None)


@pytest.fixture
async def path(tmp_path: Path) -> Path:
    """Return a database that an earlier monitor left, with the hour in it."""
    path = tmp_path / "gridws.db"
    store = SqliteStore(path, settings=SETTINGS)
    await store.open(now=BEGIN)
    await store.write(
        Batch(
            links=[LinkRow(1, 7, at(-30), at(60), "silent")],
            statuses=[*STATUSES[7], *STATUSES[8]],
            repairs=[*REPAIRS[7], *REPAIRS[8]],
            readings=[*readings(7, 0, 0.5, 1, 1.5), *readings(8, 1, power=600.0)],
        )
    )
    await store.close()
    return path


@pytest.fixture
def client(path: Path) -> Iterator[TestClient]:
    clock = HandClock()
    clock.wall = at(61)
    monitor = GridMonitor(3, SqliteStore(path, settings=SETTINGS), settings=SETTINGS, clock=clock)
    with TestClient(create_app(monitor), base_url="http://localhost:8787") as client:
        yield client


def test_the_report_is_that_of_the_command(client: TestClient, path: Path) -> None:
    answer = client.get(f"/api/v1/report?since={HOUR.since}&until={HOUR.until}").json()

    with open_records(path) as records:
        assert answer == json.loads(as_json(report_of(records, HOUR, now=at(61))))
    assert answer["fleet"]["mean_waiting_in_seconds"] == 300


def test_the_report_is_of_the_last_day_unless_asked(client: TestClient) -> None:
    answer = client.get("/api/v1/report").json()

    assert (answer["since"], answer["until"]) == (at(61 - 24 * 60), at(61))


def test_the_report_shows_the_least_available_turbines_up_to_the_limit(client: TestClient) -> None:
    answer = client.get(f"/api/v1/report?since={HOUR.since}&until={HOUR.until}&limit=1").json()

    assert [row["turbine_number"] for row in answer["turbines"]] == [7]
    assert answer["turbines_left_out"] == 1
    assert answer["fleet"]["repaired"] == 2


@pytest.mark.parametrize(
    "query", [f"since={at(30)}&until={at(30)}", f"since={at(9999)}", "since=-1", "since=x"]
)
def test_a_range_that_cannot_be_is_a_problem(client: TestClient, query: str) -> None:
    answer = client.get(f"/api/v1/report?{query}")

    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"


def test_minutes_come_oldest_first_for_a_chart(client: TestClient) -> None:
    answer = client.get("/api/v1/turbines/7/minutes").json()

    assert [row["at"] for row in answer] == [BEGIN, BEGIN + MINUTE]
    assert set(answer[0]) == set(Minute._fields)
    assert (answer[1]["readings"], answer[1]["ok_readings"], answer[1]["energy_in_kwh"]) == (2, 2, 20.0)


def test_minutes_of_the_fleet_add_up_the_turbines(client: TestClient) -> None:
    answer = client.get(f"/api/v1/fleet/minutes?since={BEGIN + 1}").json()

    assert answer == [
        {
            "at": BEGIN + MINUTE,
            "turbines": 2,
            "readings": 3,
            "power_output_in_kwh": 1800.0,
            "energy_in_kwh": 20.0,
        }
    ]


@pytest.mark.parametrize("rows", ["turbines/7/minutes", "fleet/minutes"])
def test_minutes_come_by_many_for_a_chart_of_a_month(client: TestClient, rows: str) -> None:
    minutes = client.get(f"/api/v1/{rows}").json()
    (row,) = client.get(f"/api/v1/{rows}?step=1440&limit=30").json()

    assert row["at"] % 86_400_000 == 0
    assert row["energy_in_kwh"] == pytest.approx(sum(each["energy_in_kwh"] for each in minutes))


def test_minutes_go_back_from_the_end_as_far_as_the_limit(client: TestClient) -> None:
    answer = client.get(f"/api/v1/turbines/7/minutes?until={at(2)}&limit=1").json()

    assert [row["at"] for row in answer] == [BEGIN + MINUTE]


def test_the_documents_have_every_field_of_the_report(client: TestClient) -> None:
    document = client.get("/openapi.json").json()

    reference = document["paths"]["/api/v1/report"]["get"]["responses"]["200"]["content"]["application/json"]
    assert reference["schema"]["$ref"].endswith("/Report")
    assert "waiting_95th_percentile_in_seconds" in document["components"]["schemas"]["Figures"]["properties"]


def test_a_monitor_without_a_database_reports_what_it_has_in_memory() -> None:
    clock, store = HandClock(), MemoryStore(settings=SETTINGS)
    clock.wall = at(61)
    asyncio.run(store.write(Batch(links=[LinkRow(1, 7, at(-30), at(60), "silent")], statuses=[*STATUSES[7]])))
    monitor = GridMonitor(3, store, settings=SETTINGS, clock=clock)
    with TestClient(create_app(monitor), base_url="http://localhost:8787") as client:
        answer = client.get(f"/api/v1/report?since={HOUR.since}&until={HOUR.until}").json()

    assert [row["turbine_number"] for row in answer["turbines"]] == [7]
    assert answer["fleet"]["ok_in_seconds"] == 40 * 60


@pytest.mark.parametrize(
    "path", ["report", "repairs", "fleet/minutes", "turbines/7/minutes", "turbines/7/metrics"]
)
def test_a_database_that_is_gone_is_a_problem_with_a_sentence(tmp_path: Path, path: str) -> None:
    folder = tmp_path / "here"
    folder.mkdir()
    database = folder / "gridws.db"
    monitor = GridMonitor(3, SqliteStore(database, settings=SETTINGS), settings=SETTINGS)
    with TestClient(create_app(monitor), base_url="http://localhost:8787") as client:
        folder.rename(tmp_path / "elsewhere")
        answer = client.get(f"/api/v1/{path}")
        documented = client.get("/openapi.json").json()["paths"]

    assert (answer.status_code, answer.headers["content-type"]) == (503, "application/problem+json")
    assert answer.json()["detail"].startswith(f"The database {database} cannot be read: ")
    responses = documented[f"/api/v1/{path}".replace("/7/", "/{turbine_number}/")]["get"]["responses"]
    assert "application/problem+json" in responses["503"]["content"]


class EndlessStore(MemoryStore):
    """Stands for a store whose range is far too large."""

    def __init__(self) -> None:
        super().__init__(settings=SETTINGS)
        self.begun, self.given_up = asyncio.Event(), asyncio.Event()

    async def read(self, work: Callable[[Records], T]) -> T:
        self.begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            self.given_up.set()
        raise AssertionError


async def asked(store: EndlessStore, messages: list[str]) -> int:
    """Ask for a report with the events of a client, in this order, and return the status of the answer."""
    sent: list[Message] = []
    coming = iter(messages)

    async def receive() -> Message:
        kind = next(coming, None)
        if kind is None:
            await asyncio.Event().wait()
        return {"type": kind, "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        sent.append(message)

    app = create_app(GridMonitor(3, store, settings=SETTINGS))
    scope = {"type": "http", "method": "GET", "path": "/api/v1/report", "query_string": b"", "headers": []}
    await app(scope | {"headers": [(b"host", b"localhost")], "http_version": "1.1"}, receive, send)
    return int(sent[0]["status"])


async def test_a_report_that_nobody_waits_for_is_given_up() -> None:
    store = EndlessStore()

    assert await asked(store, ["http.request", "http.disconnect"]) == 503
    await store.given_up.wait()


async def test_a_monitor_that_stops_waits_for_no_report() -> None:
    store = EndlessStore()
    asking = asyncio.create_task(asked(store, ["http.request"]))
    await store.begun.wait()

    asking.cancel()

    assert await asking == 503
    await store.given_up.wait()
