from __future__ import annotations

from http import HTTPStatus
from pathlib import Path

import pytest
from identities import (
    EXPIRED,
    FORGED,
    OPERATOR,
    OTHER_SECRET,
    SECRET,
    TURBINE_7,
    TURBINE_8,
    VIEWER,
    bearer,
    cookie,
)

from gridws.access.exposure import check_exposure
from gridws.access.guard import Guard
from gridws.access.origin import is_loopback, origin_of
from gridws.access.request import Asking, Refusal
from gridws.errors import OptionError
from gridws.settings import MonitorSettings

LOCAL = {"Host": "localhost:8787"}
ABROAD = MonitorSettings(hosts=("0.0.0.0",), insecure=True)
GUARDED = MonitorSettings(secret=SECRET, failed_logins=3)


def asking(path: str = "/ws/watch", method: str = "GET", /, **headers: str) -> Asking:
    """Return a request; headers are given with `_` for `-`."""
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    return Asking(path, (LOCAL | given).items(), method=method, address="192.0.2.1")


def status(refusal: Refusal | None) -> int | None:
    return refusal.status if refusal else None


# Host: only for this machine.


@pytest.mark.parametrize(
    "host",
    ["localhost", "localhost:8787", "LOCALHOST:1", "127.0.0.1", "127.0.0.1:8787", "[::1]", "[::1]:8787"],
)
def test_names_of_this_machine_are_let_in(host: str) -> None:
    assert Guard(MonitorSettings()).refuse_viewer(asking(Host=host)) is None


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:8787",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "localhost@evil.example",
        "localhost:8787@evil.example",
        "evil.example#localhost",
        "10.0.0.1",
        "::1",
        "localhost:port",
        "",
    ],
)
def test_other_names_of_this_machine_are_refused(host: str) -> None:
    guard = Guard(MonitorSettings())

    assert status(guard.refuse_viewer(asking(Host=host))) == 403
    assert status(guard.refuse_link(asking(Host=host), 7)) == 403
    assert status(guard.refuse_request(asking("/healthz", Host=host))) == 403


def test_no_host_and_two_hosts_are_refused() -> None:
    guard = Guard(MonitorSettings())

    assert status(guard.refuse_request(Asking("/healthz", []))) == 403
    assert (
        status(guard.refuse_request(Asking("/healthz", [("Host", "localhost"), ("Host", "localhost")])))
        == 403
    )


def test_a_monitor_that_others_can_reach_has_any_name() -> None:
    assert Guard(ABROAD).refuse_viewer(asking(Host="farm.example")) is None


@pytest.mark.parametrize(("second", "expected"), [("127.0.0.9", 403), ("0.0.0.0", None)])
def test_a_second_host_decides_who_can_reach_it(second: str, expected: int | None) -> None:
    guard = Guard(MonitorSettings(hosts=("localhost", second), insecure=True))

    assert guard.refuse_viewer(asking(Host=f"{second}:8787")) is None
    assert status(guard.refuse_viewer(asking(Host="evil.example"))) == expected


def test_a_renewed_secret_ends_what_the_old_one_was_good_for() -> None:
    guard = Guard(GUARDED)

    guard.renew_secret(OTHER_SECRET)

    assert status(guard.refuse_viewer(asking(Authorization=f"Bearer {VIEWER}"))) == 401


def test_a_proxy_on_this_machine_passes_on_the_host_of_an_allowed_origin() -> None:
    guard = Guard(MonitorSettings(allow_origins=("https://farm.example",)))

    assert guard.refuse_viewer(asking(Host="farm.example", Origin="https://farm.example")) is None


# Origin: of this page, or allowed.


@pytest.mark.parametrize("origin", ["http://localhost:8787", "HTTP://LocalHost:8787"])
def test_a_page_of_this_origin_is_let_in(origin: str) -> None:
    assert Guard(MonitorSettings()).refuse_viewer(asking(Origin=origin)) is None


@pytest.mark.parametrize(
    "origin",
    [
        "http://evil.example",
        "http://localhost",
        "http://localhost:8788",
        "https://localhost:8787",
        "http://127.0.0.1:8787",
        "http://localhost:8787.evil.example",
        "http://evil.example/http://localhost:8787",
        "http://localhost:8787/",
        "http://user@localhost:8787",
        "ws://localhost:8787",
        "file://",
        "null",
        "",
    ],
)
def test_a_page_of_another_origin_is_refused(origin: str) -> None:
    guard = Guard(MonitorSettings())

    assert status(guard.refuse_viewer(asking(Origin=origin))) == 403
    assert status(guard.refuse_link(asking(Origin=origin), 7)) == 403
    assert status(guard.refuse_request(asking("/healthz", Origin=origin))) == 403


def test_an_allowed_origin_is_let_in() -> None:
    guard = Guard(MonitorSettings(allow_origins=("https://Board.example:443", "http://localhost:8788")))

    assert guard.refuse_viewer(asking(Origin="https://board.example")) is None
    assert guard.refuse_viewer(asking(Origin="http://localhost:8788")) is None
    assert status(guard.refuse_viewer(asking(Origin="http://board.example"))) == 403


def test_behind_tls_our_origin_is_https() -> None:
    guard = Guard(MonitorSettings(ssl_certfile=Path("a"), ssl_keyfile=Path("b")))

    assert guard.refuse_viewer(asking(Origin="https://localhost:8787")) is None
    assert status(guard.refuse_viewer(asking(Origin="http://localhost:8787"))) == 403


def test_two_origins_are_refused() -> None:
    two = Asking("/ws/watch", [*LOCAL.items(), *[("Origin", "http://localhost:8787")] * 2])

    assert status(Guard(MonitorSettings()).refuse_viewer(two)) == 403


@pytest.mark.parametrize(
    ("text", "origin"),
    [
        ("http://a.example:80", "http://a.example"),
        ("https://a.example:443", "https://a.example"),
        ("https://a.example:80", "https://a.example:80"),
        ("http://[::1]:8787", "http://[::1]:8787"),
        ("http://a.example:99999", None),
        ("ftp://a.example", None),
        ("ws://a.example", None),
        ("https://", None),
        ("*", None),
        ("", None),
        ("null", "null"),
        ("file://", "file://"),
        ("Capacitor://localhost", "capacitor://localhost"),
        ("file:///home", None),
    ],
)
def test_an_origin_is_written_in_one_way(text: str, origin: str | None) -> None:
    assert origin_of(text) == origin


# Tokens.


@pytest.mark.parametrize(
    ("token", "link_7", "viewer", "read", "change"),
    [
        pytest.param(None, 401, 401, 401, 401, id="nobody"),
        pytest.param(TURBINE_7, None, 403, 403, 403, id="turbine 7"),
        pytest.param(TURBINE_8, 403, 403, 403, 403, id="turbine 8"),
        pytest.param(VIEWER, 403, None, None, 403, id="viewer"),
        pytest.param(OPERATOR, 403, None, None, None, id="operator"),
        pytest.param(FORGED, 401, 401, 401, 401, id="forged"),
        pytest.param(EXPIRED, 401, 401, 401, 401, id="expired"),
        pytest.param("", 401, 401, 401, 401, id="empty"),
    ],
)
def test_who_may_what(
    token: str | None, link_7: int | None, viewer: int | None, read: int | None, change: int | None
) -> None:
    guard, has = Guard(MonitorSettings(secret=SECRET)), bearer(token)

    assert status(guard.refuse_link(asking("/ws/turbines/7", **has), 7)) == link_7
    assert status(guard.refuse_viewer(asking("/ws/watch", **has))) == viewer
    assert status(guard.refuse_request(asking("/metrics", **has))) == read
    assert status(guard.refuse_request(asking("/api/v1/engineers", "PUT", **has))) == change


def test_a_path_that_names_no_turbine_is_good_for_no_turbine() -> None:
    assert status(Guard(GUARDED).refuse_link(asking(**bearer(TURBINE_7)), None)) == 403


@pytest.mark.parametrize("header", [f"Basic {VIEWER}", VIEWER, "Bearer", f"Bearer {VIEWER} {VIEWER}"])
def test_what_is_no_bearer_token_is_refused(header: str) -> None:
    assert status(Guard(GUARDED).refuse_viewer(asking(Authorization=header))) == 401


def test_a_bad_token_in_the_header_is_not_mended_by_a_cookie() -> None:
    assert (
        status(Guard(GUARDED).refuse_request(asking("/metrics", **bearer(FORGED), **cookie(VIEWER)))) == 401
    )


def test_a_cookie_is_good_for_reading() -> None:
    assert Guard(GUARDED).refuse_request(asking("/metrics", **cookie(VIEWER))) is None


@pytest.mark.parametrize(
    ("origin", "expected"),
    [
        pytest.param({}, 401, id="no origin"),
        pytest.param({"Origin": "http://localhost:8787"}, None, id="our origin"),
        pytest.param({"Origin": "http://localhost:8788"}, None, id="an allowed origin"),
        pytest.param({"Origin": "http://evil.example"}, 403, id="a foreign origin"),
    ],
)
def test_a_cookie_changes_something_for_our_own_and_allowed_pages_only(
    origin: dict[str, str], expected: int | None
) -> None:
    guard = Guard(MonitorSettings(secret=SECRET, allow_origins=("http://localhost:8788",)))

    put = asking("/api/v1/engineers", "PUT", **cookie(OPERATOR), **origin)

    assert status(guard.refuse_request(put)) == expected


@pytest.mark.parametrize(("origin", "expected"), [({}, 401), ({"Origin": "http://localhost:8787"}, None)])
def test_a_cookie_opens_a_websocket_for_a_page_only(origin: dict[str, str], expected: int | None) -> None:
    upgrade = asking("/ws/watch", Upgrade="websocket", **cookie(VIEWER), **origin)

    assert status(Guard(GUARDED).refuse_viewer(upgrade)) == expected


def test_bad_tokens_of_one_address_are_limited_and_good_ones_are_not() -> None:
    guard = Guard(GUARDED)
    answers = [status(guard.refuse_viewer(asking(**bearer(FORGED)))) for _ in range(5)]

    assert answers == [401, 401, 401, 429, 429]
    assert guard.refuse_viewer(asking(**bearer(VIEWER))) is None
    elsewhere = Asking("/ws/watch", (LOCAL | bearer(FORGED)).items(), address="192.0.2.2")
    assert status(guard.refuse_viewer(elsewhere)) == 401


def test_logins_of_one_address_are_limited() -> None:
    guard = Guard(GUARDED)
    answers = [guard.log_in(asking("/login", "POST"), FORGED) for _ in range(4)]

    last = answers[-1]

    assert isinstance(last, Refusal)
    assert last.status is HTTPStatus.TOO_MANY_REQUESTS
    assert last.headers == (("Retry-After", "60"),)
    assert isinstance(guard.log_in(asking("/login", "POST"), VIEWER), Refusal)


# The start.


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST", "127.0.0.1", "127.8.8.8", "::1"])
def test_the_loopback_needs_nothing(host: str) -> None:
    assert is_loopback(host)
    check_exposure(MonitorSettings(hosts=("localhost", host)))


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "farm.example", "localhost.example", ""])
def test_any_other_address_needs_a_secret_and_tls(host: str) -> None:
    with pytest.raises(OptionError, match=r"GRIDWS_SECRET.*and.*--ssl-certfile.*--insecure"):
        check_exposure(MonitorSettings(hosts=("localhost", host)))


def test_what_is_missing_is_named_alone() -> None:
    with pytest.raises(OptionError, match=r"needs TLS \(--ssl-certfile"):
        check_exposure(MonitorSettings(hosts=("0.0.0.0",), secret=SECRET))


def test_insecure_does_without() -> None:
    check_exposure(ABROAD)


@pytest.mark.parametrize(
    "origin", ["*", "farm.example", "https://farm.example/", "https://", "wss://farm.example"]
)
def test_an_allowed_origin_must_be_one(origin: str) -> None:
    with pytest.raises(OptionError, match="is no origin"):
        check_exposure(MonitorSettings(allow_origins=(origin,)))


def test_a_short_secret_stops_the_start() -> None:
    with pytest.raises(OptionError, match="at least 32 bytes"):
        check_exposure(MonitorSettings(secret="short"))


@pytest.mark.parametrize("name", ["ssl_certfile", "ssl_keyfile"])
def test_certificate_and_key_go_together(name: str) -> None:
    with pytest.raises(OptionError, match="go together"):
        check_exposure(MonitorSettings(**{name: Path("x")}))  # type: ignore[arg-type]  # either is a path


def test_an_absent_certificate_is_named(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match=r"cannot read --ssl-certfile .*absent"):
        check_exposure(MonitorSettings(ssl_certfile=tmp_path / "absent", ssl_keyfile=tmp_path / "absent"))


def test_files_that_hold_no_certificate_are_refused(tmp_path: Path) -> None:
    (tmp_path / "notes").write_text("not a certificate")

    with pytest.raises(OptionError, match="cannot use the certificate"):
        check_exposure(MonitorSettings(ssl_certfile=tmp_path / "notes", ssl_keyfile=tmp_path / "notes"))
