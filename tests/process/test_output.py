"""Outputs that are full, closed or of another encoding, under the real commands."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from gridws.errors import OptionError, OutputFailed
from gridws.process.new_file import new_file, sync

pytestmark = pytest.mark.slow

GRIDWS = f"{sys.executable} -m gridws"
SECRET = "a secret that is long enough for a test"


def run(folder: Path, command: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a line of the shell, in which `gridws` is ours."""
    return subprocess.run(
        ["sh", "-c", command.replace("gridws", GRIDWS, 1)],
        cwd=folder,
        env={**os.environ, "GRIDWS_SECRET": SECRET, **variables},
        capture_output=True,
        encoding=variables.get("PYTHONIOENCODING", "utf-8"),
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize(
    ("output", "reason"),
    [("> /dev/full", "no space left on device"), (">&-", "bad file descriptor")],
    ids=["full", "closed"],
)
@pytest.mark.parametrize("command", ["token --viewer", "asyncapi", "monitor --help", "report --explain"])
def test_output_that_cannot_be_written_is_a_sentence(
    command: str, output: str, reason: str, tmp_path: Path
) -> None:
    ended = run(tmp_path, f"gridws {command} {output}")

    assert ended.returncode == 1
    assert ended.stderr == f"gridws: cannot write the output: {reason}\n"


def test_an_encoding_that_lacks_a_character_gets_a_substitute(tmp_path: Path) -> None:
    ended = run(tmp_path, "gridws report --explain", PYTHONIOENCODING="latin-1")

    assert (ended.returncode, ended.stderr) == (0, "")
    assert "since ? t < until" in ended.stdout


def test_a_mistake_is_told_by_its_exit_code_where_nobody_can_read_of_it(tmp_path: Path) -> None:
    assert run(tmp_path, "gridws repair 2>&-").returncode == 2


def test_a_file_on_a_full_disk_is_named_by_its_own_name_and_leaves_nothing(tmp_path: Path) -> None:
    wanted = tmp_path / "copy.db"

    with pytest.raises(OutputFailed, match=r"cannot write .*/copy\.db: no space left"), new_file(wanted):
        raise OSError(28, os.strerror(28))

    assert list(tmp_path.iterdir()) == []


def test_a_place_that_knows_no_sync_is_passed_over() -> None:
    sync(Path(os.devnull))


def test_nobody_is_advised_to_delete_a_device() -> None:
    with pytest.raises(OptionError) as refused, new_file(Path(os.devnull)):
        pass

    assert str(refused.value) == "/dev/null exists already; choose another name"
