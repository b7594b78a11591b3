"""The configuration file, and `gridws config`, which tells what is in force and why."""

from __future__ import annotations

import json
import sys
import tomllib
from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from typing import Any

import pytest
from typer.core import TyperOption
from typer.main import get_command

from gridws import cli
from gridws.commands.config import SECRET
from gridws.commands.configuration import options_of

pytestmark = pytest.mark.slow


def every_option() -> Iterator[tuple[str, str, TyperOption]]:
    """Yield the options of all commands: command, name in the file, option."""
    group: Any = get_command(cli.app)
    for command, each in group.commands.items():
        for key, option in options_of(each).items():
            yield command, key, option


OPTIONS = list(every_option())
NAMES = [f"{command} {key}" for command, key, _ in OPTIONS]


def another_value(option: TyperOption) -> object:
    """Return a good value of this option that is not its default, as a file would have it."""
    kind = option.type_descriptor
    if kind.choices:
        (*_, last) = (each.value if isinstance(each, Enum) else each for each in kind.choices)
        return last
    if option.is_flag:
        return not option.default
    if kind.annotation in {int, float}:
        return kind.annotation(max(option.min or 0, (option.max or 12) // 3))
    return ["here", "there"] if option.multiple else "something"


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["gridws", *arguments])
    with pytest.raises(SystemExit) as ending:
        cli.main()
    return int(ending.value.code or 0)


def line_of(key: str, printed: str) -> str:
    (line,) = (each for each in printed.splitlines() if each.startswith((f"{key} = ", f"# {key} is ")))
    return line


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(("command", "key", "option"), OPTIONS, ids=NAMES)
def test_every_option_can_stand_in_the_file(
    command: str,
    key: str,
    option: TyperOption,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    value = another_value(option)
    Path("gridws.toml").write_text(f"[{command}]\n{key} = {json.dumps(value)}\n", encoding="utf-8")

    assert run(monkeypatch, "config", command) == 0

    printed = capsys.readouterr().out
    line = line_of(key, printed)
    if key in SECRET:
        assert line == f"# {key} is set by gridws.toml"
    else:
        assert tomllib.loads(printed)[command][key] == value
        assert line.endswith("# gridws.toml")


@pytest.mark.parametrize(
    ("variable", "arguments", "in_force"),
    [
        ("", [], "port = 4001"),
        ("4002", [], "port = 4002"),
        ("4002", ["--port", "4003"], "port = 4003"),
    ],
)
def test_a_variable_counts_more_than_the_file_and_an_option_more_than_both(
    variable: str, arguments: list[str], in_force: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []
    Path("gridws.toml").write_text("[monitor]\nport = 4001\n", encoding="utf-8")
    monkeypatch.setenv("GRIDWS_PORT", variable)
    monkeypatch.setattr("gridws.commands.serving.run_monitor", lambda settings, _: seen.append(settings))

    assert run(monkeypatch, "monitor", *arguments) == 0

    assert f"port = {seen[0].port}" == in_force


@pytest.mark.parametrize("how", ["--config", "GRIDWS_CONFIG"])
def test_another_file_may_be_named(
    how: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("gridws.toml").write_text("[monitor]\nport = 4001\n", encoding="utf-8")
    Path("other.toml").write_text('[monitor]\nhost = "127.0.0.9"\n', encoding="utf-8")
    if how.isupper():
        monkeypatch.setenv(how, "other.toml")
    arguments = [] if how.isupper() else [how, "other.toml"]

    assert run(monkeypatch, "config", "monitor", *arguments) == 0

    printed = capsys.readouterr().out
    assert line_of("host", printed).split() == ["host", "=", '["127.0.0.9"]', "#", "other.toml"]
    assert line_of("port", printed).split() == ["port", "=", "8787", "#", "default"]


def test_what_is_printed_is_a_file_that_says_the_same(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "config") == 0
    first = capsys.readouterr().out
    Path("gridws.toml").write_text(first, encoding="utf-8")

    assert run(monkeypatch, "config") == 0

    assert tomllib.loads(capsys.readouterr().out) == tomllib.loads(first)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[monitr]", "gridws.toml: there is no command for [monitr], perhaps monitor"),
        ("port = 1", "gridws.toml: there is no command for [port], perhaps report"),
        ("[config]", "gridws.toml: there is no command for [config]"),
        ("[turbines]\nupload_frequency = 1", "there is no option upload_frequency, perhaps upload-frequency"),
        ("[monitor]\nport = true", "gridws.toml, [monitor] port: True is not a whole number from 0 to 65535"),
        ("[monitor]\nport = [1, 2]", "gridws.toml, [monitor] port: [1, 2] is not a whole number from"),
        (
            "[monitor]\nport = 65536",
            "gridws.toml, [monitor] port: 65536 is not a whole number from 0 to 65535",
        ),
        ('[monitor]\nretain = "7x"', "or forever (from gridws.toml, [monitor] retain)"),
        ("[monitor]\ninsecure = 1", "gridws.toml, [monitor] insecure: 1 is not true or false"),
        ("[monitor]\nlog-file = 2026-01-01", "[monitor] log-file: datetime.date(2026, 1, 1) is not a path"),
        ("[monitor", "--config gridws.toml is no TOML: expected ']'"),
    ],
)
def test_a_mistake_in_the_file_is_a_sentence(
    text: str, sentence: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("gridws.toml").write_text(text, encoding="utf-8")

    assert run(monkeypatch, "monitor") == 2

    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert sentence in error


def test_a_file_that_is_not_there_or_no_text_is_a_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("picture.toml").write_bytes(b"\xff\xfe")

    assert run(monkeypatch, "report", "--config", "absent.toml") == 2
    assert run(monkeypatch, "report", "--config", "picture.toml") == 2

    assert capsys.readouterr().err == (
        "gridws: cannot read --config absent.toml: no such file or directory\n"
        "gridws: --config picture.toml is no text\n"
    )
