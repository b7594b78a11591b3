"""`gridws report`, `export` and `backup` as they are typed."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from an_hour import BEGIN, REPAIRS, STATUSES, at, readings

from gridws import cli
from gridws.settings import MonitorSettings
from gridws.storage.batches import Batch
from gridws.storage.rows import LinkRow
from gridws.storage.sqlite.store import SqliteStore

pytestmark = pytest.mark.slow

HOUR = ("--from", "2023-11-14T22:13Z", "--to", "2023-11-14T23:13Z")
Run = Callable[..., int]


@pytest.fixture
async def database(tmp_path: Path) -> Path:
    path = tmp_path / "gridws.db"
    store = SqliteStore(path, settings=MonitorSettings(retain_readings=None))
    await store.open(now=BEGIN)
    await store.write(
        Batch(
            links=[LinkRow(1, 7, at(-30))],
            statuses=[*STATUSES[7], *STATUSES[8]],
            repairs=[*REPAIRS[7], *REPAIRS[8]],
            readings=readings(7, *(n / 60 for n in range(3600))),
        )
    )
    await store.maintain(now=at(60))
    await store.close()
    return path


@pytest.fixture
def run(database: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Return a function that runs a command in this process and returns its exit code."""

    def run(*words: str) -> int:
        monkeypatch.setattr(sys, "argv", ["gridws", *words])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        return int(ended.value.code or 0)

    monkeypatch.setenv("GRIDWS_DATABASE", str(database))
    return run


def test_a_report_of_a_range(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("report", *HOUR) == 0

    shown = capsys.readouterr().out
    assert "  fleet  82.60 %" in shown
    assert "repaired 2, timed_out 1" in shown


def test_a_report_of_one_turbine_as_json(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("report", *HOUR, "--turbine", "7", "--json") == 0

    answer = json.loads(capsys.readouterr().out)
    assert [row["turbine_number"] for row in answer["turbines"]] == [7]
    assert answer["fleet"]["energy_in_kwh"] == pytest.approx(1200, rel=0.001)


@pytest.mark.parametrize("words", [("report",), ("export", "links")])
def test_after_the_demo_its_database_is_named(
    run: Run,
    database: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: tuple[str, ...],
) -> None:
    monkeypatch.chdir(database.parent)
    monkeypatch.delenv("GRIDWS_DATABASE")
    database.rename("gridws-demo.db")

    assert run(*words) == 1

    assert capsys.readouterr().err == (
        "gridws: cannot use the database gridws.db: there is no such file; for the demo's, add"
        " --database gridws-demo.db\n"
    )


@pytest.mark.parametrize("shape", [(), ("--csv",)])
def test_a_report_of_one_turbine_has_its_figures_once(
    run: Run, capsys: pytest.CaptureFixture[str], shape: tuple[str, ...]
) -> None:
    assert run("report", *HOUR, "--turbine", "7", *shape) == 0

    shown = capsys.readouterr()
    begins = [line.replace(",", " ").split()[0] for line in shown.out.splitlines() if line.strip()]
    assert begins.count("7") == 1
    assert "fleet" not in begins
    assert shown.err == ""


@pytest.mark.parametrize(
    "words",
    [("report",), ("report", "--csv"), ("report", "--json"), ("export", "metrics"), ("export", "links")],
)
def test_a_turbine_of_which_there_is_nothing_is_said_beside_the_answer(
    run: Run, capsys: pytest.CaptureFixture[str], words: tuple[str, ...]
) -> None:
    assert run(*words, *HOUR, "--turbine", "999") == 0

    shown = capsys.readouterr()
    assert "fleet " not in shown.out
    assert shown.err == "gridws: there is nothing of turbine 999 in this range\n"


def test_a_report_of_a_day_without_anything_is_no_error(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("report", "--from", "2020-01-01", "--to", "2020-01-02") == 0

    assert "Nothing was collected in this time." in capsys.readouterr().out


def test_an_explanation_needs_no_database(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("report", "--explain", "--database", "/no/such.db") == 0

    assert "IEC 61400-26-1" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (("report", "--since", "5x"), 2, "gridws: '5x' is no length of time"),
        (
            ("report", "--from", "2999-01-01", "--to", "3000-01-01"),
            2,
            "gridws: the range begins in the future",
        ),
        (("report", "--json", "--csv"), 2, "gridws: --json and --csv exclude each other"),
        (("report", "--database", "/no/such.db"), 1, "cannot use the database /no/such.db: there is no such"),
        (("export", "metrics", "--from", "soon"), 2, "gridws: --from 'soon' is no time"),
        (("export", "metrics", "-o", "x%q"), 2, "gridws: '%q' in 'x%q' is no part of a date"),
        (("export", "links", "-o", "/tmp/x.parquet", "--times", "excel"), 2, "gridws: --times is for CSV"),
        (("export", "metrics", "-o", "/no/such/folder/x"), 1, "cannot write /no/such/folder/x"),
        (("backup", "/"), 2, "gridws: / exists already"),
    ],
)
def test_a_mistake_is_one_line(
    run: Run, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], code: int, sentence: str
) -> None:
    assert run(*words) == code

    shown = capsys.readouterr()
    assert shown.out == ""
    assert sentence in shown.err
    assert shown.err.count("\n") == 1


def test_an_export_into_a_file(run: Run, tmp_path: Path) -> None:
    assert run("export", "metrics", "-o", str(tmp_path / "out.csv")) == 0

    assert len((tmp_path / "out.csv").read_text().splitlines()) == 3601


def test_an_export_as_parquet(run: Run, tmp_path: Path) -> None:
    assert run("export", "metrics", "-o", str(tmp_path / "out.parquet")) == 0

    assert pq.read_table(tmp_path / "out.parquet").num_rows == 3600


def test_without_its_package_parquet_says_what_to_install(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    monkeypatch.delitem(sys.modules, "gridws.report.parquet", raising=False)

    assert run("export", "metrics", "-o", str(tmp_path / "out.parquet")) == 2

    assert capsys.readouterr().err == (
        "gridws: Parquet takes one more package: pip install 'gridws[parquet]'\n"
    )
    assert not list(tmp_path.glob("out*"))


def test_an_export_for_a_spreadsheet_each_day_anew(run: Run, tmp_path: Path) -> None:
    words = ("export", "links", "--times", "excel", "--force", "-o", str(tmp_path / "links-%Y.csv"))

    assert run(*words) == 0
    assert run(*words) == 0

    (path,) = tmp_path.glob("links-2*.csv")
    assert path.read_text().splitlines()[1].startswith("1,7,2023-11-14 21:43:00.000,")


def test_an_export_never_overwrites_the_database(run: Run, database: Path) -> None:
    before = database.read_bytes()

    assert run("export", "metrics", "-o", str(database)) == 2

    assert database.read_bytes() == before


def test_a_backup_reports_like_the_database(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copy = str(tmp_path / "copy.db")

    assert run("backup", copy) == 0

    capsys.readouterr()
    assert run("report", *HOUR, "--database", copy) == 0
    assert "  fleet  82.60 %" in capsys.readouterr().out


@pytest.mark.parametrize("words", [("export", "metrics"), ("report", *HOUR, "--csv")])
def test_a_reader_that_has_seen_enough_is_no_trouble(database: Path, words: tuple[str, ...]) -> None:
    command = [sys.executable, "-m", "gridws", *words, "--database", str(database)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.close()
        assert process.stderr is not None

        complaint = process.stderr.read()

    assert (process.returncode, complaint) == (0, b"")
