"""`--allow-origin` is one fact with one meaning: in WebSockets, the cookie, changes, CORS and the Secure flag."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest
from identities import OPERATOR, SECRET, VIEWER, bearer, cookie
from live_monitor import served
from starlette.testclient import TestClient
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus
from websockets.typing import Origin

from gridws.access.exposure import check_exposure
from gridws.access.origin import Origins
from gridws.access.request import Asking
from gridws.monitor.monitor import GridMonitor
from gridws.settings import MonitorSettings
from gridws.web.app import create_app

pytestmark = pytest.mark.slow

PROXY = "https://farm.example"
BOARD = "https://board.example"
PROXIED = {"Host": "farm.example"}
DEVICES = ["file://", "null", "capacitor://localhost"]
SETTINGS = MonitorSettings(engineers=2, secret=SECRET, allow_origins=(PROXY, BOARD, *DEVICES))


@pytest.fixture
def client() -> Iterator[TestClient]:
    """A monitor on the loopback, as a browser finds it behind a proxy that ends TLS."""
    app = create_app(GridMonitor(2, settings=SETTINGS))
    with TestClient(app, base_url="http://farm.example", follow_redirects=False) as client:
        yield client


def put_five(client: TestClient, headers: dict[str, str]) -> int:
    return client.put("/api/v1/engineers", json={"count": 5}, headers=headers).status_code


# A proxy that ends TLS.


def test_an_operator_behind_a_proxy_that_ends_tls_logs_in_and_changes_the_roster(client: TestClient) -> None:
    login = client.post("/login", data={"token": OPERATOR}, headers={"Origin": PROXY})

    assert login.status_code == 303
    assert "Secure" in login.headers["set-cookie"].split("; ")
    assert put_five(client, cookie(OPERATOR) | {"Origin": PROXY}) == 200


def test_the_cookie_is_secure_too_where_the_proxy_says_its_own_host(client: TestClient) -> None:
    headers = {"Host": "localhost:8787", "Origin": PROXY}

    login = client.post("/login", data={"token": OPERATOR}, headers=headers)

    assert "Secure" in login.headers["set-cookie"].split("; ")


def test_who_logs_out_behind_a_proxy_loses_the_secure_cookie(client: TestClient) -> None:
    answer = client.post("/logout", headers={"Origin": PROXY})

    assert "Secure" in answer.headers["set-cookie"].split("; ")


def test_pages_behind_the_proxy_are_no_guests(client: TestClient) -> None:
    answer = client.get("/healthz", headers={"Origin": PROXY})

    assert "access-control-allow-origin" not in answer.headers


# A page of another origin.


@pytest.mark.parametrize("origin", [BOARD, *DEVICES])
def test_a_browser_is_told_that_an_allowed_page_may_ask(client: TestClient, origin: str) -> None:
    asks = {"Origin": origin, "Access-Control-Request-Method": "PUT"}

    answer = client.options("/api/v1/engineers", headers=asks)

    assert answer.status_code == 204
    assert answer.headers["access-control-allow-origin"] == origin
    assert answer.headers["access-control-allow-credentials"] == "true"
    assert "PUT" in answer.headers["access-control-allow-methods"]
    assert "Authorization" in answer.headers["access-control-allow-headers"]
    assert answer.headers["vary"] == "Origin"


@pytest.mark.parametrize("origin", [BOARD, *DEVICES])
@pytest.mark.parametrize(("who", "status"), [(bearer(OPERATOR), 200), (cookie(OPERATOR), 200), ({}, 401)])
def test_an_allowed_page_may_do_what_ours_may_and_read_the_answer(
    client: TestClient, origin: str, who: dict[str, str], status: int
) -> None:
    answer = client.put("/api/v1/engineers", json={"count": 5}, headers=who | {"Origin": origin})

    assert answer.status_code == status
    assert answer.headers["access-control-allow-origin"] == origin
    assert answer.headers["cross-origin-resource-policy"] == "cross-origin"


@pytest.mark.parametrize("method", ["OPTIONS", "GET", "PUT"])
def test_a_foreign_page_is_told_nothing(client: TestClient, method: str) -> None:
    asks = {"Origin": "https://evil.example", "Access-Control-Request-Method": "PUT"}

    answer = client.request(method, "/api/v1/engineers", headers=asks | cookie(OPERATOR))

    assert answer.status_code == 403
    assert "https://evil.example" in answer.json()["detail"]
    assert not [name for name in answer.headers if name.startswith("access-control")]


def test_options_without_a_page_ask_for_a_token(client: TestClient) -> None:
    assert client.options("/api/v1/engineers").status_code == 401


def test_without_allowed_origins_an_answer_is_the_same_for_all() -> None:
    with TestClient(create_app(GridMonitor()), base_url="http://localhost:8787") as client:
        assert "vary" not in client.get("/healthz").headers


# WebSockets, through both adapters.


@pytest.mark.parametrize("adapter", ["fast", "asgi"])
@pytest.mark.parametrize("origin", [PROXY, BOARD, *DEVICES])
async def test_an_allowed_page_opens_a_websocket_with_its_cookie(adapter: str, origin: str) -> None:
    async with (
        served(adapter, secret=SECRET, allow_origins=SETTINGS.allow_origins) as live,
        connect(
            live.url("/ws/watch"), origin=Origin(origin), additional_headers=cookie(VIEWER), proxy=None
        ) as viewer,
    ):
        assert "snapshot" in str(await viewer.recv())


@pytest.mark.parametrize("adapter", ["fast", "asgi"])
@pytest.mark.parametrize("origin", ["null", "file://", "https://\x1b[2J"])
async def test_a_device_that_says_an_origin_is_told_to_leave_it_out(adapter: str, origin: str) -> None:
    async with served(adapter) as live:
        with pytest.raises(InvalidStatus) as refused:
            await connect(
                live.url("/ws/turbines/7"),
                additional_headers={"Origin": origin.replace("\x1b", "\xa0")},
                proxy=None,
            )

    sentence = (refused.value.response.body or b"").decode()
    assert "--allow-origin" in sentence
    assert "leave the header Origin out" in sentence
    assert sentence.rstrip("\n").isprintable()


# One meaning, whatever listens.


@pytest.mark.parametrize("what", ["monitor", "dashboard"])
@pytest.mark.parametrize(
    ("host", "origin", "good"),
    [
        ("localhost:1", None, True),
        ("fleet.localhost:1", None, True),
        ("127.1.2.3", None, True),
        ("farm.example", None, True),
        ("evil.example", None, False),
        ("localhost:1", "http://localhost:1", True),
        ("localhost:1", "http://localhost:2", False),
        ("farm.example", PROXY, True),
        ("farm.example", "http://farm.example", False),
        ("localhost:1", "null", False),
    ],
)
def test_monitor_and_dashboard_judge_alike(what: str, host: str, origin: str | None, *, good: bool) -> None:
    origins = Origins(["localhost"], [PROXY], what=what)
    asking = Asking("/", [("Host", host), *([("Origin", origin)] if origin else [])])

    assert (origins.refuse(asking) is None) == good


def test_letting_in_every_page_without_a_secret_is_warned_of(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)

    check_exposure(MonitorSettings(allow_origins=("null",)))

    assert "every web page" in caplog.text
