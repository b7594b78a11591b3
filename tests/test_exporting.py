"""Tables as CSV."""

from __future__ import annotations

import csv
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from an_hour import BEGIN, HOUR, REPAIRS, at

from gridws import exporting
from gridws.exporting import Table, export
from gridws.settings import MAX_MEASURED_AT, MonitorSettings
from gridws.spans import Span
from gridws.storage import Batch, LinkRow, Reading
from gridws.storage.reader import open_reader
from gridws.storage.sqlite import SqliteStore

ALWAYS = Span(0, MAX_MEASURED_AT + 1)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "gridws.db"


@pytest.fixture
async def store(path: Path) -> AsyncIterator[SqliteStore]:
    opened = SqliteStore(path, settings=MonitorSettings(retain_readings=None))
    await opened.open(now=BEGIN)
    yield opened
    await opened.close()


def lines(path: Path, table: Table, span: Span = ALWAYS, turbine_number: int | None = None) -> list[str]:
    with open_reader(path) as connection:
        return "".join(chunk.text for chunk in export(connection, table, span, turbine_number)).splitlines()


def reading(number: int, minutes: float, wind: float = 8.0) -> Reading:
    return Reading(number, at(minutes), wind, 1200.0, "ok", at(minutes) + 5)


async def test_readings_come_by_time_with_iso_times(store: SqliteStore, path: Path) -> None:
    await store.write(Batch(readings=[reading(8, 0.5, 0.1 + 0.2), reading(7, 0)]))

    assert lines(path, Table.metrics) == [
        "turbine_number,measured_at,wind_speed,power_output_in_kwh,operational_status,received_at",
        "7,2023-11-14T22:13:00.000Z,8.0,1200.0,ok,2023-11-14T22:13:00.005Z",
        "8,2023-11-14T22:13:30.000Z,0.30000000000000004,1200.0,ok,2023-11-14T22:13:30.005Z",
    ]


async def test_repairs_come_by_id_and_a_running_one_has_empty_fields(store: SqliteStore, path: Path) -> None:
    running = REPAIRS[7][1]._replace(ended_at=None, outcome=None)
    await store.write(Batch(repairs=[running, *REPAIRS[8]]))

    assert lines(path, Table.repairs) == [
        "id,turbine_number,engineer_id,broken_at,assigned_at,ended_at,outcome",
        "1,8,3,2023-11-14T22:08:00.000Z,2023-11-14T22:12:00.000Z,2023-11-14T22:18:00.000Z,repaired",
        "3,7,2,2023-11-14T22:23:00.000Z,2023-11-14T22:33:00.000Z,,",
    ]


async def test_a_text_with_a_comma_stays_one_field(store: SqliteStore, path: Path) -> None:
    await store.write(Batch(links=[LinkRow(1, 7, at(0), at(1), 'lost, "said" it\nself')]))

    rows = list(csv.reader(line + "\n" for line in lines(path, Table.links)))

    assert ",".join(rows[1][:2]) == "1,7"
    assert rows[1][4].startswith('lost, "said" it')


@pytest.mark.parametrize("turbine_number", [None, 7])
async def test_readings_of_a_range_are_those_measured_in_it(
    store: SqliteStore, path: Path, turbine_number: int | None
) -> None:
    await store.write(Batch(readings=[reading(7, n) for n in (-0.001, 0, 59.999, 60)]))

    found = lines(path, Table.metrics, HOUR, turbine_number)

    assert [line.split(",")[1][11:] for line in found[1:]] == ["22:13:00.000Z", "23:12:59.940Z"]


async def test_what_overlaps_a_range_is_in_it(store: SqliteStore, path: Path) -> None:
    before, over = LinkRow(1, 7, at(-9), at(-1), "silent"), LinkRow(2, 7, at(-1), at(1), "silent")
    open_, after = LinkRow(3, 7, at(59)), LinkRow(4, 7, at(60))
    await store.write(Batch(links=[before, over, open_, after]))

    found = lines(path, Table.links, HOUR)

    assert [line[0] for line in found[1:]] == ["2", "3"]


async def test_slices_lose_nothing_and_repeat_nothing(
    store: SqliteStore, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Many readings of one turbine in one second, so that slices end within a turbine's second.
    rows = [reading(number, 0, float(n)) for n in range(20) for number in (1, 2, 3)]
    await store.write(Batch(readings=rows, repairs=[*REPAIRS[7], *REPAIRS[8]]))
    whole = lines(path, Table.metrics), lines(path, Table.repairs)

    monkeypatch.setattr(exporting, "_ROWS", 1)

    assert (lines(path, Table.metrics), lines(path, Table.repairs)) == whole
    assert len(whole[0]) == 61


async def test_one_turbine_is_the_same_as_its_lines_of_all(store: SqliteStore, path: Path) -> None:
    rolled_up = [reading(number, n / 7) for n in range(300, 1500) for number in (7, 8)]
    await store.write(Batch(readings=rolled_up))
    await store.maintain(now=at(90))
    fresh = [reading(7, 100), Reading(7, at(-5000), 0.1 + 0.2, 1.0, "ok", at(100)), reading(8, 100)]
    await store.write(Batch(readings=fresh))

    found = lines(path, Table.metrics, turbine_number=7)

    everything = lines(path, Table.metrics)
    assert found == [everything[0], *(line for line in everything if line.startswith("7,"))]
    assert len(found) == 1203


@pytest.mark.parametrize("table", [Table.repairs, Table.links])
async def test_one_turbine_of_the_other_tables(store: SqliteStore, path: Path, table: Table) -> None:
    links = [LinkRow(1, 7, at(0)), LinkRow(2, 8, at(0))]
    await store.write(Batch(repairs=[*REPAIRS[7], *REPAIRS[8]], links=links))

    found = lines(path, table, turbine_number=8)

    assert [line.split(",")[1] for line in found] == ["turbine_number", "8"]


@pytest.mark.parametrize("table", Table)
async def test_an_empty_table_is_a_header(store: SqliteStore, path: Path, table: Table) -> None:
    assert len(lines(path, table)) == 1


async def test_the_end_says_that_all_is_done(store: SqliteStore, path: Path) -> None:
    await store.write(Batch(readings=[reading(7, n) for n in range(3)]))

    with open_reader(path) as connection:
        chunks = list(export(connection, Table.metrics, ALWAYS))

    assert (chunks[-1].done, sum(chunk.rows for chunk in chunks)) == (1.0, 3)


async def test_a_time_of_the_year_9999_can_be_written(store: SqliteStore, path: Path) -> None:
    await store.write(Batch(readings=[Reading(7, MAX_MEASURED_AT, 1.0, 1.0, "ok", at(0))]))

    assert lines(path, Table.metrics)[1].startswith("7,9999-12-31T23:59:59.999Z,")
