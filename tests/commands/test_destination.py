"""Where an export goes."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

import pytest

from gridws.commands.destination import dated, opened
from gridws.errors import OptionError, OutputFailed

NOON = datetime(2026, 5, 31, 12, 30, 15).astimezone().timestamp()


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("day-%F.csv", "day-2026-05-31.csv"),
        ("%Y/%m/%d %H%M%S", "2026/05/31 123015"),
        ("100 %%.csv", "100 %.csv"),
        ("-", "-"),
    ],
)
def test_a_name_can_have_the_date(name: str, expected: str) -> None:
    assert dated(name, now=NOON) == expected


@pytest.mark.parametrize("name", ["%q.csv", "100 %", "day-%-d.csv"])
def test_what_is_no_part_of_a_date_is_a_mistake(name: str) -> None:
    with pytest.raises(OptionError, match="is no part of a date"):
        dated(name, now=NOON)


@pytest.fixture
def put(tmp_path: Path) -> Iterator[Callable[..., None]]:
    """Return a function that writes a word to an output, beside a database."""

    def put(name: str | Path, *, force: bool = False) -> None:
        with opened(str(name), force=force, database=tmp_path / "gridws.db") as file:
            file.write(b"new")

    yield put
    assert not list(tmp_path.glob("*.part*"))


def test_a_file_is_replaced_by_force_and_keeps_its_permissions(
    put: Callable[..., None], tmp_path: Path
) -> None:
    path = tmp_path / "day.csv"
    path.write_text("old")
    path.chmod(0o644)

    with pytest.raises(OptionError, match="exists already"):
        put(path)
    assert path.read_text() == "old"

    put(path, force=True)
    assert (path.read_text(), path.stat().st_mode & 0o777) == ("new", 0o644)


def test_a_link_stays_one_when_what_it_leads_to_is_replaced(put: Callable[..., None], tmp_path: Path) -> None:
    path, link = tmp_path / "day.csv", tmp_path / "latest.csv"
    path.write_text("old")
    link.symlink_to(path)

    put(link, force=True)

    assert (link.is_symlink(), path.read_text()) == (True, "new")


@pytest.mark.parametrize("end", ["", "-wal", "-shm", "-lock"])
def test_no_force_is_enough_for_the_database(put: Callable[..., None], tmp_path: Path, end: str) -> None:
    path = tmp_path / f"gridws.db{end}"
    path.write_text("readings")

    with pytest.raises(OptionError, match="is the database itself"):
        put(path, force=True)

    assert path.read_text() == "readings"


def test_a_folder_is_no_file_to_replace(put: Callable[..., None], tmp_path: Path) -> None:
    with pytest.raises(OptionError, match=f"{tmp_path} exists already; choose another name$"):
        put(tmp_path, force=True)


def test_a_device_is_written_to_as_it_is(put: Callable[..., None]) -> None:
    put("/dev/null")

    with pytest.raises(OutputFailed, match="no space left"):
        put("/dev/full")


def test_a_pipe_is_written_to_as_it_is(put: Callable[..., None], tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    found: list[str] = []
    reader = threading.Thread(target=lambda: found.append(path.read_text()))
    reader.start()

    put(path)

    reader.join()
    assert found == ["new"]


@pytest.mark.parametrize("name", ["-", "/dev/stdout", "/dev/fd/1"])
def test_standard_output_has_names_and_may_be_a_file(tmp_path: Path, name: str) -> None:
    program = (
        "import pathlib; from gridws.commands.destination import opened\n"
        f"with opened({name!r}, force=False, database=pathlib.Path('x.db')) as file: file.write(b'new')"
    )
    with (tmp_path / "out").open("wb") as out:
        subprocess.run([sys.executable, "-c", program], stdout=out, check=True, cwd=tmp_path)

    assert (tmp_path / "out").read_text() == "new"
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
