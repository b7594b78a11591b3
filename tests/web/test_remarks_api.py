"""Names and notes over HTTP: kept when they are answered, shown everywhere, told with who said them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from doubles import metrics
from starlette.testclient import TestClient

from gridws.access.guard import NOBODY
from gridws.monitor.monitor import GridMonitor
from gridws.settings import MonitorSettings
from gridws.storage.memory import MemoryStore
from gridws.storage.rows import Event
from gridws.web.app import create_app

WEST_3 = {"name": "West 3", "site": "Westermarsch"}


def serving(store: MemoryStore) -> TestClient:
    settings = MonitorSettings(engineers=2, tick=0.01, retry_after=0.01)
    return TestClient(create_app(GridMonitor(2, store, settings=settings)), base_url="http://localhost:8787")


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def client(store: MemoryStore) -> Iterator[TestClient]:
    with serving(store) as client:
        yield client


def kept(store: MemoryStore) -> list[Event]:
    return [event._replace(at=0, id=0) for event in store.event_rows]


def test_a_turbines_name_is_kept_and_shown_wherever_the_turbine_is(
    client: TestClient, store: MemoryStore
) -> None:
    answer = client.put("/api/v1/turbines/7", json=WEST_3)

    assert kept(store) == [Event(0, "name", 7, name="West 3", site="Westermarsch", by=NOBODY)]
    assert answer.json() == {"turbine_number": 7, "engineer_id": None, **WEST_3}
    with client.websocket_connect("ws://localhost:8787/ws/turbines/7") as link:
        link.send_text(metrics("broken", 7))
        link.receive_json()
        shown = client.get("/api/v1/turbines/7").json()
        with client.websocket_connect("ws://localhost:8787/ws/watch") as viewer:
            snapshot = viewer.receive_json()
    assert (shown["name"], shown["site"]) == ("West 3", "Westermarsch")
    assert snapshot["turbines"][0]["name"] == "West 3"
    assert snapshot["events"][0]["text"] == (
        "turbine 7 is called West 3, at Westermarsch, now, by somebody without a token"
    )


def test_an_engineers_name_is_kept_and_shown(client: TestClient, store: MemoryStore) -> None:
    client.put("/api/v1/engineers/2", json={"name": "Ann"})

    assert kept(store) == [Event(0, "name", engineer_id=2, name="Ann", by=NOBODY)]
    assert [each["name"] for each in client.get("/api/v1/engineers").json()["engineers"]] == [None, "Ann"]


def test_names_outlive_the_monitor_and_the_turbine_that_is_forgotten_loses_its_own(
    store: MemoryStore,
) -> None:
    with serving(store) as client:
        namings = [
            {"turbine_number": 8, "name": "West 4"},
            {"turbine_number": 7, **WEST_3},
            {"engineer_id": 2, "site": "Norden"},
        ]
        assert client.put("/api/v1/names", json=namings).status_code == 204
        with client.websocket_connect("ws://localhost:8787/ws/turbines/8") as link:
            link.send_text(metrics("ok", 8))
    with serving(store) as client:
        assert client.get("/api/v1/names").json() == [
            {"turbine_number": 7, "engineer_id": None, **WEST_3},
            {"turbine_number": 8, "engineer_id": None, "name": "West 4", "site": None},
            {"turbine_number": None, "engineer_id": 2, "name": None, "site": "Norden"},
        ]
        client.put("/api/v1/turbines/7", json={})
        assert client.delete("/api/v1/turbines/8").status_code == 204
        assert [row["engineer_id"] for row in client.get("/api/v1/names").json()] == [2]


def test_a_name_that_is_no_news_is_no_event(client: TestClient, store: MemoryStore) -> None:
    for _ in range(2):
        client.put("/api/v1/turbines/7", json=WEST_3)

    assert len(store.event_rows) == 1


def test_turbines_are_listed_by_site(client: TestClient) -> None:
    for number, site in ((1, "Norden"), (2, "Westermarsch"), (3, "Westermarsch")):
        client.put(f"/api/v1/turbines/{number}", json={"site": site})
        with client.websocket_connect(f"ws://localhost:8787/ws/turbines/{number}") as link:
            link.send_text(metrics("ok", number))

    listed = client.get("/api/v1/turbines?site=Westermarsch&offset=1").json()
    reported = client.get("/api/v1/report?site=Westermarsch").json()

    assert [turbine["turbine_number"] for turbine in listed] == [3]
    assert {turbine["turbine_number"] for turbine in reported["turbines"]} == {2, 3}
    assert client.get("/api/v1/turbines?site=nowhere").json() == []


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("turbines/7", {"name": "x" * 101}),
        ("turbines/7", {"name": "two\nlines"}),
        ("turbines/7", {"title": "a slip"}),
        ("engineers/0", {"name": "Ann"}),
        ("names", [{"name": "nobody's"}]),
        ("names", [{"turbine_number": 7, "engineer_id": 2, "name": "both"}]),
        ("names", [{"turbine_number": number, "name": "x"} for number in range(1, 202)]),
    ],
)
def test_a_bad_name_names_nothing_and_says_why(
    client: TestClient, store: MemoryStore, path: str, body: Any
) -> None:
    answer = client.put(f"/api/v1/{path}", json=body)

    assert answer.status_code == 422
    assert len(answer.json()["detail"]) > 10
    assert store.event_rows == []


def test_notes_and_all_else_that_people_did_are_listed_newest_first(
    client: TestClient, store: MemoryStore
) -> None:
    assert client.post("/api/v1/turbines/7/notes", json={"text": "crane on Tuesday"}).status_code == 204
    client.put("/api/v1/engineers", json={"count": 4})

    everything = client.get("/api/v1/events").json()
    of_turbine = client.get("/api/v1/events?turbine_number=7").json()
    later = client.get(f"/api/v1/events?since={everything[0]['at'] + 1}").json()

    assert [(row["kind"], row["text"], row["engineers"], row["by"]) for row in everything] == [
        ("roster", None, 4, NOBODY),
        ("note", "crane on Tuesday", None, NOBODY),
    ]
    assert of_turbine == everything[1:]
    assert client.get("/api/v1/events?limit=1").json() == everything[:1]
    assert later == []
