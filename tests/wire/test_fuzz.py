"""Whatever text a turbine sends, its session goes on or closes with a reason, and nobody else notices."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from doubles import HandClock, ListLink, frame, metrics
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gridws.monitor.monitor import GridMonitor
from gridws.settings import MAX_INTEGER, MAX_MEASURED_AT, MAX_TURBINE_NUMBER, MonitorSettings
from gridws.wire.frames import CloseCode, parse_down

EDGES: list[Any] = [
    *(
        0,
        1,
        -1,
        7,
        8,
        MAX_TURBINE_NUMBER,
        MAX_TURBINE_NUMBER + 1,
        MAX_INTEGER,
        MAX_INTEGER + 1,
        2**64,
        10**400,
    ),
    *(MAX_MEASURED_AT, MAX_MEASURED_AT + 1, 0.0, -0.0, 1e308, float("inf"), float("-inf"), float("nan")),
    *(None, True, "", "7", "ok", "broken", "\x00", "\ud800", "a" * 65, [], {}, [[]]),
]
VALUES = st.sampled_from(EDGES) | st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
GOOD: list[dict[str, Any]] = [
    json.loads(text)
    for text in (
        frame("hello", stream="s", upload_frequency_in_seconds=1.0),
        metrics("ok"),
        metrics("broken", sequence=1, measured_at=1_790_000_000_000, historical=False),
        frame("status", operational_status="broken"),
    )
]
FIELDS = sorted({name for each in GOOD for name in each} | {"unknown"})


def spoilt(good: dict[str, Any], changes: dict[str, Any], missing: set[str]) -> str:
    return json.dumps({name: value for name, value in (good | changes).items() if name not in missing})


TEXTS = (
    st.text(max_size=100)
    | VALUES.map(json.dumps)
    | st.sampled_from(GOOD).map(json.dumps)
    | st.builds(
        spoilt,
        st.sampled_from(GOOD),
        st.dictionaries(st.sampled_from(FIELDS), VALUES, max_size=2),
        st.sets(st.sampled_from(FIELDS), max_size=1),
    )
    | st.sampled_from(
        ["[" * 50_000, '{"type":' * 5_000, "1" * 60_000, '{"type":"metrics","sequence":' + "9" * 9_000]
    )
)


async def story(texts: list[str]) -> tuple[ListLink, ListLink, GridMonitor]:
    """Send the texts as turbine 7, and a broken reading as turbine 8, which was there before."""
    monitor = GridMonitor(2, settings=MonitorSettings(engineers=2), clock=HandClock())
    await monitor.start()
    odd, calm = ListLink(), ListLink()
    neighbour = monitor.connect(8, calm)
    session = monitor.connect(7, odd)
    for text in texts:
        session.receive(text)
    neighbour.receive(metrics("broken", 8))
    return odd, calm, monitor


@given(st.lists(TEXTS, max_size=25))
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_no_text_disturbs_the_monitor(texts: list[str]) -> None:
    odd, calm, monitor = asyncio.run(story(texts))

    assert odd.close_code in {None, CloseCode.POLICY}
    assert calm.close_code is None
    assert calm.types == ["engineer_assigned"]
    assert 8 in monitor.last_turbines_metrics
    assert set(monitor.last_turbines_metrics) <= {7, 8}
    assert [parse_down(json.dumps(each)).type for each in odd.sent] == odd.types
