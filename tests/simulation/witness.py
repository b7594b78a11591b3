"""Watches the wires: what may never happen, at any moment, whatever the schedule does.

It knows only what crosses the wires and what the disk holds, and builds from it its own picture of who works
where; the monitor's picture must be the same after each step. What is wrong is written down, not raised, since
it is seen in the middle of the monitor's own steps.
"""

from __future__ import annotations

import asyncio
import json
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gridws.dispatch import check
from gridws.errors import FrameError
from gridws.monitor.rounds import MOST_HELD
from gridws.wire.frames import CloseCode, Hello, Status, parse_up
from gridws.words import OperationalStatus

from .disk import Disk, Identity

if TYPE_CHECKING:
    from .network import Wire
    from .world import Process


class Client:
    """What a client sent under which number, so that what is acknowledged to it can be looked up."""

    def __init__(self) -> None:
        self.sent: dict[str, dict[int, Identity]] = {}
        self.dropped: set[tuple[str, int]] = set()
        self.checked: dict[str, int] = {}
        self.acknowledged = 0
        self._stream = ""

    def note(self, text: str) -> None:
        frame = json.loads(text)
        if frame["type"] == "hello":
            self._stream = frame["stream"]
            self.sent.setdefault(self._stream, {})
        elif frame["type"] == "metrics":
            identity = frame["turbine_number"], frame["wind_speed"]
            self.sent[self._stream].setdefault(frame["sequence"], identity)


@dataclass
class Job:
    """One assignment as the wire showed it."""

    id: int
    turbine_number: int
    engineer_id: int
    assigned_at: int
    wire: Wire
    began: float
    outcome: str | None = None
    ended: float | None = None


class Witness:
    """Sees every frame that arrives at the monitor or leaves it, in all its runs."""

    def __init__(self, disk: Disk, tell: Callable[[str], None] | None) -> None:
        self.failures: list[str] = []
        self.jobs: dict[int, Job] = {}
        self.at_work: dict[int, Job] = {}
        self.statuses: dict[Wire, OperationalStatus] = {}
        self.digest = 0
        self.frames = 0
        self._streams: dict[Wire, str] = {}
        self._clients: dict[Wire, Client] = {}
        self._disk = disk
        self._tell = tell
        self._error_code = ""
        self.stalls = 0
        """How often the machine stood still."""

    def wrong(self, sentence: str) -> None:
        self.note(f"WRONG: {sentence}")
        self.failures.append(f"at {asyncio.get_running_loop().time():.3f} s: {sentence}")

    def note(self, sentence: str) -> None:
        self.digest = zlib.crc32(sentence.encode(), self.digest)
        if self._tell is not None:
            self._tell(f"{asyncio.get_running_loop().time():9.3f} {sentence}")

    # What happens on the wires.

    def connected(self, wire: Wire, client: Client) -> None:
        self._clients[wire] = client
        self.note(f"{wire.number} connected")
        self.look(wire.process)

    @contextmanager
    def hearing(self, wire: Wire, text: str) -> Iterator[None]:
        """Take note of a frame that the monitor takes meanwhile."""
        job = self.at_work.get(wire.number)
        self._error_code = ""
        self._up(wire, text)
        yield
        unheard = wire.process.status_of(wire.number) is not OperationalStatus.ok
        # Of a reading that is stored already the status counts, also when the link is closed for it.
        if job is not None and job.outcome == "repaired" and unheard and self._error_code != "sequence_used":
            # The session ended with this frame, as the one too many, and what it said was not heard any more.
            job.outcome = "disconnected"

    def _up(self, wire: Wire, text: str) -> None:
        self.frames += 1
        self.note(f"{wire.number} ↑ {text}")
        if wire.session is None or wire.session.ended:
            return
        try:
            frame = parse_up(text)
        except FrameError:
            return
        if frame.turbine_number != wire.number:
            return
        if isinstance(frame, Hello):
            self._streams[wire] = frame.stream
        elif isinstance(frame, Status) or not frame.historical:
            self._status(wire, frame.operational_status)

    def down(self, wire: Wire, text: str) -> None:
        self.frames += 1
        self.note(f"{wire.number} ↓ {text}")
        frame = json.loads(text)
        match frame["type"]:
            case "engineer_assigned":
                self._assigned(wire, frame)
            case "engineer_withdrawn":
                self._ended(wire.number, frame["assignment_id"], frame["reason"])
            case "ack":
                self._acknowledged(wire, frame["sequence"])
            case "welcome":
                self._acknowledged(wire, frame["last_sequence"] or 0)
            case "error":
                self._error_code = frame["code"]

    def lost(self, wire: Wire) -> None:
        self.note(f"{wire.number} is lost")

    def closed(self, wire: Wire, code: int) -> None:
        self.note(f"{wire.number} is closed with {code}")
        self._prune(wire.process)
        is_well = wire.healthy and self._clients[wire].sent
        # A machine that stands still again and again is at last believed to be slow for good, and judges all the same.
        if code == CloseCode.SILENT and is_well and self.stalls <= MOST_HELD:
            self.wrong(f"turbine {wire.number} was called silent, but its link is well")

    def crashed(self, process: Process) -> None:
        self.note("the monitor crashed")
        for job in list(self.at_work.values()):
            self._ended(job.turbine_number, job.id, "monitor_stopped")

    # What must hold after each step.

    def look(self, process: Process) -> None:
        if not process.alive or not process.monitor.accepting:
            return
        self._prune(process)
        pool = process.dispatcher
        try:
            check(pool)
        except AssertionError as error:
            self.wrong(str(error))
        theirs = {e.assignment.turbine_number: e.assignment.id for e in pool.engineers() if e.assignment}
        ours = {number: job.id for number, job in self.at_work.items()}
        if theirs != ours:
            self.wrong(f"the wire shows {ours} at work, the monitor says {theirs}")
        cared_for = {*theirs, *pool.waiting()}
        for number in process.monitor.sessions:
            left_alone = number not in cared_for and pool.hold_of(number) is None
            if process.status_of(number) is OperationalStatus.broken and left_alone:
                self.wrong(f"turbine {number} is broken and nobody cares")
        for entry in process.monitor.fleet_state:
            if not entry.online and entry.status is not None:
                self.wrong(f"turbine {entry.turbine_number} is offline and its status is {entry.status}")

    def _status(self, wire: Wire, status: OperationalStatus) -> None:
        self.statuses[wire] = status
        job = self.at_work.get(wire.number)
        if status is OperationalStatus.ok and job is not None and job.wire is wire:
            self._ended(wire.number, job.id, "repaired")

    def _assigned(self, wire: Wire, frame: dict[str, Any]) -> None:
        self._prune(wire.process)
        began = asyncio.get_running_loop().time()
        job = Job(
            frame["assignment_id"], wire.number, frame["engineer_id"], frame["assigned_at"], wire, began
        )
        if wire.number in self.at_work:
            self.wrong(f"turbine {wire.number} has two engineers")
        if job.engineer_id in {each.engineer_id for each in self.at_work.values()}:
            self.wrong(f"engineer {job.engineer_id} is in two places")
        if job.id in self.jobs:
            self.wrong(f"assignment id {job.id} is not new")
        if wire.process.dispatcher.hold_of(wire.number) is not None:
            self.wrong(f"an engineer goes to turbine {wire.number}, where nobody may be")
        if self.statuses.get(wire) is not OperationalStatus.broken:
            self.wrong(f"an engineer goes to turbine {wire.number}, which did not say that it is broken")
        self.jobs[job.id] = self.at_work[wire.number] = job

    def _ended(self, number: int, assignment_id: int, outcome: str) -> None:
        job = self.at_work.pop(number, None)
        if job is None or job.id != assignment_id:
            self.wrong(f"assignment {assignment_id} of turbine {number} ends, but it is not running")
        else:
            job.outcome, job.ended = outcome, asyncio.get_running_loop().time()

    def _prune(self, process: Process) -> None:
        """End the jobs whose link has ended in the monitor's eyes: it tells in the middle of its step."""
        for number, job in list(self.at_work.items()):
            current = process.monitor.sessions.get(number)
            if current is job.wire.session and current is not None and not current.ended:
                continue
            outcome = "disconnected" if current is None or current is job.wire.session else "superseded"
            self._ended(number, job.id, outcome if process.monitor.accepting else "monitor_stopped")

    def _acknowledged(self, wire: Wire, sequence: int) -> None:
        """Whatever is acknowledged must be on the disk by now."""
        client, stream = self._clients[wire], self._streams.get(wire, "")
        sent = client.sent.get(stream, {})
        for each in range(client.checked.get(stream, 0) + 1, sequence + 1):
            identity = sent.get(each)
            if identity is None or (stream, each) in client.dropped:
                continue
            client.acknowledged += 1
            if not self._disk.stored[identity]:
                self.wrong(f"reading {each} of {stream} was acknowledged, but it is not stored")
        client.checked[stream] = max(sequence, client.checked.get(stream, 0))
