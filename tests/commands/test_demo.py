"""`gridws demo` with its real children: they begin together and end together."""

from __future__ import annotations

import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from gridws.commands.demonstration import port_or_free

pytestmark = pytest.mark.slow

PATIENCE = 20.0


class Demo:
    """A demo in a folder of its own; `lines` is what it printed so far."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.folder = folder
        self.process = subprocess.Popen(
            [sys.executable, "-m", "gridws", "demo", "--no-browser", *options],
            cwd=folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.lines: list[str] = []

    def read_until(self, words: str) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line)
            if words in line:
                return
        raise AssertionError(f"{words!r} never came in {''.join(self.lines)}")

    def children(self) -> dict[str, int]:
        """Return the running children by command."""
        pids = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return {Path(f"/proc/{pid}/cmdline").read_text().split("\0")[3]: int(pid) for pid in pids}

    def end(self) -> str:
        rest, _ = self.process.communicate(timeout=PATIENCE)
        return "".join(self.lines) + rest


def wait_until(fact: Callable[[], object]) -> None:
    end = time.monotonic() + PATIENCE
    while not fact():
        assert time.monotonic() < end


def is_gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[Demo]:
    demo = Demo(tmp_path, "--port", "0", "--dashboard-port", "0")
    yield demo
    demo.process.kill()
    demo.process.communicate()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_one_signal_ends_all_and_says_what_was_stored(demo: Demo, number: signal.Signals) -> None:
    demo.read_until("broke")
    children = demo.children()
    demo.process.send_signal(number)
    printed = demo.end()
    assert demo.process.returncode == 0
    assert sorted(children) == ["dashboard", "monitor", "turbines"]
    assert all(is_gone(pid) for pid in children.values())
    assert "Traceback" not in printed
    with closing(sqlite3.connect(demo.folder / "gridws-demo.db")) as database:
        (readings,) = database.execute("SELECT count(*) FROM metrics").fetchone()
    assert f"gridws-demo.db holds {readings} readings" in printed


def test_a_terminals_ctrl_c_reaches_only_the_demo_itself(demo: Demo) -> None:
    demo.read_until("turbine 5 connected")
    assert os.getsid(demo.process.pid) not in {os.getsid(pid) for pid in demo.children().values()}


@pytest.mark.parametrize("name", ["monitor", "turbines"])
def test_the_demo_ends_with_the_first_that_dies_and_says_which(demo: Demo, name: str) -> None:
    demo.read_until("Every frame")
    children = demo.children()
    os.kill(children[name], signal.SIGKILL)
    printed = demo.end()
    assert demo.process.returncode == 1
    assert f"the demo ends: the {name} ended by signal 9" in printed
    assert all(is_gone(pid) for pid in children.values())


def test_a_demo_that_is_killed_leaves_nothing_running(demo: Demo) -> None:
    demo.read_until("Every frame")
    children = demo.children()
    demo.process.kill()
    demo.process.wait()
    wait_until(lambda: all(is_gone(pid) for pid in children.values()))


@pytest.mark.parametrize(("name", "option"), [("monitor", "--port"), ("dashboard", "--dashboard-port")])
def test_a_taken_port_is_a_mistake_in_an_option_and_the_sentence_names_it(
    tmp_path: Path, name: str, option: str
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        ports = {"--port": "0", "--dashboard-port": "0", option: str(taken.getsockname()[1])}
        demo = Demo(tmp_path, *(word for pair in ports.items() for word in pair))
        printed = demo.end()
    assert demo.process.returncode == 2
    assert "address already in use" in printed
    assert f"the {name} ended with exit code 2" in printed
    assert f"if its port is taken, {option} chooses another" in printed
    assert "Traceback" not in printed


def test_a_folder_in_the_place_of_the_database_is_said_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "gridws-demo.db").mkdir()
    demo = Demo(tmp_path, "--port", "0", "--dashboard-port", "0")
    printed = demo.end()
    assert demo.process.returncode == 1
    assert [line.partition(":")[0] for line in printed.splitlines()] == ["gridws", "gridws"]
    assert "cannot use the database gridws-demo.db: is a directory" in printed


def test_a_second_demo_beside_the_first_needs_a_file_of_its_own_and_sums_up_that(demo: Demo) -> None:
    demo.read_until("Every frame")
    ports = ("--port", "0", "--dashboard-port", "0")

    refused = Demo(demo.folder, *ports)
    complaint = refused.end()
    second = Demo(demo.folder, *ports, "--database", "second.db")
    second.read_until("Every frame")
    second.process.send_signal(signal.SIGINT)
    printed = second.end()

    assert refused.process.returncode == 1
    assert "--database FILE gives this one a file of its own" in complaint
    assert "holds" not in complaint
    assert second.process.returncode == 0
    assert "second.db holds" in printed
    assert "gridws-demo.db" not in printed


def test_a_usual_port_that_is_taken_is_replaced_and_one_that_was_asked_for_is_not() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

        assert port_or_free(None, port) == 0
        assert port_or_free(port, 1) == port
    assert port_or_free(None, port) == port


def test_a_configuration_file_in_its_folder_does_not_make_it_another_demo(tmp_path: Path) -> None:
    (tmp_path / "gridws.toml").write_text("[monitor]\nengineers = 9\n")
    demo = Demo(tmp_path, "--port", "0", "--dashboard-port", "0")
    demo.read_until("listens on")
    demo.process.send_signal(signal.SIGINT)
    demo.end()
    assert "(2 engineers," in demo.lines[-1]
