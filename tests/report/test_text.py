"""How a report looks: for people, as JSON and as CSV."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import replace

import pytest
from an_hour import COLLECTED, HOUR, ROWS, STATUSES, at

from gridws.report import text as report_text
from gridws.report.kpis import Figures
from gridws.report.reporting import make_report
from gridws.report.text import EXPLANATION, as_csv, as_json, as_table
from gridws.storage.records import Collected, TurbineRows
from gridws.storage.rows import Event, Name, Names

REPORT = make_report(ROWS, HOUR, COLLECTED)


@pytest.fixture(autouse=True)
def utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def test_the_table_of_an_hour() -> None:
    assert (
        as_table(REPORT, database="gridws.db")
        == """\
2023-11-14 22:13:00+00:00 to 2023-11-14 23:13:00+00:00, local time; database gridws.db

turbine   avail.   avail.  unknown    kWh    kWh  broke     MTBF   repair  waiting  waiting  at work
            time   energy                   lost                     mean     mean     95 %     mean
  fleet  82.60 %  36.36 %   5m 00s  200.0  350.0      1   1h 35m  12m 30s   5m 00s   6m 00s   7m 30s
      7  72.72 %  25.00 %   5m 00s  100.0  300.0      1  40m 00s  15m 00s   6m 00s   6m 00s   9m 00s
      8  91.66 %  66.66 %    0.0 s  100.0   50.0      0        —  10m 00s   4m 00s   4m 00s   6m 00s

engineer  repaired  assigned  at work  utilisation
       1         0         1   4m 00s       6.66 %
       2         1         1   5m 00s       8.33 %
       3         1         0   5m 00s       8.33 %

assignments ended: repaired 2, timed_out 1; broken at the end: 0
"""
    )


def test_the_table_of_nothing_has_dashes_and_a_sentence() -> None:
    text = as_table(make_report([], HOUR, Collected(None, None)), database="gridws.db")

    assert "Nothing was collected in this time." in text
    assert "  fleet       —" in text
    assert "nan" not in text.lower()


def test_the_table_says_between_which_moments_anything_was_collected() -> None:
    rows = [TurbineRows(8, STATUSES[8], [], 0.0)]

    text = as_table(make_report(rows, HOUR, Collected(at(10), at(20))), database="gridws.db")

    assert "Collected since 2023-11-14 22:23:00+00:00." in text
    assert "No monitor wrote anything after 2023-11-14 22:33:00+00:00." in text


def test_names_have_columns_where_there_are_any() -> None:
    names = Names({7: Name("West 3", "Westermarsch")}, {2: Name("Ann", None)})

    lines = as_table(make_report(ROWS, HOUR, COLLECTED, names), database="gridws.db").splitlines()

    assert [line[:31] for line in lines[2:7]] == [
        "turbine    name          site  ",
        "                               ",
        "  fleet                        ",
        "      7  West 3  Westermarsch  ",
        "      8                        ",
    ]
    assert lines[8].startswith("engineer  name  repaired")
    assert lines[10].startswith("       2   Ann ")


def test_planned_time_has_a_column_where_there_was_any() -> None:
    held = Event(at(10), "hold", 7, until=at(20))
    rows = [ROWS[0]._replace(events=[held]), ROWS[1]]

    text = as_table(make_report(rows, HOUR, COLLECTED), database="gridws.db")

    assert "turbine   avail.   avail.  unknown  planned " in text
    assert "  fleet  90.47 %  57.14 %   5m 00s  10m 00s " in text


def test_energy_past_its_age_is_said_and_no_share_is_made_of_it() -> None:
    text = as_table(make_report(ROWS, HOUR, COLLECTED._replace(energy_since=at(20))), database="gridws.db")

    assert "What was delivered is known since 2023-11-14 22:33:00+00:00." in text
    assert "  fleet  82.60 %       —   5m 00s  200.0  350.0 " in text


def test_of_a_large_fleet_those_that_need_attention_are_shown() -> None:
    fleet = replace(REPORT, turbines=[replace(REPORT.turbines[0], turbine_number=n) for n in range(1, 26)])

    short, long = (as_table(fleet, database="gridws.db", everything=all_) for all_ in (False, True))

    assert "… and 5 more turbines, none with a lower availability; --all shows them." in short
    assert len(long.splitlines()) == len(short.splitlines()) + 4


def test_a_wide_table_still_fits_a_terminal() -> None:
    large = replace(
        REPORT.turbines[0], turbine_number=2_147_483_647, energy_in_kwh=9_999_999.9, mtbf_in_seconds=86_399.0
    )

    text = as_table(replace(REPORT, turbines=[large]), database="gridws.db")

    assert max(map(len, text.splitlines())) <= 110


def test_every_line_of_the_explanation_fits_a_terminal() -> None:
    assert max(map(len, EXPLANATION.splitlines())) <= 108


@pytest.mark.parametrize("head", report_text._TURBINE_HEAD[1:])
def test_every_column_is_explained(head: tuple[str, str]) -> None:
    names = (" ".join(head).strip(), head[0])  # most means have an explanation without the word

    assert any(line.startswith(f"{name} ") for name in names for line in EXPLANATION.splitlines())


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.04, "0.0 s"),
        (59.94, "59.9 s"),
        (59.96, "1m 00s"),
        (3599.6, "1h 00m"),
        (86_399, "23h 59m"),
        (90_000, "1d 01h"),
    ],
)
def test_a_duration_has_two_units(seconds: float, text: str) -> None:
    turbine = replace(REPORT.fleet, mtbf_in_seconds=seconds)

    assert f"  {text}  " in as_table(replace(REPORT, fleet=turbine), database="gridws.db")


def test_what_was_not_always_there_is_not_rounded_to_all() -> None:
    almost = replace(REPORT.fleet, availability=0.99999)

    assert "99.99 %" in as_table(replace(REPORT, fleet=almost), database="gridws.db")


def test_json_has_every_figure() -> None:
    answer = json.loads(as_json(REPORT))

    assert Figures(**answer["fleet"]) == REPORT.fleet
    assert [Figures(**row) for row in answer["turbines"]] == REPORT.turbines
    assert (answer["since"], answer["until"]) == HOUR


def test_csv_has_a_row_for_the_fleet_and_for_each_turbine() -> None:
    rows = [line.split(",") for line in as_csv(REPORT).splitlines()]

    assert rows[0][:3] == ["turbine_number", "availability", "availability_by_energy"]
    assert [row[0] for row in rows[1:]] == ["fleet", "7", "8"]
    assert rows[3][rows[0].index("mtbf_in_seconds")] == ""
