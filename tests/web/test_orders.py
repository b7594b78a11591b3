"""What people tell the monitor over HTTP: done at once, answered when it is on the disk, told with who said it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

import pytest
from doubles import metrics
from identities import HOUR, SECRET, bearer
from starlette.testclient import TestClient

from gridws.access.guard import NAMELESS, NOBODY
from gridws.access.tokens import Role, make_token
from gridws.monitor import monitor as monitor_module
from gridws.monitor.monitor import GridMonitor
from gridws.settings import MonitorSettings
from gridws.storage.memory import MemoryStore
from gridws.storage.rows import Event
from gridws.web.app import create_app

ANN = make_token(SECRET, Role.operator, name="ann", expires=HOUR)
NAMELESS_OPERATOR = make_token(SECRET, Role.operator, expires=HOUR)
VIEWER = make_token(SECRET, Role.viewer, name="vic", expires=HOUR)
BASE = "http://localhost:8787"
SOCKET = "ws://localhost:8787/ws/turbines/7"


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def client(store: MemoryStore) -> Iterator[TestClient]:
    settings = MonitorSettings(engineers=1, tick=0.01, retry_after=0.01)
    with TestClient(create_app(GridMonitor(1, store, settings=settings)), base_url=BASE) as client:
        yield client


def kept(store: MemoryStore) -> list[Event]:
    """Return what is on the disk at this very moment, the times left out."""
    return [event._replace(at=0, id=0) for event in store.event_rows]


def test_a_hold_is_on_the_disk_when_it_is_answered(client: TestClient, store: MemoryStore) -> None:
    answer = client.put("/api/v1/turbines/7/hold", json={"reason": " gearbox exchange "})

    assert kept(store) == [Event(0, "hold", 7, text="gearbox exchange", by=NOBODY)]
    assert answer.status_code == 200
    assert answer.json() == {
        "since": store.event_rows[0].at,
        "until": None,
        "reason": "gearbox exchange",
        "by": NOBODY,
    }


def test_a_hold_withdraws_the_engineer_and_is_shown_until_it_is_ended(client: TestClient) -> None:
    with client.websocket_connect(SOCKET) as link:
        link.send_text(metrics("broken", 7))
        assert link.receive_json()["type"] == "engineer_assigned"

        held = client.put("/api/v1/turbines/7/hold", json={}).json()

        withdrawn = link.receive_json()
        assert (withdrawn["type"], withdrawn["reason"]) == ("engineer_withdrawn", "held")
        state = client.get("/api/v1/turbines/7").json()
        assert (state["hold"], state["waiting_place"], state["engineer_id"]) == (held, None, None)
        assert client.delete("/api/v1/turbines/7/hold").status_code == 204
        assert link.receive_json()["type"] == "engineer_assigned"
        assert client.get("/api/v1/turbines/7").json()["hold"] is None
        assert client.delete("/api/v1/turbines/7/hold").status_code == 404


def test_a_length_of_time_counts_from_the_monitors_now(client: TestClient) -> None:
    held = client.put("/api/v1/turbines/7/hold", json={"duration_in_seconds": 60.5}).json()

    assert 50_000 < held["until"] - held["since"] <= 60_500  # the clock is read twice


@pytest.mark.parametrize(
    "body",
    [
        {"until": 1},
        {"until": "tomorrow"},
        {"until": 4_000_000_000_000, "duration_in_seconds": 60},
        {"duration_in_seconds": 0},
        {"reason": ""},
        {"reason": "two\nlines"},
        {"reason": "x" * 501},
        {"because": "a slip"},
    ],
)
def test_a_bad_hold_holds_nothing_and_says_why(
    client: TestClient, store: MemoryStore, body: dict[str, Any]
) -> None:
    answer = client.put("/api/v1/turbines/7/hold", json=body)

    assert answer.status_code == 422
    assert len(answer.json()["detail"]) > 10
    assert client.delete("/api/v1/turbines/7/hold").status_code == 404
    assert store.event_rows == []


def test_a_waiting_turbine_is_put_next_and_one_that_does_not_wait_is_refused(
    client: TestClient, store: MemoryStore
) -> None:
    with (
        client.websocket_connect("ws://localhost:8787/ws/turbines/1") as first,
        client.websocket_connect("ws://localhost:8787/ws/turbines/2") as second,
        client.websocket_connect(SOCKET) as third,
    ):
        first.send_text(metrics("broken", 1))
        assert first.receive_json()["type"] == "engineer_assigned"
        second.send_text(metrics("broken", 2))
        third.send_text(metrics("broken", 7))

        places = (
            _until_place(client, 7, 2),
            client.put("/api/v1/turbines/7/next", json={"reason": "strong wind ahead"}).json()[
                "waiting_place"
            ],
        )
        refused = client.put("/api/v1/turbines/1/next", json={})

        assert places == (2, 1)
        assert kept(store) == [Event(0, "next", 7, text="strong wind ahead", by=NOBODY)]
        assert refused.status_code == 409
        assert refused.json()["detail"] == "Turbine 1 does not wait for an engineer."


def _until_place(client: TestClient, number: int, place: int) -> int:
    for _ in range(500):
        answer = client.get(f"/api/v1/turbines/{number}")
        if answer.status_code == HTTPStatus.OK and answer.json()["waiting_place"] == place:
            return place
    raise AssertionError(f"turbine {number} never waited at {place}")


@pytest.mark.parametrize(
    ("path", "body", "fact"),
    [
        ("/api/v1/turbines/7/hold", {}, lambda monitor: monitor.fleet_state.hold_of(7)),
        ("/api/v1/engineers", {"count": 4}, lambda monitor: monitor.engineer_count == 4),
    ],
)
def test_on_a_full_disk_an_order_is_in_force_and_503_says_that_it_is_not_kept(
    client: TestClient, store: MemoryStore, path: str, body: dict[str, Any], fact: Any
) -> None:
    store.failure = "the disk is full"

    answer = client.put(path, json=body)

    assert answer.status_code == 503
    assert answer.json()["detail"].startswith("It is in force, but not stored: the disk is full; ")
    assert fact(client.app.state.monitor)  # type: ignore[attr-defined]
    assert kept(store) == []
    store.failure = None
    client.put("/api/v1/turbines/8/hold", json={})
    assert len(kept(store)) == 2


def test_a_disk_that_hangs_keeps_nobody_waiting_for_ever(
    monkeypatch: pytest.MonkeyPatch, store: MemoryStore
) -> None:
    monkeypatch.setattr(monitor_module, "KEPT_WITHIN", 0.05)
    monitor = GridMonitor(1, store, settings=MonitorSettings(tick=0.01))
    with TestClient(create_app(monitor), base_url=BASE) as client:
        never = client.portal.call(_never)  # type: ignore[union-attr]
        store.delay = never.wait

        answer = client.put("/api/v1/engineers", json={"count": 4})
        client.portal.call(never.set)  # type: ignore[union-attr]

    assert answer.status_code == 503
    assert "the disk does not answer" in answer.json()["detail"]


async def _never() -> asyncio.Event:
    return asyncio.Event()


@pytest.mark.parametrize(("token", "by"), [(ANN, "ann"), (NAMELESS_OPERATOR, NAMELESS)])
def test_who_said_it_is_the_name_in_their_token(store: MemoryStore, token: str, by: str) -> None:
    monitor = GridMonitor(1, store, settings=MonitorSettings(secret=SECRET, tick=0.01))
    with TestClient(create_app(monitor), base_url=BASE, headers=bearer(token)) as client:
        client.put("/api/v1/engineers", json={"count": 2})
        client.put("/api/v1/turbines/7/hold", json={})
        client.delete("/api/v1/turbines/7/hold")

    assert [(event.kind, event.by) for event in store.event_rows] == [
        ("roster", by),
        ("hold", by),
        ("hold_ended", by),
    ]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("PUT", "/api/v1/engineers"),
        ("PUT", "/api/v1/turbines/7/hold"),
        ("DELETE", "/api/v1/turbines/7/hold"),
        ("PUT", "/api/v1/turbines/7/next"),
    ],
)
def test_whoever_may_only_look_gives_no_orders(store: MemoryStore, method: str, path: str) -> None:
    monitor = GridMonitor(1, store, settings=MonitorSettings(secret=SECRET, tick=0.01))
    with TestClient(create_app(monitor), base_url=BASE, headers=bearer(VIEWER)) as client:
        answer = client.request(method, path, json={})

    assert answer.status_code == 403
    assert store.event_rows == []
