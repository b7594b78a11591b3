"""Files that are there whole or not at all, whoever is killed while writing one."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from gridws.errors import OutputFailed
from gridws.process.new_file import new_file

WRITING = """
import sqlite3, sys
from pathlib import Path
from gridws.process.new_file import new_file

with new_file(Path(sys.argv[1])) as part:
    copy = sqlite3.connect(part, isolation_level=None)
    copy.execute("CREATE TABLE half (a)")
    copy.execute("BEGIN")
    copy.execute("INSERT INTO half VALUES (1)")
    print("writing", flush=True)
    sys.stdin.read()
"""


def begin_to_write(path: Path) -> subprocess.Popen[str]:
    """Start a process that stands still in the middle of a copy."""
    command = [sys.executable, "-c", WRITING, str(path)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "writing\n"
    return process


def write(path: Path, text: str) -> None:
    with new_file(path) as part:
        part.write_text(text)


def test_a_file_appears_whole_and_alone(tmp_path: Path) -> None:
    write(tmp_path / "copy.db", "whole")

    assert [each.read_text() for each in tmp_path.iterdir()] == ["whole"]
    assert (tmp_path / "copy.db").stat().st_mode & 0o077 == 0


def test_nobody_trips_over_what_a_killed_one_left(tmp_path: Path) -> None:
    copy = tmp_path / "copy.db"
    with begin_to_write(copy) as killed:
        killed.kill()
    assert not copy.exists()

    write(copy, "whole")

    assert [each.read_text() for each in tmp_path.iterdir()] == ["whole"]


def test_two_do_not_write_the_same_file_at_once(tmp_path: Path) -> None:
    copy = tmp_path / "copy.db"
    with begin_to_write(copy) as other:
        with pytest.raises(OutputFailed, match="another gridws is writing it just now"):
            write(copy, "mine")
        other.communicate()

    assert copy.exists()


def test_what_failed_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), new_file(tmp_path / "copy.db") as part:
        part.write_text(str(1 / 0))

    assert list(tmp_path.iterdir()) == []


def test_somebody_elses_files_in_a_folder_of_that_name_stay(tmp_path: Path) -> None:
    precious = tmp_path / "copy.db.part" / "poems.txt"
    precious.parent.mkdir()
    precious.write_text("mine")

    write(tmp_path / "copy.db", "whole")

    assert precious.read_text() == "mine"
