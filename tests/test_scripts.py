"""The scripts around the package, in a copy of their tree where small programs stand in for the real ones."""

from __future__ import annotations

import re
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
  venv="${!#}"
  mkdir -p "$venv/bin"
  cat "$0" >"$venv/bin/python"
  printf '#!/usr/bin/env bash\\necho "pip 26 from %s/lib/pip (python 3.11)"\\n' "$PWD/$venv" >"$venv/bin/pip"
  /bin/rm -f "$venv"/ready-*
  /bin/chmod +x "$venv"/bin/*
fi
if [[ "$*" == *"--editable"* ]]; then
  printf '%s\\n' 'Obtaining file:///here' 'Collecting one' '  Downloading one' 'Collecting two' \\
    'Installing collected packages: one, two'
  exit "${PIP_FAILS:-0}"
fi
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


PIP = "python -m pip --disable-pip-version-check --no-input install"
INSTALLED = [
    "python -m venv --clear .venv",
    "python -m pip --disable-pip-version-check --no-input --quiet install pip>=25.1",
    f"{PIP} --editable .[dashboard] --group dev",
]


def test_the_first_set_up_makes_everything(tree: Tree) -> None:
    result = tree.run("scripts/setup")

    assert (result.returncode, result.stdout) == (0, "")
    assert result.stderr == "Setting up .venv (once, about a minute) …\n.. installing …\n"
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


def test_another_python_gets_an_environment_of_its_own(tree: Tree) -> None:
    tree.run("scripts/setup")
    tree.add("python3.12", PYTHON)
    tree.calls()

    result = tree.run("scripts/setup", "3.12")

    assert (result.returncode, result.stderr) == (
        0,
        "Setting up .venv-3.12 (once, about a minute) …\n.. installing …\n",
    )
    assert tree.calls() == ["python -m venv --clear .venv-3.12", *INSTALLED[1:]]


def test_a_python_that_pyenv_has_is_found_though_it_is_not_chosen_there(tree: Tree) -> None:
    pyenvs = tree.root / ".pyenv/versions/3.13.0/bin/python3.13"
    write_program(pyenvs, PYTHON)

    result = tree.run("scripts/find_python", "3.13")

    assert (result.returncode, result.stdout) == (0, f"{pyenvs}\n")


@pytest.mark.parametrize("script", ["check", "find_python", "setup", "test"])
def test_who_asks_what_a_script_does_is_told_and_nothing_happens(tree: Tree, script: str) -> None:
    result = tree.run(f"scripts/{script}", "--help")

    assert (result.returncode, result.stderr, tree.calls()) == (0, "", [])
    assert result.stdout.startswith(f"scripts/{script} ") or result.stdout.startswith(f"scripts/{script}:")
    assert not (tree.root / ".venv").exists()


def test_a_word_that_set_up_does_not_know_gets_a_sentence(tree: Tree) -> None:
    result = tree.run("scripts/setup", "--dev")

    assert (result.returncode, tree.calls()) == (2, [])
    assert result.stderr == "scripts/setup does not know --dev: see scripts/setup --help\n"


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
    assert result.stderr.splitlines() == [
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
PARALLEL = "python -m pytest -n auto --dist loadfile --no-loadscope-reorder"


def test_the_tests_run_after_the_checks_with_what_is_asked_for(checked_tree: Tree) -> None:
    result = checked_tree.run("scripts/test", "-k", "dispatcher")

    assert (result.returncode, result.stderr) == (0, "")
    assert checked_tree.calls() == [*CHECKS, f"{PARALLEL} -k dispatcher"]


def test_the_quick_tests_leave_out_what_is_slow(checked_tree: Tree) -> None:
    result = checked_tree.run("scripts/test", "--quick", "-x")

    assert (result.returncode, result.stderr) == (0, "")
    assert checked_tree.calls() == [*CHECKS, f"{PARALLEL} -m not slow -x"]


@pytest.mark.parametrize(("tool", "called"), [("ruff", CHECKS[:1]), ("mypy", CHECKS)])
def test_a_check_that_fails_ends_it(checked_tree: Tree, tool: str, called: list[str]) -> None:
    result = checked_tree.run("scripts/test", FAILS=tool)

    assert (result.returncode, checked_tree.calls()) == (1, called)


def needed() -> dict[str, list[str]]:
    """Return the packages that integration installs, each with the programs of which one will do."""
    text = (ROOT / ".ci/run").read_text(encoding="utf-8")
    lines = re.findall(r'^  "([^"]+)"$', text, re.MULTILINE)
    return {package: programs for package, *programs in map(str.split, lines)}


@pytest.fixture
def equipped_tree(checked_tree: Tree) -> Tree:
    for programs in needed().values():
        checked_tree.add(programs[-1] if "/" not in programs[-1] else programs[0])
    return checked_tree


def test_integration_installs_only_what_is_missing(equipped_tree: Tree) -> None:
    result = equipped_tree.run(".ci/run")

    assert result.returncode == 0
    assert equipped_tree.calls() == [*CHECKS, f"{PARALLEL} -p nothing_skipped"]


@pytest.mark.needs("root")
def test_integration_installs_what_is_missing(checked_tree: Tree) -> None:
    checked_tree.add("apt-get")
    # A program outside of PATH is there or not: this machine's is seen from the copy too.
    missing = [name for name, programs in needed().items() if not any(map(Path.exists, map(Path, programs)))]

    result = checked_tree.run(".ci/run")

    assert result.returncode == 0
    assert checked_tree.calls()[:2] == [
        "apt-get update -qq",
        f"apt-get install -qq --yes --no-install-recommends {' '.join(missing)}",
    ]


def test_integration_tests_each_supported_python_that_is_there_in_its_own_environment(
    equipped_tree: Tree,
) -> None:
    shutil.copy(ROOT / "pyproject.toml", equipped_tree.root)
    equipped_tree.add("python3.10", PYTHON)
    equipped_tree.add("python3.12", PYTHON)

    result = equipped_tree.run(".ci/run")

    calls = equipped_tree.calls()
    assert (result.returncode, result.stdout) == (0, "The tests on Python 3.12:\n")
    assert "There is no Python 3.13 on this machine" in result.stderr
    assert calls[-1] == f"{PARALLEL} -p nothing_skipped -m not needs"
    assert [call for call in calls if "venv" in call] == ["python -m venv --clear .venv-3.12"]
