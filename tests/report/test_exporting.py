"""Tables as CSV."""

from __future__ import annotations

import csv

import pytest
from an_hour import REPAIRS, at

from gridws.report.exporting import Times, heading, lines
from gridws.settings import MAX_MEASURED_AT
from gridws.storage.records import Table
from gridws.storage.rows import LinkRow, Reading


def test_readings_have_iso_times_and_all_digits() -> None:
    rows = [
        Reading(7, at(0), 8.0, 1200.0, "ok", at(0) + 5),
        Reading(8, at(0.5), 0.1 + 0.2, 1e-7, "ok", at(1)),
    ]

    assert (heading(Table.metrics) + lines(Table.metrics, rows)).splitlines() == [
        "turbine_number,measured_at,wind_speed,power_output_in_kwh,operational_status,received_at",
        "7,2023-11-14T22:13:00.000Z,8.0,1200.0,ok,2023-11-14T22:13:00.005Z",
        "8,2023-11-14T22:13:30.000Z,0.30000000000000004,1e-07,ok,2023-11-14T22:14:00.000Z",
    ]


def test_a_spreadsheet_gets_times_without_a_letter_and_the_zone_in_the_heading() -> None:
    rows = [LinkRow(1, 7, at(0) + 7, None, None)]

    assert (heading(Table.links, Times.excel) + lines(Table.links, rows, Times.excel)).splitlines() == [
        "id,turbine_number,connected_at (UTC),disconnected_at (UTC),reason",
        "1,7,2023-11-14 22:13:00.007,,",
    ]


def test_readings_for_a_spreadsheet_too() -> None:
    text = lines(Table.metrics, [Reading(7, at(0), 8.0, 1200.0, "ok", at(0) + 5)], Times.excel)

    assert text == "7,2023-11-14 22:13:00.000,8.0,1200.0,ok,2023-11-14 22:13:00.005\n"


def test_a_running_repair_has_empty_fields() -> None:
    running = REPAIRS[7][1]._replace(ended_at=None, outcome=None)

    assert (heading(Table.repairs) + lines(Table.repairs, [*REPAIRS[8], running])).splitlines() == [
        "id,turbine_number,engineer_id,broken_at,assigned_at,ended_at,outcome",
        "1,8,3,2023-11-14T22:08:00.000Z,2023-11-14T22:12:00.000Z,2023-11-14T22:18:00.000Z,repaired",
        "3,7,2,2023-11-14T22:23:00.000Z,2023-11-14T22:33:00.000Z,,",
    ]


def test_a_text_with_a_comma_stays_one_field() -> None:
    text = lines(Table.links, [LinkRow(1, 7, at(0), at(1), 'lost, "said" it\nself')])

    (row,) = csv.reader(text.splitlines(keepends=True))
    assert row[:2] == ["1", "7"]
    assert row[4] == 'lost, "said" it\nself'


@pytest.mark.parametrize("table", Table)
def test_an_empty_table_is_a_heading(table: Table) -> None:
    assert lines(table, []) == ""
    assert heading(table).count("\n") == 1


def test_a_time_of_the_year_9999_can_be_written() -> None:
    text = lines(Table.metrics, [Reading(7, MAX_MEASURED_AT, 1.0, 1.0, "ok", at(0))])

    assert text.startswith("7,9999-12-31T23:59:59.999Z,")
