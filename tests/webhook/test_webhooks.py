"""Webhooks over the loopback: what goes out, and what receivers of all kinds make of it."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import islice

import pytest
from live_monitor import hear_type, served, until

from gridws.errors import OptionError
from gridws.webhook.delivery import Delivery, check_url, delivery_of, shown, signature
from gridws.webhook.receiver import LONGEST_DELAY, Receiver, delays
from gridws.webhook.webhooks import Webhooks
from gridws.wire.frames import Event, EventKind

from .receivers import (
    Answer,
    Post,
    drips,
    hangs_up,
    post,
    says,
    says_nothing,
    speaks_another_language,
    talks_for_ever,
)

pytestmark = pytest.mark.slow

SECRET = "a secret of webhooks"
BROKEN = '{"type":"status","turbine_number":7,"operational_status":"broken"}'


def event(number: int, kind: EventKind = EventKind.broke) -> Event:
    return Event(id=number, at=1_790_000_000_000, kind=kind, turbine_number=7, text=f"turbine 7, {number}")


def ids(receiver: Post) -> list[int]:
    return [json.loads(body)["id"] for body in receiver.bodies]


@asynccontextmanager
async def telling(*receivers: Receiver, secret: str | None = None) -> AsyncIterator[Webhooks]:
    webhooks = Webhooks(receivers, kinds=[EventKind.broke, EventKind.repaired], secret=secret, run=1)
    task = asyncio.create_task(webhooks.run())
    try:
        yield webhooks
    finally:
        task.cancel()
        await asyncio.wait([task])


def hurried(url: str, *, most: int = 10) -> Receiver:
    return Receiver(url, most=most, within=0.2, delay=0.01)


async def test_events_of_the_wanted_kinds_come_in_order_as_they_are_told_to_viewers() -> None:
    async with post(says(204)) as receiver, telling(hurried(receiver.url)) as webhooks:
        for number, kind in enumerate((EventKind.broke, EventKind.assigned, EventKind.repaired), 1):
            webhooks.happened(event(number, kind))
        await until(lambda: webhooks.sent == 2)

    assert [Event.model_validate_json(body) for body in receiver.bodies] == [
        event(1),
        event(3, EventKind.repaired),
    ]
    assert receiver.headers[0]["content-type"] == "application/json"
    assert receiver.headers[0]["x-gridws-event"] == "broke"
    assert "x-gridws-signature" not in receiver.headers[0]


async def test_a_body_is_signed_with_the_secret() -> None:
    async with post(says(200)) as receiver, telling(hurried(receiver.url), secret=SECRET) as webhooks:
        webhooks.happened(event(1))
        await until(lambda: webhooks.sent == 1)

    signed = receiver.headers[0]["x-gridws-signature"]
    assert signed == f"sha256={signature(SECRET, receiver.bodies[0])}"


def test_the_signature_is_that_of_rfc_4231() -> None:
    assert signature("Jefe", b"what do ya want for nothing?") == (
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    )


@pytest.mark.parametrize(
    "trouble",
    [
        pytest.param(says(500), id="500"),
        pytest.param(says(503), id="503"),
        pytest.param(says(429), id="429"),
        hangs_up,
        says_nothing,
        drips,
        speaks_another_language,
    ],
)
async def test_a_message_comes_again_until_it_is_taken_and_keeps_its_name(trouble: Answer) -> None:
    async with post(trouble, trouble, says(200)) as receiver, telling(hurried(receiver.url)) as webhooks:
        webhooks.happened(event(1))
        webhooks.happened(event(2))
        await until(lambda: webhooks.sent == 2)

    assert ids(receiver) == [1, 1, 1, 2]
    assert [headers["x-gridws-delivery"] for headers in receiver.headers] == ["1-1", "1-1", "1-1", "1-2"]
    assert (webhooks.dropped, webhooks.waiting) == (0, 0)


@pytest.mark.parametrize("status", [400, 404, 410])
async def test_a_refusal_is_counted_and_the_next_message_goes_out(status: int) -> None:
    async with post(says(status), says(200)) as receiver, telling(hurried(receiver.url)) as webhooks:
        webhooks.happened(event(1))
        webhooks.happened(event(2))
        await until(lambda: webhooks.sent == 1)

    assert ids(receiver) == [1, 2]
    assert webhooks.dropped == 1


async def test_nobody_is_sent_elsewhere() -> None:
    async with (
        post(says(200)) as elsewhere,
        post(says(307, f"Location: {elsewhere.url}")) as receiver,
        telling(hurried(receiver.url)) as webhooks,
    ):
        webhooks.happened(event(1))
        await until(lambda: webhooks.dropped == 1)

    assert elsewhere.bodies == []


async def test_an_answer_without_an_end_is_not_read() -> None:
    async with post(talks_for_ever) as receiver, telling(hurried(receiver.url)) as webhooks:
        webhooks.happened(event(1))
        webhooks.happened(event(2))
        await until(lambda: webhooks.sent == 2)


async def test_one_that_is_dead_keeps_its_newest_and_the_rest_is_counted_while_others_get_all() -> None:
    async with post(says(200)) as good, post(says_nothing) as silent:
        receivers = [hurried("http://127.0.0.1:9/", most=3), hurried(silent.url, most=3), hurried(good.url)]
        async with telling(*receivers) as webhooks:
            for number in range(1, 9):
                webhooks.happened(event(number))
            await until(lambda: receivers[2].sent == 8)
            assert [receiver.dropped for receiver in receivers] == [5, 5, 0]
            assert [receiver.waiting for receiver in receivers[:2]] == [3, 3]


async def test_trouble_is_told_once_and_without_the_path(caplog: pytest.LogCaptureFixture) -> None:
    async with post(says(500)) as receiver, telling(hurried(receiver.url)) as webhooks:
        webhooks.happened(event(1))
        await until(lambda: receiver.tries == 3)

    texts = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert texts == [f"the webhook {shown(receiver.url)}: it answered HTTP 500"]
    assert "secret-path" not in caplog.text


async def test_what_waits_at_the_end_is_sent_also_between_two_tries() -> None:
    async with post(says(503), says(200)) as receiver:
        patient = Receiver(receiver.url, delay=60.0)
        async with telling(patient) as webhooks:
            webhooks.happened(event(1))
            await until(lambda: receiver.tries == 1)
            webhooks.happened(event(2))

        await webhooks.finish(5.0)

    assert ids(receiver) == [1, 1, 2]
    assert (webhooks.sent, webhooks.dropped) == (2, 0)


@pytest.mark.parametrize("trouble", [says(500), says_nothing, hangs_up], ids=["500", "silent", "hangs up"])
async def test_what_is_not_taken_at_the_end_is_counted_and_told_while_others_get_theirs(
    trouble: Answer, caplog: pytest.LogCaptureFixture
) -> None:
    async with post(trouble) as bad, post(says(200)) as good:
        webhooks = Webhooks(
            [Receiver(bad.url), Receiver(good.url)], kinds=[EventKind.broke], secret=None, run=1
        )
        for number in (1, 2):
            webhooks.happened(event(number))

        await webhooks.finish(2.0)

    assert ids(good) == [1, 2]
    assert (webhooks.sent, webhooks.dropped, webhooks.waiting) == (2, 2, 0)
    assert (
        f"the webhook {shown(bad.url)}: 2 messages lost, not taken before the monitor ended"
        in caplog.messages
    )


async def test_an_engineer_goes_out_while_a_receiver_says_nothing() -> None:
    async with (
        post(says_nothing) as receiver,
        telling(Receiver(receiver.url)) as webhooks,
        served() as monitor,
    ):
        monitor.monitor.listen(webhooks.happened)
        async with monitor.turbine(7) as link:
            await link.send(BROKEN)
            assert (await hear_type(link, "engineer_assigned"))["turbine_number"] == 7
        await until(lambda: receiver.tries == 1)
        assert webhooks.sent == 0


async def test_a_turbine_that_waits_long_is_told_of_once() -> None:
    async with post(says(200)) as receiver, served(engineers=0, long_wait=0.01) as monitor:
        webhooks = Webhooks([hurried(receiver.url)], kinds=[EventKind.waits_long], secret=None, run=1)
        monitor.monitor.listen(webhooks.happened)
        task = asyncio.create_task(webhooks.run())
        async with monitor.turbine(7) as link:
            await link.send(BROKEN)
            await until(lambda: webhooks.sent == 1)
            monitor.monitor._long_waits.look(0.01)
            await asyncio.sleep(0)
            assert webhooks.waiting == 0
        task.cancel()
        await asyncio.wait([task])

    assert json.loads(receiver.bodies[0])["text"].endswith("and still waits for an engineer")


def test_delays_grow_to_a_bound() -> None:
    assert list(islice(delays(), 11)) == [1, 2, 4, 8, 16, 32, 64, 128, 256, LONGEST_DELAY, LONGEST_DELAY]


@pytest.mark.parametrize("url", ["", "example.org", "ftp://a.b/", "http://", "http://a:b/", "https://[::1/"])
def test_what_cannot_be_an_address_is_refused(url: str) -> None:
    with pytest.raises(OptionError, match="is no address"):
        check_url(url)


def test_a_message_holds_what_viewers_get_and_nothing_else() -> None:
    content, headers = delivery_of(event(1), 5, None)

    assert isinstance(delivery_of(event(1), 5, None), Delivery)
    assert content == event(1).model_dump_json().encode()
    assert headers["X-Gridws-Delivery"] == "5-1"
