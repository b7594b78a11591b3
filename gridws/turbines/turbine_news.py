"""What people are told about turbines and their links: a line for each event, or one for many at once."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from typing import Final

_log = logging.getLogger("gridws.grid")

TOGETHER_FROM: Final = 21
"""Turbines in one process from which a line for each event would scroll away unread."""
PAUSE: Final = 1.0
"""Seconds between two lines about many turbines."""
MOST_REASONS: Final = 3
"""Reasons in one line: a monitor can say something else to each."""


class EachTurbine:
    """A line for each event of each turbine."""

    def linked(self, turbine_number: int) -> None:
        _log.info("turbine %d is linked to the monitor", turbine_number)

    def link_lost(self, turbine_number: int, reason: str) -> None:
        _log.warning("turbine %d has no link: %s; trying again", turbine_number, reason)

    def happened(self, text: str) -> None:
        _log.info("%s", text)

    def close(self) -> None:
        """Nothing is waiting to be said."""


def _turbines(count: int, one: str, many: str) -> str:
    return f"1 turbine {one}" if count == 1 else f"{count} turbines {many}"


class ManyTurbines:
    """At most one line a second about links; single turbines are for whoever debugs."""

    def __init__(self) -> None:
        self._lost: dict[int, str] = {}
        self._without: set[int] = set()
        self._back = 0
        self._timer: asyncio.TimerHandle | None = None

    def linked(self, turbine_number: int) -> None:
        _log.debug("turbine %d is linked to the monitor", turbine_number)
        if turbine_number in self._without:
            self._without.remove(turbine_number)
            self._back += 1
            self._speak_soon()

    def link_lost(self, turbine_number: int, reason: str) -> None:
        _log.debug("turbine %d has no link: %s; trying again", turbine_number, reason)
        self._without.add(turbine_number)
        self._lost.setdefault(turbine_number, reason)  # the next tries say less: connection refused
        self._speak_soon()

    def happened(self, text: str) -> None:
        _log.debug("%s", text)

    def close(self) -> None:
        """Say nothing more."""
        if self._timer is not None:
            self._timer.cancel()

    def _speak_soon(self) -> None:
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(PAUSE, self._speak)

    def _speak(self) -> None:
        self._timer = None
        reasons = Counter(self._lost.values())
        lines = [
            f"{_turbines(count, 'has', 'have')} no link: {why}; trying again"
            for why, count in reasons.most_common(MOST_REASONS)
        ]
        if len(reasons) > MOST_REASONS:
            lines.append(f"{len(reasons) - MOST_REASONS} more reasons why others have none")
        if self._back:
            lines.append(f"{_turbines(self._back, 'is', 'are')} linked again, {len(self._without)} not")
        self._lost.clear()
        self._back = 0
        _log.log(logging.WARNING if self._without else logging.INFO, "%s", ". ".join(lines))
