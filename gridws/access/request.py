"""What somebody asks the monitor with, over HTTP or for a WebSocket, and the answer if it is no."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from http import HTTPStatus


@dataclass(frozen=True, slots=True)
class Refusal:
    """The answer to a client that is not let in; the sentence says what to do instead."""

    status: HTTPStatus
    sentence: str
    headers: tuple[tuple[str, str], ...] = ()


class Asking:
    """One request: its path without the query, its headers with names in lower case, the peer's address."""

    __slots__ = ("address", "headers", "method", "path")

    def __init__(
        self, path: str, headers: Iterable[tuple[str, str]], *, method: str = "GET", address: str = ""
    ) -> None:
        self.path = path
        self.headers = [(name.lower(), value) for name, value in headers]
        self.method = method
        self.address = address

    def values(self, name: str) -> list[str]:
        """Return all values of a header; `name` is in lower case."""
        return [value for key, value in self.headers if key == name]

    def value(self, name: str) -> str | None:
        """Return a header's value, None unless it is there exactly once."""
        values = self.values(name)
        return values[0].strip() if len(values) == 1 else None

    @property
    def changes_something(self) -> bool:
        """Whether the method is one that may change something."""
        return self.method not in {"GET", "HEAD"}

    def cookie(self, name: str) -> str | None:
        """Return the value of a cookie."""
        for pair in ";".join(self.values("cookie")).split(";"):
            key, _, value = pair.strip().partition("=")
            if key == name and value:
                return value
        return None
