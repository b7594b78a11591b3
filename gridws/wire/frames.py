"""Every frame that crosses a WebSocket, and the only place where text becomes frames and back.

JSON text frames, one object each, `type` tells which. Strict: a string is never taken for a number. Floats
are finite, integers lie within what every JSON reader understands exactly, unknown fields are ignored.
"""

from __future__ import annotations

import json
from enum import IntEnum
from typing import Annotated, Final, Literal, NamedTuple, TypeVar

from pydantic import Field, TypeAdapter, ValidationError
from pydantic_core import from_json, to_json

from ..errors import FrameError
from ..settings import MAX_INTEGER
from ..words import OperationalStatus
from .fields import Finite, Frame, Identifier, Milliseconds, Sequence, StreamName, TurbineNumber
from .metrics_frame import NOT_DECODED, Metrics, decode_metrics, encode_metrics
from .sentences import sentence_of
from .watch_frames import (
    Changes,
    EngineerState,
    Event,
    EventKind,
    FramesSkipped,
    HoldState,
    LinkedElsewhere,
    SeenFrame,
    SeenFrames,
    Snapshot,
    Totals,
    TurbineState,
    WatchFrame,
)

__all__ = [  # besides all that is defined here
    "Changes",
    "EngineerState",
    "Event",
    "EventKind",
    "Frame",
    "FramesSkipped",
    "HoldState",
    "LinkedElsewhere",
    "Metrics",
    "SeenFrame",
    "SeenFrames",
    "Snapshot",
    "Totals",
    "TurbineState",
    "WatchFrame",
]

SUBPROTOCOL: Final = "gridws.v1"


class CloseCode(IntEnum):
    """Why the monitor closed a link or a viewer: RFC 6455 section 7.4; 4000 to 4999 are our own reasons."""

    BINARY = 1003
    NOT_UTF8 = 1007
    POLICY = 1008
    TOO_LARGE = 1009
    RESTART = 1012
    SUPERSEDED = 4001
    SILENT = 4002
    MOVED = 4003


class TurbineMetrics(Frame):
    """One reading of one turbine.

    `wind_speed` is in m/s. `power_output_in_kwh` is the energy that an hour at the present rate delivers,
    so it equals the power in kW.
    """

    turbine_number: TurbineNumber
    wind_speed: Finite
    power_output_in_kwh: Finite
    # Not strict: whoever builds a reading may write "ok", as with the original class.
    operational_status: Annotated[OperationalStatus, Field(strict=False)]


# Up: turbine to monitor.


class Hello(Frame):
    """Opens, or opens again, a numbered stream of readings on this link.

    `status` follows at once. Numbered readings wait for `welcome`: those before it are not stored.
    """

    type: Literal["hello"] = "hello"
    turbine_number: TurbineNumber
    stream: Annotated[StreamName, Field(description="A name that is new at each start of the client.")]
    upload_frequency_in_seconds: Annotated[
        Annotated[float, Field(gt=0, allow_inf_nan=False)] | None,
        Field(
            description="Three times as long, but 5 to 60 s, is the silence time-out; 60 s where this is missing."
        ),
    ] = None


class Status(Frame):
    """The present status without a reading: dispatched on and shown, not stored.

    Sent right after `hello`, on a change that no live reading can tell at once, and where nothing else went up
    for a third of the silence time-out.
    """

    type: Literal["status"] = "status"
    turbine_number: TurbineNumber
    operational_status: OperationalStatus


UpFrame = Hello | Metrics | Status

# Down: monitor to turbine.


class Welcome(Frame):
    """The answer to `hello`: readings after `last_sequence` of this stream are wanted; null: all of them."""

    type: Literal["welcome"] = "welcome"
    turbine_number: TurbineNumber
    last_sequence: Sequence | None
    silence_timeout_in_seconds: float


class Ack(Frame):
    """All readings of the stream up to `sequence` are committed to disk."""

    type: Literal["ack"] = "ack"
    sequence: Sequence


class EngineerAssigned(Frame):
    """An engineer is at the turbine; the repair may begin."""

    type: Literal["engineer_assigned"] = "engineer_assigned"
    turbine_number: TurbineNumber
    engineer_id: Identifier
    assignment_id: Identifier
    assigned_at: Milliseconds


class EngineerWithdrawn(Frame):
    """The engineer has left before the repair ended: drop it, the next engineer begins anew."""

    type: Literal["engineer_withdrawn"] = "engineer_withdrawn"
    turbine_number: TurbineNumber
    engineer_id: Identifier
    assignment_id: Identifier
    reason: Annotated[
        str,
        Field(
            description="`timed_out`: engineers were here for the repair time-out. `held`: nobody may be here now. "
            "Other words may be added."
        ),
    ]


class Resync(Frame):
    """Say `hello` again on this link: the monitor could not keep some readings and wants them again."""

    type: Literal["resync"] = "resync"


class Error(Frame):
    """A frame was not taken; `detail` is a sentence that a person can act on. The link stays."""

    type: Literal["error"] = "error"
    code: Annotated[
        str,
        Field(
            description="`invalid_frame`: mend it. `wrong_turbine`: it bore another turbine's number. "
            "`sequence_used`: this stream has that reading already or went on behind it, say `hello` with a new name. "
            "`rate_limited`: too many live frames, reading pauses; nothing is lost. Other codes may be added."
        ),
    ]
    detail: str


DownFrame = Welcome | Ack | EngineerAssigned | EngineerWithdrawn | Resync | Error

_UP_FIELDS: Final = {"type", *Metrics.__struct_fields__, *Hello.model_fields, *Status.model_fields}
_LARGE: Final = 2_048
"""Characters of a frame up from which its outline is looked at first."""

_UP: TypeAdapter[UpFrame] = TypeAdapter(Annotated[UpFrame, Field(discriminator="type")])
_DOWN: TypeAdapter[DownFrame] = TypeAdapter(Annotated[DownFrame, Field(discriminator="type")])
_WATCH: TypeAdapter[WatchFrame] = TypeAdapter(Annotated[WatchFrame, Field(discriminator="type")])
_SEEN: TypeAdapter[SeenFrames] = TypeAdapter(Annotated[SeenFrames, Field(discriminator="type")])


def encode(frame: Frame | Metrics) -> str:
    """Return the text of a frame."""
    return encode_metrics(frame) if isinstance(frame, Metrics) else frame.model_dump_json()


class Measurement(NamedTuple):
    """What one turbine measured at one moment, checked, as it waits: about 150 bytes, a quarter of its frame."""

    measured_at: int
    wind_speed: float
    power_output_in_kwh: float
    operational_status: OperationalStatus


def encode_measurement(
    turbine_number: int, measurement: Measurement, *, sequence: int, historical: bool
) -> str:
    """Return the text of a numbered `Metrics`.

    Nearly every frame is one of these; without a model it costs a quarter.
    """
    measured_at, wind_speed, power_output_in_kwh, operational_status = measurement
    return (
        f'{{"type":"metrics","turbine_number":{turbine_number},"wind_speed":{wind_speed!r},'
        f'"power_output_in_kwh":{power_output_in_kwh!r},"operational_status":"{operational_status.value}",'
        f'"measured_at":{measured_at},"sequence":{sequence},'
        f'"historical":{"true" if historical else "false"}}}'
    )


def encode_ack(sequence: int) -> str:
    """Return the text of an `Ack` of a sequence that a reading bore: the only frame down that is frequent."""
    return f'{{"type":"ack","sequence":{sequence}}}'


def parse_up(text: str) -> UpFrame:
    """Return the up frame in `text`; raise `FrameError` with a sentence that names the field.

    What is not a good reading in the eyes of the quick parser is judged by the other one.
    """
    try:
        frame = decode_metrics(text)
        if type(frame) is Metrics:
            return frame
    except NOT_DECODED:
        pass
    return _parse(_UP, text if len(text) <= _LARGE else _outline(text))


def parse_down(text: str) -> DownFrame:
    """Return the down frame in `text`; raise `FrameError`."""
    return _parse(_DOWN, text)


def parse_watch(text: str) -> WatchFrame:
    """Return the frame of `/ws/watch` in `text`; raise `FrameError`."""
    return _parse(_WATCH, text)


def parse_seen(text: str) -> SeenFrames:
    """Return the frame of `/ws/frames` in `text`; raise `FrameError`."""
    return _parse(_SEEN, text)


def readable_sequence(text: str, turbine_number: int) -> int | None:
    """Return the sequence of an invalid reading of this turbine, None where there is none to read.

    Such a reading is counted and passed over, so that it cannot block its stream. So the lenient parser of
    the standard library reads it: a lone surrogate or an endless number is what the strict one cannot read.
    """
    try:
        frame = json.loads(text, parse_int=_bounded_integer)
    except (ValueError, RecursionError):
        return None
    if not isinstance(frame, dict) or frame.get("type") != "metrics":
        return None
    number, sequence = frame.get("turbine_number"), frame.get("sequence")
    if type(number) is not int or number != turbine_number:
        return None
    if type(sequence) is not int or not 1 <= sequence <= MAX_INTEGER:
        return None
    return sequence


def _bounded_integer(digits: str) -> int | None:
    return int(digits) if len(digits) <= 20 else None


T = TypeVar("T")


def _outline(text: str) -> bytes | str:
    """Return the fields of a frame up that it may have, without what is in lists and objects: it may have none.

    Where something is wrong with a frame, pydantic builds all of it anew for each such thing: 6 ms for 64 KiB.
    """
    try:
        frame = from_json(text)
    except ValueError:
        return text
    if isinstance(frame, dict):
        frame = {
            name: type(value)() if isinstance(value, dict | list) else value
            for name, value in frame.items()
            if name in _UP_FIELDS
        }
    return to_json(frame, inf_nan_mode="constants")


def _parse(adapter: TypeAdapter[T], text: str | bytes) -> T:
    try:
        return adapter.validator.validate_json(text)  # type: ignore[no-any-return]
    except ValidationError as error:
        sentence = sentence_of(error.errors(include_url=False)[0])
        raise FrameError("invalid_frame", sentence) from None
