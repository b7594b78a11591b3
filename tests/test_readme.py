"""README and manual: each command as it stands (only the port is another one), and each file and link they name."""

from __future__ import annotations

import ast
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
from full_monitor import FullMonitor
from test_layers import MAY_IMPORT

from gridws.commands.manual import pages
from gridws.storage.sqlite.schema import migrate
from gridws.web.prometheus import exposition

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
MANUAL = {name: page.read_text(encoding="utf-8") for name, page in pages().items()}
PATIENCE = 120.0
Function = ast.FunctionDef | ast.AsyncFunctionDef


def commands() -> list[str]:
    """Return the commands of all shell blocks, each once and as one text, comments and `&` left out."""
    found = []
    for block in re.findall(r"```sh\n(.*?)```", "\n".join([README, *MANUAL.values()]), re.DOTALL):
        joined = re.sub(r"\\\n\s*", "", block)
        lines = re.split(r"\n(?=[a-zA-Z])", joined)
        found += [re.sub(r"\s+#.*|\s*&?\s*$", "", line.strip()) for line in lines]
    return list(dict.fromkeys(found))


NOT_RUN = {
    "scripts/demo": "tests/commands/test_demo.py runs it",
    "scripts/test": "it runs this test",
    "gridws forget 7": "tests/commands/test_forget.py runs it",
    "gridws forget 8 --readings": "as above",
    "export GRIDWS_SECRET=$(openssl rand -hex 32)": "goes before the next ones, which have a secret here",
    "gridws monitor --host 0.0.0.0 --ssl-certfile cert.pem --ssl-keyfile key.pem": "tests/server/test_tls.py runs it",
}
"""A command of README or manual that is not run here, and why."""
SERVES = {
    "gridws monitor": "listens on http://localhost:",
    "gridws turbines --count 5": "turbine 5 ",
    "gridws dashboard": "listens on http://localhost:",
    "gridws watch": "online",
    "scripts/wscat.py": "metrics",
    "gridws turbines --count 1000 --first-number 1": "1000",
    "gridws turbines --count 1000 --first-number 1001": "1000",
}
"""A command that stays until Ctrl-C, and words that it shows. All others must end by themselves."""
ENDS = [text for text in commands() if text not in NOT_RUN and text not in SERVES]


def needs_of(command: str) -> list[pytest.MarkDecorator]:
    """Return a mark for each program of others in a command."""
    return [pytest.mark.needs(word) for word in ("curl", "sqlite3") if word in command.split()]


def links() -> list[tuple[str, str]]:
    """Return the text and target of every link of README into this repository."""
    return re.findall(r"\[([^]]+)\]\((?!http)([^)#]+)\)", README)


def named_paths() -> list[tuple[str, str]]:
    """Return every path that README or a page has in backticks, with the page it is in."""
    texts = {"README": README, **MANUAL}
    pattern = r"`((?:gridws|tests|scripts|\.ci)/[\w./-]*)"
    return sorted({(page, path) for page, text in texts.items() for path in re.findall(pattern, text)})


def named_code() -> list[tuple[str, str]]:
    """Return file and function of everything that a page names as `file.py:function` or `file.py:Class.function`."""
    return sorted(set(re.findall(r"`([\w/.]+\.py):([\w.]+)`", "\n".join([README, *MANUAL.values()]))))


def functions_in(path: Path) -> set[str]:
    """Return the names of a file's classes and functions, those of a class behind its name and a dot."""
    found = set()
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.ClassDef):
            found |= {f"{node.name}.{each.name}" for each in node.body if isinstance(each, Function)}
        if isinstance(node, ast.ClassDef | Function):
            found.add(node.name)
    return found


def imports_in_table() -> dict[str, set[str]]:
    """Return what each package may import by the table of the development page."""
    rows = re.findall(r"^\| `([\w.]+)` \| [^|]+ \| ([^|]+) \|$", MANUAL["development"], re.MULTILINE)
    packages = {package for package, _ in rows}
    return {
        package: packages - {package} if allowed == "everything" else set(re.findall(r"`([\w.]+)`", allowed))
        for package, allowed in rows
    }


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
        brief = command.replace("gridws plan", "gridws plan --seconds 0.5")  # sure or not
        return brief.replace("8787", str(self.port)).replace("scripts/", f"{ROOT}/scripts/")


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
    assert [name for (name,) in names if f"`{name}`" not in MANUAL["data"]] == []


@pytest.mark.parametrize("link", sorted({link for _, link in links()}))
def test_a_link_leads_to_a_file(link: str) -> None:
    assert (ROOT / link).is_file()


@pytest.mark.parametrize(("page", "path"), named_paths())
def test_a_file_that_is_named_exists(page: str, path: str) -> None:
    assert (ROOT / path).exists(), f"{page} names {path}, which does not exist"


@pytest.mark.parametrize(("path", "function"), named_code())
def test_a_function_that_is_named_exists(path: str, function: str) -> None:
    assert function in functions_in(ROOT / path), f"{path} has no {function}: mend the page that names it"


def test_the_development_page_has_the_list_of_imports() -> None:
    assert imports_in_table() == {package: set(allowed.split()) for package, allowed in MAY_IMPORT.items()}


@pytest.mark.parametrize("page", ["operating", "several"])
def test_a_number_to_watch_is_one_that_the_monitor_has(page: str) -> None:
    shown = exposition(FullMonitor()).decode()
    assert [name for name in re.findall(r"\bgridws_\w+", MANUAL[page]) if name not in shown] == []


@pytest.mark.parametrize("name", MANUAL)
def test_readme_leads_to_every_page(name: str) -> None:
    assert f"[{name}](gridws/manual/{name}.md)" in README


def test_readme_is_for_the_first_ten_minutes() -> None:
    assert len(README.splitlines()) <= 150


@pytest.mark.parametrize("script", ["scripts/demo", "scripts/test"])
def test_the_first_commands_can_be_run(script: str) -> None:
    assert os.access(ROOT / script, os.X_OK)
    assert README.index(script) < README.index("gridws monitor")


@pytest.mark.slow
@pytest.mark.parametrize("command", [pytest.param(each, marks=needs_of(each)) for each in ENDS])
def test_a_command_says_or_writes_something_and_ends_well(grid: Grid, command: str) -> None:
    files = set(grid.folder.iterdir())
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
    assert result.stdout or set(grid.folder.iterdir()) - files


@pytest.mark.slow
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
