"""Who is let in: one hook for every WebSocket route, whichever adapter serves it.

`admit` is asked before the upgrade, and a refusal is an HTTP answer with a sentence: nothing was accepted, no
session began, nothing changed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final
from urllib.parse import unquote

from .frames import SUBPROTOCOL
from .settings import MAX_TURBINE_NUMBER, MonitorSettings

TURBINE_ROUTE: Final = "/ws/turbines/"
_NUMBER: Final = re.compile(r"[0-9]{1,10}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Refusal:
    """The answer to a client that is not let in; the sentence says what to do instead."""

    status: HTTPStatus
    sentence: str


class Handshake:
    """What a client asks with: the path without its query, and the headers with names in lower case."""

    __slots__ = ("headers", "path")

    def __init__(self, raw_path: str, headers: Iterable[tuple[str, str]]) -> None:
        self.path = unquote(raw_path.partition("?")[0])
        self.headers = [(name.lower(), value) for name, value in headers]

    def values(self, name: str) -> list[str]:
        """Return all values of a header; `name` is in lower case."""
        return [value for key, value in self.headers if key == name]

    @property
    def subprotocol(self) -> str | None:
        """What to accept with: our sub-protocol if it was offered, else none."""
        return SUBPROTOCOL if SUBPROTOCOL in self._offered else None

    @property
    def turbine_number(self) -> int | None:
        """The turbine that the path names, None if it names none that can exist."""
        return turbine_number_in(self.path.removeprefix(TURBINE_ROUTE))

    @property
    def _offered(self) -> list[str]:
        offers = ",".join(self.values("sec-websocket-protocol")).split(",")
        return [offer.strip() for offer in offers if offer.strip()]

    @property
    def offers_only_others(self) -> bool:
        """Whether sub-protocols were offered, and ours was not among them."""
        return bool(self._offered) and SUBPROTOCOL not in self._offered


NO_SUCH_TURBINE: Final = Refusal(
    HTTPStatus.NOT_FOUND,
    f"There is no such turbine: a turbine's number is 1 to {MAX_TURBINE_NUMBER}, as in {TURBINE_ROUTE}7.",
)
WRONG_SUBPROTOCOL: Final = Refusal(
    HTTPStatus.BAD_REQUEST, f"This monitor speaks the sub-protocol {SUBPROTOCOL}: offer it, or offer none."
)
NOT_ACCEPTING: Final = Refusal(
    HTTPStatus.SERVICE_UNAVAILABLE, "The monitor is starting or stopping: connect again soon."
)


def admit(handshake: Handshake, settings: MonitorSettings, *, accepting: bool) -> Refusal | None:  # noqa: ARG001
    """Return why this client is not let in, None if it is.

    `settings` says what is asked of a client; `accepting` is false while the monitor starts and stops.
    """
    if handshake.path.startswith(TURBINE_ROUTE) and handshake.turbine_number is None:
        return NO_SUCH_TURBINE
    if handshake.offers_only_others:
        return WRONG_SUBPROTOCOL
    return None if accepting else NOT_ACCEPTING


def turbine_number_in(text: str) -> int | None:
    """Return the turbine number that `text` is, None if it is none."""
    number = int(text) if _NUMBER.fullmatch(text) else 0
    return number if 1 <= number <= MAX_TURBINE_NUMBER else None
