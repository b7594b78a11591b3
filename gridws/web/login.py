"""The login of browsers: a pasted token becomes a cookie that scripts cannot read and other sites cannot send.

The token travels in the body of a form, never in a URL. Programs don't need this page: they send the token in
the `Authorization` header of each request.
"""

from __future__ import annotations

import time
from base64 import b64encode
from hashlib import sha256
from html import escape
from http import HTTPStatus
from typing import Final
from urllib.parse import parse_qs

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from ..access.guard import COOKIE
from ..access.request import Refusal
from .http_access import LOGIN, asking_of, guard_of

HOME: Final = "/docs"
"""Where a login leads."""
LONGEST_FORM: Final = 16 * 1024

STYLE: Final = """
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 34rem; margin: 12vh auto; padding: 0 1rem; }
input { width: 100%; box-sizing: border-box; font: inherit; padding: .4rem; }
button { font: inherit; padding: .4rem 1.2rem; }
[role=alert] { border-left: .3rem solid #b00020; padding-left: .8rem; }
"""
POLICY: Final = (
    f"default-src 'none'; style-src 'sha256-{b64encode(sha256(STYLE.encode()).digest()).decode()}'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
PAGE_HEADERS: Final = {"Content-Security-Policy": POLICY, "Cache-Control": "no-store"}
# A password, so that nobody reads it over a shoulder, Enter sends it, and a password manager may keep it.
LOGIN_FORM: Final = """<form method="post" action="/login">
<p><label for="token">Paste a viewer's or an operator's token; <code>gridws token --viewer</code> makes one.</label></p>
<p><input id="token" name="token" type="password" required autofocus autocomplete="current-password"></p>
<p><button>Log in</button></p>
</form>"""
LOGOUT_FORM: Final = """<form method="post" action="/logout"><p><button>Log out</button></p></form>"""

router = APIRouter(include_in_schema=False)


@router.get("/login")
async def login_page(request: Request) -> Response:
    """The form, or the way on where nobody needs to log in."""
    return _page("Log in", LOGIN_FORM) if guard_of(request).asks_for_tokens else _go(HOME)


@router.post("/login")
async def log_in(request: Request) -> Response:
    """Set the cookie for a good token; else the form again, with a sentence."""
    guard = guard_of(request)
    if not guard.asks_for_tokens:
        return _go(HOME)
    token = await _token_in(request)
    asking = asking_of(request.scope)
    outcome = guard.log_in(asking, token)
    if isinstance(outcome, Refusal):
        return _page("Log in", LOGIN_FORM, refusal=outcome)
    response = _go(HOME)
    left = max(0, outcome.expires_at - int(time.time()))
    response.set_cookie(
        COOKIE,
        token,
        max_age=left,
        httponly=True,
        samesite="strict",
        secure=guard.origins.over_tls(asking),
        path="/",
    )
    return response


@router.get("/logout")
async def logout_page() -> Response:
    """A button: a link alone must not log anybody out."""
    return _page("Log out", LOGOUT_FORM)


@router.post("/logout")
async def log_out(request: Request) -> Response:
    """Take the cookie away."""
    response = _go(LOGIN)
    secure = guard_of(request).origins.over_tls(asking_of(request.scope))
    response.delete_cookie(COOKIE, httponly=True, samesite="strict", secure=secure, path="/")
    return response


async def _token_in(request: Request) -> str:
    """Return the token in a posted form, empty if there is none."""
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > LONGEST_FORM:
            raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "That is too long to be a token.")
    try:
        fields = parse_qs(body.decode(), max_num_fields=4)
    except ValueError:
        return ""
    return fields.get("token", [""])[0].strip()


def _go(path: str) -> RedirectResponse:
    return RedirectResponse(path, HTTPStatus.SEE_OTHER, {"Cache-Control": "no-store"})


def _page(title: str, form: str, *, refusal: Refusal | None = None) -> Response:
    alert = f'<p role="alert">{escape(refusal.sentence)}</p>\n' if refusal else ""
    return HTMLResponse(
        f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>gridws: {title}</title>\n'
        f'<meta name="viewport" content="width=device-width">\n<style>{STYLE}</style>\n</head>\n'
        f"<body>\n<h1>gridws</h1>\n{alert}{form}\n</body>\n</html>\n",
        refusal.status if refusal else HTTPStatus.OK,
        PAGE_HEADERS | (dict(refusal.headers) if refusal else {}),
    )
