"""What was collected, over HTTP."""

from __future__ import annotations

import asyncio
import json
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from an_hour import BEGIN, HOUR, MINUTE, REPAIRS, STATUSES, at, readings
from doubles import HandClock
from starlette.testclient import TestClient
from starlette.types import Message

from gridws import report_api
from gridws.app import create_app
from gridws.errors import StoreUnusable
from gridws.monitor import GridMonitor
from gridws.report_text import as_json
from gridws.reporting import Report
from gridws.settings import MonitorSettings
from gridws.storage import Batch, LinkRow, Minute
from gridws.storage.collected import read_report
from gridws.storage.memory import MemoryStore
from gridws.storage.sqlite import SqliteStore

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

    assert answer == json.loads(as_json(read_report(path, HOUR, now=at(61))))
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


def test_minutes_go_back_from_the_end_as_far_as_the_limit(client: TestClient) -> None:
    answer = client.get(f"/api/v1/turbines/7/minutes?until={at(2)}&limit=1").json()

    assert [row["at"] for row in answer] == [BEGIN + MINUTE]


def test_the_documents_have_every_field_of_the_report(client: TestClient) -> None:
    document = client.get("/openapi.json").json()

    reference = document["paths"]["/api/v1/report"]["get"]["responses"]["200"]["content"]["application/json"]
    assert reference["schema"]["$ref"].endswith("/Report")
    assert "waiting_95th_percentile_in_seconds" in document["components"]["schemas"]["Figures"]["properties"]


def test_a_monitor_without_a_database_says_so() -> None:
    monitor = GridMonitor(3, MemoryStore(), settings=SETTINGS)
    with TestClient(create_app(monitor), base_url="http://localhost:8787") as client:
        answer = client.get("/api/v1/report")

    assert answer.status_code == 503
    assert "in memory only" in answer.json()["detail"]


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


async def asked(path: Path, messages: list[str]) -> int:
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

    app = create_app(GridMonitor(3, SqliteStore(path, settings=SETTINGS), settings=SETTINGS))
    scope = {"type": "http", "method": "GET", "path": "/api/v1/report", "query_string": b"", "headers": []}
    await app(scope | {"headers": [(b"host", b"localhost")], "http_version": "1.1"}, receive, send)
    return int(sent[0]["status"])


class EndlessReport:
    """Stands for the reading of a range that is far too large."""

    def __init__(self) -> None:
        self.begun, self.ended, self.was_given_up = threading.Event(), threading.Event(), False

    def __call__(self, *_arguments: object, given_up: Callable[[], bool], **_more: object) -> Report:
        self.begun.set()
        turns = iter(range(1_000_000))
        while not given_up() and next(turns, None) is not None:
            os.sched_yield()
        self.was_given_up = given_up()
        self.ended.set()
        raise StoreUnusable("grid.db", "interrupted")


async def test_a_report_that_nobody_waits_for_is_given_up(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reading = EndlessReport()
    monkeypatch.setattr(report_api, "read_report", reading)

    assert await asked(path, ["http.request", "http.disconnect"]) == 503
    await asyncio.to_thread(reading.ended.wait)
    assert reading.was_given_up


async def test_a_monitor_that_stops_waits_for_no_report(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reading = EndlessReport()
    monkeypatch.setattr(report_api, "read_report", reading)
    asking = asyncio.create_task(asked(path, ["http.request"]))
    await asyncio.to_thread(reading.begun.wait)

    asking.cancel()

    assert await asking == 503
    await asyncio.to_thread(reading.ended.wait)
    assert reading.was_given_up
