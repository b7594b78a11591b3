"""Which links have said nothing for too long. Each is looked at only when that could be so, not in every round.

A link that speaks each second would be looked at four times for each frame; so it is a dozen times in a minute at most.
"""

from __future__ import annotations

from typing import Final

from .session import Session

GRAIN: Final = 0.25
"""Seconds before the time-out at which a link begins to be looked at in every round."""


class Silence:
    """All links that are watched, by when they will be looked at next."""

    def __init__(self) -> None:
        self._looks: dict[Session, int] = {}  # when, in grains of the monotonic clock
        self._due: dict[int, dict[Session, None]] = {}

    def watch(self, session: Session) -> None:
        """Look at this session's link when it can be silent, also when its time-out became a shorter one."""
        at = int((session.last_heard + session.silence_timeout) // GRAIN)
        earlier = self._looks.get(session)
        if earlier is None or at < earlier:
            self.forget(session)
            self._looks[session] = at
            self._due.setdefault(at, {})[session] = None

    def forget(self, session: Session) -> None:
        """The session has ended."""
        at = self._looks.pop(session, None)
        if at is not None:
            del self._due[at][session]

    def found(self, now: float) -> list[Session]:
        """Return the sessions whose links are silent at `now`, in monotonic seconds, and look at all others again."""
        present = int(now // GRAIN)
        due = [session for at in sorted(self._due) if at <= present for session in self._due.pop(at)]
        for session in due:
            del self._looks[session]
            self.watch(session)
        return [session for session in due if session.is_silent(now)]
