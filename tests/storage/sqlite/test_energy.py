"""Energy where the readings themselves are gone."""

from __future__ import annotations

from pathlib import Path

import pytest
from an_hour import BEGIN, at, readings

from gridws.report.reporting import report_of
from gridws.settings import MonitorSettings
from gridws.spans import Span
from gridws.storage.batches import Batch
from gridws.storage.rows import LinkRow
from gridws.storage.sqlite.store import SqliteStore


@pytest.mark.parametrize(
    ("begin", "end", "kwh"), [(0, 3, 60.0), (0.25, 0.5, 5.0), (0.25, 2.75, 50.0), (2.75, 9, 5.0)]
)
async def test_of_a_minute_past_its_readings_age_the_share_by_time_counts(
    path: Path, begin: float, end: float, kwh: float
) -> None:
    store = SqliteStore(path, settings=MonitorSettings(retain_readings=600, retain_minutes=None))
    await store.open(now=BEGIN)
    moments = [n / 60 for n in range(181)]
    await store.write(Batch(links=[LinkRow(1, 7, BEGIN)], readings=readings(7, *moments)))
    await store.maintain(now=at(20))  # rolls up
    await store.maintain(now=at(20))  # deletes

    span = Span(at(begin), at(end))
    report = await store.read(lambda records: report_of(records, span, now=at(20)))

    assert await store.readings(7, since=0, until=at(99), limit=1) == []
    assert report.fleet.energy_in_kwh == pytest.approx(kwh, abs=0.5)
    await store.close()
