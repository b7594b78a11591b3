"""Whether there are enough engineers: what other numbers of them would have made of the last 30 days.

It is worked out when somebody asks, by the monitor, in a process of its own: it takes some seconds.
"""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any, Final

from ..errors import MonitorRefused, MonitorUnreachable
from .markup import Button, Rows, Text, block
from .visitor import Visitor
from .wording import duration

NOTHING: Final = "–"  # noqa: RUF001 - as everywhere on the page


class Enough:
    """A button in one place, and in another, once it was pressed, the answer: it takes no room before."""

    def __init__(self, view: Visitor) -> None:
        self._view = view
        self._is_busy = False

    def build_button(self) -> None:
        """Put the button here."""
        self._button = Button("enough?", self._ask, name="Work out how many engineers are enough")

    def build_answer(self) -> None:
        """Put here a line for each number of engineers, and which one to take."""
        with block("section", "answer", aria_label="Enough engineers?") as self._answer:
            self._said = Text("p", "muted")
            self._said.props["role"] = "status"
            self._rows = Rows(("", "end", "end", "end", "sign"), title="Numbers of engineers compared")
        self._answer.set_visibility(False)

    def show(self) -> None:
        """Let the button be pressed while there is a monitor to ask, and nothing is being worked out."""
        self._button.enable(enabled=not self._is_busy and not self._view.stale)

    def _ask(self) -> Coroutine[Any, Any, None]:
        return self._ask_and_say()

    async def _ask_and_say(self) -> None:
        self._is_busy = True
        self.show()
        self._answer.set_visibility(True)
        self._said.show("The last 30 days are played with fewer and with more engineers …")
        try:
            plan = await self._view.room.archive.plan()
        except (MonitorRefused, MonitorUnreachable) as error:
            self._said.show(f"Not worked out: {error.reason}.")
        else:
            self._show(plan)
        finally:
            self._is_busy = False
            self.show()

    def _show(self, plan: dict[str, Any]) -> None:
        recommended, reason = plan["recommended"], plan["reason"]
        self._rows.show([_row(pool, recommended) for pool in plan["pools"]])
        if recommended is None:
            self._said.show(f"{reason[:1].upper()}{reason[1:]}.")
        else:
            self._said.show(f"Take {recommended}: {reason}.")


def _row(pool: dict[str, Any], recommended: int | None) -> tuple[str, str, str, str, str]:
    engineers, wait = pool["engineers"], pool["wait_p95_in_seconds"]
    busy = pool["utilisation"]
    return (
        f"{engineers} engineer{'' if engineers == 1 else 's'}",
        f"{pool['availability'] * 100:.2f} % available",
        NOTHING if busy is None else f"{busy * 100:.0f} % at work",
        NOTHING if wait is None else f"95 % wait {duration(round(wait * 1000))} at most",
        "✓" if engineers == recommended else "",
    )
