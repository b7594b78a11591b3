"""The quick way of the frame that nearly every frame is: a good live reading, next in its stream, nothing new in it.

It is a copy, in one function from the bytes of the transport to the queue, of what the general way does for such a
frame, which costs half as much without a dozen calls: `payload_span`, `Session.receive`, `parse_up`, `Rate.take`,
`Session._take_metrics`, `Stream.has`, `GridMonitor.collect_metrics` and `store_metrics`, `Calendar.receipt`,
`WriteQueue.append`, `Stream.advance`, `FleetWatch.reading_taken`. Whoever changes one of them changes this.

Rule: everything is looked at before anything is changed. What is not plainly such a frame is left as it is, for the
general way to take; a property test holds that both answer alike, whatever comes. A monitor whose `collect_metrics`
or `store_metrics` is its own, or whose `connect` is, has no quick way: it sees every reading.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, cast

from websockets.speedups import apply_mask

from ..clock import apart
from ..moments import Moment
from ..monitor.monitor import GridMonitor
from ..monitor.session import Session
from ..settings import CLOCK_FAR
from ..wire.framing import masked_text_head
from ..wire.metrics_frame import NOT_DECODED, Metrics, decode_metrics

Take = Callable[[Session, bytes], bool]

HEADS: Final = tuple(masked_text_head(size) for size in range(1024))
"""How a frame of so many bytes begins, if it is whole and what it should be: one comparison tells all of that."""
BEHIND: Final = -CLOCK_FAR
LONG: Final = 8 + 126
"""From so many bytes on a frame has its mask in bytes 4 to 7, shorter ones have it in bytes 2 to 5."""
NO_READING: Final = (*NOT_DECODED, AttributeError)
"""What is raised where a payload is no reading, the last one by one of another type."""


COPIED: Final = ("connect", "collect_metrics", "store_metrics")
"""What a monitor of another kind may do in its own way."""


def quick_way(monitor: GridMonitor) -> Take:
    """Return the function that takes the bytes of one frame; False: it is for the general way."""
    kind = type(monitor)
    if any(getattr(kind, name) is not getattr(GridMonitor, name) for name in COPIED):
        return _leave_all
    return _quick_way(monitor)


def _leave_all(_session: Session, _frame: bytes) -> bool:
    return False


def _quick_way(monitor: GridMonitor) -> Take:  # noqa: C901, PLR0915 - the function within is all of it
    settings, counters, watch = monitor.settings, monitor.counters, monitor.watch
    tap, queue, pace = monitor.tap, monitor.queue, monitor.pace
    calendar = queue.calendar
    decode = cast("Callable[[bytes], Metrics]", decode_metrics)  # what is none has no `turbine_number`
    monotonic, nanoseconds = apart(monitor.clock)
    longest = min(len(HEADS) - 1, settings.max_frame_bytes)
    spacing = 1 / settings.frames_per_second
    burst = settings.frames_burst * spacing
    # When the last frame came: all of one millisecond share these, so there is less to ask for, to keep and to free.
    last_at, seconds, full_at_least = 0, 0.0, 0.0

    def take(session: Session, frame: bytes) -> bool:  # noqa: C901, PLR0911, PLR0912, PLR0915 - one function is the point
        nonlocal last_at, seconds, full_at_least
        size = len(frame)
        if size > longest or not frame.startswith(HEADS[size]) or tap.watched or session.ended:
            return False
        begin = 6 if size < LONG else 8
        payload = apply_mask(frame[begin:], frame[begin - 4 : begin])
        if not payload.isascii():
            return False
        try:
            metrics = decode(payload)
            said_number = metrics.turbine_number
        except NO_READING:
            return False
        number, entry, status = session.turbine_number, session.entry, metrics.operational_status
        if said_number != number or metrics.historical or status is not entry.status:
            return False
        rows_to_go = queue.rows_to_go
        if not rows_to_go:
            return False
        stream, sequence = session.stream, metrics.sequence
        if stream is not None and sequence is not None:
            if sequence != stream.last_sequence + 1 or not stream.taking or queue.degraded:
                return False
        else:
            stream = None
        at = nanoseconds() // 1_000_000
        if at != last_at:
            last_at, seconds = at, monotonic()
            full_at_least = seconds + spacing
        measured_at = metrics.measured_at
        if measured_at is not None and (session.clock_ahead or not BEHIND < measured_at - at < CLOCK_FAR):
            return False
        rate = session.rate
        full_at = rate.full_at
        if full_at <= seconds:
            full_at = full_at_least
        else:
            full_at += spacing
            if full_at - seconds > burst:
                return False

        rate.full_at = full_at
        session.last_heard = seconds
        counters.frames += 1
        if pace.holds_back:
            session.keep_pace(seconds)
        if last_at < calendar.latest:
            received_at = calendar.receipt(Moment(seconds, last_at))
        else:
            received_at = calendar.latest = last_at
        if measured_at is None:
            measured_at = last_at
        entry.reading = reading = (
            number,
            measured_at,
            metrics.wind_speed,
            metrics.power_output_in_kwh,
            status._value_,
            received_at,
        )
        chunk = queue.chunk
        if stream is None:
            chunk.readings.append(reading)
        else:
            chunk.numbered.append(reading)
            chunk.cursors[stream] = stream.last_sequence = sequence  # type: ignore[assignment] # numbered, so not None
            session.seen_live_sequence = True
        queue.rows_to_go = rows_to_go - 1
        if rows_to_go == 1:
            queue.take_stock()
        if watch.watched:
            watch.reading_taken(number)
        return True

    return take
