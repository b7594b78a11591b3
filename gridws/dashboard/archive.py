"""What the page asks the monitor's HTTP API for: history, repairs, availability, and the roster."""

from __future__ import annotations

from collections.abc import AsyncIterator
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final, TypeVar

import httpx
from pydantic import TypeAdapter, ValidationError

from ..dialing import tls_context, websocket_base
from ..errors import MonitorRefused, MonitorUnreachable
from ..exporting import Table, heading, reading_lines
from ..storage import Minute, Reading, Repair

TIMEOUT: Final = 10.0
PAGE: Final = 10_000
"""The most rows that the API gives at once."""
FIRST_SLICE: Final = 3_600_000
"""An hour in ms: 3,600 readings of a turbine that sends one a second."""

T = TypeVar("T")

_READINGS: Final = TypeAdapter(list[dict[str, Any]])
_POOL: Final = TypeAdapter(dict[str, Any])


class Archive:
    """The HTTP side of one monitor. Raises `MonitorUnreachable` or `MonitorRefused` with a sentence."""

    def __init__(
        self,
        monitor_url: str,
        *,
        token: str | None = None,
        ca_file: Path | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self.base = websocket_base(monitor_url).replace("ws", "http", 1)
        self._client = httpx.AsyncClient(
            base_url=f"{self.base}/api/v1",
            headers={"Authorization": f"Bearer {token}"} if token else {},
            # Only https makes use of it; the default would read all certificates for nothing.
            verify=tls_context(ca_file if self.base.startswith("https") else None),
            timeout=TIMEOUT,
            trust_env=False,
            transport=transport,
        )

    async def close(self) -> None:
        """End the connections."""
        await self._client.aclose()

    async def readings(self, turbine_number: int, since: int, until: int, limit: int = PAGE) -> list[Reading]:
        """Return the newest readings with since ≤ measured_at < until, oldest first."""
        path = f"/turbines/{turbine_number}/metrics"
        rows = await self._get(path, _READINGS, since=since, until=until, limit=limit)
        return [Reading(**row) for row in reversed(rows)]

    async def minutes(self, turbine_number: int, since: int, until: int) -> list[Minute]:
        """Return the turbine's minutes with since ≤ at < until, oldest first."""
        path = f"/turbines/{turbine_number}/minutes"
        rows = await self._get(path, _READINGS, since=since, until=until, limit=PAGE)
        return [Minute(**row) for row in rows]

    async def repairs(self, *, since: int = 0, limit: int, turbine_number: int | None = None) -> list[Repair]:
        """Return the assignments that ran at or after `since`, newest first."""
        only = {} if turbine_number is None else {"turbine_number": turbine_number}
        rows = await self._get("/repairs", _READINGS, since=since, limit=limit, **only)
        return [Repair(**row) for row in rows]

    async def availability(self, since: int, until: int) -> float | None:
        """Return the fleet's ok time by its known time, None where nothing is known."""
        report = await self._get("/report", _POOL, since=since, until=until, limit=1)
        value = report.get("fleet", {}).get("availability")
        return float(value) if isinstance(value, int | float) else None

    async def change_engineers(self, by: int) -> int:
        """Add engineers, or take some away, and return how many there shall be now."""
        count = (await self._get("/engineers", _POOL))["count"]
        wanted = max(0, count + by)
        await self._call("PUT", "/engineers", json={"count": wanted})
        return int(wanted)

    async def _get(self, path: str, answer: TypeAdapter[T], **query: int) -> T:
        response = await self._call("GET", path, params=query)
        try:
            return answer.validate_json(response.content)
        except ValidationError as error:
            raise MonitorUnreachable(self.base, "it answered something else than expected") from error

    async def _call(self, method: str, path: str, **options: Any) -> httpx.Response:
        try:
            response = await self._client.request(method, path, **options)
        except httpx.TimeoutException as error:
            raise MonitorUnreachable(self.base, f"no answer within {TIMEOUT:.0f} s") from error
        except httpx.HTTPError as error:
            raise MonitorUnreachable(self.base, "the connection failed") from error
        if response.is_success:
            return response
        raise MonitorRefused(self.base, _refusal(response.status_code))


def _refusal(status: int) -> str:
    match status:
        case HTTPStatus.UNAUTHORIZED:
            return "it wants a token; start the dashboard with --token"
        case HTTPStatus.FORBIDDEN:
            return "the dashboard's token may look but not change; that takes an operator's token"
        case _:
            return f"it answered HTTP {status}"


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
        yield reading_lines([(*row, 0, 0) for row in rows])
        since = end
