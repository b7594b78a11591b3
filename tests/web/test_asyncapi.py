"""The AsyncAPI document: what the specification (3.0.0) demands, and that what crosses the wire is in it."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator
from importlib.metadata import version
from typing import Any, get_args

import pytest
from asyncapi_frames import OPERATIONS, conforms, document, resolve, validator
from doubles import frame, metrics
from jsonschema import Draft7Validator
from live_monitor import served, until
from websockets.asyncio.client import ClientConnection, connect

from gridws.commands.asyncapi import asyncapi
from gridws.monitor.monitor import GridMonitor
from gridws.settings import TurbineSettings
from gridws.turbines.fleet import run_fleet
from gridws.web.app import create_app
from gridws.web.asyncapi import DOWN, SEEN, UP, WATCH, asyncapi_document
from gridws.web.asyncapi_texts import CLOSE_CODES
from gridws.wire import frames

MESSAGES = document()["components"]["messages"]


def references(part: Any) -> Iterator[str]:
    """Yield every reference in a part of the document."""
    if isinstance(part, dict):
        yield from (part["$ref"],) if isinstance(part.get("$ref"), str) else ()
        for value in part.values():
            yield from references(value)
    if isinstance(part, list):
        for value in part:
            yield from references(value)


# What the specification demands.


def test_the_root_has_what_it_must_have() -> None:
    assert document()["asyncapi"] == "3.0.0"
    assert {"title", "version"} <= document()["info"].keys()
    assert document().keys() <= {
        *("asyncapi", "id", "info", "servers", "defaultContentType", "channels", "operations", "components")
    }


def test_every_server_has_a_host_without_a_scheme_and_a_protocol() -> None:
    (server,) = document()["servers"].values()

    assert (server["host"], server["protocol"]) == ("localhost:8787", "ws")
    assert [resolve(each)["type"] for each in server["security"]] == ["http", "httpApiKey"]


@pytest.mark.parametrize("reference", sorted(set(references(document()))))
def test_every_reference_leads_somewhere(reference: str) -> None:
    assert resolve({"$ref": reference})


@pytest.mark.parametrize("name", document()["channels"])
def test_a_channel_declares_each_parameter_of_its_address(name: str) -> None:
    channel = document()["channels"][name]

    assert set(re.findall(r"{(\w+)}", channel["address"])) == set(channel.get("parameters", {}))
    assert channel["messages"]


@pytest.mark.parametrize("name", document()["operations"])
def test_an_operation_uses_messages_of_its_own_channel(name: str) -> None:
    operation = document()["operations"][name]
    channel = operation["channel"]["$ref"]

    assert operation["action"] in {"send", "receive"}
    assert re.fullmatch(r"#/channels/\w+", channel)
    assert all(each["$ref"].startswith(f"{channel}/messages/") for each in operation["messages"])


@pytest.mark.parametrize("name", MESSAGES)
def test_a_message_has_a_summary_and_examples_that_conform(name: str) -> None:
    message = MESSAGES[name]

    (example,) = message["examples"]

    assert message["summary"]
    validator(message).validate(example["payload"])


@pytest.mark.parametrize("name", document()["components"]["schemas"])
def test_a_schema_is_one_of_draft_7(name: str) -> None:
    schema = document()["components"]["schemas"][name]

    Draft7Validator.check_schema(schema)
    assert not {"prefixItems", "$defs", "unevaluatedProperties", "dependentRequired"} & set(
        re.findall(r'"([$\w]+)":', json.dumps(schema))
    )


@pytest.mark.parametrize(
    ("kinds", "union"),
    [
        (UP, frames.UpFrame),
        (DOWN, frames.DownFrame),
        (WATCH, frames.WatchFrame),
        (SEEN, frames.SeenFrames),
    ],
)
def test_every_frame_is_in_the_document(kinds: tuple[type, ...], union: Any) -> None:
    assert set(kinds) == set(get_args(union))


def test_the_routes_are_in_the_document() -> None:
    addresses = {channel["address"] for channel in document()["channels"].values()}

    assert addresses == {"/ws/turbines/{turbine_number}", "/ws/watch", "/ws/frames"}


def test_the_document_says_where_it_was_asked_for() -> None:
    (server,) = asyncapi_document(host="farm.example", protocol="wss")["servers"].values()

    assert (server["host"], server["protocol"]) == ("farm.example", "wss")


def test_the_command_prints_the_document(capsys: pytest.CaptureFixture[str]) -> None:
    asyncapi()

    assert json.loads(capsys.readouterr().out) == document()


# What no schema can say.


def test_there_is_one_version() -> None:
    described = create_app(GridMonitor()).openapi()

    assert document()["info"]["version"] == described["info"]["version"] == version("gridws")


@pytest.mark.parametrize(
    "words",
    [
        *(f"- {code.value}: " for code in CLOSE_CODES),
        "4001: a newer link of the same turbine took over. Never connect again at once",
        "says `hello`, then `status` at once, and waits for `welcome`",
        "at most 500 on the way",
        "At most 20 live frames a second, in bursts of 200",
        "grows from 1 s to 30 s",
    ],
)
def test_the_description_says_how_to_be_a_client(words: str) -> None:
    assert words in document()["info"]["description"]


@pytest.mark.parametrize(
    ("frame", "field", "words"),
    [
        ("Metrics", "historical", "stored, never dispatched on"),
        ("Metrics", "sequence", "ignored without `hello`"),
        ("Hello", "stream", "new at each start"),
        ("Hello", "upload_frequency_in_seconds", "silence time-out"),
        ("EngineerWithdrawn", "reason", "`timed_out`"),
        ("Error", "code", "`invalid_frame`"),
        ("Error", "code", "`wrong_turbine`"),
        ("Error", "code", "`sequence_used`"),
        ("Error", "code", "`rate_limited`"),
    ],
)
def test_a_field_says_what_it_means(frame: str, field: str, words: str) -> None:
    assert words in document()["components"]["schemas"][frame]["properties"][field]["description"]


# What `conforms` is worth.


@pytest.mark.parametrize(
    ("direction", "text"),
    [
        ("up", metrics("ok")),
        ("up", frame("hello", stream="a", upload_frequency_in_seconds=None)),
        ("up", frame("status", operational_status="ok", unknown=1)),
        ("down", '{"type":"ack","sequence":1}'),
    ],
)
def test_a_good_frame_conforms(direction: str, text: str) -> None:
    assert conforms(direction, text) == []


@pytest.mark.parametrize(
    ("direction", "text"),
    [
        ("up", metrics("ok", 0)),
        ("up", metrics("fine")),
        ("up", metrics("ok", wind_speed="8")),
        ("up", '{"type":"metrics","turbine_number":7}'),
        ("up", frame("hello", stream="a b")),
        ("up", '{"type":"ack","sequence":1}'),
        ("down", metrics("ok")),
        ("down", '{"type":"ack"}'),
        ("down", '{"sequence":1}'),
        ("down", '{"type":"ack","sequence":0}'),
        ("watch", '{"type":"snapshot"}'),
    ],
)
def test_a_bad_frame_does_not_conform(direction: str, text: str) -> None:
    assert conforms(direction, text) != []


# What crosses the wire.


async def collect(viewer: ClientConnection, texts: list[str]) -> None:
    async for text in viewer:
        texts.append(str(text))  # noqa: PERF401 - seen while it grows


def crossed(seen: list[str], direction: str) -> list[str]:
    """Return what crossed in one direction, as a viewer of raw frames saw it."""
    told = map(json.loads, seen)
    return [each["text"] for each in told if each["type"] == "frame" and each["direction"] == direction]


def kinds_of(texts: list[str]) -> set[str]:
    return {json.loads(text)["type"] for text in texts}


async def test_every_frame_on_the_wire_conforms() -> None:
    seen: list[str] = []
    states: list[str] = []
    async with (
        served(engineers=1, repair_timeout=0.03) as live,
        connect(live.url("/ws/frames"), proxy=None) as raw,
        connect(live.url("/ws/watch"), proxy=None, max_size=None) as watch,
        asyncio.TaskGroup() as tasks,
    ):
        looking = [tasks.create_task(collect(raw, seen)), tasks.create_task(collect(watch, states))]
        settings = TurbineSettings(
            count=3,
            monitor=f"ws://127.0.0.1:{live.port}",
            upload_frequency=0.05,
            time_to_fail=0.1,
            time_to_repair=0.05,
        )
        fleet = tasks.create_task(run_fleet(settings))
        async with live.turbine(99) as odd:
            await odd.send('{"type":"metrics","turbine_number":99}')
            wanted = {"welcome", "ack", "engineer_assigned", "engineer_withdrawn", "error"}
            await until(lambda: wanted <= kinds_of(crossed(seen, "down")) and "changes" in kinds_of(states))
        for task in (fleet, *looking):
            task.cancel()

    assert {"hello", "metrics"} <= kinds_of(crossed(seen, "up"))
    sent = [text for text in crossed(seen, "up") if json.loads(text)["turbine_number"] != 99]
    assert wrong("up", sent) == wrong("down", crossed(seen, "down")) == []
    assert wrong("frames", seen) == wrong("watch", states) == []


def wrong(direction: str, texts: list[str]) -> list[str]:
    return [problem for text in texts for problem in conforms(direction, text)]


def test_the_operations_of_the_tests_are_all_there_are() -> None:
    assert set(OPERATIONS.values()) == set(document()["operations"])
