"""What a browser wants to hear before a page of an allowed origin may ask and read (CORS).

A browser asks first, without a token, whether the page may: the answer says so for every route, and the
request itself is then judged like any other.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Final

from starlette.datastructures import MutableHeaders
from starlette.responses import Response

from ..access.origin import Origins
from ..access.request import Asking

PERMISSION: Final = {
    "Access-Control-Allow-Methods": "GET, HEAD, POST, PUT, PATCH, DELETE",
    "Access-Control-Allow-Headers": "Authorization, Content-Type",
    "Access-Control-Max-Age": "600",
}


def permission(asking: Asking, origins: Origins) -> Response | None:
    """Return the answer to a browser that asks whether a page may ask, None if it is no such request."""
    asks_first = asking.method == "OPTIONS" and asking.values("access-control-request-method")
    if not asks_first or origins.refuse(asking) or not origins.guest(asking):
        return None
    return Response(status_code=HTTPStatus.NO_CONTENT, headers=PERMISSION)


def let_read(headers: MutableHeaders, asking: Asking, origins: Origins) -> None:
    """Let the page that asked read the answer, with its cookie too, if it is of an allowed origin."""
    if not origins.allowed:
        return
    headers.add_vary_header("Origin")
    guest = origins.guest(asking)
    if guest:
        headers["Access-Control-Allow-Origin"] = guest
        headers["Access-Control-Allow-Credentials"] = "true"
        headers["Access-Control-Expose-Headers"] = "Content-Disposition, Retry-After, WWW-Authenticate"
        headers["Cross-Origin-Resource-Policy"] = "cross-origin"
