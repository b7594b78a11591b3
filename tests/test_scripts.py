"""The scripts around the package, in a copy of their tree where small programs stand in for the real ones."""

from __future__ import annotations

import fcntl
import os
import pty
import shutil
import signal
import socket
import subprocess
import sys
import termios
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parent.parent
PATIENCE: Final = 20

BASIC_TOOLS = ["bash", "cat", "dirname", "env", "flock", "mkdir", "mv", "setpriv", "sleep"]

PYTHON = """#!/usr/bin/env bash
# Stands in for a system's Python that can make a venv, and for the venv's own.
here="$(cd "$(dirname "$0")" && pwd)"
case "$*" in
  -c*) exit "${PYTHON_UNFIT:-0}" ;;
  --version) echo "Python ${PYTHON_VERSION:-3.11.9}" ;;
  *) echo "python $*" >>"$LOG" ;;
esac
if [[ "$1 $2" == "-m venv" ]]; then
  mkdir -p .venv/bin
  cat "$0" >.venv/bin/python
  printf '#!/usr/bin/env bash\\necho "pip 26 from %s/.venv/lib/pip (python 3.11)"\\n' "$PWD" >.venv/bin/pip
  /bin/rm -f .venv/ready-*
  /bin/chmod +x .venv/bin/*
fi
[[ "$*" != *"--editable"* ]] || exit "${PIP_FAILS:-0}"
"""

RECORDER = """#!/usr/bin/env bash
echo "${0##*/} $*" >>"$LOG"
[[ "${FAILS:-}" != "${0##*/}" ]]
"""

GRIDWS = f"""#!{sys.executable}
# Stands in for both commands of the demo: listens where it is the monitor, and notes each signal.
import os, pathlib, signal, socket, sqlite3, sys, time

command, options = sys.argv[1], dict(zip(sys.argv[2::2], sys.argv[3::2]))
notes = pathlib.Path(os.environ["LOG"])

def note(text):
    with notes.open("a") as file:
        file.write(f"{{command}} {{text}}\\n")

def on_signal(number, frame):
    note(signal.Signals(number).name)
    time.sleep(0.3)
    os._exit(0)

signal.alarm(60)  # nothing is left running by a test that failed
signal.signal(signal.SIGINT, on_signal)
signal.signal(signal.SIGTERM, on_signal)
if os.environ.get("DIES") == command:
    sys.exit("dies at once")
if command == "monitor":
    database = sqlite3.connect(options["--database"])
    database.executescript("CREATE TABLE metrics (a); CREATE TABLE repairs (a)")
    database.executescript("INSERT INTO metrics VALUES (1)")
note("runs")
if command == "monitor":
    listener = socket.create_server(("127.0.0.1", int(options["--port"])))
while True:
    signal.pause()
"""


def write_program(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    path.chmod(0o755)


class Tree:
    """A copy of the scripts, the programs that stand in, and the log of what was called."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.log = root / "log"
        self.log.touch()
        shutil.copytree(ROOT / "scripts", root / "scripts")
        shutil.copytree(ROOT / ".ci", root / ".ci")
        (root / "pyproject.toml").write_text("[project]\n", encoding="utf-8")
        self.add("python3", PYTHON)
        for tool in BASIC_TOOLS:
            (root / "bin" / tool).symlink_to(shutil.which(tool) or f"/missing/{tool}")

    def add(self, name: str, text: str = RECORDER) -> None:
        write_program(self.root / "bin" / name, text)

    def environment(self, **variables: str) -> dict[str, str]:
        return {"PATH": str(self.root / "bin"), "LOG": str(self.log), "HOME": str(self.root), **variables}

    def run(self, *command: str, **variables: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(self.root / command[0]), *command[1:]],
            env=self.environment(**variables),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )

    def calls(self) -> list[str]:
        """Return what was called since the last time somebody looked."""
        lines = self.log.read_text(encoding="utf-8").splitlines()
        self.log.write_text("", encoding="utf-8")
        return lines


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    return Tree(tmp_path.resolve())


PIP = "python -m pip --quiet --disable-pip-version-check --no-input install"
INSTALLED = [
    "python -m venv --clear .venv",
    f"{PIP} pip>=25.1",
    f"{PIP} --editable .[dashboard] --group dev",
]


def test_the_first_set_up_makes_everything(tree: Tree) -> None:
    result = tree.run("scripts/setup")

    assert (result.returncode, result.stdout) == (0, "")
    assert result.stderr == "Setting up .venv (once, about a minute) …\n"
    assert tree.calls() == INSTALLED


def test_a_second_set_up_does_nothing_and_says_nothing(tree: Tree) -> None:
    tree.run("scripts/setup")
    tree.calls()

    result = tree.run("scripts/setup")

    assert (result.returncode, result.stderr, tree.calls()) == (0, "", [])


def test_the_demo_needs_no_developers_tools(tree: Tree) -> None:
    tree.run("scripts/setup", "demo")

    assert tree.calls()[-1] == f"{PIP} --editable .[dashboard]"


@pytest.mark.parametrize(("first", "second", "installs"), [("dev", "demo", 0), ("demo", "dev", 2)])
def test_the_developers_set_serves_the_demo_but_not_the_other_way_round(
    tree: Tree, first: str, second: str, installs: int
) -> None:
    tree.run("scripts/setup", first)
    tree.calls()

    tree.run("scripts/setup", second)

    assert len(tree.calls()) == installs


def test_changed_requirements_are_installed_into_the_venv_that_stands(tree: Tree) -> None:
    tree.run("scripts/setup")
    tree.calls()
    (tree.root / "pyproject.toml").write_text("[project]\nname = 'other'\n", encoding="utf-8")

    tree.run("scripts/setup")

    assert tree.calls() == INSTALLED[1:]


def test_a_tree_that_was_moved_gets_a_new_venv(tree: Tree) -> None:
    tree.run("scripts/setup")
    moved = tree.root.with_name("elsewhere")
    shutil.copytree(tree.root, moved, symlinks=True)
    tree.calls()

    subprocess.run([moved / "scripts/setup"], env=tree.environment(), check=True, timeout=PATIENCE)

    assert tree.calls() == INSTALLED


def test_a_set_up_that_failed_is_done_again(tree: Tree) -> None:
    failed = tree.run("scripts/setup", PIP_FAILS="1")
    tree.calls()

    again = tree.run("scripts/setup")

    assert (failed.returncode, again.returncode) == (1, 0)
    assert tree.calls() == INSTALLED[1:]


def test_two_set_ups_at_once_install_once(tree: Tree) -> None:
    both = [subprocess.Popen([tree.root / "scripts/setup"], env=tree.environment()) for _ in range(2)]

    codes = [process.wait(PATIENCE) for process in both]

    assert codes == [0, 0]
    assert tree.calls() == INSTALLED


def test_a_machine_without_python_is_told_in_one_sentence(tree: Tree) -> None:
    result = tree.run("scripts/setup", PYTHON_UNFIT="1")

    assert result.returncode == 1
    assert result.stderr.splitlines()[1:] == [
        "gridws needs Python 3.11 or newer with its venv module (on Debian: apt-get install python3-venv)."
    ]


@pytest.fixture
def checked_tree(tree: Tree) -> Tree:
    tree.run("scripts/setup")
    write_program(tree.root / ".venv/bin/ruff", RECORDER)
    write_program(tree.root / ".venv/bin/mypy", RECORDER)
    tree.calls()
    return tree


CHECKS = ["ruff check .", "ruff format --check .", "mypy "]
PYTEST = "python -m pytest --cov --cov-report=term:skip-covered"


def test_the_tests_run_after_the_checks_with_what_is_asked_for(checked_tree: Tree) -> None:
    result = checked_tree.run("scripts/test", "-k", "dispatcher")

    assert (result.returncode, result.stderr) == (0, "")
    assert checked_tree.calls() == [*CHECKS, f"{PYTEST} -k dispatcher"]


@pytest.mark.parametrize(("tool", "called"), [("ruff", CHECKS[:1]), ("mypy", CHECKS)])
def test_a_check_that_fails_ends_it(checked_tree: Tree, tool: str, called: list[str]) -> None:
    result = checked_tree.run("scripts/test", FAILS=tool)

    assert (result.returncode, checked_tree.calls()) == (1, called)


def test_integration_installs_only_what_is_missing(checked_tree: Tree) -> None:
    checked_tree.add("chromium")
    checked_tree.add("sqlite3")

    result = checked_tree.run(".ci/run")

    assert result.returncode == 0
    assert checked_tree.calls() == [*CHECKS, f"{PYTEST} -p tests.nothing_skipped"]


@pytest.mark.skipif(os.geteuid() != 0, reason="packages are installed by root")
def test_integration_installs_what_is_missing(checked_tree: Tree) -> None:
    checked_tree.add("apt-get")

    result = checked_tree.run(".ci/run")

    assert result.returncode == 0
    assert checked_tree.calls()[:2] == [
        "apt-get update -qq",
        "apt-get install -qq --yes --no-install-recommends chromium sqlite3",
    ]


# The demo.


class Demo:
    """A demo on a free port, and the pipe into which its children say what happens to them.

    The pipe ends when nobody is left who could write into it: whoever reads to its end knows that.
    """

    def __init__(self, tree: Tree) -> None:
        self.tree = tree
        self.process: subprocess.Popen[str]
        reading_end, self.writing_end = os.pipe()
        self.notes = os.fdopen(reading_end, encoding="utf-8")
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            self.port = str(listener.getsockname()[1])

    def start(self, *, terminal: int | None = None, **variables: str) -> None:
        self.process = subprocess.Popen(
            [self.tree.root / "scripts/demo", "--port", self.port],
            cwd=self.tree.root,
            env=self.tree.environment(**variables) | {"LOG": f"/dev/fd/{self.writing_end}"},
            stdin=subprocess.DEVNULL if terminal is None else terminal,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
            pass_fds=[self.writing_end],
            preexec_fn=None if terminal is None else take_terminal,  # noqa: PLW1509  # no threads here
        )
        os.close(self.writing_end)

    def wait_until_it_runs(self) -> None:
        assert [self.notes.readline(), self.notes.readline()] == ["monitor runs\n", "turbines runs\n"]

    def end(self) -> tuple[int, str, list[str]]:
        """Return exit code, what was printed, and what the children still said, when all of them are gone."""
        printed, _ = self.process.communicate(timeout=PATIENCE)
        return self.process.returncode, printed, sorted(self.notes.read().splitlines())


def take_terminal() -> None:
    """Make the standard input the terminal whose Ctrl-C this process gets."""
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


@pytest.fixture
def demo(tree: Tree) -> Iterator[Demo]:
    tree.run("scripts/setup")
    write_program(tree.root / ".venv/bin/gridws", GRIDWS)
    (tree.root / ".venv/bin/python").unlink()
    (tree.root / ".venv/bin/python").symlink_to(sys.executable)
    write_program(tree.root / "scripts/setup", "#!/usr/bin/env bash\n")
    tree.calls()
    demo = Demo(tree)
    yield demo
    demo.notes.close()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_reaches_each_child_once_and_ends_the_demo(demo: Demo, number: signal.Signals) -> None:
    demo.start()
    demo.wait_until_it_runs()

    demo.process.send_signal(number)
    code, printed, notes = demo.end()

    assert code == 0
    assert notes == [f"monitor {number.name}", f"turbines {number.name}"]
    assert "gridws-demo.db holds 1 readings and 0 repairs. To look at them:\n" in printed


def test_ctrl_c_on_a_terminal_reaches_each_child_once(demo: Demo) -> None:
    ours, theirs = pty.openpty()
    demo.start(terminal=theirs)
    demo.wait_until_it_runs()

    os.write(ours, b"\x03")
    code, _, notes = demo.end()
    os.close(ours)
    os.close(theirs)

    assert code == 0
    assert notes == ["monitor SIGINT", "turbines SIGINT"]


@pytest.mark.parametrize(
    ("dies", "sentence", "notes"),
    [
        ("monitor", "The demo ends early: the monitor has ended.", []),
        ("turbines", "The demo ends early: the turbines have ended.", ["monitor SIGTERM", "monitor runs"]),
    ],
)
def test_the_demo_ends_with_the_first_that_dies(
    demo: Demo, dies: str, sentence: str, notes: list[str]
) -> None:
    demo.start(DIES=dies)

    code, printed, noted = demo.end()

    assert (code, noted) == (1, notes)
    assert sentence in printed


@pytest.mark.skipif(
    shutil.which("setpriv") is None, reason="only Linux can bind a child's life to its parent's"
)
def test_a_demo_that_is_killed_leaves_nothing_running(demo: Demo) -> None:
    demo.start()
    demo.wait_until_it_runs()

    demo.process.kill()
    _, _, notes = demo.end()

    assert notes == ["monitor SIGTERM", "turbines SIGTERM"]


def test_a_taken_port_is_said_before_anything_starts(demo: Demo) -> None:
    with socket.create_server(("127.0.0.1", int(demo.port))):
        demo.start()
        code, printed, notes = demo.end()

    assert (code, notes) == (1, [])
    assert printed.startswith(f"Port {demo.port} is taken, ")


@pytest.mark.parametrize(
    ("tools", "way"),
    [(["sqlite3"], "  sqlite3 -box gridws-demo.db 'SELECT * FROM repairs'"), ([], "sqlite3")],
)
def test_the_demo_says_how_to_look_at_what_it_stored(demo: Demo, tools: list[str], way: str) -> None:
    for tool in tools:
        demo.tree.add(tool)
    demo.start()
    demo.wait_until_it_runs()

    demo.process.terminate()
    _, printed, _ = demo.end()

    assert way in printed.splitlines()[-1]
