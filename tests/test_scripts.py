"""The scripts around the package, in a copy of their tree where small programs stand in for the real ones."""

from __future__ import annotations

import os
import shutil
import subprocess
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


def test_who_asks_what_the_checks_are_gets_no_checks(checked_tree: Tree) -> None:
    result = checked_tree.run("scripts/check", "--help")

    assert (result.returncode, checked_tree.calls()) == (0, [])
    assert "mypy" in result.stdout


@pytest.mark.parametrize(("tool", "called"), [("ruff", CHECKS[:1]), ("mypy", CHECKS)])
def test_a_check_that_fails_ends_it(checked_tree: Tree, tool: str, called: list[str]) -> None:
    result = checked_tree.run("scripts/test", FAILS=tool)

    assert (result.returncode, checked_tree.calls()) == (1, called)


def test_integration_installs_only_what_is_missing(checked_tree: Tree) -> None:
    checked_tree.add("chromium")
    checked_tree.add("mkfs.ext4")
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
        "apt-get install -qq --yes --no-install-recommends chromium sqlite3 e2fsprogs",
    ]
