"""Log lines: what is in them, which are left out, and what becomes of those that nobody takes."""

from __future__ import annotations

import json
import logging
import os
import pty
import re
import sys
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from gridws.errors import OptionError, OutputFailed
from gridws.process.logs import LOGGERS, LogFormat, configure
from gridws.wire.frames import Event, EventKind

HOSTILE = "GET /\x1b]0;owned\x07\x1b[2J\nERROR forged \u202e"
SHOWN = "GET /\\x1b]0;owned\\x07\\x1b[2J\\nERROR forged \\u202e"
PACKAGE = Path(__file__).parent.parent.parent / "gridws"


@pytest.fixture
def _calm_logging() -> Iterator[None]:
    """Take away what `configure` set up when the test is over."""
    yield
    logging.basicConfig(force=True, level=logging.WARNING, handlers=[])
    logging.getLogger("gridws").setLevel(logging.NOTSET)


@pytest.mark.usefixtures("_calm_logging")
def test_json_lines_carry_the_facts_of_an_event(capsys: pytest.CaptureFixture[str]) -> None:
    configure([], LogFormat.json)
    event = Event(id=3, at=1000, kind=EventKind.broke, turbine_number=7, text="turbine 7 broke")
    logging.getLogger("gridws").info(event.text, extra={"event": event})
    line = json.loads(capsys.readouterr().err)
    assert datetime.fromisoformat(line.pop("timestamp")).utcoffset() == timedelta()
    assert line == {
        "level": "info",
        "logger": "gridws",
        "message": "turbine 7 broke",
        "kind": "broke",
        "turbine_number": 7,
    }


@pytest.mark.usefixtures("_calm_logging")
def test_lines_in_a_pipe_are_plain_and_quiet_ones_are_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    configure(["warning"], LogFormat.text)
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
        configure([], LogFormat.json)
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
        configure([], style)
        log = logging.getLogger("gridws.test")

        for number in range(3_000):
            log.info("turbine %d broke", number)

        kept = len(reader.readlines())
        log.info("turbine 7 broke")
        told, last = reader.readlines()
        assert 0 < kept < 3_000
        assert f"{3_000 - kept:,} log lines were dropped" in told
        assert "turbine 7 broke" in last


@pytest.mark.usefixtures("_calm_logging")
def test_a_line_of_text_has_a_zone(capsys: pytest.CaptureFixture[str]) -> None:
    configure([], LogFormat.text)

    logging.getLogger("gridws").info("turbine 7 broke")

    day, clock, *_ = capsys.readouterr().err.split()
    assert datetime.fromisoformat(f"{day} {clock}").tzinfo is not None


@pytest.mark.usefixtures("_calm_logging")
def test_what_happens_to_turbines_is_turned_down_alone(capsys: pytest.CaptureFixture[str]) -> None:
    configure(["info", "gridws.grid=warning"], LogFormat.json)

    logging.getLogger("gridws.grid").info("turbine 7 broke")
    logging.getLogger("gridws").info("the pool has 3 engineers now")

    assert json.loads(capsys.readouterr().err)["message"] == "the pool has 3 engineers now"


@pytest.mark.parametrize("level", ["loud", "gridws.gird=info", "gridws.grid=loud", "=info", ""])
def test_a_level_that_is_none_is_refused(level: str) -> None:
    with pytest.raises(OptionError, match=f"^--log-level: {level!r} is not one of debug, info"):
        configure([level])


def test_every_logger_has_a_level_of_its_own() -> None:
    sources = "".join(path.read_text(encoding="utf-8") for path in PACKAGE.rglob("*.py"))

    assert set(re.findall(r'getLogger\("(gridws[^"]*)"\)', sources)) == set(LOGGERS)


@pytest.mark.usefixtures("_calm_logging")
def test_a_log_file_that_is_moved_away_is_begun_anew(tmp_path: Path) -> None:
    file, moved = tmp_path / "gridws.log", tmp_path / "gridws.log.1"
    configure([], LogFormat.text, file)
    log = logging.getLogger("gridws")

    log.info("before")
    file.rename(moved)
    log.info("after")

    assert moved.read_text(encoding="utf-8").endswith("INFO    before\n")
    assert file.read_text(encoding="utf-8").endswith("INFO    after\n")
    assert len(file.read_text(encoding="utf-8").splitlines()) == 1


@pytest.mark.usefixtures("_calm_logging")
def test_a_full_disk_costs_lines_and_nothing_else(capsys: pytest.CaptureFixture[str]) -> None:
    configure([], LogFormat.text, Path("/dev/full"))

    logging.getLogger("gridws").info("turbine 7 broke")

    assert capsys.readouterr().err == ""


def test_a_log_file_that_cannot_be_made_is_a_sentence() -> None:
    with pytest.raises(OutputFailed, match="cannot write --log-file /no/such/log: no such file"):
        configure([], LogFormat.text, Path("/no/such/log"))


@pytest.mark.usefixtures("_calm_logging")
@pytest.mark.parametrize("logger", ["gridws", "uvicorn.error", "nicegui"])
def test_a_peers_words_are_one_line(logger: str, capsys: pytest.CaptureFixture[str]) -> None:
    configure([], LogFormat.text)

    logging.getLogger(logger).warning("refused %s", HOSTILE)

    assert capsys.readouterr().err.endswith(f"WARNING refused {SHOWN}\n")


@pytest.mark.usefixtures("_calm_logging")
def test_a_peers_words_are_one_line_of_json(capsys: pytest.CaptureFixture[str]) -> None:
    configure([], LogFormat.json)

    logging.getLogger("gridws").warning("refused %s", HOSTILE)

    (line,) = capsys.readouterr().err.splitlines()
    assert line.isprintable()
    assert json.loads(line)["message"] == f"refused {SHOWN}"


@pytest.mark.usefixtures("_calm_logging")
def test_a_peers_words_move_no_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    ours, theirs = pty.openpty()
    with os.fdopen(theirs, "w") as terminal:
        monkeypatch.setattr(sys, "stderr", terminal)
        configure([], LogFormat.text)

        logging.getLogger("gridws").warning("refused %s", HOSTILE)

        shown = os.read(ours, 10_000).decode()
    os.close(ours)
    assert SHOWN in shown
    assert "\x1b]" not in shown
    assert "\x1b[2J" not in shown


@pytest.mark.usefixtures("_calm_logging")
@pytest.mark.parametrize("style", LogFormat)
def test_an_errors_words_move_no_terminal_either(
    style: LogFormat, capsys: pytest.CaptureFixture[str]
) -> None:
    configure([], style)

    logging.getLogger("gridws").error("failed", exc_info=ValueError(HOSTILE))

    written = capsys.readouterr().err
    assert "ValueError: GET /" in written
    assert "\x1b" not in written
    assert "\u202e" not in written
