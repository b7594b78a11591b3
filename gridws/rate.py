"""How fast one peer may send: a token bucket that may go below zero, and how long a peer has been over its rate.

The frames that were already read are still taken, so that nothing is lost; reading pauses until the bucket has
recovered. Times are monotonic seconds.
"""

from __future__ import annotations

QUIET_FOR_GOOD = 2.0
"""A peer that was below its rate for this long has calmed down: its next burst is a new one."""
EXCUSED_FOR = 60.0
"""Seconds within which frames that were held up are expected."""


class Rate:
    """`per_second` frames, with a burst of `burst`."""

    __slots__ = ("_burst", "_eased_at", "_excused", "_excused_until", "_full_at", "_over_since", "_spacing")

    def __init__(self, *, per_second: float, burst: float) -> None:
        self._spacing = 1 / per_second
        self._burst = burst * self._spacing
        self._full_at = 0.0  # when the bucket will be full again, the only state of a bucket
        self._over_since: float | None = None
        self._eased_at = 0.0
        self._excused = 0
        self._excused_until = 0.0

    def take(self, now: float) -> bool:
        """Count one frame; return whether the peer is within its rate."""
        full_at = self._full_at
        if full_at < now:  # noqa: PLR1730 - a call takes longer than all of this, which is done for every frame
            full_at = now
        self._full_at = full_at = full_at + self._spacing
        return full_at - now <= self._burst

    def charge(self, frames: int) -> None:
        """Count the frame taken last as so many more: it is work for as many."""
        self._full_at += frames * self._spacing

    def excuse(self, frames: int, now: float) -> None:
        """Let so many frames more pass soon: it was not the peer that held them up until they came all at once."""
        self._excused = max(frames, self._excused_at(now))
        self._excused_until = now + EXCUSED_FOR

    def take_back(self, now: float) -> bool:
        """Take back the frame counted last if it is one of those excused; return whether it is."""
        if not self._excused_at(now):
            return False
        self._excused -= 1
        self._full_at -= self._spacing
        return True

    def _excused_at(self, now: float) -> int:
        return self._excused if now < self._excused_until else 0

    def over_for(self, now: float) -> float:
        """Say that the peer is over its rate; return for how long it has been so, pauses included; 0 is the start."""
        if self._over_since is None or (self._eased_at and now - self._eased_at > QUIET_FOR_GOOD):
            self._over_since = now
        self._eased_at = 0.0
        return now - self._over_since

    def ease(self, now: float, *, patience: float) -> bool:
        """Return whether reading may go on: a second's worth of frames fits again, or patience is at its end.

        One read may hold more frames than fit for a minute: whoever has sent more by then goes on flooding.
        """
        fits = self._full_at - now <= self._burst - min(1.0, self._burst / 2)
        if not fits and (self._over_since is None or now - self._over_since < patience):
            return False
        self._eased_at = now
        return True
