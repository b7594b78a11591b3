"""What `--database` names: a file of SQLite or, by its URL, a database of PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from ..errors import OptionError, StoreUnusable
from ..storage.postgres.urls import is_url, without_password

if TYPE_CHECKING:
    from ..storage.records import Records

DEMO_DATABASE: Final = Path("gridws-demo.db")
"""The file of `gridws demo`, in the current folder."""

Database = Annotated[
    str,
    typer.Option(
        "--database",
        envvar="GRIDWS_DATABASE",
        metavar="FILE",
        help="The SQLite file that keeps everything, or postgresql://USER@HOST/NAME. Other users see options: a URL "
        "with a password belongs into the variable.",
    ),
]


def shown(database: str) -> str:
    """Return the name of a database as people may see it."""
    return without_password(database) if is_url(database) else database


def file_of(database: str) -> Path | None:
    """Return the file that it is; None: it is a server's."""
    return None if is_url(database) else Path(database)


def open_records(database: str) -> AbstractContextManager[Records]:
    """Give the records of a database; raise `StoreUnusable`, `StoreFailed`, also out of iterators, or `OptionError`.

    Where there is no such file but the demo's, the error names that.
    """
    from ..storage.sqlite.records import open_records as open_file

    file = file_of(database)
    if file is not None:
        return open_file(_there(file))
    with asyncpg_wanted():
        from ..storage.postgres.records import open_records as open_url
    return open_url(database)


@contextmanager
def asyncpg_wanted() -> Iterator[None]:
    """Make a missing asyncpg an `OptionError` that says how to get it."""
    try:
        yield
    except ModuleNotFoundError as error:
        if error.name != "asyncpg":
            raise
        raise OptionError("PostgreSQL takes one more package: pip install 'gridws[postgres]'") from None


def _there(file: Path) -> Path:
    if not file.exists() and DEMO_DATABASE.exists():
        raise StoreUnusable(
            str(file), f"there is no such file; for the demo's, add --database {DEMO_DATABASE}"
        )
    return file
