"""Which losses of a turbine's link are told one by one: the first few within a minute. The others are gathered.

A cable that is loose, or two clients that take the link from each other, would fill the log with two lines a flap and
push everything else out of what viewers see.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

TOLD: Final = 5
"""Losses that are told one by one: a network that comes and goes is worth a line each time, for a while."""
WITHIN: Final = 60.0
MOST: Final = 100_000
"""Turbines counted at once, some 20 MiB; beyond it those counted longest are told one by one again."""


@dataclass(slots=True)
class Spell:
    """A minute with losses; `gathered`: they are not told one by one. `at` is the monotonic second of its beginning."""

    at: float
    losses: int = 0
    gathered: bool = False
    online: bool = False


class Flaps:
    """Counts the losses of each turbine; where they are few it costs one entry for a minute."""

    def __init__(self) -> None:
        self._spells: dict[int, Spell] = {}  # the oldest first

    def connected(self, turbine_number: int) -> bool:
        """Return whether it is worth a line of its own that a turbine has a link again."""
        spell = self._spells.get(turbine_number)
        if spell is None:
            return True
        spell.online = True
        return not spell.gathered

    def lost(self, turbine_number: int, now: float) -> int:
        """Count a loss; return which of this minute it is, 0 where it is gathered. After number `TOLD` all are."""
        spell = self._spells.get(turbine_number) or self._begin(turbine_number, Spell(now))
        spell.online = False
        spell.losses += 1
        if spell.gathered:
            return 0
        if spell.losses < TOLD:
            return spell.losses
        spell.gathered = True
        told, spell.losses = spell.losses, 0
        return told

    def over(self, now: float) -> Iterator[tuple[int, Spell]]:
        """Yield the turbines whose losses were gathered for a minute, and go on gathering those."""
        while self._spells:
            number, spell = next(iter(self._spells.items()))
            if now - spell.at < WITHIN:
                return
            del self._spells[number]
            if spell.losses and spell.gathered:
                self._begin(number, Spell(now, gathered=True, online=spell.online))
                yield number, spell

    def rest(self) -> Iterator[tuple[int, Spell]]:
        """Yield the turbines whose losses are gathered still, and forget all: nothing more is going to happen."""
        spells, self._spells = self._spells, {}
        yield from ((number, spell) for number, spell in spells.items() if spell.gathered and spell.losses)

    def _begin(self, turbine_number: int, spell: Spell) -> Spell:
        if len(self._spells) >= MOST:
            del self._spells[next(iter(self._spells))]
        self._spells[turbine_number] = spell
        return spell
