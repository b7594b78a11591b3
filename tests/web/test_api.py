"""The HTTP routes and the WebSocket routes of the application, in process."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from doubles import frame, metrics
from starlette.testclient import TestClient, WebSocketDenialResponse

from gridws.monitor.monitor import GridMonitor
from gridws.settings import MonitorSettings
from gridws.storage import Space
from gridws.storage.memory import MemoryStore
from gridws.web.app import create_app


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def client(store: MemoryStore) -> Iterator[TestClient]:
    monitor = GridMonitor(2, store, settings=MonitorSettings(engineers=2, tick=0.01, retry_after=0.01))
    with TestClient(create_app(monitor), base_url="http://localhost:8787") as client:
        yield client


def until(client: TestClient, path: str, wanted: Any) -> Any:
    """Ask until the answer satisfies `wanted`; what is queued reaches the store a moment later."""
    for _ in range(500):
        answer = client.get(path).json()
        if wanted(answer):
            return answer
    raise AssertionError(f"{path} stayed {answer}")


def test_a_turbine_is_listed_with_its_last_reading(client: TestClient) -> None:
    with client.websocket_connect("ws://localhost:8787/ws/turbines/7") as link:
        link.send_text(metrics("broken", 7, wind_speed=9.5))
        assert link.receive_json()["type"] == "engineer_assigned"
        (turbine,) = client.get("/api/v1/turbines").json()
    assert turbine["turbine_number"] == 7
    assert turbine["online"] is True
    assert turbine["operational_status"] == "broken"
    assert turbine["engineer_id"] == 1
    assert turbine["wind_speed"] == 9.5


def test_a_turbine_that_left_is_listed_offline(client: TestClient) -> None:
    with client.websocket_connect("ws://localhost:8787/ws/turbines/7") as link:
        link.send_text(metrics("ok", 7))
    turbine = until(client, "/api/v1/turbines/7", lambda answer: not answer["online"])
    assert turbine["operational_status"] is None
    assert turbine["engineer_id"] is None
    assert turbine["wind_speed"] == 8.0


def test_a_turbine_that_left_can_be_forgotten(client: TestClient, store: MemoryStore) -> None:
    with client.websocket_connect("ws://localhost:8787/ws/turbines/7") as link:
        link.send_text(metrics("ok", 7))
    until(client, "/api/v1/turbines/7", lambda answer: not answer["online"])

    assert client.delete("/api/v1/turbines/7").status_code == 204

    assert client.get("/api/v1/turbines").json() == []
    assert client.get("/api/v1/turbines/7").status_code == 404
    until(client, "/api/v1/report", lambda answer: answer["turbines"] == [])
    assert len(client.get("/api/v1/turbines/7/metrics").json()) == 1
    assert client.delete("/api/v1/turbines/7?readings=true").status_code == 204
    until(client, "/api/v1/turbines/7/metrics", lambda answer: answer == [])
    assert client.delete("/api/v1/turbines/7").status_code == 404


def test_a_turbine_with_a_link_cannot_be_forgotten(client: TestClient) -> None:
    with client.websocket_connect("ws://localhost:8787/ws/turbines/7") as link:
        link.send_text(metrics("broken", 7))
        assert link.receive_json()["type"] == "engineer_assigned"

        answer = client.delete("/api/v1/turbines/7")

    assert (answer.status_code, answer.headers["content-type"]) == (409, "application/problem+json")
    assert answer.json()["detail"] == "Turbine 7 has a link; end that, then it can be forgotten."


@pytest.mark.parametrize(("number", "status"), [(9, 404), (0, 422)])
def test_nothing_that_is_not_known_is_forgotten(client: TestClient, number: int, status: int) -> None:
    assert client.delete(f"/api/v1/turbines/{number}").status_code == status


def test_an_unknown_turbine_is_a_problem_with_a_sentence(client: TestClient) -> None:
    answer = client.get("/api/v1/turbines/9")
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json() == {
        "title": "Not Found",
        "status": 404,
        "detail": "Turbine 9 was not seen within the last 7 days.",
    }


@pytest.mark.parametrize(
    ("method", "path", "status", "sentence"),
    [
        ("GET", "/ws/watch", 404, "Only WebSockets are here: "),
        ("GET", "/ws/turbines/7", 404, "Only WebSockets are here: "),
        ("GET", "/foo", 404, "There is no such path: "),
        ("POST", "/api/v1/engineers", 405, "/api/v1/engineers takes GET, PUT, not POST."),
        ("DELETE", "/healthz", 405, "/healthz takes GET, not DELETE."),
    ],
)
def test_what_there_is_not_is_a_problem_with_a_sentence(
    client: TestClient, method: str, path: str, status: int, sentence: str
) -> None:
    answer = client.request(method, path)

    assert answer.status_code == answer.json()["status"] == status
    assert answer.json()["detail"].startswith(sentence)


def test_readings_come_newest_first_within_the_range(client: TestClient) -> None:
    with client.websocket_connect("ws://localhost:8787/ws/turbines/7") as link:
        for measured_at in (1000, 2000, 3000):
            link.send_text(metrics("ok", 7, measured_at=measured_at))
        rows = until(client, "/api/v1/turbines/7/metrics?since=1000&until=3000", lambda rows: len(rows) == 2)
    assert [row["measured_at"] for row in rows] == [2000, 1000]
    assert set(rows[0]) >= {"turbine_number", "wind_speed", "power_output_in_kwh", "operational_status"}


def test_repairs_have_the_tables_columns(client: TestClient) -> None:
    with client.websocket_connect("ws://localhost:8787/ws/turbines/7") as link:
        link.send_text(metrics("broken", 7))
        link.receive_json()
        link.send_text(metrics("ok", 7))
        (repair,) = until(client, "/api/v1/repairs", lambda rows: rows and rows[0]["ended_at"])
    assert list(repair) == [
        "id",
        "turbine_number",
        "engineer_id",
        "broken_at",
        "assigned_at",
        "ended_at",
        "outcome",
    ]
    assert repair["outcome"] == "repaired"


def test_the_roster_is_changed_by_a_put(client: TestClient) -> None:
    answer = client.put("/api/v1/engineers", json={"count": 4})
    assert answer.status_code == 200
    assert [engineer["engineer_id"] for engineer in answer.json()["engineers"]] == [1, 2, 3, 4]
    assert client.get("/api/v1/engineers").json()["count"] == 4


@pytest.mark.parametrize(
    "body", ['{"count": "4"}', '{"count": -1}', '{"count": 1e9}', "{}", "no", '{"number": 3}']
)
def test_a_bad_roster_changes_nothing_and_names_the_field(client: TestClient, body: str) -> None:
    answer = client.put("/api/v1/engineers", content=body, headers={"content-type": "application/json"})
    assert answer.status_code == 422
    assert len(answer.json()["detail"]) > 10
    assert client.get("/api/v1/engineers").json()["count"] == 2


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/turbines?limit=0",
        "/api/v1/turbines?limit=10001",
        "/api/v1/turbines/0",
        "/api/v1/turbines/2147483648",
        "/api/v1/turbines/x",
        "/api/v1/turbines/7/metrics?since=-1",
        "/api/v1/repairs?limit=many",
    ],
)
def test_a_value_out_of_bounds_is_a_problem(client: TestClient, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"


def test_health_says_what_the_disk_holds(client: TestClient, store: MemoryStore) -> None:
    assert client.get("/healthz").json()["disk"] is None
    store.space = Space(1, 2, 3)
    expected = {"database_bytes": 1, "log_bytes": 2, "free_bytes": 3, "bytes_a_day": None, "full_at": None}
    assert client.get("/healthz").json()["disk"] == expected


def test_health_says_why_it_is_degraded_and_readiness_follows(client: TestClient, store: MemoryStore) -> None:
    assert client.get("/healthz").json()["status"] == "ok"
    assert client.get("/readyz").status_code == 200
    store.failure = "the disk is full"
    with client.websocket_connect("ws://localhost:8787/ws/turbines/7") as link:
        link.send_text(metrics("ok", 7))
        answer = until(client, "/healthz", lambda answer: answer["status"] == "degraded")
    assert answer["reason"] == "the disk is full"
    assert client.get("/healthz").status_code == 200
    assert client.get("/readyz").status_code == 503
    store.failure = None
    until(client, "/healthz", lambda answer: answer["status"] == "ok")


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_a_load_balancer_may_ask_for_the_head_only(client: TestClient, path: str) -> None:
    answer = client.head(path)
    assert answer.status_code == 200
    assert answer.content == b""


def test_prometheus_finds_the_numbers_by_their_conventions(client: TestClient) -> None:
    with client.websocket_connect("ws://localhost:8787/ws/turbines/7") as link:
        link.send_text(metrics("broken", 7))
        link.receive_json()
        link.send_text("nonsense")
        link.receive_json()
        text = client.get("/metrics").text
    lines = text.splitlines()
    assert "gridws_frames_received_total 2.0" in lines
    assert "gridws_invalid_frames_total 1.0" in lines
    assert "gridws_connections_refused_total 0.0" in lines
    assert 'gridws_links_lost_total{reason="silent"} 0.0' in lines
    assert 'gridws_links_refused_total{status="401"} 0.0' in lines
    assert 'gridws_assignments_ended_total{outcome="repaired"} 0.0' in lines
    assert "gridws_turbines_broken 1.0" in lines
    assert "gridws_engineers_free 1.0" in lines
    assert 'gridws_dispatch_seconds_bucket{le="+Inf"} 1.0' in lines
    helped = {line.split()[2] for line in lines if line.startswith("# HELP")}
    assert {line.split()[2] for line in lines if line.startswith("# TYPE")} == helped


def test_raw_frames_are_shown_in_both_directions(client: TestClient) -> None:
    with client.websocket_connect("ws://localhost:8787/ws/frames?turbine=7") as viewer:
        with (
            client.websocket_connect("ws://localhost:8787/ws/turbines/7") as link,
            client.websocket_connect("ws://localhost:8787/ws/turbines/8") as other,
        ):
            other.send_text(metrics("ok", 8))
            link.send_text(frame("hello", 7, stream="a"))
            link.receive_json()
        seen = [viewer.receive_json() for _ in range(2)]
    assert [(each["type"], each["turbine_number"], each["direction"]) for each in seen] == [
        ("frame", 7, "up"),
        ("frame", 7, "down"),
    ]
    assert json.loads(seen[0]["text"])["type"] == "hello"


def test_watching_begins_with_the_whole_fleet(client: TestClient) -> None:
    with client.websocket_connect("ws://localhost:8787/ws/turbines/7") as link:
        link.send_text(metrics("broken", 7))
        link.receive_json()
        with client.websocket_connect("ws://localhost:8787/ws/watch") as viewer:
            snapshot = viewer.receive_json()
    assert snapshot["type"] == "snapshot"
    assert [turbine["turbine_number"] for turbine in snapshot["turbines"]] == [7]
    assert [event["kind"] for event in snapshot["events"]] == ["connected", "broke", "assigned"]


def test_the_documents_load_nothing_from_outside(client: TestClient) -> None:
    page = client.get("/docs").text
    assert "http://" not in page
    assert "https://" not in page
    assert client.get("/openapi.json").json()["info"]["title"] == "gridws"


def test_the_address_that_the_monitor_prints_leads_to_the_documents(client: TestClient) -> None:
    answer = client.get("/", follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, "/docs")


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        pytest.param("count=4", "application/json", id="no JSON"),
        pytest.param('{"count": 4}', "application/x-www-form-urlencoded", id="the header that curl sends"),
        pytest.param("[4]", "application/json", id="no object"),
    ],
)
def test_a_body_that_is_no_object_is_refused_with_what_to_send(
    client: TestClient, body: str, content_type: str
) -> None:
    answer = client.put("/api/v1/engineers", content=body, headers={"content-type": content_type})
    assert answer.status_code == 422
    assert answer.json()["detail"].startswith(
        "the body must be one JSON object, sent with the header content-type"
    )


def test_a_viewer_of_an_impossible_turbine_is_told_so(client: TestClient) -> None:
    with (
        pytest.raises(WebSocketDenialResponse) as refused,
        client.websocket_connect("ws://localhost:8787/ws/frames?turbine=0"),
    ):
        pass
    assert refused.value.status_code == 400
    assert refused.value.text.startswith("turbine: input should be greater than or equal to 1.")
