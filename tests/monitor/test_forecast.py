"""What the disk will hold, by the rate of the last hour."""

from __future__ import annotations

import logging

import pytest
from doubles import SOME_DAY, HandClock

from gridws.monitor.disk_watch import DiskWatch
from gridws.monitor.forecast import BYTES_A_READING, DAY, LEFT_FREE, forecast, in_bytes, readings_a_day
from gridws.settings import MonitorSettings
from gridws.storage import Space
from gridws.storage.batches import Batch
from gridws.storage.memory import MemoryStore
from gridws.storage.rows import FleetMinute, Reading

A_THOUSAND_TURBINES = 1_000 * DAY
WEEK = 7 * DAY


def minute(place: int, readings: int) -> FleetMinute:
    return FleetMinute(SOME_DAY + place * 60_000, 1, readings, 0.0, 0.0)


def space(*, database: float = 0, free: float) -> Space:
    return Space(round(database), 0, round(free + LEFT_FREE))


def test_the_rate_is_that_of_the_minutes_with_the_gaps_between_them() -> None:
    assert readings_a_day([minute(0, 60), minute(1, 60), minute(3, 120)]) == 60 * 1440
    assert readings_a_day([]) is None


def test_a_week_of_a_thousand_turbines_takes_39_gigabytes() -> None:
    assert in_bytes(A_THOUSAND_TURBINES * BYTES_A_READING * 7) == "38.7 GB"


@pytest.mark.parametrize(
    ("here", "readings", "retain"),
    [
        pytest.param(space(free=40e9), A_THOUSAND_TURBINES, WEEK, id="there is room for the week"),
        pytest.param(
            space(database=39e9, free=0), A_THOUSAND_TURBINES, WEEK, id="the week is in the database"
        ),
        pytest.param(space(free=1e6), 0.0, None, id="nothing comes"),
    ],
)
def test_what_fits_never_fills_the_disk(here: Space, readings: float, retain: float | None) -> None:
    found = forecast(here, readings, retain, SOME_DAY)

    assert (found.full_at, found.warning) == (None, None)


def test_what_does_not_fit_says_when_and_what_would() -> None:
    a_day = A_THOUSAND_TURBINES * BYTES_A_READING

    found = forecast(space(free=3 * a_day), A_THOUSAND_TURBINES, WEEK, SOME_DAY)

    assert found.full_at == pytest.approx(SOME_DAY + 3 * DAY * 1000, abs=1_000)
    assert found.warning is not None
    assert found.warning.startswith("readings kept for 7 days take 38.7 GB and do not fit: at 5.5 GB a day")
    assert found.warning.endswith("--retain 2d would fit")


@pytest.mark.parametrize("days", [1e-6, 0.5, 3, 6.9])
def test_the_length_that_is_proposed_fits(days: float) -> None:
    here = space(free=days * A_THOUSAND_TURBINES * BYTES_A_READING)

    warning = forecast(here, A_THOUSAND_TURBINES, WEEK, SOME_DAY).warning

    assert warning is not None
    number, unit = (
        int(warning.split("--retain ")[1].split()[0][:-1]),
        warning.split("--retain ")[1].split()[0][-1],
    )
    proposed = number * (DAY if unit == "d" else 3_600.0)
    assert forecast(here, A_THOUSAND_TURBINES, proposed, SOME_DAY).warning is None or proposed == 3_600.0


def test_for_ever_fits_nowhere() -> None:
    assert forecast(space(free=1e15), 1.0, None, SOME_DAY).full_at is not None


def watch_over(store: MemoryStore) -> DiskWatch:
    clock = HandClock()
    clock.wall += 120_000
    return DiskWatch(store, settings=MonitorSettings(), clock=clock)


async def test_the_rate_comes_from_what_was_stored_and_a_warning_is_said_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, "gridws")
    store = MemoryStore()
    store.space = Space(1_000, 0, round(LEFT_FREE) + 1_000)
    rows = [Reading(7, SOME_DAY + at * 1000, 8.0, 1.0, "ok", SOME_DAY + at * 1000) for at in range(60)]
    await store.write(Batch(readings=rows))
    watch = watch_over(store)

    await watch.look()
    watch.say()
    watch.warn()
    watch.warn()

    assert watch.forecast is not None
    assert watch.forecast.bytes_a_day == pytest.approx(86_400 * BYTES_A_READING, rel=0.5)
    texts = [record.getMessage() for record in caplog.records]
    assert texts[0].startswith(
        "the database has 1 kB, 200.0 MB are free; 2.8 MB a day come, the disk is full on 20"
    )
    assert [text for text in texts if "would fit" in text] == [watch.forecast.warning]


async def test_where_the_data_lies_on_no_disk_nothing_is_said(caplog: pytest.LogCaptureFixture) -> None:
    watch = watch_over(MemoryStore())

    await watch.run()

    assert (watch.forecast, caplog.records) == (None, [])
