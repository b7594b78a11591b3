"""What one visitor's page is drawn with: the shared room, and this browser's theme and time zone."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

from ..viewers.staffing import broken_for
from ..wire.frames import TurbineState
from .charts import DARK, LIGHT, Palette
from .finding import EVERYTHING, Order, Search
from .picture import Picture, picture_of
from .ranges import LIVE, Range
from .room import ControlRoom
from .wording import Zone, duration, percent


@dataclass(slots=True)
class Visitor:
    """One visitor's way of looking; `selected` is the turbine they chose."""

    room: ControlRoom
    zone: Zone = field(default_factory=Zone)
    dark: bool = False
    narrow: bool | None = None
    """Whether the window is as narrow as a phone's; None until the browser has told."""
    is_open: bool = False
    """Whether the visitor asked for the selected turbine: a narrow window shows it then only."""
    search: Search = EVERYTHING
    range: Range = LIVE
    first_at: int | None = None
    """When the fleet's first reading in the range was taken (ms UTC), None where that is not known."""
    selected: int | None = None

    @property
    def now(self) -> int:
        """The monitor's time (ms UTC)."""
        return self.room.now

    @property
    def turbines(self) -> Collection[TurbineState]:
        """Those of the site that the visitor looks at, whatever else is looked for."""
        return self.room.mirror.turbines_of(self.search.site).values()

    @property
    def sites_picture(self) -> Picture:
        """All turbines of the site."""
        here = EVERYTHING._replace(site=self.search.site)
        return self.room.picture if here == EVERYTHING else picture_of(here.of(self.turbines, {}))

    @property
    def picture(self) -> Picture:
        """The turbines that the visitor looks for, in their order."""
        if self.search == EVERYTHING:
            return self.room.picture
        found = self.search.of(self.turbines, self.room.availabilities)
        match self.search.order:
            case Order.waiting:
                return picture_of(found, self._broken_for)
            case Order.availability:
                return picture_of(found, self._available)
            case Order.number:
                return picture_of(found)

    def _broken_for(self, turbine: TurbineState) -> str:
        return "" if turbine.broken_at is None else duration(broken_for(turbine, self.now))

    def _available(self, turbine: TurbineState) -> str:
        return f"{percent(self.room.availabilities.get(turbine.turbine_number))} %"

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
