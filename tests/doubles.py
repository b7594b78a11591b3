"""Small objects that stand in for a peer or the time, so that tests are plain functions that read as a story."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from typing import Any

from gridws.dispatch import DispatchEvent, LocalDispatch, Remark
from gridws.moments import Moment

SOME_DAY = 1_790_000_000_000


class HandClock:
    """A clock that is moved by hand; the wall clock can jump on its own."""

    def __init__(self) -> None:
        self.seconds = 1000.0
        self.wall = SOME_DAY

    def now(self) -> Moment:
        return Moment(self.seconds, self.wall)

    def pass_time(self, seconds: float) -> None:
        self.seconds += seconds
        self.wall += round(seconds * 1000)


@dataclass
class ListLink:
    """A link that writes down what goes over it."""

    sent: list[dict[str, Any]] = field(default_factory=list)
    closed: tuple[int, str] | None = None
    reading: bool = True

    def send(self, text: str) -> None:
        assert self.closed is None
        self.sent.append(json.loads(text))

    def close(self, code: int, reason: str) -> None:
        assert self.closed is None
        self.closed = (int(code), reason)

    def pause_reading(self) -> None:
        self.reading = False

    def resume_reading(self) -> None:
        self.reading = True

    @property
    def close_code(self) -> int | None:
        return self.closed[0] if self.closed else None

    @property
    def types(self) -> list[str]:
        return [frame["type"] for frame in self.sent]


def frame(type_: str, turbine_number: int = 7, /, **fields: object) -> str:
    """Return the text of an up frame."""
    return json.dumps({"type": type_, "turbine_number": turbine_number, **fields})


def metrics(status: str = "ok", turbine_number: int = 7, /, **fields: object) -> str:
    """Return the text of a valid metrics frame."""
    reading = {"wind_speed": 8.0, "power_output_in_kwh": 400.0, "operational_status": status}
    return frame("metrics", turbine_number, **(reading | fields))


class LoopClock:
    """Both clocks by the running loop's time, for stories in virtual time; the wall clock may be `ahead` (s)."""

    ahead = 0.0

    def now(self) -> Moment:
        seconds = asyncio.get_running_loop().time()
        return Moment(1000.0 + seconds, SOME_DAY + round((seconds + self.ahead) * 1000))


class NextStepDispatch(LocalDispatch):
    """A port that answers in the next step of the loop, as one would that shares its pool with other monitors."""

    def tell(self, event: DispatchEvent | Remark, now: Moment) -> None:
        asyncio.get_running_loop().call_soon(super().tell, event, now)

    async def answered(self) -> None:
        await asyncio.sleep(0)  # the loop keeps the order: what was told before is answered before
