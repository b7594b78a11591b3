"""One contract for both adapters: whatever a turbine can do to its link, the two answer alike."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from functools import partial

import pytest
from doubles import frame, metrics
from live_monitor import (
    LiveMonitor,
    client_frame,
    hear,
    hear_close,
    hear_type,
    raw_peer,
    served,
    until,
    upgrade_request,
)
from starlette.testclient import TestClient, WebSocketDenialResponse
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.frames import Opcode

from gridws.monitor.monitor import GridMonitor
from gridws.monitor.session import Session
from gridws.web.app import create_app
from gridws.wire.frames import Error

pytestmark = pytest.mark.slow

HELLO = frame("hello", stream="a")


@pytest.fixture(params=["fast", "fastapi"])
def adapter(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
async def live(adapter: str) -> AsyncIterator[LiveMonitor]:
    async with served(adapter, engineers=1) as live:
        yield live


# Being let in.


@pytest.mark.parametrize(
    ("offered", "chosen"),
    [(None, None), (["gridws.v1"], "gridws.v1"), (["other", "gridws.v1"], "gridws.v1")],
)
async def test_our_subprotocol_is_chosen_where_it_is_offered(
    live: LiveMonitor, offered: list[str] | None, chosen: str | None
) -> None:
    async with live.turbine(subprotocols=offered) as turbine:
        assert turbine.subprotocol == chosen


@pytest.mark.parametrize(
    ("number", "offered", "status", "words"),
    [
        pytest.param(7, ["other"], 400, b"gridws.v1", id="offers only other sub-protocols"),
        pytest.param(0, None, 404, b"1 to 2147483647", id="below the first number"),
        pytest.param(2_147_483_648, None, 404, b"1 to 2147483647", id="above the last number"),
        pytest.param("seven", None, 404, b"1 to 2147483647", id="not a number"),
    ],
)
async def test_a_wrong_handshake_is_refused_with_a_sentence(
    live: LiveMonitor, number: object, offered: list[str] | None, status: int, words: bytes
) -> None:
    with pytest.raises(InvalidStatus) as refused:
        await live.turbine(number, subprotocols=offered)

    assert refused.value.response.status_code == status
    assert words in refused.value.response.body
    assert live.monitor.counters.links == 0


async def test_nobody_is_let_in_while_the_monitor_does_not_accept(live: LiveMonitor) -> None:
    live.monitor.accepting = False

    with pytest.raises(InvalidStatus) as refused:
        await live.turbine()

    assert refused.value.response.status_code == 503
    live.monitor.accepting = True


# Frames.


async def test_a_turbine_that_comes_in_a_loop_is_told_to_wait(adapter: str) -> None:
    async with served(adapter, links_burst=3) as live:
        for _ in range(3):
            async with live.turbine():
                pass
        async with live.turbine(8):
            with pytest.raises(InvalidStatus) as refused:
                await live.turbine()

    response = refused.value.response
    assert response.status_code == 429
    assert 1 <= int(response.headers["Retry-After"]) <= 3
    assert b"Turbine 7 makes a new link too often" in response.body
    assert live.monitor.counters.links == 4
    assert live.monitor.counters.links_refused == {429: 1}


async def test_a_hello_is_welcomed(live: LiveMonitor) -> None:
    async with live.turbine() as turbine:
        await turbine.send(HELLO)

        assert await hear(turbine) == {
            "type": "welcome",
            "turbine_number": 7,
            "last_sequence": None,
            "silence_timeout_in_seconds": 60.0,
        }


async def test_a_numbered_reading_is_acknowledged(live: LiveMonitor) -> None:
    async with live.turbine() as turbine:
        await turbine.send(HELLO)
        await hear_type(turbine, "welcome")

        await turbine.send(metrics(sequence=1))

        assert await hear(turbine) == {"type": "ack", "sequence": 1}


async def test_a_broken_turbine_hears_of_its_engineer(live: LiveMonitor) -> None:
    async with live.turbine() as turbine:
        await turbine.send(metrics("broken"))

        assert (await hear(turbine))["type"] == "engineer_assigned"


async def test_a_message_in_fragments_is_one_frame(live: LiveMonitor) -> None:
    async with live.turbine() as turbine:
        await turbine.send([HELLO[:5], HELLO[5:9], "", HELLO[9:]])

        assert (await hear(turbine))["type"] == "welcome"


async def test_a_frame_after_fragments_is_understood(live: LiveMonitor) -> None:
    async with live.turbine() as turbine:
        await turbine.send([HELLO[:5], HELLO[5:]])
        await hear_type(turbine, "welcome")

        await turbine.send(metrics("broken"))

        assert (await hear(turbine))["type"] == "engineer_assigned"


async def test_a_ping_between_two_fragments_is_answered(live: LiveMonitor) -> None:
    async with raw_peer(live.port) as peer:
        await peer.upgrade("/ws/turbines/7")
        await peer.send(client_frame(Opcode.TEXT, HELLO[:5].encode(), fin=False))
        await peer.send(client_frame(Opcode.PING, b"life?"))

        assert await peer.read() == b"\x8a\x05life?"


async def test_a_ping_is_answered(live: LiveMonitor) -> None:
    async with live.turbine() as turbine, asyncio.timeout(5):
        await (await turbine.ping(b"life?"))


async def test_the_largest_frame_is_still_read(live: LiveMonitor) -> None:
    async with live.turbine() as turbine:
        await turbine.send("x" * live.monitor.settings.max_frame_bytes)

        assert (await hear(turbine))["code"] == "invalid_frame"


# What ends a link.


@pytest.mark.parametrize(
    ("data", "code", "reason"),
    [
        pytest.param(client_frame(Opcode.BINARY, b"{}"), 1003, "binary", id="binary"),
        pytest.param(client_frame(Opcode.TEXT, b"\xff"), 1007, "not_utf8", id="not UTF-8"),
        pytest.param(
            client_frame(Opcode.TEXT, b"\xe2\x82", fin=False) + client_frame(Opcode.CONT, b"\xff"),
            1007,
            "not_utf8",
            id="not UTF-8, in fragments",
        ),
        pytest.param(client_frame(Opcode.TEXT, b"x" * 65_537), 1009, "too_large", id="too large"),
        pytest.param(
            client_frame(Opcode.TEXT, b"x" * 65_536, fin=False) + client_frame(Opcode.CONT, b"x"),
            1009,
            "too_large",
            id="too large, in fragments",
        ),
        pytest.param(b"\x81\xff" + (1 << 62).to_bytes(8) + b"mask", 1009, "too_large", id="absurdly large"),
        pytest.param(b"\x81\x02{}", 1002, "protocol_error", id="not masked"),
        pytest.param(
            client_frame(Opcode.TEXT, b"{}", rsv1=True), 1002, "protocol_error", id="a reserved bit"
        ),
        pytest.param(client_frame(Opcode.CONT, b"{}"), 1002, "protocol_error", id="nothing to continue"),
        pytest.param(client_frame(Opcode.PING, b"x" * 126), 1002, "protocol_error", id="a long ping"),
    ],
)
async def test_a_wrong_frame_ends_the_link_and_says_why(
    live: LiveMonitor, data: bytes, code: int, reason: str
) -> None:
    async with live.turbine() as turbine:
        turbine.transport.write(data)

        assert await hear_close(turbine) == code

    await until(lambda: live.end_reasons == [reason])


async def test_the_tenth_invalid_frame_ends_the_link(live: LiveMonitor) -> None:
    async with live.turbine() as turbine:
        for _ in range(10):
            await turbine.send("{}")

        assert await hear_close(turbine) == 1008

    assert live.end_reasons == ["invalid_frames"]


async def test_a_newer_link_takes_over(live: LiveMonitor) -> None:
    async with live.turbine() as older, live.turbine() as newer:
        assert await hear_close(older) == 4001

        await newer.send(HELLO)
        assert (await hear(newer))["type"] == "welcome"


async def test_silence_ends_the_link(adapter: str) -> None:
    async with served(adapter, longest_silence=0.1) as live, live.turbine() as turbine:
        assert await hear_close(turbine) == 4002
    assert live.end_reasons == ["silent"]


@pytest.mark.slow
async def test_a_flood_is_slowed_down_and_in_the_end_cut(adapter: str) -> None:
    async with (
        served(adapter, frames_per_second=1000.0, frames_burst=1050.0, flood_patience=0.2) as live,
        live.turbine() as turbine,
    ):
        flood = asyncio.create_task(send_for_ever(turbine, frame("status", operational_status="ok")))

        assert (await hear(turbine))["code"] == "rate_limited"
        assert await hear_close(turbine) == 1008
        await flood
    assert live.end_reasons == ["flood"]


async def test_a_turbine_that_leaves_in_good_order_is_answered(live: LiveMonitor) -> None:
    async with live.turbine() as turbine:
        await turbine.close(1000)

    assert turbine.close_code == 1000
    await until(lambda: live.end_reasons == ["disconnected"])


async def test_the_engineer_of_a_turbine_that_is_cut_off_goes_on_at_once(live: LiveMonitor) -> None:
    async with live.turbine(7) as lost, live.turbine(8) as waiting:
        await lost.send(metrics("broken", 7))
        await hear_type(lost, "engineer_assigned")
        await waiting.send(metrics("broken", 8))

        lost.transport.abort()

        assert (await hear_type(waiting, "engineer_assigned"))["engineer_id"] == 1


@pytest.mark.parametrize("end", ["closes", "resets"])
async def test_the_engineer_of_a_turbine_that_is_paused_and_leaves_goes_on_at_once(end: str) -> None:
    async with (
        served(engineers=1, frames_per_second=0.01, frames_burst=5, flood_patience=3_600) as live,
        live.turbine(8) as waiting,
        raw_peer(live.port) as flood,
    ):
        await flood.upgrade("/ws/turbines/7")
        # Few enough for the kernel to hold what is not read: the news that the peer left comes behind it.
        await flood.send(client_frame(Opcode.TEXT, metrics("broken", 7).encode()) * 20)
        await until(lambda: live.monitor.sessions[7].paused)
        await waiting.send(metrics("broken", 8))

        flood.leave(reset=end == "resets")

        assert (await hear_type(waiting, "engineer_assigned"))["engineer_id"] == 1
    assert live.end_reasons[0] == "disconnected"


@pytest.mark.parametrize("sent_early", [0, 1, 7, 20, 10_000])
async def test_frames_may_come_before_the_handshake_is_answered(sent_early: int) -> None:
    text = client_frame(Opcode.TEXT, metrics("broken", 7).encode())
    async with served(engineers=1) as live, raw_peer(live.port) as hasty:
        await hasty.send(upgrade_request("/ws/turbines/7") + text[:sent_early])
        await hasty.send(text[sent_early:])

        assert b"engineer_assigned" in await hasty.read_until(b"engineer_assigned")


async def test_a_turbine_that_never_reads_is_cut(live: LiveMonitor) -> None:
    async with raw_peer(live.port) as peer:
        await peer.upgrade("/ws/turbines/7")
        await until(lambda: 7 in live.monitor.sessions)

        await until(partial(pour, live.monitor.sessions[7]))

    assert live.end_reasons == ["not_reading"]


async def test_turbines_do_not_disturb_each_other(live: LiveMonitor) -> None:
    async with live.turbine(7) as wrong, live.turbine(8) as right:
        await wrong.send(b"binary")
        await hear_close(wrong)

        await right.send(frame("hello", 8, stream="a"))

        assert (await hear(right))["type"] == "welcome"


async def test_a_monitor_that_stops_says_so(live: LiveMonitor) -> None:
    async with live.turbine() as turbine:
        live.server.should_exit = True

        assert await hear_close(turbine) == 1012


# The FastAPI route needs no server at all.

LOCALHOST = {
    "host": "localhost"
}  # the client says `testserver`, and the monitor listens for this machine only


def test_the_route_welcomes_a_turbine_in_the_test_client() -> None:
    with (
        TestClient(create_app(GridMonitor(1))) as client,
        client.websocket_connect("/ws/turbines/7", ["gridws.v1"], headers=LOCALHOST) as turbine,
    ):
        turbine.send_text(HELLO)

        assert turbine.receive_json()["type"] == "welcome"


def test_the_route_refuses_with_a_sentence_in_the_test_client() -> None:
    with TestClient(create_app(GridMonitor(1))) as client:
        turbine = client.websocket_connect("/ws/turbines/0", headers=LOCALHOST)

        with pytest.raises(WebSocketDenialResponse) as refused:
            turbine.__enter__()

        assert refused.value.status_code == 404


def pour(session: Session) -> bool:
    """Send one large frame down; return whether the session is over."""
    session.send(Error(code="large", detail="x" * 10_000))
    return session.ended


async def send_for_ever(turbine: ClientConnection, text: str) -> None:
    """Send until the connection is over."""
    with suppress(ConnectionClosed):
        while True:
            await turbine.send(text)
