"""What commands ask of a monitor's HTTP API, one request after the other, on nothing but the standard library."""

from __future__ import annotations

import json
from contextlib import closing
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from http.client import HTTPResponse as Answer
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

from ..errors import MonitorRefused, MonitorUnreachable, OrderRefused
from ..printable import printable
from .monitors import Address, Monitors
from .reaching import LONGEST_SENTENCE, OPEN_TIMEOUT, cause

_WORKS: Final = range(200, 300)
_WANTS_TOKEN: Final = {401, 403}


class HttpApi:
    """The API of a monitor, or of the first one that answers of several that share their engineers."""

    def __init__(
        self, monitors: Monitors, *, token: str | None = None, timeout: float = OPEN_TIMEOUT
    ) -> None:
        self._monitors = monitors
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._timeout = timeout

    def call(self, method: str, path: str, body: object = None, **query: str) -> Any:
        """Ask for a path under `/api/v1` and return what the JSON of the answer holds, None where there is none.

        Raise `OrderRefused` with the monitor's sentence, `MonitorRefused` where it wants a token, and
        `MonitorUnreachable` where none of the monitors answers.
        """
        failure = MonitorUnreachable("", "there is none")
        for turn in range(len(self._monitors)):
            address = self._monitors.address(turn)
            try:
                return self._ask(address, method, f"{path}?{urlencode(query)}" if query else path, body)
            except (OSError, HTTPException) as error:
                failure = MonitorUnreachable(address.base, _cause(error, address.base))
        raise failure

    def _ask(self, address: Address, method: str, path: str, body: object) -> Any:
        parts = urlsplit(address.base)
        secure, host = parts.scheme == "wss", parts.hostname or ""
        connection = (
            HTTPSConnection(host, parts.port, timeout=self._timeout, context=address.tls["ssl"])
            if secure
            else HTTPConnection(host, parts.port, timeout=self._timeout)
        )
        headers = self._headers | ({} if body is None else {"Content-Type": "application/json"})
        content = None if body is None else json.dumps(body).encode()
        with closing(connection):
            connection.request(method, f"{parts.path}/api/v1{path}", content, headers)
            answer = connection.getresponse()
            text = answer.read()
        if answer.status not in _WORKS:
            raise _refusal(address.base, answer, text)
        return _json(text)


def _cause(error: Exception, base: str) -> str:
    return cause(error, base) if isinstance(error, OSError) else "it does not speak HTTP"


def _refusal(base: str, answer: Answer, text: bytes) -> MonitorRefused | OrderRefused:
    problem = _json(text)
    sentence = problem.get("detail") if isinstance(problem, dict) else text.decode(errors="replace")
    words = printable(str(sentence or answer.reason).strip().rstrip("."), longest=LONGEST_SENTENCE)
    if answer.status in _WANTS_TOKEN:
        return MonitorRefused(base, words[:1].lower() + words[1:])
    return OrderRefused(words)


def _json(text: bytes) -> Any:
    try:
        return json.loads(text) if text else None
    except ValueError:
        return None
