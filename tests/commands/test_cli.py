"""The command line as a stranger meets it: helps, mistakes, log lines."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from gridws import cli
from gridws.settings import ENVIRONMENT_PREFIX

pytestmark = pytest.mark.slow

GRIDWS = [sys.executable, "-m", "gridws"]
COMMANDS = [
    "monitor",
    "turbines",
    "watch",
    "dashboard",
    "report",
    "export",
    "backup",
    "plan",
    "hold",
    "next",
    "forget",
    "token",
    "config",
    "demo",
    "asyncapi",
    "manual",
]


def call(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["gridws", *arguments])
    with pytest.raises(SystemExit) as ending:
        cli.main()
    return int(ending.value.code or 0)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_a_help(
    command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(monkeypatch, command, "--help") == 0
    assert "--help" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["monitor", "--port", "99999"], "--port"),
        (["monitor", "--engineers", "-1"], "--engineers"),
        (["monitor", "--host", "0.0.0.0"], "--insecure"),
        (["turbines", "--count", "0"], "--count"),
        (["turbines", "--monitor", "nowhere"], "nowhere"),
        (["turbines", "--first-number", "2147483647"], "2147483647"),
        (["watch", "--monitor", "ftp://x"], "ftp://x"),
        (["export", "weather"], "TABLE: 'weather' is not one of metrics"),
        (["turbines", "--wind", "calm"], "--wind: 'calm' is not one of varying, static; try "),
        (["export"], "metrics, repairs, links"),
        (["repair"], "repair"),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_2(
    arguments: list[str], word: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(monkeypatch, *arguments) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert word in error


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (
            ["monitor", "--port", "99999"],
            "--port: 99999 is not a whole number from 0 to 65535; try gridws monitor",
        ),
        (
            ["turbines", "--time-to-fail", "soon"],
            "--time-to-fail: 'soon' is not a number of at least 0.01; try",
        ),
        (["export"], "TABLE is missing: one of metrics, repairs, links; try"),
        (["monitor", "--prot", "1"], "there is no option --prot, perhaps --host or --port; try"),
        (["repair"], "there is no command repair, perhaps report; try"),
        (["exprot"], "there is no command exprot, perhaps export or next; try"),
        (["monitor", "--port"], "--port wants a value; try"),
        (["watch", "now", "then"], "too many arguments: now then; try"),
        (["hold"], "TURBINE is missing: a whole number from 1 to 2147483647; try"),
    ],
)
def test_a_mistake_is_said_in_plain_words_with_where_to_find_more(
    arguments: list[str], sentence: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(monkeypatch, *arguments) == 2
    assert capsys.readouterr().err.startswith(f"gridws: {sentence}")


@pytest.mark.parametrize("command", COMMANDS)
def test_a_help_names_values_as_people_do(
    command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(monkeypatch, command, "-h") == 0
    assert not re.search(r"<(list|int|float|str|path)", capsys.readouterr().out)


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("gridws mon", "monitor"),
        ("gridws monitor --log-l", "--log-level"),
        ("gridws turbines --wind ", "varying\nstatic"),
    ],
)
def test_the_tabulator_completes(
    typed: str, offered: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("_GRIDWS_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", typed)
    monkeypatch.setenv("COMP_CWORD", str(typed.count(" ")))

    assert call(monkeypatch) == 0

    assert capsys.readouterr().out == f"{offered}\n"


def test_a_variable_of_kubernetes_is_passed_over_with_a_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GRIDWS_PORT", "tcp://10.0.0.1:8787")
    monkeypatch.setenv("GRIDWS_PORT_8787_TCP_ADDR", "10.0.0.1")
    monkeypatch.setenv("GRIDWS_SERVICE_HOST", "10.0.0.1")

    assert call(monkeypatch, "config", "monitor") == 0

    printed = capsys.readouterr()
    assert "\nport = 8787 " in printed.out
    assert printed.err == (
        "gridws: GRIDWS_PORT is passed over: tcp://10.0.0.1:8787 is what Kubernetes sets for a Service of that name\n"
    )


@pytest.mark.parametrize(
    ("name", "value"), [("RETAIN", "7x"), ("ALLOW_ORIGIN", "farm.example"), ("HOST", "192.0.2.1")]
)
def test_a_bad_value_of_ours_is_named_with_its_variable(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(f"GRIDWS_{name}", value)

    assert call(monkeypatch, "monitor") == 2

    assert capsys.readouterr().err.endswith(f" (from GRIDWS_{name})\n")


@pytest.mark.parametrize(
    ("arguments", "begin"), [([], "Usage: "), (["--version"], f"gridws {version('gridws')}\n")]
)
def test_without_a_command_it_says_what_there_is(
    arguments: list[str], begin: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(monkeypatch, *arguments) == 0
    assert capsys.readouterr().out.startswith(begin)


def test_a_database_that_cannot_be_used_is_one_line_and_exit_code_1(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    text = tmp_path / "notes.txt"
    text.write_text("these are my notes, and no database at all\n" * 50, encoding="utf-8")
    assert call(monkeypatch, "monitor", "--port", "0", "--database", str(text)) == 1
    assert capsys.readouterr().err.count("\n") == 1
    assert text.read_text(encoding="utf-8").startswith("these are my notes")


@pytest.mark.parametrize("command", [["monitor", "--port", "0"], ["report"], ["backup", "copy.db"]])
def test_a_database_that_may_not_be_read_is_like_any_other_that_cannot_be_used(
    command: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("gridws.db").mkdir()
    monkeypatch.setattr(os, "access", lambda *_, **__: False)  # root may read everything
    assert call(monkeypatch, *command) == 1
    assert capsys.readouterr().err == "gridws: cannot use the database gridws.db: is a directory\n"


def test_an_option_can_be_a_variable(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(f"{ENVIRONMENT_PREFIX}PORT", "a lot")
    assert call(monkeypatch, "monitor") == 2
    assert "GRIDWS_PORT" in capsys.readouterr().err


def test_a_misspelt_variable_is_said_once_and_one_of_another_command_is_not(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("ENGINERS", "COUNT", "SECRET", "DASHBOARD_PORT"):
        monkeypatch.setenv(f"{ENVIRONMENT_PREFIX}{name}", "3")
    assert call(monkeypatch, "asyncapi") == 0
    sentence = "no command has an option for GRIDWS_ENGINERS; --help names the variables"
    assert capsys.readouterr().err == f"gridws: {sentence}\n"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_turbines_without_a_monitor_say_so_once_and_end_on_a_signal(number: signal.Signals) -> None:
    turbines = subprocess.Popen(
        [*GRIDWS, "turbines", "--count", "1", "--monitor", "ws://127.0.0.1:1", "--time-to-fail", "9"],
        stderr=subprocess.PIPE,
        text=True,
    )
    assert turbines.stderr is not None
    first = turbines.stderr.readline()
    turbines.send_signal(number)
    _, rest = turbines.communicate(timeout=6)
    assert "turbine 1" in first
    assert "connection refused" in first
    assert "Traceback" not in rest
    assert turbines.returncode == 0


def test_a_reader_who_has_seen_enough_ends_a_command_quietly() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    result = subprocess.run(
        [*GRIDWS, "--help"], stdout=writing, stderr=subprocess.PIPE, text=True, check=False, timeout=30
    )
    os.close(writing)
    assert "Traceback" not in result.stderr


def test_what_runs_until_it_is_stopped_ends_well_when_it_is_stopped_early(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def stopped(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("gridws.commands.serving.run_monitor", stopped)

    assert call(monkeypatch, "monitor") == 0
    assert {"monitor", "turbines", "watch", "dashboard", "demo"} == cli.SERVICES


def test_an_interrupted_backup_is_no_backup(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def stopped(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("gridws.storage.sqlite.backup.back_up", stopped)

    assert call(monkeypatch, "backup", str(tmp_path / "copy.db")) == 130


def test_a_wrong_time_to_keep_names_its_option(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(monkeypatch, "monitor", "--retain", "7x") == 2
    complaint = capsys.readouterr().err
    assert complaint.startswith("gridws: --retain: '7x' is no length of time")
    assert "forever" in complaint


@pytest.mark.parametrize(
    ("variable", "options"),
    [("ws://a:1,nowhere", []), ("", ["--monitor", "ws://a:1", "--monitor", "nowhere"])],
)
def test_the_option_is_repeated_and_the_variable_has_commas(
    variable: str, options: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GRIDWS_MONITOR", variable)

    code = call(monkeypatch, "turbines", *options)

    assert code == 2
    assert "'nowhere' is no address of a monitor" in capsys.readouterr().err
