"""Signals to real commands: too early, from a terminal that is closed, and to a service that has none."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

GRIDWS = [sys.executable, "-m", "gridws"]
ROOT = Path(__file__).parent.parent.parent
PATIENCE = 30.0


def read_until(descriptor: int, words: bytes) -> None:
    """Read a terminal or pipe until these words came."""
    seen = b""
    while words not in seen:
        piece = os.read(descriptor, 4096)
        assert piece, seen
        seen += piece


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (["monitor", "--port", "0"], b"listens on"),
        (["dashboard", "--port", "0"], b"listens on"),
        (["turbines", "--monitor", "ws://127.0.0.1:1"], b"refused"),
        (["watch", "--monitor", "ws://127.0.0.1:1"], b"disconnected"),
        (["demo", "--no-browser", "--port", "0", "--dashboard-port", "0"], b"Every frame"),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_a_closed_terminal_ends_what_runs_in_it_well(
    command: list[str], words: bytes, tmp_path: Path
) -> None:
    ours, theirs = pty.openpty()
    # `setsid --ctty` makes the terminal the one that controls the command, as a terminal's window does.
    process = subprocess.Popen(
        ["setsid", "--ctty", "--wait", *GRIDWS, *command],
        cwd=tmp_path,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
        # What cannot be written at the end shows only where something is buffered.
        env={name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
        | {"TERM": "xterm"},
    )
    os.close(theirs)
    read_until(ours, words)

    os.close(ours)

    assert process.wait(PATIENCE) == 0


def test_a_service_without_a_terminal_reads_its_files_again(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("a secret that is long enough for a test")
    process = subprocess.Popen(
        [*GRIDWS, "monitor", "--port", "0", "--secret-file", "secret"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
        env={name: value for name, value in os.environ.items() if name != "GRIDWS_SECRET"},
    )
    assert process.stdout is not None
    assert process.stderr is not None
    read_until(process.stdout.fileno(), b"listens on")

    process.send_signal(signal.SIGHUP)
    read_until(process.stderr.fileno(), b"secret read again")
    (tmp_path / "secret").write_text("short")
    process.send_signal(signal.SIGHUP)
    read_until(process.stderr.fileno(), b"what was read before stays in force")

    process.terminate()
    process.communicate(timeout=PATIENCE)
    assert process.returncode == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("imported", ["gridws.cli", "typer", "gridws.commands.monitor"])
def test_a_signal_before_a_command_begins_ends_it_quietly(imported: str, number: signal.Signals) -> None:
    # As soon as this module begins to be imported, a signal comes.
    program = f"""
import os, sys
class Early:
    def find_spec(self, name, path=None, target=None):
        if name == {imported!r}: os.kill(os.getpid(), {number.value})
sys.meta_path.insert(0, Early())
from gridws.__main__ import main
sys.argv = ["gridws", "monitor", "--port", "0"]
main()
"""
    ended = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=PATIENCE, check=False
    )

    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")


def test_little_is_imported_before_signals_are_listened_to() -> None:
    program = (
        "import sys; before = set(sys.modules); import gridws; print(*sorted(set(sys.modules) - before))"
    )

    ended = subprocess.run(
        [sys.executable, "-S", "-c", f"import sys; sys.path.insert(0, {str(ROOT)!r}); {program}"],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=True,
    )

    assert ended.stdout.split() == ["__future__", "gridws"]
