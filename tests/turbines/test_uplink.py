"""A turbine's link: in memory on virtual time where it is about order and time, over real sockets below that."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from itertools import islice, pairwise
from pathlib import Path

import pytest
from memory_link import Air, Heard
from scripted_monitor import ScriptedMonitor, running
from virtual_time import run
from websockets.datastructures import Headers
from websockets.http11 import Response

from gridws.client.reaching import cause, refusal, websocket_base
from gridws.errors import MonitorRefused, MonitorUnreachable, OptionError
from gridws.settings import MAX_INTEGER, WINDOW
from gridws.turbines.dialing import Dialer
from gridws.turbines.link import reconnect_delays
from gridws.turbines.uplink import Uplink
from gridws.viewers.mirror import Mirror
from gridws.wire.frames import (
    EngineerAssigned,
    EngineerWithdrawn,
    Error,
    Hello,
    Measurement,
    Metrics,
    Resync,
    Status,
    TurbineMetrics,
    encode_measurement,
    parse_up,
)
from gridws.words import OperationalStatus

OK, BROKEN = OperationalStatus.ok, OperationalStatus.broken


class Turbine:
    """The owner of an uplink: a status, and what it was told."""

    def __init__(self) -> None:
        self.operational_status = OK
        self.told: list[object] = []

    def engineer_assigned(self, frame: EngineerAssigned) -> None:
        self.told.append(frame)

    def engineer_withdrawn(self, frame: EngineerWithdrawn) -> None:
        self.told.append(frame)

    def link_lost(self) -> None:
        self.told.append("link lost")


class Stage:
    """An uplink in the air, with everything that a story looks at."""

    def __init__(self, *, welcoming: bool = True, frequency: float = 1.0, buffer: int = 3_600) -> None:
        self.air = Air(welcoming=welcoming)
        self.heard = Heard()
        self.turbine = Turbine()
        self.uplink = Uplink(
            7,
            self.air.dial,
            owner=self.turbine,
            news=self.heard,
            upload_frequency_in_seconds=frequency,
            buffer=buffer,
            chance=random.Random(1),
        )
        self.count = 0

    def take(self, status: OperationalStatus = OK, *, count: int = 1) -> None:
        self.turbine.operational_status = status
        for _ in range(count):
            self.count += 1
            metrics = TurbineMetrics(
                turbine_number=7, wind_speed=9.0, power_output_in_kwh=800.0, operational_status=status
            )
            self.uplink.append(metrics, self.count)

    def readings(self) -> list[tuple[int | None, bool]]:
        """Return sequence and historical of all readings on the newest link."""
        return [(frame.sequence, bool(frame.historical)) for frame in self.air.link.of(Metrics)]


def play(story: Callable[[Stage], Awaitable[None]], stage: Callable[[], Stage] = Stage) -> None:
    """Play a story on virtual time, beginning when the first try to connect is over."""

    async def played() -> None:
        on_stage = stage()
        async with running(on_stage.uplink.run()):
            await settle()
            await story(on_stage)

    run(played())


async def settle() -> None:
    """Let everything happen that can happen without time passing."""
    await asyncio.sleep(0.0005)


def silent() -> Stage:
    return Stage(welcoming=False)


def test_a_turbine_says_hello_and_how_it_is() -> None:
    async def story(stage: Stage) -> None:
        hello, status = stage.air.link.frames
        assert isinstance(hello, Hello)
        assert (hello.turbine_number, hello.upload_frequency_in_seconds) == (7, 1.0)
        assert status == Status(turbine_number=7, operational_status=OK)

    play(story, silent)


def test_readings_wait_for_the_welcome() -> None:
    async def story(stage: Stage) -> None:
        stage.take()
        assert not stage.readings()

        stage.air.link.welcome()

        assert stage.readings() == [(1, False)]

    play(story, silent)


def test_a_reading_leaves_at_once_when_nothing_is_before_it() -> None:
    async def story(stage: Stage) -> None:
        stage.take()
        assert stage.readings() == [(1, False)]

    play(story)


def test_what_was_taken_without_a_link_is_history_afterwards() -> None:
    async def story(stage: Stage) -> None:
        stage.take()
        stage.air.link.cut()
        await settle()
        stage.take()
        await asyncio.sleep(1.0)
        stage.take()

        assert stage.readings() == [(1, True), (2, True), (3, False)]

    play(story)


def test_an_ack_lets_the_next_readings_go() -> None:
    async def story(stage: Stage) -> None:
        stage.take(count=WINDOW + 2)
        assert len(stage.readings()) == WINDOW

        stage.air.link.ack(1)

        assert stage.readings()[-1] == (WINDOW + 1, False)

    play(story)


def test_a_resync_brings_hello_and_the_readings_again() -> None:
    async def story(stage: Stage) -> None:
        stage.take(count=3)
        link = stage.air.link
        link.ack(1)

        link.down(Resync())
        link.welcome(1)

        assert [type(frame) for frame in link.frames[-4:]] == [Hello, Status, Metrics, Metrics]
        assert stage.readings()[-2:] == [(2, True), (3, True)]

    play(story)


def test_a_stream_name_used_before_is_given_up() -> None:
    async def story(stage: Stage) -> None:
        stage.take(count=2)
        link = stage.air.link

        link.down(Error(code="sequence_used", detail="this stream has been used"))
        await settle()

        first, second = link.of(Hello)
        assert first.stream != second.stream
        assert stage.readings()[-2:] == [(1, True), (2, True)]
        assert stage.heard.lines[-1] == "turbine 7 begins a new stream: the old name was used before"

    play(story)


@pytest.mark.parametrize("last_sequence", [3, MAX_INTEGER])
def test_a_stream_that_has_more_than_was_ever_sent_is_given_up(last_sequence: int) -> None:
    async def story(stage: Stage) -> None:
        stage.take(count=2)
        link = stage.air.link

        link.welcome(last_sequence)
        link.welcome()

        first, second = link.of(Hello)
        assert first.stream != second.stream
        assert stage.readings() == [(1, True), (2, True)]

    play(story, silent)


def test_a_refused_frame_is_told_once_a_link() -> None:
    async def story(stage: Stage) -> None:
        refused = Error(code="rate_limited", detail="slow down.")

        stage.air.link.down(refused)
        stage.air.link.down(refused)

        assert stage.heard.lines == ["linked", "turbine 7 had a frame refused: slow down."]

    play(story)


def test_a_frame_of_a_newer_monitor_is_passed_over() -> None:
    async def story(stage: Stage) -> None:
        stage.uplink.receive('{"type":"greeting"}')
        stage.uplink.receive("not even JSON")

        stage.take()

        assert stage.readings() == [(1, False)]

    play(story)


def test_a_change_of_status_overtakes_readings_that_have_to_wait() -> None:
    async def story(stage: Stage) -> None:
        stage.take(count=WINDOW + 1)

        stage.take(BROKEN)

        assert stage.air.link.frames[-1] == Status(turbine_number=7, operational_status=BROKEN)

    play(story)


def test_a_reading_that_a_newer_status_overtook_is_history() -> None:
    async def story(stage: Stage) -> None:
        stage.take(BROKEN, count=2)
        stage.take(OK)

        stage.air.link.welcome()

        assert [frame.operational_status for frame in stage.air.link.of(Status)] == [OK, BROKEN, OK]
        assert stage.readings() == [(1, True), (2, True), (3, False)]

    play(story, silent)


def test_a_change_that_leaves_as_a_reading_needs_no_status() -> None:
    async def story(stage: Stage) -> None:
        stage.take(BROKEN)

        assert len(stage.air.link.of(Status)) == 1
        assert stage.air.link.of(Metrics)[-1].operational_status is BROKEN

    play(story)


def test_a_turbine_that_measures_seldom_proves_that_it_lives() -> None:
    async def story(stage: Stage) -> None:
        stage.air.link.welcome(silence=60.0)

        await asyncio.sleep(61.0)

        assert [round(at) for at in stage.air.link.at] == [0, 0, 20, 40, 60]
        assert len(stage.air.link.of(Status)) == 4

    play(story, lambda: Stage(frequency=3_600.0))


def test_a_turbine_whose_readings_cannot_leave_proves_that_it_lives() -> None:
    async def story(stage: Stage) -> None:
        for _ in range(20):
            stage.take()
            await asyncio.sleep(1.0)

        moments = [*stage.air.link.at, asyncio.get_running_loop().time()]
        assert max(after - before for before, after in pairwise(moments)) < 5.0 / 3
        assert not stage.readings()

    play(story, silent)


def test_a_turbine_with_readings_to_send_sends_no_status() -> None:
    async def story(stage: Stage) -> None:
        for _ in range(20):
            stage.take()
            stage.air.link.ack(stage.count)
            await asyncio.sleep(1.0)

        assert len(stage.air.link.of(Status)) == 1

    play(story)


def test_engineers_are_announced_to_the_turbine_and_a_lost_link_too() -> None:
    async def story(stage: Stage) -> None:
        link = stage.air.link
        link.assign(assignment_id=4)
        link.withdraw(assignment_id=4)
        link.cut()
        await settle()

        assigned, withdrawn, lost = stage.turbine.told
        assert isinstance(assigned, EngineerAssigned)
        assert isinstance(withdrawn, EngineerWithdrawn)
        assert lost == "link lost"

    play(story)


def test_a_monitor_that_is_away_is_told_once_and_its_return_once() -> None:
    async def story(stage: Stage) -> None:
        stage.air.failures += [MonitorUnreachable("ws://x", "connection refused") for _ in range(10)]
        stage.air.link.cut(1012)

        await asyncio.sleep(200.0)

        assert stage.heard.lines == [
            "linked",
            "lost: the monitor is stopping",
            "lost: connection refused",
            "linked",
        ]

    play(story)


def test_the_first_try_after_a_loss_comes_within_a_second() -> None:
    async def story(stage: Stage) -> None:
        stage.air.link.cut()

        await asyncio.sleep(1.0)

        assert len(stage.air.links) == 2

    play(story)


def test_a_superseded_turbine_comes_back_after_a_minute() -> None:
    async def story(stage: Stage) -> None:
        stage.air.link.cut(4001)

        await asyncio.sleep(65.0)

        assert [round(at) for at in stage.air.dialled_at] == [0, 60]
        assert stage.heard.lines[1].startswith("lost: another client took over this turbine number")

    play(story)


def test_a_refused_turbine_asks_again_slowly() -> None:
    async def story(stage: Stage) -> None:
        stage.air.failures += [MonitorRefused("ws://x", "no") for _ in range(5)]
        stage.air.link.cut()

        await asyncio.sleep(100.0)

        first, second, *later = stage.air.dialled_at[1:]
        assert second - first >= 15.0
        assert len(later) <= 6

    play(story)


def test_links_that_last_begin_the_delays_anew_and_others_do_not() -> None:
    async def story(stage: Stage) -> None:
        for _ in range(30):
            await asyncio.sleep(60.0)
            stage.air.link.cut()

        assert len(stage.air.links) == 30
        assert all(at % 60.0 < 1.1 for at in stage.air.dialled_at)

    play(story)


def test_delays_grow_are_bounded_and_use_the_whole_range() -> None:
    many = [list(islice(reconnect_delays(random.Random(seed)), 20)) for seed in range(500)]

    first, last = [delays[0] for delays in many], [delays[-1] for delays in many]
    assert (min(first) < 0.05, 0.95 < max(first) <= 1.0) == (True, True)
    assert (min(last) < 1.5, 28.5 < max(last) <= 30.0) == (True, True)


def test_the_quick_text_of_a_reading_is_the_frame() -> None:
    text = encode_measurement(7, Measurement(5, 9.25, 1e-9, BROKEN), sequence=6, historical=True)

    assert parse_up(text) == Metrics(
        turbine_number=7,
        wind_speed=9.25,
        power_output_in_kwh=1e-9,
        operational_status=BROKEN,
        measured_at=5,
        sequence=6,
        historical=True,
    )


@pytest.mark.parametrize(
    ("monitor", "base"),
    [
        ("ws://localhost:8787", "ws://localhost:8787"),
        ("http://localhost:8787/", "ws://localhost:8787"),
        ("HTTPS://grid.example", "wss://grid.example"),
        ("wss://grid.example/farm", "wss://grid.example/farm"),
    ],
)
def test_an_address_may_be_written_for_the_web(monitor: str, base: str) -> None:
    assert websocket_base(monitor) == base


@pytest.mark.parametrize(
    "monitor", ["", "localhost:8787", "ftp://x", "ws://", "ws://host:port", "ws://a..b:8787"]
)
def test_what_is_no_address_is_refused_in_one_sentence(monitor: str) -> None:
    with pytest.raises(OptionError, match="write ws://HOST:PORT"):
        websocket_base(monitor)


def test_certificates_that_cannot_be_read_are_a_mistake_in_an_option(tmp_path: Path) -> None:
    (tmp_path / "notes.pem").write_text("no certificate at all", encoding="utf-8")
    with pytest.raises(OptionError, match=r"cannot read certificates from .*: no such file or directory$"):
        Dialer("wss://localhost:1", ca_file=tmp_path / "absent.pem")
    with pytest.raises(OptionError, match=r"notes.pem: there is none, or none in PEM form$"):
        Dialer("wss://localhost:1", ca_file=tmp_path / "notes.pem")


@pytest.mark.parametrize("client", [Dialer, Mirror])
def test_certificates_to_trust_are_for_tls_only(client: type[Dialer | Mirror]) -> None:
    with pytest.raises(OptionError, match="--ca-file goes with an address that begins with wss://"):
        client("ws://localhost:1", ca_file=Path("any.pem"))


@pytest.mark.parametrize(
    ("status", "kind"),
    [(400, MonitorRefused), (403, MonitorRefused), (429, MonitorUnreachable), (503, MonitorUnreachable)],
)
def test_only_refusals_that_last_are_asked_again_slowly(status: int, kind: type[Exception]) -> None:
    assert type(refusal("ws://x", Response(status, "", Headers(), b"no"))) is kind


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"A token is needed.\n", "it wants a valid token of this turbine"),
        (b"", "it is no monitor, perhaps a dashboard, or it wants a token"),
    ],
)
def test_a_server_that_refuses_without_a_word_may_be_no_monitor(body: bytes, words: str) -> None:
    refused = refusal("ws://x", Response(403, "", Headers(), body))

    assert refused.reason.startswith(words)


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (TimeoutError(), "no answer within 10 s"),
        (ConnectionRefusedError(111, "Connect call failed ('127.0.0.1', 1)"), "connection refused"),
        (
            OSError("Multiple exceptions: [Errno 111] Connect call failed, [Errno 99] no"),
            "connection refused",
        ),
    ],
)
def test_a_failed_try_has_a_short_cause(error: Exception, words: str) -> None:
    assert cause(error, "ws://x") == words


def ignore(text: str) -> None:
    """Receive nothing."""


def over_sockets(monitor: str, **options: str) -> Stage:
    stage = Stage()
    stage.uplink = Uplink(
        7,
        Dialer(monitor, **options).dial,  # type: ignore[arg-type]  # only the token is ever passed
        owner=stage.turbine,
        news=stage.heard,
        upload_frequency_in_seconds=1.0,
        buffer=100,
        chance=random.Random(1),
    )
    return stage


async def test_a_real_link_has_path_protocol_and_token() -> None:
    async with ScriptedMonitor() as monitor, running(over_sockets(monitor.url, token="abc").uplink.run()):
        link = await monitor.next_link()

        assert link.path == "/ws/turbines/7"
        assert link.headers["Authorization"] == "Bearer abc"
        assert link.connection.subprotocol == "gridws.v1"
        assert "Sec-WebSocket-Extensions" not in link.headers


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
async def test_localhost_is_found_on_either_loopback(host: str) -> None:
    async with ScriptedMonitor(host=host) as monitor, running(over_sockets(monitor.url).uplink.run()):
        link = await monitor.next_link()

        assert (await link.next(Hello)).turbine_number == 7


async def test_a_link_cut_without_a_word_comes_back_with_what_was_left() -> None:
    async with ScriptedMonitor() as monitor:
        stage = over_sockets(monitor.url)
        async with running(stage.uplink.run()):
            link = await monitor.next_link()
            await link.next(Hello)
            await link.welcome()
            stage.take(count=3)
            link.cut()

            link = await monitor.next_link()
            await link.next(Hello)
            await link.welcome(1)

            second, third = await link.next(Metrics), await link.next(Metrics)
            assert [(frame.sequence, frame.historical) for frame in (second, third)] == [(2, True), (3, True)]
            assert stage.heard.lines == ["linked", "lost: the connection broke", "linked"]


async def test_a_stopping_turbine_says_that_it_goes_away() -> None:
    async with ScriptedMonitor() as monitor:
        async with running(over_sockets(monitor.url).uplink.run()):
            link = await monitor.next_link()
            await link.next(Hello)

        assert await link.closed() == 1001


async def test_a_monitor_that_closes_but_keeps_the_connection_is_left() -> None:
    async with ScriptedMonitor() as monitor, running(over_sockets(monitor.url).uplink.run()):
        link = await monitor.next_link()
        await link.next(Hello)

        # A close frame below the library, which would end the connection when it sees the answer.
        link.connection.transport.pause_reading()
        link.connection.transport.write(b"\x88\x02\x03\xf4")

        assert await monitor.next_link() is not link


async def test_a_frame_in_fragments_is_put_together() -> None:
    async with ScriptedMonitor() as monitor:
        stage = over_sockets(monitor.url)
        async with running(stage.uplink.run()):
            link = await monitor.next_link()
            await link.next(Hello)
            await link.connection.send(
                [
                    '{"type":"welcome","turbine_number":7,',
                    '"last_sequence":null,"silence_timeout_in_seconds":60}',
                ]
            )
            stage.take()

            assert (await link.next(Metrics)).sequence == 1


@pytest.mark.parametrize(
    ("status", "kind"), [(401, MonitorRefused), (403, MonitorRefused), (503, MonitorUnreachable)]
)
async def test_a_refused_handshake_is_told_apart_from_a_busy_monitor(
    status: int, kind: type[Exception]
) -> None:
    async with ScriptedMonitor(refuse_with=status) as monitor:
        with pytest.raises(MonitorUnreachable, match=f"HTTP {status}") as refused:
            await Dialer(monitor.url).dial(7, ignore)

    assert type(refused.value) is kind


async def test_nobody_at_the_address_is_no_traceback() -> None:
    async with ScriptedMonitor() as monitor:
        url = monitor.url

    with pytest.raises(MonitorUnreachable, match="connection refused"):
        await Dialer(url).dial(7, ignore)


def moved(to: str) -> bytes:
    return f"HTTP/1.1 301 Moved Permanently\r\nLocation: {to}\r\nContent-Length: 0\r\n\r\n".encode()


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (b"220 mail.example ESMTP\r\n", "does not speak WebSocket.*; perhaps it wants wss://$"),
        (moved("https://grid.example/ws/turbines/7"), "sends us on"),
        (moved("ws://grid.example:port"), "sends us on"),
        (moved("ws://a..b"), "sends us on"),
    ],
    ids=["mail", "https", "port", "name"],
)
async def test_something_else_at_the_address_is_no_traceback(answer: bytes, words: str) -> None:
    async def play(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(answer)
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(play, "127.0.0.1", 0)
    async with server:
        url = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        with pytest.raises(MonitorUnreachable, match=words):
            await Dialer(url).dial(7, ignore)
        with pytest.raises(MonitorUnreachable, match=words):
            await Mirror(url).look()
