"""The fast link against the cases of the Autobahn test suite, as a link whose session echoes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import pytest
import uvloop
from kosoku import FailureError, run_fuzzingclient
from live_monitor import HURRIED, until

from gridws.access.guard import Guard
from gridws.monitor.monitor import GridMonitor
from gridws.monitor.session import Link
from gridws.process.listening import open_sockets
from gridws.server.server import make_server
from gridws.settings import MonitorSettings
from gridws.web.app import create_app

pytestmark = pytest.mark.slow


@dataclass
class EchoSession:
    """Sends back what it hears."""

    link: Link

    def receive(self, text: str) -> None:
        self.link.send(text)

    def receive_binary(self) -> None:
        self.link.close(1003, "")

    def lost(self, reason: str) -> None:
        pass


class EchoMonitor(GridMonitor):
    """A monitor whose links echo."""

    def __init__(self, settings: MonitorSettings) -> None:
        super().__init__(settings=settings)

    def connect(self, turbine_number: int, link: Link) -> EchoSession:  # type: ignore[override]
        return EchoSession(link)


EXPLAINED = [
    "1.2.*",  # binary messages: this protocol has none, they are answered with 1003
    "7.1.5",  # a close amid fragments: `websockets` says on purpose that this is wrong (1002)
    "9.*",  # speed
    "12.*",  # compression is off: it costs 40 KiB a link
    "13.*",
]


async def failed_cases(without: Sequence[str]) -> list[str]:
    settings = replace(HURRIED, max_frame_bytes=1_000_000, max_down_bytes=10_000_000, close_timeout=2.0)
    monitor = EchoMonitor(settings=settings)
    server = make_server(create_app(monitor), monitor, Guard(settings))
    sockets = open_sockets(("127.0.0.1",), 0)
    url = f"ws://127.0.0.1:{sockets[0].getsockname()[1]}/ws/turbines/7"
    serving = asyncio.create_task(server.serve(sockets))
    await until(lambda: server.started)
    try:
        await run_fuzzingclient(url, exclude_cases=without, concurrency=4)
    except FailureError as error:
        return [result.case_id for result in error.results if not result.passed]
    else:
        return []
    finally:
        server.stop()
        await serving


@pytest.mark.parametrize(
    "loop_factory", [asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"]
)
def test_the_framing_stands_the_autobahn_cases(
    loop_factory: Callable[[], asyncio.AbstractEventLoop], caplog: pytest.LogCaptureFixture
) -> None:
    with asyncio.Runner(loop_factory=loop_factory) as runner:
        assert runner.run(failed_cases(EXPLAINED)) == []

    assert not [record for record in caplog.records if record.exc_info]
