"""Who repairs: the engineers, and the turbines that wait for one."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, Final

from ..errors import MonitorRefused, MonitorUnreachable
from ..viewers.staffing import broken_for
from ..wire.frames import EngineerState, TurbineState
from .enough import Enough
from .markup import Button, Rows, ShortList, Text, block
from .visitor import Visitor
from .wording import duration

FEW: Final = 5
"""Rows of a list that is not open."""
MOST: Final = 300
"""Rows of one that is: the map shows the rest."""


class Engineers:
    """Who is where, for how long; and two buttons that change how many there are."""

    def __init__(self, view: Visitor, enough: Enough) -> None:
        self._view = view
        self._enough = enough
        with block("section", aria_label="Engineers"):
            self._build_head()
            self._said = Text("p", "said")
            self._said.props["role"] = "status"
            with block(classes="list", tabindex="0", role="region", aria_label="List of engineers"):
                self._rows = Rows(("sign", "", "end"), title="Engineers")
                self._none = Text("p", "muted")

    def _build_head(self) -> None:
        with block(classes="panel-head"):
            self._short = ShortList("Engineers", self.show, most=MOST)
            with block(classes="push"):
                self._enough.build_button()
                self._buttons = (
                    Button("\N{MINUS SIGN}", lambda: self._change(-1), name="Take an engineer away"),
                    Button("+", lambda: self._change(+1), name="Add an engineer"),
                )

    def show(self) -> None:
        """Show the engineers in the order of their ids."""
        for button in self._buttons:
            button.enable(enabled=not self._view.stale)
        self._enough.show()
        engineers = self._view.room.mirror.engineers
        shown = self._short.cut(engineers, FEW)
        self._rows.show([self._row(each) for each in shown], [_kind(each) for each in shown])
        self._none.show("" if engineers else "no engineers")

    def _row(self, engineer: EngineerState) -> tuple[str, str, str]:
        view, number = self._view, engineer.turbine_number
        where = f"turbine {number}" if number else "free"
        lasted = duration(view.now - engineer.since)
        name = f" {engineer.name}" if engineer.name else ""
        return "↻" if number else "✓", f"Engineer {engineer.engineer_id}{name}: {where}", lasted

    def _change(self, by: int) -> Coroutine[Any, Any, None]:
        return self._change_and_say(by)

    async def _change_and_say(self, by: int) -> None:
        try:
            await self._view.room.archive.change_engineers(by)
        except MonitorRefused as error:
            self._said.show(f"Not changed: {error.reason}.")
        except MonitorUnreachable as error:
            self._said.show(f"Not changed, the monitor is away: {error.reason}.")
        else:
            self._said.show("")


def _kind(engineer: EngineerState) -> str:
    return "repair" if engineer.turbine_number else "ok"


def _called(turbine: TurbineState) -> str:
    return f"{turbine.turbine_number} {turbine.name}" if turbine.name else f"turbine {turbine.turbine_number}"


class WaitingLine:
    """The turbines that wait, the next one first, and how long they have been broken."""

    def __init__(self, view: Visitor, on_pick: Callable[[int], None]) -> None:
        self._view = view
        with block("section", aria_label="Waiting line"):
            self._short = ShortList("Waiting line", self.show, most=MOST)
            with block(classes="list", tabindex="0", role="region", aria_label="Turbines that wait"):
                self._rows = Rows(("time", "pick", "end"), title="Turbines that wait", on_pick=on_pick)
                self._none = Text("p", "muted")

    def show(self) -> None:
        """Show the line from its front."""
        mirror = self._view.room.mirror
        here = mirror.turbines_of(self._view.search.site)
        line = self._short.cut([here[number] for number in mirror.waiting if number in here], FEW)
        rows = [
            (str(turbine.waiting_place), _called(turbine), duration(broken_for(turbine, self._view.now)))
            for turbine in line
        ]
        self._rows.show(rows, picks=[turbine.turbine_number for turbine in line])
        self._none.show("" if line else "nobody waits")
