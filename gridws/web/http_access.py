"""Asks the guard before any HTTP request reaches a route, and sends every answer with careful headers."""

from __future__ import annotations

import logging
from http import HTTPStatus
from typing import Final

from starlette.datastructures import MutableHeaders
from starlette.requests import ClientDisconnect, HTTPConnection
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ..access.guard import Guard
from ..access.request import Asking, Refusal
from .cors import let_read, permission
from .problems import problem

_log = logging.getLogger("gridws.web")

LOGIN: Final = "/login"
CAREFUL: Final = {
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "same-origin",  # with no-referrer a browser would send our own form as `Origin: null`
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Resource-Policy": "same-origin",
}
"""What an answer gets unless its route says otherwise."""


class HttpAccess:
    """The middleware; WebSockets pass, since `admit` asks the same guard for them."""

    def __init__(self, app: ASGIApp, guard: Guard) -> None:
        self._app = app
        self._guard = guard

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or let the application do it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        asking, origins = asking_of(scope), self._guard.origins

        async def send_carefully(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in CAREFUL.items():
                    headers.setdefault(name, value)
                let_read(headers, asking, origins)
            await send(message)

        try:
            await self._served(asking)(scope, receive, send_carefully)
        except ClientDisconnect:
            _log.debug("%s left before its request was whole", asking.address or "somebody")

    def _served(self, asking: Asking) -> ASGIApp:
        """Return what answers this request."""
        answer = permission(asking, self._guard.origins)
        if answer is not None:
            return answer
        refusal = self._guard.refuse_request(asking)
        return self._app if refusal is None else _answer(asking, refusal)


def guard_of(connection: HTTPConnection) -> Guard:
    """Return who decides in this app."""
    guard: Guard = connection.app.state.guard
    return guard


def asking_of(scope: Scope) -> Asking:
    """Return what this request asks with."""
    headers = ((name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"])
    client = scope.get("client")
    return Asking(scope["path"], headers, method=scope["method"], address=client[0] if client else "")


def _answer(asking: Asking, refusal: Refusal) -> Response:
    """Return the refusal: a person with a browser is shown where to log in."""
    wants_page = any("text/html" in accepted for accepted in asking.values("accept"))
    is_person = wants_page and not asking.changes_something and not asking.values("authorization")
    if is_person and refusal.status is HTTPStatus.UNAUTHORIZED:
        return RedirectResponse(LOGIN, HTTPStatus.SEE_OTHER)
    return problem(refusal.status, refusal.sentence, dict(refusal.headers))
