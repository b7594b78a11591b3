from __future__ import annotations

import time
from base64 import urlsafe_b64encode
from pathlib import Path
from typing import Any

import jwt
import pytest

from gridws.access.attempts import ADDRESSES, Attempts
from gridws.access.tokens import AUDIENCE, ISSUER, BadToken, Identity, Role, make_token, read_token
from gridws.commands.secrets import read_secret
from gridws.commands.token import token
from gridws.errors import OptionError
from gridws.settings import DashboardSettings, MonitorSettings, TurbineSettings
from gridws.turbines.turbine_tokens import RenewableTokens, token_source

SECRET = "0123456789abcdef0123456789abcdef"
OTHER_SECRET = SECRET[::-1]
HOUR = 3600.0
BEGAN = int(time.time())
"""When the tests were collected; the last of them may run many minutes later."""


def claims(**changed: Any) -> dict[str, Any]:
    good = {"iss": ISSUER, "aud": AUDIENCE, "iat": BEGAN, "exp": BEGAN + 86_400, "role": "viewer"}
    return {name: value for name, value in (good | changed).items() if value is not None}


def signed(secret: str = SECRET, algorithm: str = "HS256", **changed: Any) -> str:
    return jwt.encode(claims(**changed), secret, algorithm=algorithm)


def unsigned() -> str:
    return jwt.encode(claims(), "", algorithm="none")


@pytest.mark.parametrize(
    ("role", "turbine_number"), [(Role.turbine, 7), (Role.viewer, None), (Role.operator, None)]
)
def test_a_token_says_who_its_bearer_is(role: Role, turbine_number: int | None) -> None:
    text = make_token(SECRET, role, turbine_number=turbine_number, expires=HOUR)

    identity = read_token(SECRET, text)

    assert (identity.role, identity.turbine_number) == (role, turbine_number)
    assert 0 < identity.expires_at - time.time() <= HOUR


@pytest.mark.parametrize(
    ("name", "shown"), [("ann", "ann"), ("a\nb", "a\\nb"), ("x" * 101, "x" * 100 + "…"), ("", None)]
)
def test_a_token_may_have_a_name_that_is_fit_to_be_shown(name: str, shown: str | None) -> None:
    assert read_token(SECRET, signed(sub=name)).name == shown


def test_the_token_of_this_test_is_good_before_it_is_spoilt() -> None:
    assert read_token(SECRET, signed()) == Identity(Role.viewer, None, claims()["exp"])


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(signed(OTHER_SECRET), id="another secret"),
        pytest.param(signed(SECRET * 2, "HS512"), id="another algorithm"),
        pytest.param(unsigned(), id="no signature"),
        pytest.param(signed()[:-2], id="half a signature"),
        pytest.param(signed(iss="somebody"), id="another issuer"),
        pytest.param(signed(aud="another"), id="another audience"),
        pytest.param(signed(aud=[AUDIENCE, "another"]), id="several audiences"),
        pytest.param(signed(exp=None), id="no end"),
        pytest.param(signed(iat=None), id="no beginning"),
        pytest.param(signed(iss=None), id="no issuer"),
        pytest.param(signed(aud=None), id="no audience"),
        pytest.param(signed(role=None), id="no role"),
        pytest.param(signed(role="admin"), id="a role that does not exist"),
        pytest.param(signed(role=["viewer"]), id="a role that is no text"),
        pytest.param(signed(role="turbine"), id="a turbine without a number"),
        pytest.param(signed(turbine_number=7), id="a viewer with a number"),
        pytest.param(signed(role="turbine", turbine_number="7"), id="a number that is a text"),
        pytest.param(signed(role="turbine", turbine_number=0), id="a number that cannot be"),
        pytest.param(signed(role="turbine", turbine_number=True), id="a number that is true"),
        pytest.param(signed(iat=BEGAN + 43_200), id="made in twelve hours"),
        pytest.param(signed(exp=10**18), id="an end beyond all years"),
        pytest.param(signed(extra="x" * 5000), id="too long"),
        pytest.param("", id="nothing"),
        pytest.param("a.b.c", id="no token"),
        pytest.param("é" * 20, id="no ASCII"),
        pytest.param("\ud800", id="a lone surrogate"),
        pytest.param(
            urlsafe_b64encode(b"[" * 3000).decode() + ".e30.AA", id="a header that nests without an end"
        ),
    ],
)
def test_a_token_that_is_not_ours_is_good_for_nothing(text: str) -> None:
    with pytest.raises(BadToken) as refused:
        read_token(SECRET, text)

    assert str(refused.value) in {"the token is not valid here", "the token is too long to be one"}


def test_an_expired_token_says_so() -> None:
    with pytest.raises(BadToken, match="has expired"):
        read_token(SECRET, signed(exp=int(time.time()) - 60))


@pytest.mark.parametrize(("role", "number"), [(Role.turbine, None), (Role.viewer, 7)])
def test_role_and_number_go_together(role: Role, number: int | None) -> None:
    with pytest.raises(OptionError, match="needs the turbine's number"):
        make_token(SECRET, role, turbine_number=number, expires=HOUR)


def test_a_short_secret_is_refused_and_not_shown() -> None:
    with pytest.raises(OptionError, match="at least 32 bytes") as refused:
        make_token("hunter2", Role.viewer, expires=HOUR)

    assert "hunter2" not in str(refused.value)


# The command.


@pytest.mark.parametrize(
    ("options", "role", "number"),
    [
        ({"turbine": 7}, Role.turbine, 7),
        ({"viewer": True}, Role.viewer, None),
        ({"operator": True}, Role.operator, None),
    ],
)
def test_the_command_prints_a_token_and_nothing_else(
    options: dict[str, Any],
    role: Role,
    number: int | None,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("GRIDWS_SECRET", SECRET)

    token(**options, expires="2h")

    identity = read_token(SECRET, capsys.readouterr().out.removesuffix("\n"))
    assert (identity.role, identity.turbine_number) == (role, number)
    assert 0 <= time.time() + 2 * HOUR - identity.expires_at < 60


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({}, "say for whom"),
        ({"turbine": 7, "viewer": True}, "say for whom"),
        ({"viewer": True, "expires": "40000d"}, "a hundred years"),
        ({"viewer": True, "expires": "0d"}, "no length of time"),
        ({"viewer": True, "expires": "30"}, "no length of time"),
    ],
)
def test_the_command_says_what_is_wrong(
    options: dict[str, Any], sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GRIDWS_SECRET", SECRET)

    with pytest.raises(OptionError, match=sentence):
        token(**options)


def test_the_command_needs_the_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GRIDWS_SECRET", raising=False)

    with pytest.raises(OptionError, match="there is no secret"):
        token(viewer=True)


# Where the secret is.


def test_the_secret_is_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRIDWS_SECRET", SECRET)

    assert read_secret(None) == SECRET


def test_the_secret_is_in_a_file_without_its_line_end(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("GRIDWS_SECRET", raising=False)
    (tmp_path / "secret").write_text(f"{SECRET}\n")

    assert read_secret(tmp_path / "secret") == SECRET


def test_an_empty_variable_is_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRIDWS_SECRET", "")

    assert read_secret(None) is None


def test_two_secrets_are_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("GRIDWS_SECRET", SECRET)

    with pytest.raises(OptionError, match="either"):
        read_secret(tmp_path / "secret")


@pytest.mark.parametrize(
    ("content", "sentence"), [(None, "cannot read"), (b"", "is empty"), (b"\xff\xfe", "is no text")]
)
def test_a_secret_file_that_is_none_is_refused(
    content: bytes | None, sentence: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GRIDWS_SECRET", raising=False)
    path = tmp_path / "secret" if content is None else tmp_path / "there"
    (tmp_path / "there").write_bytes(content or b"")

    with pytest.raises(OptionError, match=sentence):
        read_secret(path)


# Where turbines have their tokens from.


def test_each_turbine_has_its_token_in_the_file(tmp_path: Path) -> None:
    (tmp_path / "tokens").write_text("7 seven\n\n8   eight\n")

    token_of = token_source(TurbineSettings(count=2, first_number=7, token_file=tmp_path / "tokens"))

    assert [token_of(7), token_of(8)] == ["seven", "eight"]


@pytest.mark.parametrize(
    ("lines", "sentence"),
    [
        ("7 seven", "no token for turbine 8"),
        ("7 seven\nx eight", "line 2"),
        ("7 seven\n8", "line 2"),
        ("7 seven\n8 a b", "line 2"),
        ("7 seven\n0 eight", "line 2"),
    ],
)
def test_a_file_that_lacks_a_token_is_refused(lines: str, sentence: str, tmp_path: Path) -> None:
    (tmp_path / "tokens").write_text(lines)

    with pytest.raises(OptionError, match=sentence) as refused:
        token_source(TurbineSettings(count=2, first_number=7, token_file=tmp_path / "tokens"))

    assert "seven" not in str(refused.value)


def test_the_secret_makes_each_turbines_token() -> None:
    token_of = token_source(TurbineSettings(secret=SECRET))

    identity = read_token(SECRET, token_of(4711) or "")

    assert (identity.role, identity.turbine_number) == (Role.turbine, 4711)


def test_one_token_is_for_one_turbine() -> None:
    with pytest.raises(OptionError, match="--token-file"):
        token_source(TurbineSettings(count=2, token="x"))


def test_a_file_that_is_read_again_gives_other_tokens_and_a_wrong_one_changes_nothing(tmp_path: Path) -> None:
    file = tmp_path / "tokens"
    file.write_text("7 first")
    tokens = RenewableTokens(lambda: token_source(TurbineSettings(count=1, first_number=7, token_file=file)))

    file.write_text("7 second")
    tokens.renew()
    file.write_text("8 third")
    with pytest.raises(OptionError, match="no token for turbine 7"):
        tokens.renew()

    assert tokens(7) == "second"


def test_a_token_that_no_header_can_hold_is_refused_and_not_shown() -> None:
    with pytest.raises(OptionError, match="characters that no token has") as refused:
        token_source(TurbineSettings(count=1, token="abc\r\ndef"))

    assert "abc" not in str(refused.value)


# Failures are counted for each address.


class HandTime:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def failed(attempts: Attempts, address: str, times: int) -> None:
    """Fail so often."""
    for _ in range(times):
        attempts.fail(address)


def exhaust(attempts: Attempts, addresses: int) -> None:
    """Fail once from so many addresses."""
    for number in range(addresses):
        attempts.fail(f"address {number}")


def test_an_address_may_fail_so_often() -> None:
    attempts = Attempts(3, 60.0, clock=HandTime())
    failed(attempts, "192.0.2.1", 3)

    assert attempts.exhausted("192.0.2.1")
    assert not attempts.exhausted("192.0.2.2")


def test_an_address_may_fail_again_after_the_time() -> None:
    clock = HandTime()
    attempts = Attempts(3, 60.0, clock=clock)
    failed(attempts, "192.0.2.1", 3)
    wait = attempts.retry_after("192.0.2.1")
    clock.now += wait

    assert wait == 60
    assert not attempts.exhausted("192.0.2.1")


def test_all_addresses_of_a_machine_with_ipv6_count_together() -> None:
    attempts = Attempts(3, 60.0, clock=HandTime())
    failed(attempts, "2001:db8::1", 3)

    assert attempts.exhausted("2001:db8::ffff")
    assert not attempts.exhausted("2001:db8:0:1::1")


def test_the_table_of_addresses_is_bounded() -> None:
    attempts = Attempts(3, 60.0, clock=HandTime())

    exhaust(attempts, ADDRESSES + 100)

    assert len(attempts) == ADDRESSES


@pytest.mark.parametrize(
    "settings",
    [
        MonitorSettings(secret=SECRET),
        TurbineSettings(secret=SECRET),
        TurbineSettings(token=SECRET),
        DashboardSettings(token=SECRET),
    ],
)
def test_settings_that_are_shown_show_nothing_secret(settings: object) -> None:
    assert SECRET not in repr(settings)
