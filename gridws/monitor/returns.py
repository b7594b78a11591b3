"""How often a turbine may have a new link: as often as a bad network needs it, and not in a loop.

Each link is two rows that are kept for a year, a viewer's news, and perhaps an engineer's way. A client that comes back
as fast as it can, or two with one number that ignore 4001, would write gigabytes a day.
"""

from __future__ import annotations

from ..settings import MonitorSettings

_KEPT = 1_000


class Returns:
    """Remembers of each turbine how much of its share it has used, until that is none."""

    def __init__(self, settings: MonitorSettings) -> None:
        self._spacing = 60.0 / settings.links_per_minute
        self._slack = self._spacing * (settings.links_burst - 1)
        self._even_at: dict[int, float] = {}  # when it will have used nothing (monotonic seconds)
        self._most = _KEPT

    def came(self, turbine_number: int, now: float) -> None:
        """Count a link."""
        self._even_at[turbine_number] = max(self._even_at.get(turbine_number, 0.0), now) + self._spacing
        if len(self._even_at) > self._most:
            self._even_at = {number: even_at for number, even_at in self._even_at.items() if even_at > now}
            self._most = max(_KEPT, 2 * len(self._even_at))

    def wait(self, turbine_number: int, now: float) -> float:
        """Return in how many seconds a turbine may have its next link, 0.0: now."""
        return max(0.0, self._even_at.get(turbine_number, 0.0) - self._slack - now)
