"""What the page asks the monitor's HTTP API for: history, repairs, availability, and the roster."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final, TypeVar

import httpx
from pydantic import BaseModel, TypeAdapter, ValidationError

from ..client.reaching import LONGEST_SENTENCE, tls_context
from ..errors import MonitorRefused, MonitorUnreachable
from ..report.exporting import heading, reading_lines
from ..storage.records import Table
from ..storage.rows import Event, FleetMinute, Minute, Reading, Repair

TIMEOUT: Final = 10.0
PLAN_TIMEOUT: Final = 70.0
"""Seconds: somewhat more than a monitor takes at the most."""
PAGE: Final = 10_000
"""The most rows that the API gives at once."""
FIRST_SLICE: Final = 3_600_000
"""An hour in ms: 3,600 readings of a turbine that sends one a second."""

T = TypeVar("T")

_READINGS: Final = TypeAdapter(list[dict[str, Any]])
_OBJECT: Final = TypeAdapter(dict[str, Any])


class _Problem(BaseModel):
    """What a monitor answers instead (RFC 9457), as far as people read it."""

    detail: str


class Archive:
    """The HTTP side of a monitor. Raises `MonitorUnreachable` or `MonitorRefused` with a sentence.

    `monitor_url` is asked for its WebSocket base address each time: it may be another monitor's meanwhile.
    """

    def __init__(
        self,
        monitor_url: Callable[[], str],
        *,
        token: str | None = None,
        ca_file: Path | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._monitor_url = monitor_url
        self._client = httpx.AsyncClient(
            headers={"Authorization": f"Bearer {token}"} if token else {},
            verify=tls_context(ca_file),
            timeout=TIMEOUT,
            trust_env=False,
            transport=transport,
        )

    @property
    def base(self) -> str:
        """The address of the monitor that is asked now."""
        return self._monitor_url().replace("ws", "http", 1)

    async def close(self) -> None:
        """End the connections."""
        await self._client.aclose()

    async def readings(self, turbine_number: int, since: int, until: int, limit: int = PAGE) -> list[Reading]:
        """Return the newest readings with since ≤ measured_at < until, oldest first."""
        path = f"/turbines/{turbine_number}/metrics"
        rows = await self._get(path, _READINGS, since=since, until=until, limit=limit)
        return [Reading(**row) for row in reversed(rows)]

    async def minutes(self, turbine_number: int, since: int, until: int, step: int) -> list[Minute]:
        """Return the turbine's minutes with since ≤ at < until by `step` of them, oldest first."""
        path = f"/turbines/{turbine_number}/minutes"
        rows = await self._get(path, _READINGS, since=since, until=until, step=step, limit=PAGE)
        return [Minute(**row) for row in rows]

    async def fleet_minutes(self, since: int, until: int, step: int) -> list[FleetMinute]:
        """Return the fleet's minutes with since ≤ at < until by `step` of them, oldest first."""
        rows = await self._get("/fleet/minutes", _READINGS, since=since, until=until, step=step, limit=PAGE)
        return [FleetMinute(**row) for row in rows]

    async def repairs(self, *, since: int = 0, limit: int, turbine_number: int | None = None) -> list[Repair]:
        """Return the assignments that ran at or after `since`, newest first."""
        only = {} if turbine_number is None else {"turbine_number": turbine_number}
        rows = await self._get("/repairs", _READINGS, since=since, limit=limit, **only)
        return [Repair(**row) for row in rows]

    async def deeds(self, turbine_number: int, limit: int) -> list[Event]:
        """Return what people ordered and said of a turbine, the newest first."""
        rows = await self._get("/events", _READINGS, turbine_number=turbine_number, limit=limit)
        return [Event(**row) for row in rows]

    async def report(self, since: int, until: int, *, turbines: int = 1) -> dict[str, Any]:
        """Return the report of a range, of the turbines so many with the lowest availability."""
        return await self._get("/report", _OBJECT, since=since, until=until, limit=turbines)

    async def plan(self) -> dict[str, Any]:
        """Return what other numbers of engineers would have made of the last 30 days; it takes some seconds."""
        response = await self._call("GET", "/plan", timeout=PLAN_TIMEOUT)
        return self._read(response, _OBJECT)

    async def change_engineers(self, by: int) -> int:
        """Add engineers, or take some away, and return how many there shall be now."""
        count = (await self._get("/engineers", _OBJECT))["count"]
        wanted = max(0, count + by)
        await self._call("PUT", "/engineers", json={"count": wanted})
        return int(wanted)

    async def order(self, method: str, path: str, body: dict[str, Any] | None) -> None:
        """Tell the monitor what somebody ordered."""
        await self._call(method, path, **({} if body is None else {"json": body}))

    async def _get(self, path: str, answer: TypeAdapter[T], **query: int) -> T:
        return self._read(await self._call("GET", path, params=query), answer)

    def _read(self, response: httpx.Response, answer: TypeAdapter[T]) -> T:
        try:
            return answer.validate_json(response.content)
        except ValidationError as error:
            raise MonitorUnreachable(self.base, "it answered something else than expected") from error

    async def _call(self, method: str, path: str, **options: Any) -> httpx.Response:
        try:
            response = await self._client.request(method, f"{self.base}/api/v1{path}", **options)
        except httpx.TimeoutException as error:
            raise MonitorUnreachable(self.base, f"no answer within {TIMEOUT:.0f} s") from error
        except httpx.HTTPError as error:
            raise MonitorUnreachable(self.base, "the connection failed") from error
        if response.is_success:
            return response
        raise MonitorRefused(self.base, _refusal(response.status_code) + _sentence_in(response))


def _refusal(status: int) -> str:
    match status:
        case HTTPStatus.UNAUTHORIZED:
            return "it wants a token; start the dashboard with --token"
        case HTTPStatus.FORBIDDEN:
            return "the dashboard's token may look but not change; that takes an operator's token"
        case _:
            return f"it answered HTTP {status}"


def _sentence_in(response: httpx.Response) -> str:
    """Return a monitor's own sentence behind a colon, nothing where it says none."""
    try:
        return f": {_Problem.model_validate_json(response.content).detail.rstrip('.')[:LONGEST_SENTENCE]}"
    except ValidationError:
        return ""


async def csv_lines(archive: Archive, turbine_number: int, since: int, until: int) -> AsyncIterator[str]:
    """Yield a turbine's readings with since ≤ measured_at < until as CSV, oldest first, without holding them.

    The API gives the newest rows of a range, so this asks for slices of time and halves one that is too full;
    over empty stretches the slices grow. The lines are those of `gridws export metrics`.
    """
    yield heading(Table.metrics)
    width = FIRST_SLICE
    while since < until:
        end = min(since + width, until)
        rows = await archive.readings(turbine_number, since, end)
        if len(rows) == PAGE and end - since > 1:
            width = max(1, (end - since) // 2)
            continue
        if not rows:
            width *= 2
        yield reading_lines(rows)
        since = end
