"""A monitor in memory: links without sockets, for tests of the turbine's side on a loop of virtual time.

`Air.dial` is what an uplink is given; each dial makes a `MemoryLink`, or raises the next of `Air.failures`.
Frames arrive in the same step in which they are sent.
"""

from __future__ import annotations

import asyncio
from typing import TypeVar

from gridws.turbines.link import Loss, Receive
from gridws.wire.frames import (
    Ack,
    EngineerAssigned,
    EngineerWithdrawn,
    Frame,
    Hello,
    Metrics,
    Status,
    UpFrame,
    Welcome,
    encode,
    parse_up,
)

F = TypeVar("F", Hello, Metrics, Status)


class MemoryLink:
    """One link; `frames` has what came up and `at` the moments on the loop's clock."""

    def __init__(self, turbine_number: int, receive: Receive, *, welcoming: bool) -> None:
        self.turbine_number = turbine_number
        self.frames: list[UpFrame] = []
        self.at: list[float] = []
        self.closed = False
        self.closely = False
        self._receive = receive
        self._welcoming = welcoming
        self._loss: asyncio.Future[Loss] = asyncio.get_running_loop().create_future()

    def send_now(self, text: str) -> None:
        frame = parse_up(text)
        self.frames.append(frame)
        self.at.append(asyncio.get_running_loop().time())
        if self._welcoming and isinstance(frame, Hello):
            asyncio.get_running_loop().call_soon(self.welcome)

    async def lost(self) -> Loss:
        return await asyncio.shield(self._loss)

    async def leave(self) -> None:
        self.closed = True

    def watch(self, *, closely: bool) -> None:
        self.closely = closely

    def of(self, kind: type[F]) -> list[F]:
        """Return the frames of one type."""
        return [frame for frame in self.frames if isinstance(frame, kind)]

    def down(self, frame: Frame) -> None:
        self._receive(encode(frame))

    def welcome(self, last_sequence: int | None = None, silence: float = 60.0) -> None:
        self.down(
            Welcome(
                turbine_number=self.turbine_number,
                last_sequence=last_sequence,
                silence_timeout_in_seconds=silence,
            )
        )

    def ack(self, sequence: int) -> None:
        self.down(Ack(sequence=sequence))

    def assign(self, assignment_id: int = 1, engineer_id: int = 1) -> None:
        self.down(
            EngineerAssigned(
                turbine_number=self.turbine_number,
                engineer_id=engineer_id,
                assignment_id=assignment_id,
                assigned_at=0,
            )
        )

    def withdraw(self, assignment_id: int = 1, engineer_id: int = 1) -> None:
        self.down(
            EngineerWithdrawn(
                turbine_number=self.turbine_number,
                engineer_id=engineer_id,
                assignment_id=assignment_id,
                reason="timed_out",
            )
        )

    def cut(self, code: int = 1006) -> None:
        self._loss.set_result(Loss(code))


class Air:
    """The network; `links` has all that were made and `dialled_at` the moments of all tries."""

    def __init__(self, *, welcoming: bool = True) -> None:
        self.links: list[MemoryLink] = []
        self.dialled_at: list[float] = []
        self.failures: list[Exception] = []
        self._welcoming = welcoming

    async def dial(self, turbine_number: int, receive: Receive, /) -> MemoryLink:
        self.dialled_at.append(asyncio.get_running_loop().time())
        if self.failures:
            raise self.failures.pop(0)
        link = MemoryLink(turbine_number, receive, welcoming=self._welcoming)
        self.links.append(link)
        return link

    @property
    def link(self) -> MemoryLink:
        """The newest link."""
        return self.links[-1]


class Heard:
    """Keeps what people would have read."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def linked(self, turbine_number: int) -> None:
        self.lines.append("linked")

    def link_lost(self, turbine_number: int, reason: str) -> None:
        self.lines.append(f"lost: {reason}")

    def happened(self, text: str) -> None:
        self.lines.append(text)
