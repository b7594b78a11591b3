"""What is told of a long run: how evenly it stored, what health said, what was lost, and when engineers were late."""

from __future__ import annotations

import contextlib
import sqlite3
from collections import Counter
from pathlib import Path

import pytest

from gridws.storage.sqlite import schema
from scripts.benchmarks.capacity import Second, Step, number_in, rates
from scripts.benchmarks.file_watch import by_second, longest_pause
from scripts.benchmarks.growth import fleet_sizes
from scripts.benchmarks.overload import lost, said
from scripts.benchmarks.soak import by_retention, by_second_of_minute


def look(at: float, stored: float, *, took: float = 0.0, reason: str | None = None) -> Second:
    return Second(at, stored, "overloaded" if reason else "ok", reason, took, 0)


def test_rates_are_of_what_was_said_when_it_was_said() -> None:
    assert rates([look(0, 0), look(1, 100, took=1), look(2, 150)]) == [50.0]


def test_looks_that_follow_one_another_at_once_count_as_one() -> None:
    assert rates([look(0.0, 0), look(0.1, 90), look(1.0, 100), look(2.0, 300)]) == [100.0, 200.0]


def test_a_number_is_found_among_others_whose_names_begin_alike() -> None:
    text = "# HELP gridws_links\ngridws_links_lost 3.0\ngridws_links 7.0\n"
    assert number_in(text, "gridws_links") == 7.0


@pytest.mark.parametrize(("stored", "kept_up"), [(990.0, True), (900.0, False)])
def test_a_monitor_keeps_up_with_what_it_stores(stored: float, kept_up: bool) -> None:  # noqa: FBT001
    assert Step(1_000.0, stored, 0.5, []).kept_up is kept_up


def test_what_health_said_is_counted_without_its_numbers() -> None:
    looks = [look(0, 0), look(1, 0, reason="1,204 links wait"), look(2, 0, reason="7 links wait")]
    assert said(looks) == {"overloaded: N links wait": 2, "ok": 1}


def test_the_longest_pause_may_be_before_the_first_change_or_after_the_last() -> None:
    assert longest_pause([10.0, 14.0, 15.0, 18.0]) == 4.0
    assert longest_pause([10.0, 11.0, 15.0]) == 4.0


def test_changes_are_counted_by_the_second_without_begin_and_end() -> None:
    assert by_second([10.0, 11.1, 11.9, 13.5, 14.0]) == Counter({11: 2, 13: 1})


@pytest.mark.parametrize(
    ("files", "sizes"),
    [(400, [500]), (1_485, [500, 1_000]), (4_152, [500, 1_000, 2_000, 3_000])],
)
def test_fleets_grow_to_the_limit_of_open_files(files: int, sizes: list[int]) -> None:
    assert fleet_sizes(files) == sizes


def test_engineers_are_told_by_the_second_of_the_minute() -> None:
    rows = by_second_of_minute([(600.5, 0.004), (599.9, 0.002), (630.0, 0.001), (631.0, 0.001)])
    assert [(row["what"], row["count"], row["ratio"]) for row in rows if row["count"]] == [
        ("all other seconds", 2, 1.0),
        ("second -1", 1, 2.0),
        ("second +0", 1, 4.0),
    ]


def test_engineers_are_told_by_what_retention_did_then() -> None:
    rows = by_retention([(10.5, 0.001), (11.5, 0.002), (12.5, 0.003)], {11: 1, 12: 40})
    assert [row["ratio"] for row in rows] == [1.0, 2.0, 3.0]


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """A file in which turbine 1 has three readings and a cursor of 3, turbine 2 a cursor of 5 and no reading left."""
    path = tmp_path / "a.db"
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
        schema.migrate(connection)
        connection.execute("INSERT INTO stream_names VALUES (1, 1, 'a'), (2, 2, 'a')")
        connection.execute("INSERT INTO cursors VALUES (1, 3), (2, 5)")
        row = "INSERT INTO metrics (second, turbine_number, id, measured_at, wind_speed, power_output_in_kwh,"
        row += " operational_status, received_at) VALUES (1, 1, ?, 1000, 1.0, 1.0, 'ok', 1000)"
        connection.executemany(row, [(1,), (2,), (3,)])
    return path


@pytest.mark.parametrize(
    ("acked", "all_kept", "gone"),
    [([3, 0], True, 0), ([4, 0], True, 1), ([3, 5], True, 5), ([3, 5], False, 0), ([3, 7], False, 2)],
)
def test_what_was_acknowledged_is_looked_for(
    database: Path,
    acked: list[int],
    all_kept: bool,  # noqa: FBT001
    gone: int,
) -> None:
    assert lost(database, acked, all_kept=all_kept) == gone
