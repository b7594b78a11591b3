"""Ranges of time as people say them: `24h`, or from and to as ISO 8601.

A range begins at `since` and ends before `until`, both in ms since 1970 UTC. A time without a zone is in the
zone of this machine; a date is its midnight.
"""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import UTC, datetime
from typing import Final, NamedTuple

from .errors import OptionError
from .settings import MAX_MEASURED_AT

_MS: Final = {"s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000}
_DURATION: Final = re.compile(r"(\d{1,9}(?:\.\d{1,3})?)([smhdw])", re.ASCII)


class Span(NamedTuple):
    """A range of time, since ≤ t < until, in ms since 1970 UTC."""

    since: int
    until: int

    @property
    def length(self) -> int:
        """How long it is, in ms; never below 0."""
        return max(0, self.until - self.since)

    def cut(self, since: int, until: int) -> Span:
        """Return what this range and another have in common; its length is 0 where that is nothing."""
        return Span(max(self.since, since), min(self.until, until))

    def holds(self, at: int) -> bool:
        """Return whether a moment lies in it."""
        return self.since <= at < self.until


def parse_span(
    since: str | None, begin: str | None, end: str | None, *, now: int, default: str | None = None
) -> Span:
    """Return the range of `--since`, `--from` and `--to`; raise `OptionError` where there is no such time.

    Without `--since` and `--from` it begins `default` before its end, or, without one, in 1970.
    """
    if since is not None and begin is not None:
        raise OptionError("--since and --from both say where the range begins; give one of them")
    until = now if end is None else parse_time(end, option="--to")
    if begin is not None:
        first = parse_time(begin, option="--from")
    else:
        length = since or default
        first = 0 if length is None else until - parse_duration(length)
    if first >= until:
        raise OptionError("the range ends before it begins" if end else "the range begins in the future")
    return Span(max(first, 0), until)


def parse_duration(text: str) -> int:
    """Return `90s`, `30m`, `24h`, `7d` or `2w` in ms."""
    found = _DURATION.fullmatch(text.strip().lower())
    if found is None or not float(found[1]):
        raise OptionError(f"{text!r} is no length of time; write 90s, 30m, 24h, 7d or 2w")
    return round(float(found[1]) * _MS[found[2]])


def parse_time(text: str, *, option: str) -> int:
    """Return an ISO 8601 date or date-time in ms since 1970 UTC."""
    try:
        at = round(datetime.fromisoformat(text.strip()).astimezone().timestamp() * 1000)
    except (ValueError, OverflowError, OSError):
        raise OptionError(
            f"{option} {text!r} is no time; write 2026-05-31, 2026-05-31T14:30 or 2026-05-31T14:30:00Z"
        ) from None
    if not 0 <= at <= MAX_MEASURED_AT:
        raise OptionError(f"{option} {text!r} lies before 1970 or after 9999")
    return at


def off_in_words(ahead: float) -> str:
    """Return how far a clock is off that is so many seconds ahead of ours, or, negative, behind it."""
    hours = abs(ahead) / 3600
    length = f"{hours / 24:,.0f} days" if hours >= 48 else f"{hours:.1f} h"
    return f"{length} {'ahead' if ahead > 0 else 'behind'}"


def local_time(at: int) -> str:
    """Return a moment as this machine's local time, with its distance from UTC."""
    moment = datetime.fromtimestamp(at // 1000, UTC)
    with suppress(OverflowError, ValueError):  # the last hours of 9999 are in the year 10000 farther east
        moment = moment.astimezone()
    return moment.isoformat(sep=" ")
