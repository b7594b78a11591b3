"""What tells of waiting turbines to whoever looks elsewhere: the tab, and a notification for those who want one."""

from __future__ import annotations

from nicegui.element import Element

from ..viewers.staffing import broken_for
from .visitor import Visitor


class Alarm(Element, component="alarm.js"):
    """The choice of a notification; the browser is told whenever another count, or another turbine, waits."""

    def __init__(self) -> None:
        super().__init__()
        self._told: object = (0, None)

    def show(self, view: Visitor) -> None:
        """Tell the browser how many wait, and who has waited longest."""
        mirror = view.room.mirror
        count = len(mirror.waiting)
        line = (mirror.turbines[number] for number in mirror.waiting)
        longest = max(line, key=lambda turbine: broken_for(turbine, view.now), default=None)
        since = None if longest is None else longest.broken_at
        number = None if longest is None else longest.turbine_number
        if view.stale or (count, number, since) == self._told:
            return
        self._told = (count, number, since)
        waited = broken_for(longest, view.now)
        who = None if longest is None else {"number": number, "since": since, "waited": waited}
        self.run_method("show", count, who)
