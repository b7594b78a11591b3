"""Who may what, over all routes and both adapters; the login; and that nothing secret is ever said aloud."""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from identities import (
    ALL,
    EXPIRED,
    FORGED,
    HOUR,
    OPERATOR,
    SECRET,
    TURBINE_7,
    TURBINE_8,
    UNSIGNED,
    VIEWER,
    bearer,
    cookie,
)
from live_monitor import PATIENCE, LiveMonitor, served
from starlette.testclient import TestClient
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from gridws.monitor.monitor import GridMonitor
from gridws.settings import MonitorSettings
from gridws.web.app import create_app

pytestmark = pytest.mark.slow

HERE = "http://localhost:8787"
HTML = {"Accept": "text/html,application/xhtml+xml"}
ROUTES = [
    path.format(turbine_number=7, engineer_id=2) for path in create_app(GridMonitor()).openapi()["paths"]
]
DOCUMENTS = ["/docs", "/openapi.json", "/asyncapi.json", "/static-offline-docs/swagger-ui.css", "/nothing"]
PARTS = [part for token in ALL for part in token.split(".")[1:] if part]
OPEN = {"/healthz", "/readyz", "/login", "/logout"}
GUARDED = sorted({*ROUTES, *DOCUMENTS} - OPEN)
NOBODIES = [
    pytest.param({}, 401, id="nobody"),
    pytest.param(bearer(FORGED), 401, id="forged"),
    pytest.param(bearer(EXPIRED), 401, id="expired"),
    pytest.param(bearer(UNSIGNED), 401, id="unsigned"),
    pytest.param(cookie(FORGED), 401, id="forged cookie"),
    pytest.param({"Authorization": f"Basic {OPERATOR}"}, 401, id="another scheme"),
]
TURBINES = [
    pytest.param(bearer(TURBINE_7), 403, id="turbine"),
    pytest.param(cookie(TURBINE_7), 403, id="turbine's cookie"),
]
READERS = [
    pytest.param(bearer(VIEWER), None, id="viewer"),
    pytest.param(bearer(OPERATOR), None, id="operator"),
    pytest.param(cookie(VIEWER), None, id="viewer's cookie"),
]


@pytest.fixture
def client() -> Iterator[TestClient]:
    monitor = GridMonitor(2, settings=MonitorSettings(engineers=2, secret=SECRET, failed_logins=3))
    with TestClient(create_app(monitor), base_url=HERE, follow_redirects=False) as client:
        yield client


@pytest.fixture(scope="module")
def patient() -> Iterator[TestClient]:
    """One monitor for all that only ask; it counts no failures."""
    monitor = GridMonitor(2, settings=MonitorSettings(engineers=2, secret=SECRET, failed_logins=10_000))
    with TestClient(create_app(monitor), base_url=HERE, follow_redirects=False) as client:
        yield client


def refused_with(status: int) -> int | None:
    """Return the status if it says that somebody was not let in."""
    return status if status in {401, 403, 421, 429} else None


def engineers(client: TestClient) -> int:
    count: int = client.get("/api/v1/engineers", headers=bearer(VIEWER)).json()["count"]
    return count


# The matrix: HTTP.


@pytest.mark.parametrize("path", GUARDED)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize(("who", "expected"), [*NOBODIES, *TURBINES, *READERS])
def test_who_may_read(
    patient: TestClient, method: str, path: str, who: dict[str, str], expected: int | None
) -> None:
    answer = patient.request(method, path, headers=who)

    assert refused_with(answer.status_code) == expected


@pytest.mark.parametrize(
    ("who", "expected"),
    [
        *NOBODIES,
        pytest.param(bearer(TURBINE_7), 403, id="turbine"),
        pytest.param(cookie(TURBINE_7) | {"Origin": HERE}, 403, id="turbine's cookie"),
        pytest.param(bearer(VIEWER), 403, id="viewer"),
        pytest.param(bearer(OPERATOR), None, id="operator"),
        pytest.param(cookie(OPERATOR), 401, id="operator's cookie from nowhere"),
        pytest.param(cookie(OPERATOR) | {"Origin": HERE}, None, id="operator's cookie from our page"),
        pytest.param(cookie(VIEWER) | {"Origin": HERE}, 403, id="viewer's cookie from our page"),
        pytest.param(
            cookie(OPERATOR) | {"Origin": "http://evil.example"}, 403, id="operator's cookie from abroad"
        ),
    ],
)
def test_who_may_change_the_roster(client: TestClient, who: dict[str, str], expected: int | None) -> None:
    answer = client.put("/api/v1/engineers", json={"count": 5}, headers=who)

    assert refused_with(answer.status_code) == expected
    assert engineers(client) == (5 if expected is None else 2)


@pytest.mark.parametrize("path", sorted(OPEN))
def test_nobody_needs_a_token_for_health_and_login(patient: TestClient, path: str) -> None:
    assert patient.get(path).status_code == 200


@pytest.mark.parametrize("path", GUARDED)
def test_a_refusal_says_what_to_do(patient: TestClient, path: str) -> None:
    answer = patient.get(path)

    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert "gridws token" in answer.json()["detail"]


@pytest.mark.parametrize("path", ["/metrics?token={}", "/metrics?access_token={}", "/docs?gridws_token={}"])
def test_a_token_in_a_url_is_good_for_nothing(client: TestClient, path: str) -> None:
    assert client.get(path.format(VIEWER)).status_code == 401


@pytest.mark.parametrize(
    "path", ["//metrics", "/healthz/../metrics", "/login/../metrics", "/%6detrics", "/healthz%2f..%2fmetrics"]
)
def test_no_spelling_of_a_path_goes_around_the_guard(client: TestClient, path: str) -> None:
    answer = client.get(path)

    assert answer.status_code in {401, 404}
    assert "gridws_engineers" not in answer.text


@pytest.mark.parametrize("path", [*GUARDED, *sorted(OPEN)])
def test_another_name_of_this_machine_is_refused_everywhere(patient: TestClient, path: str) -> None:
    answer = patient.get(path, headers=bearer(OPERATOR) | {"Host": "evil.example"})

    assert answer.status_code == 403


@pytest.mark.parametrize("path", [*GUARDED, *sorted(OPEN)])
def test_a_page_of_another_origin_is_refused_everywhere(patient: TestClient, path: str) -> None:
    answer = patient.get(path, headers=bearer(OPERATOR) | {"Origin": "http://evil.example"})

    assert answer.status_code == 403


def test_bad_tokens_are_limited(client: TestClient) -> None:
    answers = [client.get("/metrics", headers=bearer(FORGED)) for _ in range(4)]

    assert [answer.status_code for answer in answers] == [401, 401, 401, 429]
    assert 1 <= int(answers[-1].headers["retry-after"]) <= 60


# Without a secret everything is open, on this machine.


@pytest.mark.parametrize("path", ROUTES)
def test_without_a_secret_nobody_needs_a_token(path: str) -> None:
    with TestClient(create_app(GridMonitor()), base_url=HERE) as client:
        assert refused_with(client.get(path).status_code) is None


def test_without_a_secret_another_site_changes_nothing() -> None:
    with TestClient(create_app(GridMonitor(2)), base_url=HERE) as client:
        answer = client.put("/api/v1/engineers", json={"count": 5}, headers={"Origin": "http://evil.example"})

        assert answer.status_code == 403
        assert client.get("/api/v1/engineers").json()["count"] == 2


# The login of browsers.


def test_a_person_is_shown_where_to_log_in(client: TestClient) -> None:
    answer = client.get("/docs", headers=HTML)

    assert (answer.status_code, answer.headers["location"]) == (303, "/login")


def test_a_login_sets_a_cookie_that_scripts_and_other_sites_cannot_use(client: TestClient) -> None:
    answer = client.post("/login", data={"token": f" {VIEWER}\n"}, headers={"Origin": HERE})

    name, *attributes = answer.headers["set-cookie"].split("; ")
    assert (answer.status_code, answer.headers["location"]) == (303, "/docs")
    assert name == f"gridws_token={VIEWER}"
    assert {"HttpOnly", "SameSite=strict", "Path=/"} <= set(attributes)
    assert "Secure" not in attributes
    (age,) = (int(each.removeprefix("Max-Age=")) for each in attributes if each.startswith("Max-Age="))
    assert 0 < age <= HOUR


def test_who_logged_in_may_read(client: TestClient) -> None:
    client.post("/login", data={"token": VIEWER})

    assert client.get("/docs", headers=HTML).status_code == 200


def test_who_logged_out_may_not(client: TestClient) -> None:
    client.post("/login", data={"token": VIEWER})

    answer = client.post("/logout", headers={"Origin": HERE})

    assert answer.headers["location"] == "/login"
    assert client.get("/metrics").status_code == 401


def test_behind_tls_the_cookie_is_secure() -> None:
    settings = MonitorSettings(secret=SECRET, ssl_certfile=Path("a"), ssl_keyfile=Path("b"))
    with TestClient(create_app(GridMonitor(settings=settings)), base_url="https://localhost") as client:
        answer = client.post("/login", data={"token": VIEWER}, follow_redirects=False)

    assert "Secure" in answer.headers["set-cookie"].split("; ")


@pytest.mark.parametrize(
    ("form", "status"),
    [
        ({"token": FORGED}, 401),
        ({"token": EXPIRED}, 401),
        ({"token": TURBINE_7}, 403),
        ({"token": "<script>alert(1)</script>"}, 401),
        ({"token": ""}, 401),
        ({}, 401),
    ],
)
def test_a_bad_login_gets_the_form_again(client: TestClient, form: dict[str, str], status: int) -> None:
    answer = client.post("/login", data=form)

    assert answer.status_code == status
    assert 'role="alert"' in answer.text
    assert "set-cookie" not in answer.headers
    assert "<script" not in answer.text


def test_another_site_logs_nobody_in(client: TestClient) -> None:
    answer = client.post("/login", data={"token": VIEWER}, headers={"Origin": "http://evil.example"})

    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers


def test_a_form_without_an_end_is_refused(client: TestClient) -> None:
    assert client.post("/login", content=b"token=" + b"x" * 20_000).status_code == 413


@pytest.mark.parametrize("body", [b"\xff\xfe", b"&".join([b"a=b"] * 50), b"token=%FF%FE"])
def test_a_form_that_is_none_is_refused(client: TestClient, body: bytes) -> None:
    assert client.post("/login", content=body).status_code == 401


def test_failed_logins_are_limited(client: TestClient) -> None:
    answers = [client.post("/login", data={"token": FORGED}).status_code for _ in range(4)]

    assert answers == [401, 401, 401, 429]
    assert client.get("/metrics", headers=bearer(VIEWER)).status_code == 200


def test_nobody_needs_to_log_in_where_there_is_no_secret() -> None:
    with TestClient(create_app(GridMonitor()), base_url=HERE, follow_redirects=False) as client:
        assert client.get("/login").headers["location"] == "/docs"
        assert client.post("/login").headers["location"] == "/docs"


# Pages.


@pytest.mark.parametrize("path", ["/login", "/logout", "/docs", "/metrics", "/healthz", "/api/v1/turbines"])
def test_every_answer_has_careful_headers(patient: TestClient, path: str) -> None:
    headers = patient.get(path, headers=bearer(VIEWER)).headers

    assert "default-src 'none'" in headers["content-security-policy"]
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"


@pytest.mark.parametrize("path", ["/login", "/docs"])
def test_a_page_loads_nothing_from_outside(client: TestClient, path: str) -> None:
    page = client.get(path, headers=bearer(VIEWER))

    loaded = re.findall(r"(?:src|href|action)=\"([^\"]*)\"", page.text)
    assert [address for address in loaded if not re.match(r"/[^/]", address)] == []
    assert "'unsafe-eval'" not in page.headers["content-security-policy"]
    assert "script-src 'unsafe-inline'" not in page.headers["content-security-policy"]
    assert "http:" not in page.headers["content-security-policy"]


def test_what_the_docs_load_is_there(client: TestClient) -> None:
    page = client.get("/docs", headers=bearer(VIEWER)).text

    loaded = re.findall(r"(?:src|href)=\"([^\"]*)\"", page)
    assert len(loaded) == 3
    assert [client.get(address, headers=bearer(VIEWER)).status_code for address in loaded] == [200] * 3


# The matrix: WebSockets, through both adapters.


@pytest.fixture(params=["fast", "asgi"])
async def live(request: pytest.FixtureRequest) -> AsyncIterator[LiveMonitor]:
    async with served(request.param, secret=SECRET) as live:
        yield live


async def answer_to(live: LiveMonitor, path: str, headers: dict[str, str]) -> tuple[int, str]:
    """Return the status of a handshake, and the sentence with a refusal."""
    try:
        async with asyncio.timeout(PATIENCE), connect(live.url(path), additional_headers=headers, proxy=None):
            return 101, ""
    except InvalidStatus as refusal:
        return refusal.response.status_code, (refusal.response.body or b"").decode()


def touched(live: LiveMonitor) -> int:
    """Return how many links and viewers the monitor knows or has known."""
    return (
        live.monitor.counters.links + live.monitor.counters.viewers + len(live.monitor.fleet_state.numbers())
    )


def own(live: LiveMonitor) -> dict[str, str]:
    return {"Origin": f"http://127.0.0.1:{live.port}"}


@pytest.mark.parametrize("path", ["/ws/turbines/7", "/ws/watch", "/ws/frames", "/ws/frames?turbine=7"])
@pytest.mark.parametrize(("who", "expected"), NOBODIES)
async def test_nobody_opens_a_websocket(
    live: LiveMonitor, path: str, who: dict[str, str], expected: int
) -> None:
    status, sentence = await answer_to(live, path, who)

    assert status == expected
    assert sentence.rstrip().endswith(".")
    assert touched(live) == 0


@pytest.mark.parametrize(
    ("path", "token", "expected"),
    [
        ("/ws/turbines/7", TURBINE_7, 101),
        ("/ws/turbines/7", TURBINE_8, 403),
        ("/ws/turbines/8", TURBINE_7, 403),
        ("/ws/turbines/%37", TURBINE_7, 101),
        ("/ws/turbines/7", VIEWER, 403),
        ("/ws/turbines/7", OPERATOR, 403),
        ("/ws/turbines/0", TURBINE_7, 403),
        ("/ws/turbines/7/", TURBINE_7, 403),
        ("/ws/watch", TURBINE_7, 403),
        ("/ws/frames", TURBINE_7, 403),
        ("/ws/frames?turbine=7", TURBINE_7, 403),
        ("/ws/watch", VIEWER, 101),
        ("/ws/frames", VIEWER, 101),
        ("/ws/watch", OPERATOR, 101),
        ("/ws/frames", OPERATOR, 101),
    ],
)
async def test_who_may_open_which_websocket(live: LiveMonitor, path: str, token: str, expected: int) -> None:
    status, _ = await answer_to(live, path, bearer(token))

    assert status == expected
    assert (touched(live) == 0) == (expected != 101 or "turbines" not in path)


@pytest.mark.parametrize("path", ["/ws/turbines/7", "/ws/watch", "/ws/frames"])
@pytest.mark.parametrize("origin", ["http://evil.example", "https://127.0.0.1", "null"])
async def test_a_page_of_another_origin_opens_no_websocket(live: LiveMonitor, path: str, origin: str) -> None:
    status, sentence = await answer_to(live, path, bearer(VIEWER) | {"Origin": origin})

    assert (status, "--allow-origin" in sentence) == (403, True)
    assert touched(live) == 0


async def test_a_page_of_ours_opens_a_websocket_with_its_cookie(live: LiveMonitor) -> None:
    assert await answer_to(live, "/ws/watch", cookie(VIEWER) | own(live)) == (101, "")


async def test_a_cookie_without_a_page_opens_no_websocket(live: LiveMonitor) -> None:
    status, _ = await answer_to(live, "/ws/watch", cookie(VIEWER))

    assert status == 401


async def test_bad_tokens_for_websockets_are_limited_and_good_ones_are_not(live: LiveMonitor) -> None:
    answers = [(await answer_to(live, "/ws/turbines/7", bearer(FORGED)))[0] for _ in range(11)]

    assert answers == [401] * 10 + [429]
    assert await answer_to(live, "/ws/turbines/7", bearer(TURBINE_7)) == (101, "")


async def test_a_bad_token_does_not_take_over_a_link(live: LiveMonitor) -> None:
    async with connect(live.url("/ws/turbines/7"), additional_headers=bearer(TURBINE_7), proxy=None) as link:
        await answer_to(live, "/ws/turbines/7", bearer(TURBINE_8))
        await link.ping()

        assert live.end_reasons == []
        assert live.monitor.counters.links == 1


# Nothing secret is said aloud.


def run(*command: str, **variables: str) -> subprocess.Popen[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GRIDWS_")}
    return subprocess.Popen(
        [sys.executable, "-m", "gridws", *command],
        env=environment | variables,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def output_of(*processes: subprocess.Popen[str]) -> str:
    """End processes and return all that they said."""
    for process in processes:
        process.terminate()
    return "".join(process.communicate(timeout=10)[0] for process in processes)


def wait_for_line(process: subprocess.Popen[str], wanted: str) -> str:
    assert process.stdout is not None
    for line in process.stdout:
        if wanted in line:
            return line
    raise AssertionError(f"the process ended without {wanted!r}")


@pytest.mark.slow
@pytest.mark.parametrize("style", ["text", "json"])
async def test_no_log_holds_anything_secret_even_at_debug_level(tmp_path: Path, style: str) -> None:
    log = ("--log-level", "debug", "--log-format", style)
    place = ("--port", "0", "--database", str(tmp_path / "gridws.db"))
    monitor = run("monitor", *place, *log, GRIDWS_SECRET=SECRET)
    announced = wait_for_line(monitor, "listens on")
    port = int(re.findall(r":(\d+) ", announced)[0])
    url = f"ws://localhost:{port}"
    turbines = run("turbines", "--monitor", url, "--count", "1", *log, GRIDWS_SECRET=SECRET)
    refused = run("turbines", "--monitor", url, "--count", "1", *log, GRIDWS_TOKEN=FORGED)
    said = wait_for_line(refused, "401")

    for token in ALL:
        await ask_everything(port, token)

    said += announced + output_of(refused, turbines, monitor)
    assert "Traceback" not in said
    assert "the token has expired" in said
    assert [part for part in (SECRET, *PARTS) if part in said] == []
    assert "eyJ" not in said


async def ask_everything(port: int, token: str) -> None:
    """Use a token in every way that there is, and in a wrong one."""
    from httpx2 import AsyncClient

    async with AsyncClient(base_url=f"http://localhost:{port}") as client:
        await client.get("/metrics", headers=bearer(token))
        await client.get("/metrics", headers=cookie(token))
        await client.post("/login", data={"token": token})
        await client.get(f"/metrics?token={token}")
    for path in ("/ws/watch", "/ws/turbines/7", f"/ws/frames?token={token}"):
        try:
            async with connect(f"ws://localhost:{port}{path}", additional_headers=bearer(token), proxy=None):
                pass
        except InvalidStatus:
            pass
