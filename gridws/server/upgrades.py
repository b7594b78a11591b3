"""Requests that ask for another protocol: which is for us, what is wrong with it, and how the next parser reads it.

`Connection` and `Upgrade` are lists, also over several lines (RFC 9110 section 5.3). An upgrade that nobody wants
is as good as none (section 7.8). The parser of WebSockets knows one value of each, and makes nothing at all of a
request that is too large for it: so what it would not answer is found here.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Final

from httptools import HttpParserError, parse_url
from websockets.http11 import MAX_LINE_LENGTH, MAX_NUM_HEADERS

from ..access.request import Refusal

Headers = list[tuple[bytes, bytes]]
"""Names are in lower case."""

NOT_HTTP: Final = Refusal(
    HTTPStatus.BAD_REQUEST, "This is no HTTP request that can be understood: this port speaks HTTP/1.1."
)
NOT_BEHIND: Final = Refusal(
    HTTPStatus.BAD_REQUEST, "A WebSocket begins on a connection where no other answer is still due."
)
LONG_ADDRESS: Final = Refusal(
    HTTPStatus.REQUEST_URI_TOO_LONG,
    f"The first line of a request for a WebSocket has at most {MAX_LINE_LENGTH:,} bytes.",
)
LONG_HEADER: Final = Refusal(
    HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
    f"A header of a request for a WebSocket has at most {MAX_LINE_LENGTH:,} bytes.",
)
MANY_HEADERS: Final = Refusal(
    HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
    f"A request for a WebSocket has at most {MAX_NUM_HEADERS} headers.",
)


def values_of(name: bytes, headers: Headers) -> list[bytes]:
    """Return each line of a header; `name` is in lower case."""
    return [value for key, value in headers if key == name]


def asks_for_websocket(method: str, headers: Headers) -> bool:
    """Return whether a request that asks for an upgrade asks for the one that there is."""
    protocols = b",".join(values_of(b"upgrade", headers)).split(b",")
    return method == "GET" and b"websocket" in {each.strip().lower() for each in protocols}


def head_without_upgrade(method: str, url: bytes, version: str, headers: Headers) -> bytes:
    """Return a request's head as if it had not asked for another protocol."""
    lines = [
        f"{method} ".encode() + url + f" HTTP/{version}".encode(),
        *(name + b": " + value for name, value in headers if name != b"upgrade"),
    ]
    return b"\r\n".join([*lines, b"", b""])


def objection_to(url: bytes, headers: Headers) -> Refusal | None:
    """Return what is wrong with a request for a WebSocket that its parser would not even answer."""
    if len(b"GET  HTTP/1.1\r\n") + len(url) > MAX_LINE_LENGTH:
        return LONG_ADDRESS
    if any(len(name + b": " + value + b"\r\n") > MAX_LINE_LENGTH for name, value in headers):
        return LONG_HEADER
    if len(headers) > MAX_NUM_HEADERS:
        return MANY_HEADERS
    try:
        parse_url(url)
    except HttpParserError:
        return NOT_HTTP
    return None


def path_of(url: bytes) -> bytes:
    """Return path and query of an address, which a client of proxies writes out in full."""
    parts = parse_url(url)
    return (parts.path or b"/") + (b"?" + parts.query if parts.query else b"")


def plainly(headers: Headers) -> Headers:
    """Return headers that ask for a WebSocket and for nothing else, in one line each."""
    others = [each for each in headers if each[0] not in {b"connection", b"upgrade"}]
    return [*others, (b"connection", b"Upgrade"), (b"upgrade", b"websocket")]
