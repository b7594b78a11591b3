"""One message on its way: what it says, how it is signed, and what an answer means."""

from __future__ import annotations

import hashlib
import hmac
from http import HTTPStatus
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from ..errors import OptionError
from ..wire.frames import Event

TRY_AGAIN: Final = {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS}
"""What a receiver answers that may take the message later, besides all that begins with a 5."""


class Delivery(NamedTuple):
    """The body and the headers of one message."""

    content: bytes
    headers: dict[str, str]


def delivery_of(event: Event, run: int, secret: str | None) -> Delivery:
    """Return what is sent of an event of the run that began then (ms UTC), signed where there is a secret."""
    content = event.model_dump_json().encode()
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "gridws",
        "X-Gridws-Event": event.kind.value,
        "X-Gridws-Delivery": f"{run}-{event.id}",
    }
    if secret is not None:
        headers["X-Gridws-Signature"] = f"sha256={signature(secret, content)}"
    return Delivery(content, headers)


def signature(secret: str, content: bytes) -> str:
    """Return the HMAC-SHA256 of a body in hexadecimal digits (RFC 2104)."""
    return hmac.new(secret.encode(), content, hashlib.sha256).hexdigest()


def is_taken(status: int) -> bool:
    """Return whether an answer says that the receiver has the message."""
    return HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES


def may_be_taken_later(status: int) -> bool:
    """Return whether it is worth to send the message again: a refusal, or a redirection, stays what it is."""
    return status >= HTTPStatus.INTERNAL_SERVER_ERROR or status in TRY_AGAIN


def check_url(url: str) -> str:
    """Return the address of a receiver; raise `OptionError` where it cannot be one."""
    try:
        parts = urlsplit(url)
        good = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
    except ValueError:
        good = False
    if not good:
        raise OptionError(f"--webhook {shown(url)} is no address; write https://HOST/PATH")
    return url


def shown(url: str) -> str:
    """Return as much of an address as may be shown: its path may hold what nobody else shall know."""
    scheme, _, rest = url.partition("://")
    host = rest.partition("/")[0].partition("?")[0].rpartition("@")[2]
    return f"{scheme}://{host}" if rest else scheme.partition("/")[0]
