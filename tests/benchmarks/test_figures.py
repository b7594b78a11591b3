"""Figures are shown as tables that can be read as they are, and compared with the first of their table."""

from __future__ import annotations

import json

import pytest

from scripts.benchmarks.figures import (
    WIDEST,
    Figure,
    Group,
    as_json,
    columns,
    percentile,
    print_facts,
    print_group,
    row,
)


@pytest.mark.parametrize(
    ("share", "expected"), [(0.5, 51.0), (0.99, 100.0), (1.0, 100.0)], ids=["median", "99 %", "slowest"]
)
def test_a_percentile_is_a_value_that_was_seen_in_milliseconds(share: float, expected: float) -> None:
    assert percentile([number / 1000 for number in range(100, 0, -1)], share) == expected


def test_there_is_no_percentile_of_nothing() -> None:
    assert percentile([], 0.5) is None


@pytest.mark.parametrize(
    ("mine", "first"),
    [
        (Figure(what="b", cpu_us_a_frame=9.0, ms=1.0), Figure(what="a", cpu_us_a_frame=12.0, ms=1.0)),
        (Figure(what="b", ms=75.0), Figure(what="a", ms=100.0)),
        (Figure(what="b", round_trip_ms_50=0.3), Figure(what="a", round_trip_ms_50=0.4)),
    ],
    ids=["cpu", "time", "round trip"],
)
def test_the_ratio_is_of_what_the_table_is_about(mine: Figure, first: Figure) -> None:
    mine.compare(first)
    assert mine.ratio == 0.75


def test_what_has_nothing_in_common_has_no_ratio() -> None:
    mine = Figure(what="b", ms=1.0)
    mine.compare(Figure(what="a", cpu_us_a_frame=1.0))
    assert mine.ratio is None


def test_a_row_has_a_cell_for_each_column_and_an_empty_one_for_what_was_not_measured() -> None:
    titles = columns("links", "ratio", "ms")
    assert row(titles, vars(Figure(what="gridws", links=3_000, ratio=0.9))) == (
        f"| {'gridws':<{WIDEST}} |    3,000 |      0.9 |          |"
    )


def test_a_table_begins_with_the_machine(capsys: pytest.CaptureFixture[str]) -> None:
    figures = [Figure(what="python", ms=100.0), Figure(what="gridws", ms=200.0)]
    print_group(Group(lambda: figures, columns("ms")))
    machine, _, head, rule, *rows = capsys.readouterr().out.strip().splitlines()
    assert machine.startswith("load ")
    assert "calibration loop" in machine
    assert [line.split("|")[1].strip() for line in (head, *rows)] == ["what", "python", "gridws"]
    assert set(rule) == set("|- ")


def test_facts_of_a_run_are_lines_of_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    facts = {"stored of it": 0.9, "said": {"ok": 3}}
    assert print_facts("a run", facts) == [facts]
    assert [line.split("|")[2].strip() for line in capsys.readouterr().out.splitlines()[-2:]] == [
        "0.9",
        "{'ok': 3}",
    ]


def test_what_is_kept_leaves_out_what_was_not_measured() -> None:
    kept = json.loads(as_json({"starts": [vars(Figure(what="gridws", ms=200.0))]}))
    assert kept["tables"] == {"starts": [{"what": "gridws", "ms": 200.0}]}
    assert {"load", "calibration_ms", "python"} <= kept["machine"].keys()
