"""What is wrong with a frame, in a sentence for whoever sent it: pydantic's errors in the words of the protocol."""

from __future__ import annotations

from typing import Final

from pydantic_core import ErrorDetails, to_json

_EXPECTED: Final = {
    "missing": "is missing",
    "int_type": "must be an integer",
    "int_from_float": "must be an integer",
    "float_type": "must be a number",
    "finite_number": "must be a finite number",
    "string_type": "must be a string",
    "bool_type": "must be true or false",
    "enum": "must be {expected}",
    "greater_than": "must be greater than {gt:g}",
    "greater_than_equal": "must be at least {ge}",
    "less_than_equal": "must be at most {le}",
    "string_unicode": "the frame must be valid Unicode text",
    "string_pattern_mismatch": "must be 1 to 64 characters of A-Z, a-z, 0-9, _ and -",
    "union_tag_not_found": "type is missing",
    "union_tag_invalid": "type must be one of {expected_tags}",
    "json_invalid": "the frame is not valid JSON: {error}",
    "model_attributes_type": "the frame must be one JSON object",
    "model_type": "the frame must be one JSON object",
    "dict_type": "the frame must be one JSON object",
}


def sentence_of(error: ErrorDetails) -> str:
    """Return what is wrong with a frame: the field, what was expected, and what came instead."""
    context = error.get("ctx", {})
    expected = _EXPECTED.get(error["type"], error["msg"]).format_map(context)
    if len(error["loc"]) < 2:
        return f"{expected}."
    field = ".".join(str(part) for part in error["loc"][1:])
    if error["type"] == "missing":
        return f"{field} {expected}."
    return f"{field} {expected}, but was {_shown(error['input'])}."


def _shown(value: object) -> str:
    text = repr(value) if isinstance(value, float) else to_json(value, inf_nan_mode="constants").decode()
    return text if len(text) <= 60 else f"{text[:60]}…"
