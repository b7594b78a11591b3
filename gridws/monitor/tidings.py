"""What happens, on its way to viewers, to the log and to whoever listens, each fact once and in its order.

Frames go first: it is told in the next step of the loop, so that no turbine waits for a log line to be written.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any

from ..dispatch import Told
from ..wire.frames import Event, EventKind
from .fan_out import FleetWatch

_log = logging.getLogger("gridws")
_grid_log = logging.getLogger("gridws.grid")
"""For what happens to turbines, of which there are many: it can be turned down apart from the rest."""

_LEVELS = {
    EventKind.storage_failed: logging.ERROR,
    EventKind.withdrawn: logging.WARNING,
    EventKind.clock_off: logging.WARNING,
    EventKind.waits_long: logging.WARNING,
    EventKind.monitor_lost: logging.WARNING,
}


class Tidings:
    """Gives each event its number, and tells it."""

    def __init__(self, watch: FleetWatch) -> None:
        self._watch = watch
        self._last_id = 0
        self._untold: list[tuple[dict[str, Any], Told]] = []
        self.listeners: list[Callable[[Event], None]] = []
        """Who is told too, besides viewers and the log; they return at once and do not raise."""

    def put(self, fields: dict[str, Any], told: Told = Told.everybody) -> None:
        """Have an event with these fields told soon."""
        if told is Told.nobody:
            return
        self._untold.append((fields, told))
        if len(self._untold) == 1:
            self._tell_soon()

    def _tell_soon(self) -> None:
        try:
            asyncio.get_running_loop().call_soon(self.tell_now)
        except RuntimeError:  # no loop runs, so nobody waits for a frame
            self.tell_now()

    def tell_now(self) -> None:
        """Tell what was not told yet."""
        untold, self._untold = self._untold, []
        for fields, told in untold:
            self._last_id += 1
            event = Event(id=self._last_id, **fields)
            self._watch.happened(event)
            if told is Told.everybody:
                self._tell_others(event)

    def _tell_others(self, event: Event) -> None:
        for listener in self.listeners:
            listener(event)
        log = _log if event.turbine_number is None else _grid_log
        log.log(_LEVELS.get(event.kind, logging.INFO), event.text, extra={"event": event})
