"""`gridws plan` as it is typed."""

from __future__ import annotations

import json
import sqlite3
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from an_hour import BEGIN, REPAIRS, STATUSES, at

from gridws import cli
from gridws.settings import MonitorSettings
from gridws.storage.batches import Batch
from gridws.storage.rows import LinkRow
from gridws.storage.sqlite.store import SqliteStore

HOUR = ("--from", "2023-11-14T22:13Z", "--to", "2023-11-14T23:13Z")
FLEET = ("--turbines", "5", "--mtbf", "60s", "--repair", "20s", "--horizon", "30m", "--precision", "20")
Run = Callable[..., int]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Return a function that runs a command in this process, in a folder of its own, and returns its exit code."""

    def run(*words: str) -> int:
        monkeypatch.setattr(sys, "argv", ["gridws", "plan", *words])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        return int(ended.value.code or 0)

    monkeypatch.chdir(tmp_path)
    return run


@pytest.fixture
async def an_hour(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "gridws.db", settings=MonitorSettings(retain_readings=None))
    await store.open(now=BEGIN)
    repairs, statuses = [*REPAIRS[7], *REPAIRS[8]], [*STATUSES[7], *STATUSES[8]]
    await store.write(
        Batch(links=[LinkRow(1, 7, at(-30), at(60), "silent")], statuses=statuses, repairs=repairs)
    )
    await store.close()


def test_a_fleet_by_its_laws(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(*FLEET, "--engineers", "1-3") == 0

    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("5 turbines by their laws, 30 min, ")
    assert lines[2].split()[:2] == ["engineers", "available"]
    assert [line.split()[0] for line in lines[3:6]] == ["1", "2", "3"]
    assert lines[-1].startswith("Take ")


@pytest.mark.usefixtures("an_hour")
def test_a_recorded_fleet(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(*HOUR, "--engineers", "1-2", "--precision", "50", "--json") == 0

    answer = json.loads(capsys.readouterr().out)
    assert answer["source"] == "record"
    assert answer["turbines"] == 2
    assert [pool["engineers"] for pool in answer["pools"]] == [1, 2]


@pytest.mark.usefixtures("an_hour")
def test_a_range_without_anything_is_a_sentence(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--from", "2020-01-01", "--to", "2020-01-02") == 0

    assert "Nothing of a turbine is recorded in this range." in capsys.readouterr().out


def test_a_file_of_another_program_is_a_sentence(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    with closing(sqlite3.connect("notes.db")) as connection:
        connection.execute("CREATE TABLE notes (text)")

    assert run("--database", "notes.db") == 1

    assert capsys.readouterr().err.count("\n") == 1


def test_how_it_is_computed_can_be_read(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--explain") == 0

    assert "Kaplan-Meier" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (
            [],
            "there is no such file; a fleet without a record is planned by its laws: gridws plan --turbines 50",
        ),
        (["--mtbf", "60s"], "--mtbf says when turbines break; say with --repair how long a repair takes"),
        (["--mtbf", "60s", "--repair", "1s"], "--turbines is missing: how many turbines the fleet has"),
        (
            [*FLEET, "--preset", "demo"],
            "--preset says when turbines break and how long repairs take; leave out --mtbf and --repair",
        ),
        (
            [*FLEET, "--engineers", "3-1"],
            "--engineers '3-1' is no range of at most 100 pools; write 3 or 1-6",
        ),
        ([*FLEET, "--life", "normal"], "--life 'normal' is no law; write exponential, fixed, weibull:SHAPE"),
        (
            [*FLEET, "--shift", "19"],
            "--shift '19' is no shift; write 07-19, or 19:30-07 for one over midnight",
        ),
        (
            [*FLEET, "--travel", "soon"],
            "--travel: 'soon' is no length of time; write 90s, 30m, 24h, 7d or 2w",
        ),
        ([*FLEET, "--start", "old"], "--start 'old' is neither new nor steady"),
        ([*FLEET, "--horizon", "record"], "--horizon record goes with a record"),
        ([*FLEET, "--json", "--csv"], "--json and --csv exclude each other"),
    ],
)
def test_a_mistake_is_a_sentence(
    run: Run, capsys: pytest.CaptureFixture[str], words: list[str], sentence: str
) -> None:
    assert run(*words) in {1, 2}

    assert sentence in capsys.readouterr().err
