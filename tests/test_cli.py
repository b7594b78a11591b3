"""The command line as a stranger meets it: helps, mistakes, log lines."""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import pytest

from gridws import cli
from gridws.frames import Event, EventKind
from gridws.logs import LogFormat, LogLevel, configure
from gridws.settings import ENVIRONMENT_PREFIX

GRIDWS = [sys.executable, "-m", "gridws"]
COMMANDS = ["monitor", "turbines", "watch", "dashboard", "report", "export", "backup", "token", "demo"]


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
        (["export", "weather"], "'table': 'weather' is not one of"),
        (["turbines", "--wind", "calm"], "'GRIDWS_WIND'): 'calm' is not one of"),
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


@pytest.fixture
def _calm_logging() -> Iterator[None]:
    """Take away what `configure` set up when the test is over."""
    yield
    logging.basicConfig(force=True, level=logging.WARNING, handlers=[])
    logging.getLogger("gridws").setLevel(logging.NOTSET)


@pytest.mark.usefixtures("_calm_logging")
def test_json_lines_carry_the_facts_of_an_event(capsys: pytest.CaptureFixture[str]) -> None:
    configure(LogLevel.info, LogFormat.json)
    event = Event(id=3, at=1000, kind=EventKind.broke, turbine_number=7, text="turbine 7 broke")
    logging.getLogger("gridws").info(event.text, extra={"event": event})
    line = json.loads(capsys.readouterr().err)
    assert line["text"] == "turbine 7 broke"
    assert line["kind"] == "broke"
    assert line["turbine_number"] == 7
    assert line["level"] == "info"


@pytest.mark.usefixtures("_calm_logging")
def test_lines_in_a_pipe_are_plain_and_quiet_ones_are_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    configure(LogLevel.warning, LogFormat.text)
    logging.getLogger("gridws").info("turbine 7 broke")
    logging.getLogger("gridws").warning("disk nearly full")
    error = capsys.readouterr().err
    assert error.endswith("WARNING disk nearly full\n")
    assert "\x1b" not in error
    assert "turbine 7" not in error


@pytest.mark.parametrize("stderr", [None, "closed"])
def test_a_log_that_goes_nowhere_is_no_reason_to_fail(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, stderr: str | None
) -> None:
    with (tmp_path / "log").open("w") as file:
        monkeypatch.setattr(sys, "stderr", file)
        configure(LogLevel.info, LogFormat.json)
    if stderr is None:
        monkeypatch.setattr(sys, "stderr", None)
    monkeypatch.setattr(logging, "raiseExceptions", False)

    logging.getLogger("gridws.test").info("turbine 7 broke")


@pytest.mark.parametrize("style", LogFormat)
def test_a_log_that_nobody_reads_holds_nothing_up(monkeypatch: pytest.MonkeyPatch, style: LogFormat) -> None:
    read_end, write_end = os.pipe()
    with os.fdopen(read_end) as reader, os.fdopen(write_end, "w") as stderr:
        os.set_blocking(read_end, False)
        monkeypatch.setattr(sys, "stderr", stderr)
        configure(LogLevel.info, style)
        log = logging.getLogger("gridws.test")

        for number in range(3_000):
            log.info("turbine %d broke", number)

        kept = len(reader.readlines())
        log.info("turbine 7 broke")
        told, last = reader.readlines()
        assert 0 < kept < 3_000
        assert f"{3_000 - kept:,} log lines were dropped" in told
        assert "turbine 7 broke" in last


def test_what_runs_until_it_is_stopped_ends_well_when_it_is_stopped_early(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def stopped(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("gridws.commands.monitor.run_monitor", stopped)

    assert call(monkeypatch, "monitor") == 0
    wrapped = {each.name for each in cli.app.registered_commands if hasattr(each.callback, "__wrapped__")}
    assert wrapped == {"monitor", "turbines", "watch", "dashboard", "demo"}


def test_an_interrupted_backup_is_no_backup(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def stopped(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("gridws.storage.backup.back_up", stopped)

    assert call(monkeypatch, "backup", str(tmp_path / "copy.db")) == 130


def test_a_wrong_time_to_keep_names_its_option(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(monkeypatch, "monitor", "--retain", "7x") == 2
    complaint = capsys.readouterr().err
    assert complaint.startswith("gridws: --retain: '7x' is no length of time")
    assert "forever" in complaint
