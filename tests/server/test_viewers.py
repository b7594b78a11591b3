"""Viewers over a real socket: merely slow ones stay, hung ones are cut, and too many are refused."""

from __future__ import annotations

import asyncio
import logging
from functools import partial

import pytest
from live_monitor import LiveMonitor, client_frame, hear, raw_peer, served, until
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus
from websockets.frames import Opcode

pytestmark = pytest.mark.slow

LARGE = "x" * 100_000


def passed(moment: float) -> bool:
    """Return whether this moment of the loop's time is over."""
    return asyncio.get_running_loop().time() > moment


def pour(live: LiveMonitor, count: int = 100) -> None:
    """Have many megabytes of frames seen."""
    for _ in range(count):
        live.monitor.tap.show(7, "up", LARGE, 0)


async def test_a_viewer_sees_the_fleet_first() -> None:
    async with served() as live, connect(live.url("/ws/watch")) as viewer:
        assert (await hear(viewer))["type"] == "snapshot"


async def test_what_a_viewer_says_is_ignored() -> None:
    async with served() as live, connect(live.url("/ws/watch")) as viewer:
        await hear(viewer)

        await viewer.send("hello?")
        await viewer.send(b"hello?")

        async with asyncio.timeout(5):
            await (await viewer.ping())
        assert live.monitor.counters.viewers == 1


async def test_a_viewer_that_leaves_is_forgotten() -> None:
    async with served() as live:
        async with connect(live.url("/ws/watch")):
            await until(lambda: live.monitor.watch.watched)

        await until(lambda: not live.monitor.watch.watched)
        await until(lambda: live.monitor.counters.viewers == 0)
        assert live.monitor.counters.viewers_cut == 0


async def test_a_viewer_that_never_reads_is_cut_and_forgotten() -> None:
    async with served(viewer_patience=0.2) as live, raw_peer(live.port) as peer:
        await peer.upgrade("/ws/frames")
        await until(lambda: live.monitor.tap.watched)

        pour(live)

        await until(lambda: live.monitor.counters.viewers_cut == 1)
        await until(lambda: not live.server.server_state.connections)
        assert not live.monitor.tap.watched


async def test_a_viewer_that_reads_slowly_stays() -> None:
    async with served(viewer_patience=0.1) as live, raw_peer(live.port) as peer:
        await peer.upgrade("/ws/frames")
        await until(lambda: live.monitor.tap.watched)
        pour(live)
        loop = asyncio.get_running_loop()

        for tenth in range(1, 41):
            await until(partial(passed, loop.time() + 0.01))
            assert await peer.read(2048), f"cut after {tenth} hundredths of a second"

        assert live.monitor.counters.viewers_cut == 0


async def test_a_viewer_that_never_reads_the_little_there_is_is_cut() -> None:
    async with served(viewer_patience=0.2) as live, raw_peer(live.port) as peer:
        await peer.upgrade("/ws/frames")
        await until(lambda: live.monitor.tap.watched)

        live.monitor.tap.show(7, "up", "x" * 30_000, 0)

        await until(lambda: live.monitor.counters.viewers_cut == 1)


async def test_one_viewer_too_many_is_refused_with_a_sentence() -> None:
    async with served(max_viewers=1) as live, connect(live.url("/ws/watch")):
        with pytest.raises(InvalidStatus) as refused:
            await connect(live.url("/ws/frames"))

        assert refused.value.response.status_code == 503
        assert b"1 viewers already" in refused.value.response.body
        assert live.monitor.counters.viewers_refused == 1


async def test_a_viewer_that_floods_is_cut() -> None:
    async with served() as live, raw_peer(live.port) as peer:
        await peer.upgrade("/ws/frames")
        await until(lambda: live.monitor.tap.watched)

        await peer.send(client_frame(Opcode.PING, b"") * 3000)

        await peer.read_to_end()
        await until(lambda: not live.monitor.tap.watched)


async def test_a_viewer_that_pings_and_never_reads_is_cut() -> None:
    pings = client_frame(Opcode.PING, b"") * 1500
    async with served(viewer_says_per_second=1e9) as live, raw_peer(live.port) as peer:
        await peer.upgrade("/ws/frames")
        await until(lambda: live.monitor.tap.watched)
        for _ in range(3):
            await peer.send(pings)
            answered = 0
            while answered < 1500 * len(b"\x8a\x00"):
                answered += len(await peer.read())
        (protocol,) = live.server.server_state.connections
        protocol.pause_writing()  # as when a peer does not read

        for _ in range(2):
            await peer.send(pings)
            await until(partial(passed, asyncio.get_running_loop().time() + 0.01))

        await peer.read_to_end()
        await until(lambda: not live.monitor.tap.watched)


@pytest.mark.parametrize("path", ["/ws/watch", "/ws/frames?turbine=0"])
async def test_a_refused_viewer_is_no_line_in_the_log(path: str, caplog: pytest.LogCaptureFixture) -> None:
    async with served(max_viewers=0) as live:
        with pytest.raises(InvalidStatus):
            await connect(live.url(path))
        await until(lambda: not live.server.server_state.connections)

    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING] == []


async def test_a_place_that_became_free_is_given_away_again() -> None:
    async with served(max_viewers=1) as live:
        async with connect(live.url("/ws/watch")):
            pass
        await until(lambda: live.monitor.counters.viewers == 0)

        async with connect(live.url("/ws/watch")) as viewer:
            assert (await hear(viewer))["type"] == "snapshot"


async def test_a_viewer_that_does_not_answer_pings_is_aborted() -> None:
    async with served(ping_interval=0.1, ping_timeout=0.1) as live, raw_peer(live.port) as peer:
        await peer.upgrade("/ws/frames")
        await until(lambda: live.monitor.tap.watched)

        await until(lambda: not live.server.server_state.connections)

        await until(lambda: not live.monitor.tap.watched)


@pytest.mark.parametrize("adapter", ["fast", "asgi"])
async def test_one_peer_with_many_viewers_keeps_no_other_out(adapter: str) -> None:
    async with (
        served(adapter, max_viewers=4, hosts=("0.0.0.0",)) as live,
        connect(live.url("/ws/watch")),
        connect(live.url("/ws/watch")),
    ):
        with pytest.raises(InvalidStatus) as refused:
            await connect(live.url("/ws/watch"))
        async with connect(live.url("/ws/watch"), local_addr=("127.0.0.2", 0)) as other:
            assert (await hear(other))["type"] == "snapshot"

    assert refused.value.response.status_code == 503
    assert b"2 viewers from your address" in refused.value.response.body
