from __future__ import annotations

from collections.abc import AsyncIterator, Callable

import httpx
import pytest

from gridws.dashboard.archive import FIRST_SLICE, PAGE, Archive, csv_lines
from gridws.errors import MonitorRefused, MonitorUnreachable


def archive_of(answer: Callable[[httpx.Request], httpx.Response]) -> Archive:
    return Archive(lambda: "ws://monitor:1", token="t", transport=httpx.MockTransport(answer))


def rows_between(moments: range) -> Callable[[httpx.Request], httpx.Response]:
    """Answer as the API does: the newest rows of the range, newest first, at most `limit`."""

    def answer(request: httpx.Request) -> httpx.Response:
        since, until, limit = (int(request.url.params[name]) for name in ("since", "until", "limit"))
        found = [at for at in moments if since <= at < until]
        return httpx.Response(200, json=[row(at) for at in found[::-1][:limit]])

    return answer


def row(at: int) -> dict[str, object]:
    return {
        "turbine_number": 7,
        "measured_at": at,
        "wind_speed": 8.5,
        "power_output_in_kwh": 640.0,
        "operational_status": "ok",
        "received_at": at,
    }


async def text_of(lines: AsyncIterator[str]) -> str:
    return "".join([text async for text in lines])


async def test_csv_has_every_reading_once_and_the_oldest_first() -> None:
    moments = range(0, 2 * FIRST_SLICE, 250)  # denser than one answer of the API holds for an hour
    assert FIRST_SLICE / 250 > PAGE

    text = await text_of(csv_lines(archive_of(rows_between(moments)), 7, 0, 3 * FIRST_SLICE))

    head, *rows = text.split("\n")[:-1]
    assert head == "turbine_number,measured_at,wind_speed,power_output_in_kwh,operational_status,received_at"
    assert rows[0] == "7,1970-01-01T00:00:00.000Z,8.5,640.0,ok,1970-01-01T00:00:00.000Z"
    assert len(rows) == len(moments)
    assert rows == sorted(rows)


async def test_csv_ends_before_its_end() -> None:
    text = await text_of(csv_lines(archive_of(rows_between(range(0, 100, 10))), 7, 20, 50))

    assert text.count("\n") == 1 + 3


async def test_a_year_without_readings_takes_few_requests() -> None:
    requests: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        requests.append(request)
        return httpx.Response(200, json=[])

    await text_of(csv_lines(archive_of(answer), 7, 0, 366 * 24 * FIRST_SLICE))

    assert len(requests) < 20


@pytest.mark.parametrize(
    ("status", "words"), [(401, "--token"), (403, "operator's token"), (500, "HTTP 500")]
)
async def test_a_refusal_is_a_sentence(status: int, words: str) -> None:
    archive = archive_of(lambda _: httpx.Response(status))

    with pytest.raises(MonitorRefused, match=words):
        await archive.change_engineers(+1)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b'{"status": 422, "detail": "Pages may not.\\u001b[2J"}', ": Pages may not.\\x1b[2J"),
        (b'{"detail": "The body is wrong."}', ": The body is wrong"),
        (b'{"detail": 7}', "HTTP 422"),
        (b"<html>", "HTTP 422"),
        (b"[1]", "HTTP 422"),
    ],
)
async def test_the_monitors_own_sentence_is_passed_on(body: bytes, said: str) -> None:
    archive = archive_of(lambda _: httpx.Response(422, content=body))

    with pytest.raises(MonitorRefused) as refused:
        await archive.repairs(limit=1)

    assert refused.value.reason.endswith(said)


async def test_a_monitor_that_is_away_is_a_sentence() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("no")

    with pytest.raises(MonitorUnreachable, match="the connection failed"):
        await archive_of(answer).repairs(limit=1)


async def test_an_answer_of_another_kind_is_a_sentence() -> None:
    with pytest.raises(MonitorUnreachable, match="something else"):
        await archive_of(lambda _: httpx.Response(200, text="<html>")).repairs(limit=1)


async def test_requests_carry_the_token() -> None:
    seen: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request.headers["authorization"])
        return httpx.Response(200, json=[])

    await archive_of(answer).repairs(limit=1)

    assert seen == ["Bearer t"]


async def test_nobody_takes_away_more_engineers_than_there_are() -> None:
    wanted: list[bytes] = []

    def answer(request: httpx.Request) -> httpx.Response:
        wanted.append(request.content)
        return httpx.Response(200, json={"count": 0})

    assert await archive_of(answer).change_engineers(-1) == 0
    assert wanted[-1] == b'{"count":0}'
