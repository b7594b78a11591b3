"""What an uplink needs around it: a way to dial, a link, who is told, how long to wait before the next try."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from typing import Final, NamedTuple, Protocol

from ..printable import printable
from ..settings import LONGEST_DELAY, SUPERSEDED_DELAY
from ..wire.frames import CloseCode, EngineerAssigned, EngineerWithdrawn
from ..words import OperationalStatus

EARLY: Final = 0.001
"""Seconds: uvloop's timers count whole milliseconds and may ring that much too soon."""


class Loss(NamedTuple):
    """How a link ended: a WebSocket close code, 1006 where there was none, and the words with it."""

    code: int
    reason: str = ""


class MonitorLink(Protocol):
    """One connection to the monitor, as far as a turbine needs it."""

    def send_now(self, text: str) -> None:
        """Send at once; a link that is lost swallows it. The window bounds what can pile up."""

    def watch(self, *, closely: bool) -> None:
        """Notice a monitor that does not answer any more within seconds, or, where that can wait, within a minute."""

    async def lost(self) -> Loss:
        """Wait until the TCP connection has ended."""

    async def leave(self) -> None:
        """Say that the turbine is going away and close, within a second, what is not lost yet."""


Receive = Callable[[str], None]


class Dial(Protocol):
    """A way to the monitor."""

    async def __call__(self, turbine_number: int, receive: Receive, /) -> MonitorLink:
        """Return a link that hands every frame to `receive`; raise `MonitorUnreachable`, `MonitorRefused`."""


class Owner(Protocol):
    """The turbine, as its uplink sees it."""

    operational_status: OperationalStatus

    def engineer_assigned(self, frame: EngineerAssigned) -> None:
        """Let the engineer begin."""

    def engineer_withdrawn(self, frame: EngineerWithdrawn) -> None:
        """Drop the repair of this engineer."""

    def link_lost(self) -> None:
        """Drop any repair: whoever was here has left."""


class News(Protocol):
    """Who is told what happens to turbines and their links, for people to read."""

    def linked(self, turbine_number: int) -> None:
        """Say that a link is up."""

    def link_lost(self, turbine_number: int, reason: str) -> None:
        """Say that a link was lost or cannot be made; not said again before the reason changes."""

    def happened(self, text: str) -> None:
        """Say anything else about one turbine, as a sentence without full stop."""


def reconnect_delays(chance: random.Random) -> Iterator[float]:
    """Yield the seconds to wait before each try, for ever.

    Each is drawn between nothing and a bound that grows from 1 s to 30 s: with the whole range to draw from,
    thousands that lost their links together come back spread.
    """
    bound = 1.0
    while True:
        yield chance.uniform(0.0, bound)
        bound = min(bound * 1.6, LONGEST_DELAY)


def in_words(loss: Loss) -> str:
    """Return why a link ended, as a person would say it."""
    reason = f": {printable(loss.reason)}" if loss.reason else ""
    match loss.code:
        case CloseCode.SUPERSEDED:
            return f"another client took over this turbine number (next try after {SUPERSEDED_DELAY:.0f} s)"
        case CloseCode.RESTART:
            return "the monitor is stopping"
        case CloseCode.MOVED:
            return "other monitors have fewer links"
        case CloseCode.SILENT:
            return "the monitor heard nothing for too long"
        case 1006:
            return f"the connection broke{reason}"
        case _:
            return f"the monitor closed it with code {loss.code}{reason}"
