"""Ranges of time as people say them."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from gridws.errors import OptionError
from gridws.settings import MAX_MEASURED_AT
from gridws.spans import Span, local_time, parse_span

NOW = 1_790_000_000_000  # 2026-09-21 14:13:20 UTC
HOUR = 3_600_000


@pytest.fixture
def berlin(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize(
    ("since", "length"),
    [
        ("90s", 90_000),
        ("30m", HOUR // 2),
        ("24h", 24 * HOUR),
        ("7d", 168 * HOUR),
        ("2W", 336 * HOUR),
        ("1.5h", 5_400_000),
    ],
)
def test_since_is_a_length_back_from_now(since: str, length: int) -> None:
    assert parse_span(since, None, None, now=NOW) == (NOW - length, NOW)


def test_since_goes_back_from_the_end_that_is_given() -> None:
    end = "2026-09-20T00:00:00Z"

    assert parse_span("1h", None, end, now=NOW) == (1_789_858_800_000, 1_789_862_400_000)


def test_a_time_with_a_zone_is_taken_at_its_word(berlin: None) -> None:
    span = parse_span(None, "2026-09-20T12:00+00:00", "2026-09-20T16:00:00.500+02:00", now=NOW)

    assert span == (1_789_905_600_000, 1_789_912_800_500)


def test_a_time_without_a_zone_is_local_and_a_date_its_midnight(berlin: None) -> None:
    span = parse_span(None, "2026-09-20", "2026-09-20T02:00", now=NOW)

    assert span == (1_789_855_200_000, 1_789_862_400_000)


def test_the_last_moment_of_all_is_shown_in_utc_where_it_is_in_no_year_of_this_zone(berlin: None) -> None:
    assert local_time(MAX_MEASURED_AT) == "9999-12-31 23:59:59+00:00"


def test_a_moment_is_shown_in_local_time(berlin: None) -> None:
    assert local_time(1_789_855_200_000) == "2026-09-20 00:00:00+02:00"


def test_without_options_it_is_the_default_or_everything() -> None:
    assert parse_span(None, None, None, now=NOW, default="24h") == (NOW - 24 * HOUR, NOW)
    assert parse_span(None, None, None, now=NOW) == (0, NOW)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("24", None, None), "no length of time"),
        (("0h", None, None), "no length of time"),
        (("-1h", None, None), "no length of time"),
        (("\u0661h", None, None), "no length of time"),
        (("1h", "2026-01-01", None), "give one of them"),
        ((None, "yesterday", None), "--from 'yesterday' is no time"),
        ((None, None, "2026-13-01"), "--to '2026-13-01' is no time"),
        ((None, "1969-12-31T00:00Z", None), "before 1970"),
        ((None, "0001-01-01", None), "no time|before 1970"),
        ((None, "2026-05-02", "2026-05-01"), "ends before it begins"),
        ((None, "2026-05-02", "2026-05-02"), "ends before it begins"),
        ((None, "2999-01-01", None), "in the future"),
    ],
)
def test_a_range_that_cannot_be_is_refused(
    options: tuple[str | None, str | None, str | None], words: str
) -> None:
    with pytest.raises(OptionError, match=words):
        parse_span(*options, now=NOW)


def test_what_two_ranges_share_is_never_less_than_nothing() -> None:
    assert Span(10, 20).cut(15, 30) == (15, 20)
    assert Span(10, 20).cut(30, 40).length == 0
