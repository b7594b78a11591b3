"""What describes the monitor to machines and to those who write them: OpenAPI, AsyncAPI and the page of both.

The page loads nothing from outside: its scripts are served by this monitor, and its policy allows no others.
"""

from __future__ import annotations

import re
from base64 import b64encode
from functools import lru_cache
from hashlib import sha256
from http import HTTPStatus
from typing import Any, Final

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.openapi.utils import get_openapi
from fastapi.responses import HTMLResponse, RedirectResponse
from pydantic_core import to_json, to_jsonable_python

from .asyncapi import asyncapi_document
from .asyncapi_examples import ENGINEERS, TURBINE
from .problems import MEDIA_TYPE

ASSETS: Final = "/static-offline-docs"
"""Where `FastAPIOffline` serves the files of Swagger UI."""
BEARER: Final = {
    "type": "http",
    "scheme": "bearer",
    "bearerFormat": "JWT",
    "description": "Made by `gridws token`; asked for only by a monitor that was given a secret.",
}
OPEN_PATHS: Final = {"/healthz", "/readyz"}
_INLINE_SCRIPT: Final = re.compile(r"<script>(.*?)</script>", re.DOTALL)

router = APIRouter(include_in_schema=False)


@router.get("/")
async def start() -> RedirectResponse:
    """Show a browser that opens the address which the monitor prints where to begin."""
    return RedirectResponse("/docs", HTTPStatus.SEE_OTHER)


@router.get("/docs")
async def docs(request: Request) -> HTMLResponse:
    """Swagger UI, which may run its own script and load from here only."""
    app: FastAPI = request.app
    page = get_swagger_ui_html(
        openapi_url=app.openapi_url or "",
        title=app.title,
        swagger_js_url=f"{ASSETS}/swagger-ui-bundle.js",
        swagger_css_url=f"{ASSETS}/swagger-ui.css",
        swagger_favicon_url=f"{ASSETS}/favicon.png",
    )
    html = bytes(page.body).decode()
    page.headers["Content-Security-Policy"] = _policy(html)
    return page


@router.get("/asyncapi.json")
async def asyncapi(request: Request) -> Response:
    """The WebSocket API, as seen from where it was asked for."""
    scheme = "wss" if request.url.scheme == "https" else "ws"
    return Response(_asyncapi(request.url.netloc, scheme), media_type="application/json")


@lru_cache(maxsize=8)
def _asyncapi(host: str, protocol: str) -> bytes:
    return to_json(asyncapi_document(host=host, protocol=protocol))


def install(app: FastAPI) -> None:
    """Have the application describe itself: who may what, and errors as the problems that they are."""

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            document = get_openapi(
                title=app.title, version=app.version, description=app.description, routes=app.routes
            )
            app.openapi_schema = _with_truth(document)
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]  # FastAPI's documented way


def _with_truth(document: dict[str, Any]) -> dict[str, Any]:
    document["components"].setdefault("securitySchemes", {})["bearer"] = BEARER
    for path, methods in document["paths"].items():
        for operation in methods.values():
            responses = operation["responses"]
            responses["403"] = _problem("the token is not good for this, or the request came from elsewhere")
            if "requestBody" in operation:
                responses["400"] = _problem("the body is no JSON text at all")
            if path not in OPEN_PATHS:
                operation["security"] = [{"bearer": []}, {}]
                responses["401"] = _problem("a token is needed, or this one is not valid")
                responses["429"] = _problem("too many tokens from this address were not valid")
            for response in responses.values():
                _tell_media_type(response)
    schemas = document["components"]["schemas"]
    for example in (TURBINE, ENGINEERS[1]):
        schemas[type(example).__name__]["examples"] = [to_jsonable_python(example)]
    return document


def _problem(description: str) -> dict[str, Any]:
    schema = {"$ref": "#/components/schemas/Problem"}
    return {"description": description, "content": {MEDIA_TYPE: {"schema": schema}}}


def _tell_media_type(response: dict[str, Any]) -> None:
    content = response.get("content", {})
    plain = content.get("application/json", {})
    if plain.get("schema", {}).get("$ref", "").endswith("/Problem"):
        response["content"] = {MEDIA_TYPE: plain}


def _policy(html: str) -> str:
    hashes = (b64encode(sha256(text.encode()).digest()).decode() for text in _INLINE_SCRIPT.findall(html))
    scripts = " ".join(f"'sha256-{each}'" for each in hashes)
    return (
        f"default-src 'none'; script-src 'self' {scripts}; style-src 'self' 'unsafe-inline'; "
        "img-src 'self' data:; connect-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
    )
