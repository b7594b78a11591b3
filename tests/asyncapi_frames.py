"""Checks frames as they crossed the wire against the AsyncAPI document, as a reader of it would."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from typing import Any

from jsonschema import Draft7Validator

from gridws.web.asyncapi import asyncapi_document

OPERATIONS = {
    "up": "receiveFromTurbine",
    "down": "sendToTurbine",
    "watch": "sendState",
    "frames": "sendFrames",
}


@cache
def document() -> dict[str, Any]:
    """Return the document as it is served: through JSON."""
    served: dict[str, Any] = json.loads(json.dumps(asyncapi_document()))
    return served


def resolve(reference: dict[str, str]) -> dict[str, Any]:
    """Return what a reference inside the document means, through further references."""
    target: Any = document()
    for part in reference["$ref"].removeprefix("#/").split("/"):
        target = target[part]
    return resolve(target) if "$ref" in target else target


@cache
def validators(direction: str) -> dict[str, Draft7Validator]:
    """Return a validator for each message that may go in this direction."""
    operation = document()["operations"][OPERATIONS[direction]]
    return {message["name"]: validator(message) for message in map(resolve, operation["messages"])}


def validator(message: dict[str, Any]) -> Draft7Validator:
    """Return the validator of a payload; the components stand beside it, where its references lead."""
    return Draft7Validator(resolve(message["payload"]) | {"components": document()["components"]})


def conforms(direction: str, text: str) -> list[str]:
    """Return what is wrong with a frame that went `up`, `down`, to `watch` or to `frames`; nothing is good."""
    frame = json.loads(text)
    kind = validators(direction).get(frame.get("type"))
    if kind is None:
        return [f"no message {frame.get('type')!r} goes {direction}"]
    return list(problems(kind, frame))


def problems(kind: Draft7Validator, frame: object) -> Iterator[str]:
    for error in kind.iter_errors(frame):
        yield f"{error.json_path}: {error.message}"
