"""Which stretch of time the charts show: the last minutes, day, week or month, or one of the visitor's own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from ..settings import MAX_MEASURED_AT

MINUTE: Final = 60_000
_DAY: Final = 86_400_000
_POINTS: Final = 300
"""Rows that are asked for, at the most: each is a point of a line, and more than that nobody sees in a panel."""


class Range(NamedTuple):
    """The last `length` ms; where `since` is given, the `length` ms from then on (ms UTC)."""

    key: str
    words: str
    length: int
    since: int | None = None

    def span(self, now: int) -> tuple[int, int]:
        """Return begin and end, in ms UTC."""
        end = now if self.since is None else self.since + self.length
        return end - self.length, end

    @property
    def step(self) -> int:
        """How many minutes a point of a chart stands for."""
        return next(step for step in _STEPS if self.length / MINUTE / step <= _POINTS or step == _STEPS[-1])

    @property
    def follows(self) -> bool:
        """Whether it ends now."""
        return self.since is None


_STEPS: Final = (1, 2, 5, 10, 20, 60, 180, 720, 1_440)
LIVE: Final = Range("5m", "5 min", 5 * MINUTE)
RANGES: Final = {
    each.key: each
    for each in (
        LIVE,
        Range("24h", "24 h", _DAY),
        Range("7d", "7 d", 7 * _DAY),
        Range("30d", "30 d", 30 * _DAY),
    )
}


def own_range(since: int, until: int) -> Range:
    """Return a range of the visitor's own; `until` comes after `since`, both in ms UTC."""
    return Range("own", "own range", until - since, since)


def range_in(query: Mapping[str, str]) -> Range:
    """Return the range that an address names, the last minutes where it names none that makes sense."""
    since, until = (_moment(query.get(name, "")) for name in ("from", "to"))
    if since is not None and until is not None and since < until:
        return own_range(since, until)
    return RANGES.get(query.get("range", ""), LIVE)


def range_in_address(chosen: Range) -> dict[str, object]:
    """Return what an address says of a range."""
    if chosen.since is not None:
        return {"from": chosen.since, "to": chosen.since + chosen.length}
    return {} if chosen == LIVE else {"range": chosen.key}


def _moment(text: str) -> int | None:
    known = text.isascii() and text.isdigit() and int(text[:16]) <= MAX_MEASURED_AT
    return int(text) if known and len(text) <= 16 else None
