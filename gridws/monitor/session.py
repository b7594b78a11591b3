"""One link as the monitor sees it: parses, checks, acknowledges.

Synchronous on purpose: `receive` and `lost` never await, so that the same session runs behind FastAPI, behind the
fast adapter or in a test with a list. It talks down to a `Link` and up to a `Desk` (the monitor).

A session ends once: lost, closed by a rule, superseded, or stopped. After that nothing it does changes anything.
"""

from __future__ import annotations

from collections import deque
from typing import Protocol

from ..clock import Clock
from ..errors import FrameError
from ..moments import Moment
from ..settings import WINDOW, MonitorSettings
from ..wire.frames import (
    CloseCode,
    DownFrame,
    Error,
    Hello,
    Metrics,
    Resync,
    Status,
    UpFrame,
    Welcome,
    encode,
    encode_ack,
    parse_up,
    readable_sequence,
)
from ..words import OperationalStatus
from .counters import Counters
from .fan_out import FrameTap
from .fleet_state import Entry
from .pace import Pace
from .rate import Rate
from .stream import Stream

INVALID_WITHIN = 60.0
"""Seconds within which the invalid frames of a link are counted."""
USUAL_LENGTH = 512
"""Characters of a frame that is worth one; a reading is some 160."""


class Link(Protocol):
    """The way down to one turbine. No method blocks or raises; after `close` all of them do nothing.

    No method calls the session back: a loss that is noticed while sending is told in a step of its own.
    """

    def send(self, text: str) -> None:
        """Send a text frame, later if the peer reads slowly; a peer that never reads is cut."""

    def close(self, code: int, reason: str) -> None:
        """Begin to close; the session has ended already."""

    def pause_reading(self) -> None:
        """Read nothing more from the peer, so that it is slowed down."""

    def resume_reading(self) -> None:
        """Read on."""


class Desk(Protocol):
    """What a session tells the monitor."""

    def collect_metrics(self, session: Session, metrics: Metrics, stream: Stream | None, now: Moment) -> None:
        """Take one reading, of `stream` where it is numbered: store it if it is wanted now, show, dispatch on it."""

    def status_reported(self, session: Session, status: OperationalStatus, now: Moment) -> None:
        """Dispatch on a status that comes without a reading to store."""

    def stream_opened(self, session: Session, stream: Stream, older: Stream | None) -> None:
        """Answer a `hello` with `session.welcome`, behind the readings already queued; `older` is over."""

    def reading_passed_over(self, stream: Stream, sequence: int) -> None:
        """Move the cursor over an invalid reading, if it is the stream's next."""

    def ack_due(self, stream: Stream) -> None:
        """Call `session.acknowledge` soon, again for what is committed."""

    def session_hurries(self, now: Moment) -> None:
        """A peer is over its rate: call `held_up` on all sessions if the monitor itself stood still until now."""

    def session_paused(self, session: Session) -> None:
        """Call `session.ease` until reading goes on."""

    def session_ended(self, session: Session, reason: str, now: Moment) -> None:
        """The link is gone, or goes: give the engineer back in this very step."""


class AtHand:
    """What is looked at for every frame lies side by side: a line of memory costs as much as a call."""

    __slots__ = (
        "clock_ahead",
        "ended",
        "entry",
        "last_heard",
        "rate",
        "seen_live_sequence",
        "stream",
        "turbine_number",
    )


class Session(AtHand):
    """The monitor's side of one link; `id` is never used again."""

    __slots__ = (
        "_clock",
        "_counters",
        "_desk",
        "_hello_at",
        "_historical_rate",
        "_invalid_at",
        "_left",
        "_link",
        "_over",
        "_pace",
        "_paused_at",
        "_round",
        "_settings",
        "_tap",
        "clock_told",
        "connected",
        "id",
        "paused",
        "silence_timeout",
    )

    def __init__(
        self,
        session_id: int,
        entry: Entry,
        link: Link,
        desk: Desk,
        *,
        clock: Clock,
        settings: MonitorSettings,
        tap: FrameTap,
        counters: Counters,
        pace: Pace,
        now: Moment,
    ) -> None:
        self.id = session_id
        self.entry = entry
        self.turbine_number = entry.turbine_number
        self.connected = now
        self.ended = False
        self.paused = False
        self.stream: Stream | None = None
        self.silence_timeout = settings.longest_silence
        self.last_heard = now.seconds
        self._link = link
        self._desk = desk
        self._clock = clock
        self._settings = settings
        self._tap = tap
        self._counters = counters
        self.rate = Rate(per_second=settings.frames_per_second, burst=settings.frames_burst)
        self._historical_rate: Rate | None = None  # most links never need one
        self._over = self.rate  # the one that reading was paused for
        self._pace = pace
        self._round = self._left = (
            0  # the round of the pace, and how many readings the link may still send in it
        )
        self._paused_at = 0.0
        self._invalid_at: deque[float] = deque(maxlen=settings.max_invalid_frames)
        self.seen_live_sequence = False
        self.clock_ahead = 0  # ms that the turbine's clock is ahead of ours, 0 where that is little
        self.clock_told = False
        self._hello_at = now.seconds

    # What the link tells.

    def receive(self, text: str) -> None:
        """Take one text frame from the turbine."""
        if self.ended:
            return
        now = self._clock.now()
        self.last_heard = seconds = now.seconds
        if self._tap.watched:
            self._tap.show(self.turbine_number, "up", text, now.at)
        try:
            frame = parse_up(text)
            if frame.turbine_number != self.turbine_number:
                raise self._wrong_turbine(frame)
        except FrameError as error:
            self._take_invalid(text, error, now)
            return
        self._counters.frames += 1
        if type(frame) is Metrics and frame.historical:
            self._slow_down_history(now, len(text) // USUAL_LENGTH)
            self._take_metrics(frame, now)
        elif self.rate.take(seconds) or self._slow_down(now):
            if type(frame) is Metrics:
                self._take_metrics(frame, now)
            else:
                self._take_other(frame, now)

    def receive_binary(self) -> None:
        """Take a binary frame: this protocol has none."""
        self.close(CloseCode.BINARY, "binary", "only text frames are understood", self._clock.now())

    def lost(self, reason: str = "disconnected") -> None:
        """The link is gone, cleanly or not."""
        self._end(reason, self._clock.now())

    # What the monitor tells.

    def send(self, frame: DownFrame) -> None:
        """Send a frame down."""
        if self.ended:
            return
        self._send(encode(frame))

    def close(self, code: CloseCode, reason: str, sentence: str, now: Moment) -> None:
        """End this session and close its link; `reason` is what `links` keeps, `sentence` what the peer reads.

        `now` is the moment of the step that closes it: what that step does afterwards must not seem to be earlier.
        """
        if not self.ended:
            self._end(reason, now)
            self._link.close(code, sentence)

    def welcome(self, last_sequence: int | None) -> None:
        """Answer the last `hello`: its stream is committed up to `last_sequence`, None where it is a new one."""
        now = self._clock.now().seconds
        self.held_up(now - self._hello_at, now)
        self.send(
            Welcome(
                turbine_number=self.turbine_number,
                last_sequence=last_sequence,
                silence_timeout_in_seconds=self.silence_timeout,
            )
        )

    def acknowledge(self, sequence: int) -> None:
        """Say that all readings of the present stream up to `sequence` are committed."""
        self._send(encode_ack(sequence))

    def resync(self) -> None:
        """Ask the turbine to say `hello` again."""
        self.send(Resync())

    def held_up(self, seconds: float, now: float) -> None:
        """The peer had to wait for so long, or was not heard: what it sent or kept meanwhile is no flood."""
        frames = min(int(seconds * self._settings.frames_per_second), WINDOW)
        if frames > 0:
            self.rate.excuse(frames, now)

    def read_on(self, now: float) -> None:
        """Read on after the monitor could not store as much as came; what waited meanwhile is no flood."""
        self._round, self._left = self._pace.round, self._pace.turn
        self.rate.owe((now - self._paused_at) * self._settings.frames_per_second, now)
        self._resume(now)

    def ease(self, now: float) -> bool:
        """Read on if the peer is within its rate again; return whether it is."""
        if not self.ended and not self._over.ease(now, patience=self._settings.flood_patience):
            return False
        self._resume(now)
        return True

    def _resume(self, now: float) -> None:
        self.paused = False
        self.last_heard = now
        self._link.resume_reading()

    def is_silent(self, now: float) -> bool:
        """Return whether the peer has said nothing for too long; one that is not read from cannot be judged."""
        return now - self.last_heard >= self.silence_timeout and not self.paused

    # Frames.

    def _send(self, text: str) -> None:
        if self._tap.watched:
            self._tap.show(self.turbine_number, "down", text, self._clock.now().at)
        self._link.send(text)

    def _wrong_turbine(self, frame: UpFrame) -> FrameError:
        return FrameError(
            "wrong_turbine",
            f"turbine_number is {frame.turbine_number}, but this link is turbine {self.turbine_number}'s.",
        )

    def _take_other(self, frame: UpFrame, now: Moment) -> None:
        if type(frame) is Status:
            self._desk.status_reported(self, frame.operational_status, now)
        elif type(frame) is Hello:
            self._hello_at = now.seconds
            self._take_hello(frame)

    def _take_hello(self, hello: Hello) -> None:
        if hello.upload_frequency_in_seconds is not None:
            shortest, longest = self._settings.shortest_silence, self._settings.longest_silence
            self.silence_timeout = min(max(3 * hello.upload_frequency_in_seconds, shortest), longest)
        older, self.stream = self.stream, Stream((self.turbine_number, hello.stream))
        self._desk.stream_opened(self, self.stream, older)

    def _take_metrics(self, metrics: Metrics, now: Moment) -> None:
        if self._pace.holds_back:
            self.keep_pace(now.seconds)
        stream, sequence = self.stream, metrics.sequence
        if sequence is None or stream is None:
            self._desk.collect_metrics(self, metrics, None, now)
            return
        if stream.has(sequence):
            self._take_repeated(metrics, sequence, stream, now)
        else:
            self._desk.collect_metrics(self, metrics, stream, now)
        if not metrics.historical:
            self.seen_live_sequence = True

    def keep_pace(self, now: float) -> None:
        """Count this reading, and have the link wait for its turn when it has sent its share of this round."""
        if self._round != self._pace.round:
            self._round, self._left = self._pace.round, 1
        self._left -= 1
        if self._left <= 0 and not self.paused:
            self._pause(now)
            self._pace.wait(self)

    def _take_repeated(self, metrics: Metrics, sequence: int, stream: Stream, now: Moment) -> None:
        """Take what was taken before: an ack is due, and of a live one the status counts."""
        self._counters.readings_repeated += 1
        self._desk.ack_due(stream)
        if not metrics.historical:
            self._desk.status_reported(self, metrics.operational_status, now)
        if stream.left_out(sequence):
            self._refuse(_left_out(stream, sequence), now)
        elif not metrics.historical and not self.seen_live_sequence:
            self._refuse(_sequence_used(stream, sequence), now)

    # What is not taken.

    def _take_invalid(self, text: str, error: FrameError, now: Moment) -> None:
        self._counters.frames += 1
        self._counters.invalid_frames += 1
        if not self.rate.take(now.seconds) and not self._slow_down(now):
            return
        stream = self.stream
        if stream is not None and error.code == "invalid_frame":
            sequence = readable_sequence(text, self.turbine_number)
            if sequence is not None:
                self._desk.reading_passed_over(stream, sequence)
        self._refuse(error, now)

    def _refuse(self, error: FrameError, now: Moment) -> None:
        self.send(Error(code=error.code, detail=error.detail))
        self._invalid_at.append(now.seconds)
        if (
            len(self._invalid_at) == self._invalid_at.maxlen
            and now.seconds - self._invalid_at[0] < INVALID_WITHIN
        ):
            sentence = f"{len(self._invalid_at)} invalid frames within a minute"
            self.close(CloseCode.POLICY, "invalid_frames", sentence, now)

    def _slow_down(self, now: Moment) -> bool:
        """Pause a peer that is over its rate, or close its link; return whether this frame still counts."""
        if self.paused:
            return True
        self._desk.session_hurries(now)
        if self.rate.take_back(now.seconds):
            return True
        self.rate.note_excess(now.seconds)
        over_for = self.rate.over_for(now.seconds)
        if over_for >= self._settings.flood_patience:
            self.close(CloseCode.POLICY, "flood", "too many frames for too long", now)
            return False
        self._pause_for(self.rate, now.seconds)
        if not over_for:
            limit = self._settings.frames_per_second
            sentence = f"Send at most {limit:g} live frames a second; reading pauses."
            self.send(Error(code="rate_limited", detail=sentence))
        return True

    def _slow_down_history(self, now: Moment, surplus: int) -> None:
        """Pause a peer that keeps to no window; not a word, since what is historical is not live.

        A large frame counts as one and its `surplus`: limited by their number alone, three peers with frames of
        64 KiB would take a whole core.
        """
        if self._historical_rate is None:
            per_second = self._settings.historical_frames_per_second
            self._historical_rate = Rate(per_second=per_second, burst=per_second)
        within = self._historical_rate.take(now.seconds)
        self._historical_rate.charge(surplus)
        if not within and not self.paused:
            self._pause_for(self._historical_rate, now.seconds)

    def _pause_for(self, over: Rate, now: float) -> None:
        self._over = over
        self._pause(now)
        self._desk.session_paused(self)

    def _pause(self, now: float) -> None:
        self.paused = True
        self._paused_at = now
        self._link.pause_reading()

    def _end(self, reason: str, now: Moment) -> None:
        if not self.ended:
            self.ended = True
            self._desk.session_ended(self, reason, now)


def _left_out(stream: Stream, sequence: int) -> FrameError:
    return FrameError(
        "sequence_used",
        f"sequence {sequence} of stream {stream.key[1]} comes after a later one, so this reading is lost: send them in "
        f"order, and go on after {stream.last_sequence}.",
    )


def _sequence_used(stream: Stream, sequence: int) -> FrameError:
    return FrameError(
        "sequence_used",
        f"sequence {sequence} of stream {stream.key[1]} is stored already: begin a new stream "
        f"name at each start, or go on after {stream.last_sequence}.",
    )
