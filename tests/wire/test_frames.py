"""Frames: what is refused and how it is said, what survives the way there and back."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from gridws.errors import FrameError
from gridws.settings import MAX_INTEGER, MAX_MEASURED_AT, MAX_TURBINE_NUMBER
from gridws.wire.frames import (
    Ack,
    Changes,
    EngineerAssigned,
    EngineerState,
    EngineerWithdrawn,
    Error,
    Event,
    EventKind,
    Frame,
    FramesSkipped,
    Hello,
    Measurement,
    Metrics,
    Resync,
    SeenFrame,
    Snapshot,
    Status,
    Totals,
    TurbineMetrics,
    TurbineState,
    Welcome,
    encode,
    encode_measurement,
    parse_down,
    parse_seen,
    parse_up,
    parse_watch,
    readable_sequence,
)
from gridws.words import OperationalStatus

METRICS: Final = {
    "type": '"metrics"',
    "turbine_number": "7",
    "wind_speed": "8.5",
    "power_output_in_kwh": "1200",
    "operational_status": '"ok"',
}
HELLO: Final = {"type": '"hello"', "turbine_number": "7", "stream": '"a"'}
PARSERS: Final[list[Callable[[str], Frame | Metrics]]] = [parse_up, parse_down, parse_watch, parse_seen]


def text_of(fields: dict[str, str], **changed: str) -> str:
    """Return a frame as text, its values given as JSON: some of them no Python value could stand for."""
    return "{" + ",".join(f'"{name}":{value}' for name, value in {**fields, **changed}.items()) + "}"


def complaint_about(text: str) -> str:
    with pytest.raises(FrameError) as caught:
        parse_up(text)
    assert caught.value.code == "invalid_frame"
    return caught.value.detail


@pytest.mark.parametrize(
    ("field", "value", "detail"),
    [
        ("wind_speed", "NaN", "wind_speed must be a finite number, but was nan."),
        ("wind_speed", "-Infinity", "wind_speed must be a finite number, but was -inf."),
        ("wind_speed", "1e999", "wind_speed must be a finite number, but was inf."),
        ("wind_speed", '"8"', 'wind_speed must be a number, but was "8".'),
        ("wind_speed", "true", "wind_speed must be a number, but was true."),
        ("power_output_in_kwh", "null", "power_output_in_kwh must be a number, but was null."),
        ("power_output_in_kwh", "NaN", "power_output_in_kwh must be a finite number, but was nan."),
        ("turbine_number", '"7"', 'turbine_number must be an integer, but was "7".'),
        ("turbine_number", "7.0", "turbine_number must be an integer, but was 7.0."),
        ("turbine_number", "true", "turbine_number must be an integer, but was true."),
        ("turbine_number", "0", "turbine_number must be at least 1, but was 0."),
        (
            "turbine_number",
            "2147483648",
            "turbine_number must be at most 2147483647, but was 2147483648.",
        ),
        ("operational_status", '"Ok"', "operational_status must be 'ok' or 'broken', but was \"Ok\"."),
        ("operational_status", "1", "operational_status must be 'ok' or 'broken', but was 1."),
        ("sequence", "0", "sequence must be at least 1, but was 0."),
        (
            "sequence",
            "9007199254740992",
            "sequence must be at most 9007199254740991, but was 9007199254740992.",
        ),
        ("measured_at", "-1", "measured_at must be at least 0, but was -1."),
        ("measured_at", "1.5", "measured_at must be an integer, but was 1.5."),
        (
            "measured_at",
            "253402300800000",
            "measured_at must be at most 253402300799999, but was 253402300800000.",
        ),
        ("historical", "1", "historical must be true or false, but was 1."),
    ],
)
def test_a_wrong_value_is_named_with_what_was_expected(field: str, value: str, detail: str) -> None:
    assert complaint_about(text_of(METRICS, **{field: value})) == detail


@pytest.mark.parametrize(
    ("field", "value", "expected"),
    [
        ("stream", '""', "stream must be 1 to 64 characters of A-Z, a-z, 0-9, _ and -"),
        ("stream", '"a\\n"', "stream must be 1 to 64 characters of A-Z, a-z, 0-9, _ and -"),
        ("stream", '"ä"', "stream must be 1 to 64 characters of A-Z, a-z, 0-9, _ and -"),
        ("stream", f'"{"a" * 65}"', "stream must be 1 to 64 characters of A-Z, a-z, 0-9, _ and -"),
        ("stream", "5", "stream must be a string"),
        ("upload_frequency_in_seconds", "0", "upload_frequency_in_seconds must be greater than 0"),
        ("upload_frequency_in_seconds", "NaN", "upload_frequency_in_seconds must be a finite number"),
    ],
)
def test_a_wrong_hello_is_named_with_what_was_expected(field: str, value: str, expected: str) -> None:
    assert complaint_about(text_of(HELLO, **{field: value})).startswith(f"{expected}, but was ")


@pytest.mark.parametrize(
    "field", ["turbine_number", "wind_speed", "power_output_in_kwh", "operational_status"]
)
def test_a_missing_field_is_named(field: str) -> None:
    fields = {name: value for name, value in METRICS.items() if name != field}

    assert complaint_about(text_of(fields)) == f"{field} is missing."


@pytest.mark.parametrize(
    ("text", "detail"),
    [
        ("", "the frame is not valid JSON: "),
        ("hello", "the frame is not valid JSON: "),
        ('{"type":"hello"', "the frame is not valid JSON: "),
        ("{}{}", "the frame is not valid JSON: "),
        ("[" * 60_000, "the frame is not valid JSON: recursion limit exceeded"),
        (text_of(METRICS, operational_status='"\\ud800"'), "the frame is not valid JSON: "),
        (text_of(METRICS, turbine_number="9" * 5_000), "the frame is not valid JSON: number out of range"),
        ("\ud800", "the frame must be valid Unicode text."),
        ("null", "the frame must be one JSON object."),
        ("[{}]", "the frame must be one JSON object."),
        ("{}", "type is missing."),
        ('{"type":"ack","sequence":1}', "type must be one of 'hello', 'metrics', 'status'."),
        ('{"type":["hello"]}', "type must be one of 'hello', 'metrics', 'status'."),
    ],
    ids=range(13),
)
def test_what_is_no_frame_at_all_is_said(text: str, detail: str) -> None:
    assert complaint_about(text).startswith(detail)


def test_a_complaint_stays_short_and_obeys_no_terminal_command() -> None:
    detail = complaint_about(text_of(METRICS, wind_speed='"' + "\\u001b[31m" * 300 + '"'))

    assert 60 < len(detail) < 120
    assert detail.isprintable()


def test_a_complaint_about_a_large_frame_goes_by_its_outline() -> None:
    detail = complaint_about(text_of(METRICS, wind_speed="[" + "{}," * 10_000 + "0]"))

    assert detail == "wind_speed must be a number, but was []."


def test_unknown_fields_are_ignored() -> None:
    frame = parse_up(text_of(METRICS, rotor_speed='{"rpm":[14]}', turbine="null"))

    assert frame == parse_up(text_of(METRICS))


def test_a_person_needs_no_more_than_the_four_values() -> None:
    frame = parse_up(text_of(METRICS))

    assert frame == Metrics(
        turbine_number=7,
        wind_speed=8.5,
        power_output_in_kwh=1200,
        operational_status=OperationalStatus.ok,
    )


# What any text does.

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)
types = st.sampled_from(["hello", "metrics", "status", "welcome", "ack", "snapshot", "changes", "frame"])
fields = st.sampled_from(
    [*METRICS, "stream", "sequence", "measured_at", "historical", "readings", "turbines"]
)
near_frames = st.builds(
    lambda kind, rest: json.dumps({**rest, "type": kind}), types, st.dictionaries(fields, json_values)
)


def frame_or_error(parse: Callable[[str], Frame], text: str) -> Frame | FrameError:
    try:
        return parse(text)
    except FrameError as error:
        return error


@pytest.mark.parametrize("parse", PARSERS)
@given(text=st.text(st.characters()) | json_values.map(json.dumps) | near_frames)
def test_whatever_the_text_it_is_a_frame_or_a_frame_error(parse: Callable[[str], Frame], text: str) -> None:
    frame = frame_or_error(parse, text)

    assert isinstance(frame, FrameError) or frame_or_error(parse, encode(frame)) == frame


@given(text=st.text(st.characters()) | json_values.map(json.dumps) | near_frames)
def test_whatever_the_text_a_readable_sequence_is_a_sequence_or_none(text: str) -> None:
    sequence = readable_sequence(text, 7)

    assert sequence is None or 1 <= sequence <= MAX_INTEGER


# There and back.

numbers = st.integers(1, MAX_TURBINE_NUMBER)
ids = st.integers(1, MAX_INTEGER)
counts = st.integers(0, MAX_INTEGER)
times = st.integers(0, MAX_MEASURED_AT)
finite = st.floats(allow_nan=False, allow_infinity=False)
statuses = st.sampled_from(OperationalStatus)
words = st.text(st.characters(codec="utf-8"))
streams = st.from_regex(r"[A-Za-z0-9_-]{1,64}", fullmatch=True)

ups = st.one_of(
    st.builds(
        Hello,
        turbine_number=numbers,
        stream=streams,
        upload_frequency_in_seconds=st.none() | st.floats(0, allow_infinity=False, exclude_min=True),
    ),
    st.builds(
        Metrics,
        turbine_number=numbers,
        wind_speed=finite,
        power_output_in_kwh=finite,
        operational_status=statuses,
        measured_at=st.none() | times,
        sequence=st.none() | ids,
        historical=st.booleans(),
    ),
    st.builds(Status, turbine_number=numbers, operational_status=statuses),
)
assignments = {"turbine_number": numbers, "engineer_id": ids, "assignment_id": ids}
downs = st.one_of(
    st.builds(
        Welcome, turbine_number=numbers, last_sequence=st.none() | ids, silence_timeout_in_seconds=finite
    ),
    st.builds(Ack, sequence=ids),
    st.builds(EngineerAssigned, **assignments, assigned_at=times),
    st.builds(EngineerWithdrawn, **assignments, reason=words),
    st.builds(Resync),
    st.builds(Error, code=words, detail=words),
)
turbines = st.builds(
    TurbineState,
    turbine_number=numbers,
    online=st.booleans(),
    operational_status=st.none() | statuses,
    wind_speed=st.none() | finite,
    power_output_in_kwh=st.none() | finite,
    measured_at=st.none() | times,
    since=times,
    broken_at=st.none() | times,
    waiting_place=st.none() | ids,
    engineer_id=st.none() | ids,
    assignment_id=st.none() | ids,
)
engineers = st.builds(
    EngineerState,
    engineer_id=ids,
    turbine_number=st.none() | numbers,
    assignment_id=st.none() | ids,
    since=times,
)
totals = st.builds(
    Totals,
    turbines=counts,
    online=counts,
    broken=counts,
    waiting=counts,
    under_repair=counts,
    engineers=counts,
    engineers_free=counts,
    power_output_in_kwh=finite,
)
events = st.builds(Event, id=ids, at=times, kind=st.sampled_from(EventKind), text=words)
watches = st.one_of(
    st.builds(
        Snapshot,
        at=times,
        started_at=times,
        turbines=st.lists(turbines, max_size=2),
        engineers=st.lists(engineers, max_size=2),
        totals=totals,
        degraded=st.none() | words,
        events=st.lists(events, max_size=2),
    ),
    st.builds(
        Changes,
        at=times,
        turbines=st.lists(turbines, max_size=2),
        readings=st.lists(st.tuples(numbers, finite, finite, times), max_size=2),
        engineers=st.none() | st.lists(engineers, max_size=2),
        removed=st.lists(numbers, max_size=2),
        totals=totals,
        degraded=st.none() | words,
        events=st.lists(events, max_size=2),
    ),
)
seens = st.one_of(
    st.builds(
        SeenFrame, at=times, turbine_number=numbers, direction=st.sampled_from(["up", "down"]), text=words
    ),
    st.builds(FramesSkipped, count=counts),
)


@given(frame=ups)
def test_an_up_frame_comes_out_as_it_went_in(frame: Frame) -> None:
    assert parse_up(encode(frame)) == frame


@given(frame=downs)
def test_a_down_frame_comes_out_as_it_went_in(frame: Frame) -> None:
    assert parse_down(encode(frame)) == frame


@given(frame=watches)
def test_a_frame_for_watchers_comes_out_as_it_went_in(frame: Frame) -> None:
    assert parse_watch(encode(frame)) == frame


@given(frame=seens)
def test_a_seen_frame_comes_out_as_it_went_in(frame: Frame) -> None:
    assert parse_seen(encode(frame)) == frame


@given(number=numbers, wind=finite, power=finite, status=statuses, at=times, sequence=ids, old=st.booleans())
def test_the_short_way_to_write_a_reading_says_the_same(
    *, number: int, wind: float, power: float, status: OperationalStatus, at: int, sequence: int, old: bool
) -> None:
    text = encode_measurement(number, Measurement(at, wind, power, status), sequence=sequence, historical=old)

    assert parse_up(text) == Metrics(
        turbine_number=number,
        wind_speed=wind,
        power_output_in_kwh=power,
        operational_status=status,
        measured_at=at,
        sequence=sequence,
        historical=old,
    )


odd_numbers = st.from_regex(
    r"[-+]?[0-9]{0,3}(\.[0-9]{0,2})?(e[-+]?[0-9]{1,3})?|[1-9][0-9]{9,400}", fullmatch=True
)
beyond = st.sampled_from([0, MAX_TURBINE_NUMBER + 1, MAX_INTEGER + 1, MAX_MEASURED_AT + 1]).map(str)
odd_words = st.sampled_from(
    [
        "true",
        "false",
        "null",
        "NaN",
        "-Infinity",
        "[]",
        "{}",
        "0x1",
        '"1"',
        '"ok"',
        '"OK"',
        '"\\u006fk"',
        '"broken"',
        '"metrics"',
        '"\\ud800"',
    ]
)
odd_values = odd_numbers | beyond | odd_words
readings_with_odd_values = st.builds(
    lambda odd, times: text_of(METRICS, **odd)[:-1] + (',"wind_speed":3.5' if times else "") + "}",
    st.dictionaries(
        st.sampled_from([*METRICS, "sequence", "measured_at", "historical", "unknown"]),
        odd_values,
        max_size=3,
    ),
    st.booleans(),
)


@pytest.mark.slow
@settings(max_examples=1_000)
@given(text=readings_with_odd_values)
def test_the_quick_parser_takes_no_reading_that_the_other_would_refuse_or_read_otherwise(text: str) -> None:
    try:
        frame = parse_up(text)
    except FrameError:
        return

    assert repr(frame) == repr(TypeAdapter(Metrics).validate_json(text))


def test_no_frame_is_made_of_what_is_not_finite() -> None:
    with pytest.raises(ValueError, match="finite"):
        Welcome(turbine_number=7, last_sequence=None, silence_timeout_in_seconds=math.nan)


@pytest.mark.parametrize(
    "poison",
    [
        pytest.param({"wind_speed": "NaN"}, id="not a number"),
        pytest.param({"wind_speed": '"8"'}, id="a string"),
        pytest.param({"operational_status": '"\\ud800"'}, id="a lone surrogate"),
        pytest.param({"power_output_in_kwh": "9" * 5_000}, id="an endless number"),
    ],
)
def test_the_sequence_of_an_invalid_reading_can_be_read(poison: dict[str, str]) -> None:
    assert readable_sequence(text_of(METRICS, sequence="12", **poison), 7) == 12


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(text_of(METRICS), id="there is none"),
        pytest.param(text_of(METRICS, sequence="12", turbine_number="8"), id="another turbine's"),
        pytest.param(text_of(METRICS, sequence="12", turbine_number="7.0"), id="a turbine in fractions"),
        pytest.param(text_of(METRICS, sequence="12", type='"status"'), id="no reading"),
        pytest.param(text_of(METRICS, sequence="0"), id="too small"),
        pytest.param(text_of(METRICS, sequence="9007199254740992"), id="too large"),
        pytest.param(text_of(METRICS, sequence="9" * 5_000), id="much too large"),
        pytest.param(text_of(METRICS, sequence="12.0"), id="a fraction"),
        pytest.param(text_of(METRICS, sequence="true"), id="a yes"),
        pytest.param(text_of(METRICS, sequence='"12"'), id="a string"),
        pytest.param("[12]", id="no object"),
        pytest.param("[" * 60_000, id="nested without end"),
        pytest.param("", id="no JSON"),
        pytest.param("\ud800", id="no Unicode"),
    ],
)
def test_a_sequence_that_cannot_be_read_is_none(text: str) -> None:
    assert readable_sequence(text, 7) is None


def test_a_turbine_whose_number_is_one_is_not_mistaken_for_a_yes() -> None:
    assert readable_sequence(text_of(METRICS, sequence="12", turbine_number="true"), 1) is None


def test_a_reading_may_be_built_with_the_word_for_its_status() -> None:
    reading = TurbineMetrics.model_validate(
        {
            "turbine_number": 1,
            "wind_speed": 100.0,
            "power_output_in_kwh": 3000.0,
            "operational_status": "broken",
        }
    )
    assert reading.operational_status is OperationalStatus.broken
