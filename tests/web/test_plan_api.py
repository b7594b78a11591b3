"""How many engineers, over HTTP: a process of its own, that ends with whoever asked."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from an_hour import BEGIN, HOUR, REPAIRS, STATUSES, at
from doubles import HandClock
from starlette.testclient import TestClient

from gridws.monitor.monitor import GridMonitor
from gridws.settings import MonitorSettings
from gridws.storage.batches import Batch
from gridws.storage.rows import LinkRow
from gridws.storage.sqlite.store import SqliteStore
from gridws.web.app import create_app

pytestmark = pytest.mark.slow


@pytest.fixture
async def settings(tmp_path: Path) -> MonitorSettings:
    """Return the settings of a monitor whose database has an hour in it."""
    settings = MonitorSettings(tick=0.01, retain_readings=None, database=str(tmp_path / "gridws.db"))
    store = SqliteStore(Path(settings.database), settings=settings)
    await store.open(now=BEGIN)
    links = [LinkRow(1, 7, at(-30), at(60), "silent")]
    statuses, repairs = [*STATUSES[7], *STATUSES[8]], [*REPAIRS[7], *REPAIRS[8]]
    await store.write(Batch(links=links, statuses=statuses, repairs=repairs))
    await store.close()
    return settings


@pytest.fixture
def client(settings: MonitorSettings) -> Iterator[TestClient]:
    clock = HandClock()
    clock.wall = at(61)
    monitor = GridMonitor(
        3, SqliteStore(Path(settings.database), settings=settings), settings=settings, clock=clock
    )
    with TestClient(create_app(monitor), base_url="http://localhost:8787") as client:
        yield client


def test_pools_are_played_on_what_was_recorded(client: TestClient) -> None:
    asked = f"since={HOUR.since}&until={HOUR.until}&engineers=1-2&precision=50&power=1000"

    answer = client.get(f"/api/v1/plan?{asked}").json()

    assert answer["source"] == "record"
    assert answer["turbines"] == 2
    assert [pool["engineers"] for pool in answer["pools"]] == [1, 2]
    assert answer["estimates"]["complete_lives"] == 1
    assert answer["pools"][0]["lost_energy_in_kwh"] > 0


@pytest.mark.parametrize(
    ("asked", "status", "sentence"),
    [
        ("since=2&until=1", 422, "The range is empty; since must be before until."),
        ("engineers=9-3", 422, "--engineers '9-3' is no range of at most 100 pools; write 3 or 1-6."),
        ("engineers=many", 422, "engineers: string should match pattern"),
    ],
)
def test_a_mistake_is_a_sentence(client: TestClient, asked: str, status: int, sentence: str) -> None:
    answer = client.get(f"/api/v1/plan?{asked}")

    assert answer.status_code == status
    assert sentence in json.dumps(answer.json())


def test_nothing_recorded_is_said(client: TestClient) -> None:
    answer = client.get(f"/api/v1/plan?since=0&until={HOUR.since - 86_400_000}").json()

    assert answer["pools"] == []
    assert answer["reason"] == "nothing of a turbine is recorded in this range"


def test_others_see_nothing_of_the_database_among_its_options(
    client: TestClient, settings: MonitorSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "python"
    program.write_text('#!/bin/sh\necho "$*, $GRIDWS_DATABASE"')
    program.chmod(0o755)
    monkeypatch.setattr("sys.executable", str(program))

    options, _, database = client.get("/api/v1/plan").text.strip().rpartition(", ")

    assert "--precision" in options
    assert str(tmp_path) not in options
    assert database == settings.database


async def test_it_ends_with_whoever_asked(settings: MonitorSettings) -> None:
    app = create_app(
        GridMonitor(3, SqliteStore(Path(settings.database), settings=settings), settings=settings)
    )
    asked = f"since={HOUR.since}&until={HOUR.until}&precision=0.01&seconds=10".encode()
    scope = {
        "type": "http", "method": "GET", "path": "/api/v1/plan", "query_string": asked,
        "headers": [(b"host", b"localhost:8787")],
        "http_version": "1.1", "scheme": "http", "server": ("localhost", 8787), "client": ("127.0.0.1", 1),
    }  # fmt: skip
    sent: list[dict[str, object]] = []
    gone = asyncio.Event()

    async def receive() -> dict[str, object]:
        if gone.is_set():
            return {"type": "http.disconnect"}
        gone.set()
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: dict[str, object]) -> None:
        sent.append(message)

    async with asyncio.timeout(8), app.router.lifespan_context(app):
        await app(scope, receive, send)  # type: ignore[arg-type]

    assert sent[0]["status"] == 503
