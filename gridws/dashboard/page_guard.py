"""Who may talk to the page, and who may show it in a frame: the rules of `access.origin`, for the dashboard."""

from __future__ import annotations

import logging
from typing import Final

from starlette.datastructures import MutableHeaders
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocket

from ..access.origin import Origins, host_in
from ..access.request import Asking, Refusal
from ..settings import DashboardSettings

_log = logging.getLogger("gridws.dashboard")

CAREFUL: Final = {"X-Content-Type-Options": "nosniff", "Referrer-Policy": "same-origin"}


class PageGuard:
    """Refuses requests from elsewhere before anything else sees them, and sends every answer with careful headers."""

    def __init__(self, app: ASGIApp, settings: DashboardSettings) -> None:
        self._app = app
        self._origins = Origins(settings.hosts, settings.allow_origins, what="dashboard")
        self._frames = " ".join(["'self'", *sorted(filter(host_in, self._origins.allowed))])

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve the request, or refuse it with 403 and a sentence."""

        async def send_carefully(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.update(CAREFUL)
                headers.append("Content-Security-Policy", f"frame-ancestors {self._frames}")
            await send(message)

        refusal = self._origins.refuse(_asking_of(scope)) if scope["type"] in {"http", "websocket"} else None
        if refusal is None:
            await _serve(self._app, scope, receive, send_carefully)
        elif scope["type"] == "websocket":
            await WebSocket(scope, receive, send).send_denial_response(_answer(refusal))
        else:
            await _answer(refusal)(scope, receive, send_carefully)


async def _serve(app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
    """Have a request served; whatever goes wrong when its peer has left already is no news."""
    left = False

    async def receive_noting() -> Message:
        nonlocal left
        message = await receive()
        left = left or message["type"] in {"http.disconnect", "websocket.disconnect"}
        return message

    try:
        await app(scope, receive_noting, send)
    except Exception as error:
        if not left:
            raise
        _log.debug("a visitor left before it was answered: %s", type(error).__name__)


def _asking_of(scope: Scope) -> Asking:
    headers = ((name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"])
    return Asking(scope["path"], headers)


def _answer(refusal: Refusal) -> Response:
    return PlainTextResponse(refusal.sentence + "\n", refusal.status)
