"""`gridws names`: what people call turbines and engineers, as CSV, in and out."""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from ..errors import OptionError, system_words
from ..settings import DEFAULT_MONITOR_URL, MAX_ENGINEERS, MAX_TURBINE_NUMBER
from . import CaFile, MonitorUrls, Token, monitors_api

COLUMNS: Final = ("turbine_number", "engineer_id", "name", "site")
HIGHEST: Final = {"turbine_number": MAX_TURBINE_NUMBER, "engineer_id": MAX_ENGINEERS}
AT_A_TIME: Final = 100
"""Names in one request: the monitor takes 200, and 64 KiB."""

Row = dict[str, Any]


def names(
    file: Annotated[
        Path | None,
        typer.Argument(help="A CSV file with names; without one, those that there are are printed."),
    ] = None,
    monitor: MonitorUrls = [DEFAULT_MONITOR_URL],
    token: Token = None,
    ca_file: CaFile = None,
) -> None:
    """Give turbines and engineers the names and sites of a CSV file, or print those that they have.

    Its columns are turbine_number or engineer_id, name and site. Those that are not in it keep what they have; an
    empty cell takes a name away. It takes an operator's token where the monitor wants tokens.
    """
    api = monitors_api(monitor, token, ca_file)
    if file is None:
        writer = csv.DictWriter(sys.stdout, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(api.call("GET", "/names"))
        return
    rows = list(_rows(file))
    for start in range(0, len(rows), AT_A_TIME):
        api.call("PUT", "/names", rows[start : start + AT_A_TIME])
    typer.echo(f"{len(rows):,} name{'' if len(rows) == 1 else 's'} set, as {file} says")


def _rows(file: Path) -> Iterator[Row]:
    """Yield what the lines of a file say; raise `OptionError` for the first one that cannot be."""
    lines = _text(file).splitlines()
    heading = lines[0] if lines else ""
    reader = csv.DictReader(lines, delimiter=";" if ";" in heading else ",")
    unknown = [str(name) for name in reader.fieldnames or () if name not in COLUMNS]
    if unknown or not heading:
        what = f"there is no column {', '.join(unknown)}" if unknown else "it is empty"
        raise OptionError(f"{file}: {what}; the first line names columns of {', '.join(COLUMNS)}")
    for row in reader:
        where = f"{file}, line {reader.line_num}"
        if None in row:
            raise OptionError(f"{where}: there are more cells than columns")
        yield _row({name: (text or "").strip() for name, text in row.items()}, where)


def _row(cells: dict[str, str], where: str) -> Row:
    keys = [name for name in HIGHEST if cells.get(name)]
    if len(keys) != 1:
        raise OptionError(f"{where}: give either turbine_number or engineer_id")
    (key,) = keys
    number = cells[key]
    if not (number.isascii() and number.isdigit() and 1 <= int(number[:20]) <= HIGHEST[key]):
        raise OptionError(f"{where}: {key} {number!r} is no number from 1 to {HIGHEST[key]}")
    return {key: int(number), "name": cells.get("name") or None, "site": cells.get("site") or None}


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8-sig")  # spreadsheets begin it with a mark
    except OSError as error:
        raise OptionError(f"cannot read {file}: {system_words(error)}") from error
    except UnicodeDecodeError as error:
        raise OptionError(f"{file} is no text in UTF-8") from error
