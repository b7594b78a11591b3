"""How fast one peer may send: a token bucket that may go below zero, and how long a peer has been over its rate.

The bucket is one moment, `full_at`: when it will be full again if nothing more comes. Each frame moves that moment
1 / `per_second` further into the future, from now on at the earliest:

       now                    now + burst
        ├───────────────────────┤
        ▲ the bucket is full    ▲ it is empty      ▲ full_at beyond: over the rate

The frames that were already read are still taken, so that nothing is lost; reading pauses until the bucket has
recovered. Times are monotonic seconds.
"""

from __future__ import annotations

from math import ceil

QUIET_FOR_GOOD = 2.0
"""A peer that was below its rate for this long has calmed down: its next burst is a new one."""
EXCUSED_FOR = 60.0
"""Seconds within which frames that were held up are expected."""


class Rate:
    """`per_second` frames, with a burst of `burst`."""

    __slots__ = ("_eased_at", "_excused", "_excused_until", "_over_since", "burst", "full_at", "spacing")

    def __init__(self, *, per_second: float, burst: float) -> None:
        self.spacing = 1 / per_second
        self.burst = burst * self.spacing
        self.full_at = 0.0
        self._over_since: float | None = None
        self._eased_at = 0.0
        self._excused = 0
        self._excused_until = 0.0

    def take(self, now: float) -> bool:
        """Count one frame; return whether the peer is within its rate."""
        full_at = self.full_at
        if full_at < now:  # noqa: PLR1730 - a call takes longer than all of this, which is done for every frame
            full_at = now
        self.full_at = full_at = full_at + self.spacing
        return full_at - now <= self.burst

    def charge(self, frames: int) -> None:
        """Count the frame taken last as so many more: it is work for as many."""
        self.full_at += frames * self.spacing

    def excuse(self, frames: int, now: float) -> None:
        """Let so many frames more pass soon: it was not the peer that held them up until they came all at once."""
        self._excused = max(frames, self._excused_at(now))
        self._excused_until = now + EXCUSED_FOR

    def owe(self, frames: float, now: float) -> None:
        """Let so many frames more pass, beside those excused before: the monitor itself did not read them."""
        self._excused = self._excused_at(now) + ceil(frames)
        self._excused_until = now + EXCUSED_FOR

    def take_back(self, now: float) -> bool:
        """Take back the frame counted last if it is one of those excused; return whether it is."""
        if not self._excused_at(now):
            return False
        self._excused -= 1
        self.full_at -= self.spacing
        return True

    def _excused_at(self, now: float) -> int:
        return self._excused if now < self._excused_until else 0

    def note_excess(self, now: float) -> None:
        """The peer is over its rate: remember since when, unless it had calmed down it is the same burst."""
        calmed_down = self._eased_at and now - self._eased_at > QUIET_FOR_GOOD
        if self._over_since is None or calmed_down:
            self._over_since = now
        self._eased_at = 0.0

    def over_for(self, now: float) -> float:
        """Return for how long the peer has been over its rate, pauses included; 0 is the start."""
        return 0.0 if self._over_since is None else now - self._over_since

    def ease(self, now: float, *, patience: float) -> bool:
        """Return whether reading may go on: a second's worth of frames fits again, or patience is at its end.

        One read may hold more frames than fit for a minute: whoever has sent more by then goes on flooding.
        """
        fits = self.full_at - now <= self.burst - min(1.0, self.burst / 2)
        if not fits and (self._over_since is None or self.over_for(now) < patience):
            return False
        self._eased_at = now
        return True
