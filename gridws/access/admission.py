"""Who is let in: one hook for every WebSocket route, whichever adapter serves it.

`admit` is asked before the upgrade, and a refusal is an HTTP answer with a sentence: nothing was accepted, no
session began, nothing changed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from http import HTTPStatus
from math import ceil
from typing import Final
from urllib.parse import unquote

from ..settings import MAX_TURBINE_NUMBER
from ..wire.frames import SUBPROTOCOL
from .guard import Guard
from .request import Asking, Refusal

TURBINE_ROUTE: Final = "/ws/turbines/"
_NUMBER: Final = re.compile(r"[0-9]{1,10}", re.ASCII)


class Handshake(Asking):
    """What a client asks with for a WebSocket; `raw_path` may have a query and escapes."""

    __slots__ = ()

    def __init__(self, raw_path: str, headers: Iterable[tuple[str, str]], *, address: str = "") -> None:
        super().__init__(unquote(raw_path.partition("?")[0]), headers, address=address)

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


def admit(
    handshake: Handshake, guard: Guard, *, accepting: bool, wait: Callable[[int], float]
) -> Refusal | None:
    """Return why this client is not let in, None if it is.

    `guard` knows who may what, and is asked first: whoever may nothing is told nothing else. `accepting` is
    false while the monitor starts and stops; `wait` tells in how many seconds a turbine may come, 0: now.
    """
    number, is_turbine = handshake.turbine_number, handshake.path.startswith(TURBINE_ROUTE)
    refusal = guard.refuse_link(handshake, number) if is_turbine else guard.refuse_viewer(handshake)
    if refusal is not None:
        return refusal
    if is_turbine and number is None:
        return NO_SUCH_TURBINE
    if handshake.offers_only_others:
        return WRONG_SUBPROTOCOL
    if not accepting:
        return NOT_ACCEPTING
    seconds = wait(number) if number is not None and is_turbine else 0.0
    return _too_often(number, ceil(seconds)) if seconds else None


def _too_often(number: int | None, seconds: int) -> Refusal:
    return Refusal(
        HTTPStatus.TOO_MANY_REQUESTS,
        f"Turbine {number} makes a new link too often: come back in {seconds} s, and later each time. Perhaps two "
        "clients bear this number.",
        (("Retry-After", str(seconds)),),
    )


def turbine_number_in(text: str) -> int | None:
    """Return the turbine number that `text` is, None if it is none."""
    number = int(text) if _NUMBER.fullmatch(text) else 0
    return number if 1 <= number <= MAX_TURBINE_NUMBER else None
