"""The dispatch port: the seam behind which engineers are given out.

The monitor tells the port what happened and carries out the commands that the port hands it. The one here hands
them over before `tell` returns; one that shares its pool with other monitors would do so a little later, and
nothing in the monitor relies on the difference: a command for a session that is gone is dropped.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from .dispatcher import Command, Dispatcher, DispatchEvent, Moment

CarryOut = Callable[[list[Command], Moment], None]


class DispatchPort(Protocol):
    """Who decides which engineer goes where."""

    @property
    def dispatcher(self) -> Dispatcher:
        """The state as far as it is known here, to be looked at only."""

    def tell(self, event: DispatchEvent, now: Moment) -> None:
        """Say what happened; what follows from it is handed over as commands, now or later."""


class LocalDispatch:
    """A pool of this monitor's own."""

    def __init__(self, dispatcher: Dispatcher, carry_out: CarryOut) -> None:
        self._dispatcher = dispatcher
        self._carry_out = carry_out

    @property
    def dispatcher(self) -> Dispatcher:
        return self._dispatcher

    def tell(self, event: DispatchEvent, now: Moment) -> None:
        commands = self._dispatcher.tell(event, now)
        if commands:
            self._carry_out(commands, now)
