"""`gridws manual` as it is typed."""

from __future__ import annotations

import io
import os
import pty
import subprocess
import sys

import pytest
from rich.console import Console

from gridws import cli
from gridws.commands.manual import pages
from gridws.commands.rendered import rendered


def call(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["gridws", "manual", *arguments])
    with pytest.raises(SystemExit) as ending:
        cli.main()
    return int(ending.value.code or 0)


def test_without_a_page_it_lists_each_with_a_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(monkeypatch) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == list(pages())
    assert "protocol     What crosses a turbine's WebSocket, and a viewer's" in lines


@pytest.mark.parametrize("name", pages())
def test_in_a_pipe_a_page_comes_as_it_is_written(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(monkeypatch, name) == 0
    assert capsys.readouterr().out == pages()[name].read_text(encoding="utf-8")


def test_a_page_that_there_is_not_is_one_line_with_those_that_there_are(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(monkeypatch, "weather") == 2
    error = capsys.readouterr().err
    assert error == f"gridws: the manual has no page 'weather'; it has {', '.join(pages())}\n"


def test_on_a_terminal_a_page_is_rendered() -> None:
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "gridws", "manual", "speed"]
    environment = os.environ | {"TERM": "xterm-256color"}
    child = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env=environment)
    os.close(theirs)
    shown = b""
    try:
        while piece := os.read(ours, 65536):
            shown += piece
    except OSError:
        os.close(ours)
    assert child.wait(timeout=30) == 0
    assert b"\x1b[" in shown
    assert b"# How fast" not in shown


@pytest.mark.parametrize("name", pages())
def test_on_a_narrow_terminal_nothing_is_cut_off(name: str) -> None:
    text = pages()[name].read_text(encoding="utf-8")
    narrow = Console(file=io.StringIO(), width=60)
    narrow.print(rendered(text))
    assert isinstance(narrow.file, io.StringIO)
    assert narrow.file.getvalue().count("…") == text.count("…")
