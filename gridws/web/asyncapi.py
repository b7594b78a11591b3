"""The WebSocket API as an AsyncAPI 3 document, generated from the models that parse and write the frames.

`send` and `receive` are the monitor's: it receives what turbines send. AsyncAPI's schemas are those of JSON
Schema draft 7 and the models' are of a later draft, hence `_as_draft_7`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from importlib.metadata import version
from inspect import getdoc
from typing import Any, Final, Literal

from pydantic import TypeAdapter
from pydantic.json_schema import JsonSchemaMode

from ..access.guard import COOKIE
from ..settings import DEFAULT_PORT, MAX_TURBINE_NUMBER
from ..wire.frames import (
    Ack,
    Changes,
    EngineerAssigned,
    EngineerWithdrawn,
    Error,
    Frame,
    FramesSkipped,
    Hello,
    LinkedElsewhere,
    Metrics,
    Resync,
    SeenFrame,
    Snapshot,
    Status,
    Welcome,
    encode,
)
from .asyncapi_examples import EXAMPLES
from .asyncapi_texts import DESCRIPTION

Json = dict[str, Any]
Kinds = Sequence[type[Frame | Metrics]]

UP: Final[Kinds] = (Hello, Metrics, Status)
DOWN: Final[Kinds] = (Welcome, Ack, EngineerAssigned, EngineerWithdrawn, Resync, Error)
WATCH: Final[Kinds] = (Snapshot, Changes)
SEEN: Final[Kinds] = (SeenFrame, FramesSkipped, LinkedElsewhere)
SCHEMAS: Final = "#/components/schemas/"


def asyncapi_document(*, host: str = f"localhost:{DEFAULT_PORT}", protocol: str = "ws") -> Json:
    """Return the document, with the server at `host` (name and port) and `protocol` `ws` or `wss`."""
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "gridws",
            "version": version("gridws"),
            "description": DESCRIPTION,
            "license": {"name": "MIT"},
        },
        "defaultContentType": "application/json",
        "servers": {"monitor": _server(host, protocol)},
        "channels": _channels(),
        "operations": {
            "receiveFromTurbine": _operation("receive", "turbine", UP, "What a turbine tells."),
            "sendToTurbine": _operation("send", "turbine", DOWN, "What a turbine is told."),
            "sendState": _operation("send", "watch", WATCH, "The fleet's state, whole at first."),
            "sendFrames": _operation("send", "frames", SEEN, "Raw frames as they cross."),
        },
        "components": {
            "messages": {_name(kind): _message(kind) for kind in (*UP, *DOWN, *WATCH, *SEEN)},
            "schemas": _schemas(),
            "securitySchemes": {
                "bearer": {
                    "type": "http",
                    "scheme": "bearer",
                    "bearerFormat": "JWT",
                    "description": "Made by `gridws token`; asked for by a monitor that was given a secret.",
                },
                "cookie": {
                    "type": "httpApiKey",
                    "in": "cookie",
                    "name": COOKIE,
                    "description": "What a browser has after `/login`; good for viewers only.",
                },
            },
        },
    }


def _server(host: str, protocol: str) -> Json:
    return {
        "host": host,
        "protocol": protocol,
        "protocolVersion": "13",
        "description": "A monitor; it listens with TLS if it was given a certificate.",
        "security": [
            {"$ref": "#/components/securitySchemes/bearer"},
            {"$ref": "#/components/securitySchemes/cookie"},
        ],
    }


def _channels() -> Json:
    number = {"type": "integer", "minimum": 1, "maximum": MAX_TURBINE_NUMBER}
    return {
        "turbine": {
            "address": "/ws/turbines/{turbine_number}",
            "title": "A turbine's link",
            "description": "One link per turbine, the newest wins. Who must lose no reading begins with `hello`.",
            "parameters": {
                "turbine_number": {
                    "description": f"The turbine's number, 1 to {MAX_TURBINE_NUMBER}.",
                    "examples": ["7"],
                }
            },
            "messages": _references((*UP, *DOWN)),
        },
        "watch": {
            "address": "/ws/watch",
            "title": "The fleet's state",
            "description": "First `snapshot`, then `changes` twice a second; a slow viewer gets the newest only.",
            "messages": _references(WATCH),
        },
        "frames": {
            "address": "/ws/frames",
            "title": "Raw frames",
            "description": "For debugging: what crosses the links of all turbines, or of one, to this monitor.",
            "messages": _references(SEEN),
            "bindings": {
                "ws": {
                    "method": "GET",
                    "query": {"type": "object", "properties": {"turbine": number}},
                    "bindingVersion": "0.1.0",
                }
            },
        },
    }


def _operation(action: Literal["send", "receive"], channel: str, kinds: Kinds, summary: str) -> Json:
    return {
        "action": action,
        "channel": {"$ref": f"#/channels/{channel}"},
        "summary": summary,
        "messages": [{"$ref": f"#/channels/{channel}/messages/{_name(kind)}"} for kind in kinds],
    }


def _references(kinds: Kinds) -> Json:
    return {_name(kind): {"$ref": f"#/components/messages/{_name(kind)}"} for kind in kinds}


def _message(kind: type[Frame | Metrics]) -> Json:
    first, _, rest = (getdoc(kind) or "").partition("\n\n")
    message = {
        "name": _name(kind),
        "title": kind.__name__,
        "summary": first,
        "payload": {"$ref": f"{SCHEMAS}{kind.__name__}"},
        "examples": [
            {"payload": _payload(each, with_none=kind not in UP)} for each in EXAMPLES if type(each) is kind
        ],
    }
    return message | ({"description": rest} if rest else {})


def _payload(frame: Frame | Metrics, *, with_none: bool) -> Json:
    return {
        name: value for name, value in json.loads(encode(frame)).items() if with_none or value is not None
    }


def _name(kind: type[Frame | Metrics]) -> str:
    return str(
        Metrics.__struct_config__.tag if issubclass(kind, Metrics) else kind.model_fields["type"].default
    )


def _schemas() -> Json:
    """Return the schemas of all frames: what is read may leave out what has a default, what is sent does not."""
    kinds: list[tuple[str, JsonSchemaMode, TypeAdapter[Any]]] = [
        *((_name(kind), "validation", TypeAdapter(kind)) for kind in UP),
        *((_name(kind), "serialization", TypeAdapter(kind)) for kind in (*DOWN, *WATCH, *SEEN)),
    ]
    _, schema = TypeAdapter.json_schemas(kinds, ref_template=SCHEMAS + "{model}")
    schemas: Json = {name: _as_draft_7(each) for name, each in schema["$defs"].items()}
    for kind in (*UP, *DOWN, *WATCH, *SEEN):
        required = schemas[kind.__name__].setdefault("required", [])
        schemas[kind.__name__]["required"] = ["type", *(name for name in required if name != "type")]
    return schemas


def _as_draft_7(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_as_draft_7(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    older = {key: _as_draft_7(value) for key, value in schema.items()}
    if "prefixItems" in older:
        older["items"] = older.pop("prefixItems")
    return older
