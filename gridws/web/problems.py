"""Errors of the HTTP API as problem details (RFC 9457), each with a sentence that a person can act on."""

from __future__ import annotations

from http import HTTPStatus

from fastapi import FastAPI, Request, WebSocket
from fastapi.exceptions import RequestValidationError, WebSocketRequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.routing import compile_path

from ..access.request import Refusal
from ..errors import NotKept, StoreError
from ..server.asgi_socket import refuse

MEDIA_TYPE = "application/problem+json"


class Problem(BaseModel):
    """What went wrong; `detail` says it in a sentence."""

    title: str = Field(examples=["Not Found"])
    status: int = Field(examples=[404])
    detail: str = Field(examples=["Turbine 7 was not seen within the last 7 days."])


def problem(status: int, detail: str, headers: dict[str, str] | None = None) -> JSONResponse:
    """Return the response for one problem."""
    body = Problem(title=HTTPStatus(status).phrase, status=status, detail=detail)
    return JSONResponse(body.model_dump(), status_code=status, media_type=MEDIA_TYPE, headers=headers)


def install(app: FastAPI) -> None:
    """Have every error of the API answered as a problem."""
    app.add_exception_handler(HTTPException, _on_http)
    app.add_exception_handler(RequestValidationError, _on_invalid)
    app.add_exception_handler(StoreError, _on_store)
    app.add_exception_handler(NotKept, _on_not_kept)
    # Starlette's types know handlers of requests only; that of a WebSocket's errors is called with the WebSocket.
    app.add_exception_handler(WebSocketRequestValidationError, _on_invalid_socket)  # type: ignore[arg-type]


async def _on_http(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)  # noqa: S101  # registered for it above
    headers, sentence = dict(error.headers or {}), str(error.detail)
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        headers["Allow"] = allowed = _allowed(request)
        sentence = f"{request.url.path} takes {allowed}, not {request.method}."
    elif sentence == HTTPStatus.NOT_FOUND.phrase:  # nobody's but the router's
        sentence = _nothing_at(request.url.path)
    return problem(error.status_code, sentence, headers)


def _nothing_at(path: str) -> str:
    if path.startswith("/ws/"):
        return "Only WebSockets are here: turbines use /ws/turbines/NUMBER, viewers /ws/watch or /ws/frames."
    return "There is no such path: /docs shows those that there are."


def _allowed(request: Request) -> str:
    """Return all methods of a path: Starlette names those of its first route only."""
    documented = request.app.openapi()["paths"]
    for path, methods in documented.items():
        pattern = compile_path(path)[0]
        if pattern.fullmatch(request.url.path):
            return ", ".join(method.upper() for method in methods)
    return "GET"


async def _on_store(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, StoreError)  # noqa: S101  # registered for it above
    return problem(503, f"The database {error.path} cannot be read: {error.reason}.")


async def _on_not_kept(_request: Request, error: Exception) -> JSONResponse:
    sentence = str(error)
    return problem(503, f"{sentence[:1].upper()}{sentence[1:]}.")


async def _on_invalid(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)  # noqa: S101  # registered for it above
    return problem(422, _sentence(error))


async def _on_invalid_socket(websocket: WebSocket, error: WebSocketRequestValidationError) -> None:
    await refuse(websocket, Refusal(HTTPStatus.BAD_REQUEST, _sentence(error)))


def _sentence(error: RequestValidationError | WebSocketRequestValidationError) -> str:
    first = error.errors()[0]
    if first["loc"][0] == "body" and first["type"] in {"json_invalid", "model_attributes_type"}:
        return "the body must be one JSON object, sent with the header content-type: application/json."
    place = ".".join(str(part) for part in first["loc"][1:]) or "the body"
    return f"{place}: {first['msg'][:1].lower()}{first['msg'][1:]}."


RESPONSES: dict[int | str, dict[str, object]] = {
    404: {"model": Problem, "description": "there is no such thing"},
    409: {"model": Problem, "description": "it cannot be done now"},
    422: {"model": Problem, "description": "a value is out of its bounds"},
    503: {"model": Problem, "description": "the database cannot be used"},
}
