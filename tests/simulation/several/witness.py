"""Watches wires and turbines: what may never happen, at any moment, whatever the schedule does.

Who is where is judged as the turbines see it. A turbine to which, or to whose link, something was done cannot know that
its engineer was called elsewhere, and is not asked; one whose monitor stands still, or is gone, can.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from gridws.errors import FrameError
from gridws.turbines.websocket_link import CLOSE_PATIENCE, CLOSE_PING
from gridws.wire.frames import CloseCode, EngineerAssigned, Hello, Status, parse_up
from gridws.words import Outcome

if TYPE_CHECKING:
    from .grid import Grid
    from .monitors import Process
    from .turbines import HoppingTurbine
    from .wires import Wire


A_MOMENT = 0.01
"""Seconds."""


class News:
    """What people would have been told of turbines."""

    def __init__(self, witness: Witness) -> None:
        self._witness = witness

    def linked(self, turbine_number: int) -> None:
        self._witness.note(f"{turbine_number} says: linked")

    def link_lost(self, turbine_number: int, reason: str) -> None:
        self._witness.note(f"{turbine_number} says: {reason}")

    def happened(self, text: str) -> None:
        self._witness.note(f"news: {text}")


class Witness:
    """Writes down what is wrong, and does not raise it: it is seen in the middle of the product's own steps."""

    def __init__(self, grid: Grid, tell: Callable[[str], None] | None) -> None:
        self.failures: list[str] = []
        self.digest = 0
        self.frames = 0
        self.assigned: dict[int, tuple[int, int]] = {}
        """Turbine and engineer by the ids of all assignments that reached a turbine."""
        self.sent_by: dict[int, Process] = {}
        self.called_back = 0
        self.superseded = 0
        self.overlaps: set[int] = set()
        """Assignments whose engineer was still elsewhere, where a monitor did not read yet that he was called away."""
        self.news = News(self)
        self._grid = grid
        self._tell = tell

    def wrong(self, sentence: str) -> None:
        self.note(f"WRONG: {sentence}")
        self.failures.append(f"at {self._grid.universe.now:.3f} s: {sentence}")

    def note(self, sentence: str) -> None:
        self.digest = zlib.crc32(sentence.encode(), self.digest)
        if self._tell is not None:
            self._tell(f"{self._grid.universe.now:9.3f} {sentence}")

    # At the monitor's end.

    def up(self, wire: Wire, text: str) -> None:
        self.frames += 1
        self.note(f"{wire.number} ↑ {wire.process.place} {text}")
        if wire.session is None or wire.session.ended:
            return
        try:
            frame = parse_up(text)
        except FrameError:
            return
        if isinstance(frame, Hello):
            wire.stream = frame.stream
        elif isinstance(frame, Status) or not frame.historical:
            self._grid.log.told(wire.session.id, frame.operational_status)

    def down(self, wire: Wire, text: str) -> None:
        self.frames += 1
        self.note(f"{wire.number} ↓ {wire.process.place} {text}")
        frame = json.loads(text)
        match frame["type"]:
            case "engineer_withdrawn" if frame["reason"] == "disconnected":
                self._called_back(wire)
            case "ack":
                self._acknowledged(wire, frame["sequence"])
            case "welcome":
                self._acknowledged(wire, frame["last_sequence"] or 0)

    def closed(self, wire: Wire, code: int) -> None:
        self.note(f"{wire.number} is closed by {wire.process.place} with {code}")
        if code == CloseCode.SUPERSEDED:
            self.superseded += 1
            others = [each for each in self._grid.wires_of[wire.number] if each is not wire]
            if not any(_is_later(each, wire) or _seems_later(each, wire) for each in others):
                self.wrong(f"turbine {wire.number} loses its newest link, at {wire.process.place}")

    def _called_back(self, wire: Wire) -> None:
        """An engineer leaves because of the lease: it must have been hard to reach the database."""
        self.called_back += 1
        now, lease = self._grid.universe.now, self._grid.settings.lease
        unable = sum(wire.process.hampered.within(now - 2 * lease, now))
        if unable < 0.3 * lease:
            self.wrong(
                f"monitor {wire.process.place} calls an engineer back, and was kept from the database for "
                f"{unable:.1f} s only"
            )

    def _acknowledged(self, wire: Wire, sequence: int) -> None:
        """Whatever is acknowledged must be in the tables by now."""
        client = wire.turbine.client
        sent = client.sent.get(wire.stream, {})
        for each in range(client.checked.get(wire.stream, 0) + 1, sequence + 1):
            identity = sent.get(each)
            if identity is None or (wire.stream, each) in client.dropped:
                continue
            client.acknowledged += 1
            if not self._grid.tables.stored[identity]:
                self.wrong(f"reading {each} of {wire.stream} was acknowledged, but it is not stored")
        client.checked[wire.stream] = max(sequence, client.checked.get(wire.stream, 0))

    # At the turbine's end.

    def arrived(
        self, turbine: HoppingTurbine, frame: EngineerAssigned, before: EngineerAssigned | None
    ) -> None:
        """An engineer was sent to a turbine, at which somebody was, or nobody, before."""
        number, engineer, id_ = turbine.turbine_number, frame.engineer_id, frame.assignment_id
        self.note(f"{number}: engineer {engineer} arrives")
        if turbine.wire is not None:
            self.sent_by[id_] = turbine.wire.process
        known = self.assigned.setdefault(id_, (number, engineer))
        if known != (number, engineer):
            self.wrong(f"assignment {id_} was for {known}, and now for {(number, engineer)}")
        decided: Any = self._grid.log.assigned.get(id_)
        if decided is None or (decided.turbine_number, decided.engineer_id) != known:
            self.wrong(f"the log says of assignment {id_} {decided}, turbine {number} sees {frame}")
        if turbine.engineer is not frame:
            return  # it is well, and says so
        # One who is released in the log as well may be on his way when the next one comes.
        if (
            before is not None
            and before.assignment_id != id_
            and before.assignment_id not in self._grid.log.released
        ):
            self.wrong(f"turbine {number} has two engineers: {before.engineer_id} and {engineer}")
        # What was sent to the others before is still on its way to them.
        look = partial(self._look_around, turbine, frame, self._grid.universe.now)
        self._grid.later(self._grid.longest_delay + A_MOMENT, look)

    def _look_around(self, turbine: HoppingTurbine, frame: EngineerAssigned, since: float) -> None:
        """See that the engineer is at no other turbine, if he is still here."""
        if (
            turbine.engineer is not frame
            or not turbine.can_know
            or frame.assignment_id in self._grid.log.released
        ):
            return
        for other in self._grid.turbines:
            there = other.engineer
            if (
                other is turbine
                or there is None
                or there.engineer_id != frame.engineer_id
                or not other.can_know
            ):
                continue
            if (
                self._is_not_read_yet(other, there) or _is_not_missed_yet(other)
            ) and self._grid.universe.now - since < self._grid.settings.lease:
                self.overlaps.add(frame.assignment_id)
                self._grid.later(
                    self._grid.longest_delay + A_MOMENT, partial(self._look_around, turbine, frame, since)
                )
                continue
            self.wrong(
                f"engineer {frame.engineer_id} is at turbine {turbine.turbine_number} by {frame.assignment_id}, "
                f"and still at {other.turbine_number} by {there.assignment_id}"
            )

    def _is_not_read_yet(self, turbine: HoppingTurbine, there: EngineerAssigned) -> bool:
        """See whether an engineer was called away from a turbine by an entry that its monitor may just have read.

        One that is slow, or stands still, does so within its lease, and the turbine leaves it sooner.
        """
        release = self._grid.log.released.get(there.assignment_id)
        if (
            turbine.wire is None
            or release is None
            or release.outcome not in {Outcome.held, Outcome.timed_out}
        ):
            return False
        process = turbine.wire.process
        wait = self._grid.longest_delay + 2 * A_MOMENT
        return (
            process.replica is None
            or process.read_at(self._grid.log.ended_in[there.assignment_id]) > self._grid.universe.now - wait
        )


def _is_not_missed_yet(turbine: HoppingTurbine) -> bool:
    """See whether a turbine's monitor froze so lately that its ping may still hope for an answer.

    One that was cut off from the database before it froze loses its engineers sooner than that.
    """
    frozen_for = None if turbine.wire is None else turbine.wire.process.machine.frozen_for
    return frozen_for is not None and frozen_for < CLOSE_PING + CLOSE_PATIENCE + 2 * A_MOMENT


def _is_later(wire: Wire, other: Wire) -> bool:
    return wire.made_at is not None and other.made_at is not None and wire.made_at >= other.made_at


def _seems_later(wire: Wire, other: Wire) -> bool:
    """See whether a link was made later by the clocks of the monitors that have them.

    The pool time of one that starts lags where another one lives that was kept from the database for some seconds.
    """
    return (
        not wire.process.crashed
        and wire.made is not None
        and other.made is not None
        and wire.made >= other.made
    )
