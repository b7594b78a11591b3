"""Every command of the README, as it stands: only the port is another one, so that nothing needs to be free."""

from __future__ import annotations

import os
import pty
import re
import shlex
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from gridws.storage.schema import migrate

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
PATIENCE = 30.0


def commands() -> list[str]:
    """Return the commands of all shell blocks, each as one text, comments and `&` left out."""
    found = []
    for block in re.findall(r"```sh\n(.*?)```", README, re.DOTALL):
        joined = re.sub(r"\\\n\s*", "", block)
        lines = re.split(r"\n(?=[a-zA-Z])", joined)
        found += [re.sub(r"\s+#.*|\s*&?\s*$", "", line.strip()) for line in lines]
    return found


NOT_RUN = {
    "scripts/demo": "tests/test_demo.py runs it",
    "scripts/test": "it runs this test",
    "export GRIDWS_SECRET=$(openssl rand -hex 32)": "goes before the next ones, which have a secret here",
    "gridws monitor --host 0.0.0.0 --ssl-certfile cert.pem --ssl-keyfile key.pem": "tests/test_tls.py runs it",
}
SERVES = {
    "gridws monitor": "listens on http://localhost:",
    "gridws turbines --count 5": "turbine 5 ",
    "gridws dashboard": "listens on http://localhost:",
    "gridws watch": "online",
    "scripts/wscat.py": "metrics",
    "gridws turbines --count 1000 --first-number 1": "1000",
    "gridws turbines --count 1000 --first-number 1001": "1000",
}
ENDS = [text for text in commands() if text not in NOT_RUN and text not in SERVES]


@dataclass
class Grid:
    """A monitor and seven turbines that break, in a folder of their own."""

    folder: Path
    port: int

    def environment(self) -> dict[str, str]:
        return os.environ | {
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "GRIDWS_MONITOR": f"ws://localhost:{self.port}",
            "GRIDWS_SECRET": "a secret of forty characters, for tests..",
            "COLUMNS": "120",
            "LINES": "40",
        }

    def as_here(self, command: str) -> str:
        return command.replace("8787", str(self.port)).replace("scripts/", f"{ROOT}/scripts/")


def wait_for(child: subprocess.Popen[str], words: str) -> None:
    assert child.stdout is not None
    for line in child.stdout:
        if words in line:
            return
    raise AssertionError(f"{words!r} never came")


@pytest.fixture(scope="module")
def grid(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Grid]:
    folder = tmp_path_factory.mktemp("readme")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    gridws = [sys.executable, "-m", "gridws"]
    monitor = subprocess.Popen(
        [*gridws, "monitor", "--port", str(port)],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    wait_for(monitor, "listens")
    lives = ["--count", "7", "--time-to-fail", "1", "--time-to-repair", "1"]
    turbines = subprocess.Popen([*gridws, "turbines", "--monitor", f"ws://localhost:{port}", *lives])
    wait_for(monitor, "repaired turbine")
    yield Grid(folder, port)
    for child in (turbines, monitor):
        child.terminate()
        child.communicate(timeout=PATIENCE)


def test_every_command_is_known() -> None:
    assert set(commands()) >= set(NOT_RUN) | set(SERVES)
    assert len(ENDS) > 10


def test_every_table_and_view_is_named() -> None:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        migrate(connection)
        names = connection.execute(
            "SELECT name FROM sqlite_master WHERE type IN ('table', 'view')"
        ).fetchall()
    section = README[README.index("## Where the data is") : README.index("## What it promises")]
    assert [name for (name,) in names if f"`{name}`" not in section] == []


@pytest.mark.parametrize("script", ["scripts/demo", "scripts/test"])
def test_the_first_commands_can_be_run(script: str) -> None:
    assert os.access(ROOT / script, os.X_OK)
    assert README.index(script) < README.index("gridws monitor")


@pytest.mark.parametrize("command", ENDS)
def test_a_command_says_something_and_ends_well(grid: Grid, command: str) -> None:
    result = subprocess.run(
        ["bash", "-c", grid.as_here(command)],
        cwd=grid.folder,
        env=grid.environment(),
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout


@pytest.mark.parametrize(("command", "words"), SERVES.items())
def test_a_command_that_stays_shows_what_it_should_until_ctrl_c(
    grid: Grid, tmp_path: Path, command: str, words: str
) -> None:
    ours, theirs = pty.openpty()
    child = subprocess.Popen(
        shlex.split(grid.as_here(command)),
        cwd=tmp_path,
        env=grid.environment() | {"GRIDWS_PORT": "0"},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    shown = read_until(ours, words)
    child.send_signal(signal.SIGINT)
    drain(ours)
    assert words in shown
    assert child.wait(timeout=PATIENCE) == 0


def read_until(terminal: int, words: str) -> str:
    shown, end = "", time.monotonic() + PATIENCE
    while words not in shown and time.monotonic() < end:
        try:
            shown += os.read(terminal, 65536).decode(errors="replace")
        except OSError:
            break
    return shown


def drain(terminal: int) -> None:
    """Read until the other side is closed, so that whoever writes there is not held up."""
    try:
        while os.read(terminal, 65536):
            pass
    except OSError:
        os.close(terminal)
