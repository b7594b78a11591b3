"""What one visitor's page is drawn with: the shared room, and this browser's theme and time zone."""

from __future__ import annotations

from dataclasses import dataclass, field

from .charts import DARK, LIGHT, Palette
from .room import ControlRoom
from .wording import Zone


@dataclass(slots=True)
class View:
    """One visitor's way of looking; `selected` is the turbine they chose."""

    room: ControlRoom
    zone: Zone = field(default_factory=Zone)
    dark: bool = False
    selected: int | None = None

    @property
    def now(self) -> int:
        """The monitor's time (ms UTC)."""
        return self.room.now

    @property
    def palette(self) -> Palette:
        """The colours for charts."""
        return DARK if self.dark else LIGHT

    @property
    def utc(self) -> bool:
        """Whether charts have to show UTC instead of the browser's own time."""
        return self.zone.name == "UTC"

    @property
    def stale(self) -> bool:
        """Whether what is shown may be wrong."""
        return self.room.mirror.stale
