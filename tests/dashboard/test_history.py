"""What the charts are drawn through: what the monitor has, and what was seen since."""

from __future__ import annotations

from itertools import pairwise
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from gridws.dashboard.archive import Archive
from gridws.dashboard.charts import LIGHT, Frame, Point, fleet_chart
from gridws.dashboard.history import FleetHistory, frame_of
from gridws.dashboard.ranges import MINUTE, RANGES
from gridws.dashboard.room import ControlRoom
from gridws.dashboard.visitor import Visitor
from gridws.settings import DashboardSettings

NOW = 1_790_000_040_000
"""A whole minute, in ms UTC."""


def minutes(request: httpx.Request) -> httpx.Response:
    """Answer as a monitor does that has rows of all time, up to the last whole minute."""
    query = {name: int(values[0]) for name, values in parse_qs(urlsplit(str(request.url)).query).items()}
    step = query["step"] * MINUTE
    rows = [
        {"at": at, "turbines": 5, "readings": 300, "power_output_in_kwh": 900.0, "energy_in_kwh": 15.0}
        for at in range(-(-query["since"] // step) * step, min(query["until"], NOW), step)
    ]
    return httpx.Response(200, json=rows)


def visitor(key: str) -> Visitor:
    """Return one who looks at a range, on a dashboard that was started 20 s ago."""
    room = ControlRoom(DashboardSettings(monitor="ws://monitor:1"))
    room.archive = Archive(lambda: "ws://monitor:1", transport=httpx.MockTransport(minutes))
    room.mirror.at, room.mirror._heard_seconds = NOW, 0.0
    room.power.extend(Point(at, 0.0, 950.0) for at in range(NOW - 20_000, NOW + 1, 1_000))
    return Visitor(room, range=RANGES[key])


@pytest.mark.parametrize("key", RANGES)
async def test_the_fleets_power_is_one_line_from_the_past_to_now(key: str) -> None:
    view = visitor(key)
    history = FleetHistory(view)

    await history.refresh()

    frame: Frame = frame_of(view, view.range)
    data = fleet_chart(history.points, frame)["series"][0]["data"]
    assert all(value is not None for _, value in data)
    assert all(before < after for (before, _), (after, _) in pairwise(data))
    assert data[0][0] - frame.begin <= max(2 * MINUTE, frame.step)
    assert data[-1][0] == NOW
    assert frame.palette is LIGHT
