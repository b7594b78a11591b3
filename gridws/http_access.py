"""Asks the guard before any HTTP request reaches a route, and sends every answer with careful headers."""

from __future__ import annotations

from http import HTTPStatus
from typing import Final

from starlette.datastructures import MutableHeaders
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .asking import Asking, Refusal
from .guard import Guard
from .problems import problem

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

        async def send_carefully(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in CAREFUL.items():
                    headers.setdefault(name, value)
            await send(message)

        asking = asking_of(scope)
        refusal = self._guard.refuse_request(asking)
        app = self._app if refusal is None else _answer(asking, refusal)
        await app(scope, receive, send_carefully)


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
