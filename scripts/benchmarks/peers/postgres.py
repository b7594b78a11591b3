"""A PostgreSQL of the measurement's own, as its defaults are, on a port of its own; what it uses of the processor."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import asyncpg

from ..processes import Process, running
from .storing import Missing, free_port, wait_until_it_listens

DEBIAN: Final = Path("/usr/lib/postgresql")
TICK: Final = os.sysconf("SC_CLK_TCK")
SETTINGS: Final = ("listen_addresses=127.0.0.1", "unix_socket_directories=", "max_connections=60")


class Postgres:
    """A server that runs; each database is made when it is asked for."""

    def __init__(self, process: Process, port: int) -> None:
        self._process, self._port = process, port

    def create(self, name: str) -> str:
        """Make a database; return its URL."""
        self.ask("postgres", f"CREATE DATABASE {name}")
        return self._url(name)

    def ask(self, name: str, sql: str) -> int:
        """Return the one number that a statement comes to in this database, 0 where it comes to none."""

        async def ask() -> int:
            connection = await asyncpg.connect(self._url(name))
            try:
                return int(await connection.fetchval(sql) or 0)
            finally:
                await connection.close()

        return asyncio.run(ask())

    def cpu(self) -> float:
        """Return the seconds of CPU used so far by the server and all that it has started."""
        parent = self._process.child.pid
        mine = [_stat(each) for each in Path("/proc").glob("[0-9]*")]
        ticks = sum(fields[11] + fields[12] for fields in mine if fields and fields[1] == parent)
        own = _stat(Path(f"/proc/{parent}"))
        return (ticks + sum(own[11:15])) / TICK

    def _url(self, name: str) -> str:
        return f"postgresql://postgres@127.0.0.1:{self._port}/{name}"


def _stat(folder: Path) -> list[int]:
    """Return what is known of a process, from its parent on at place 1; nothing of one that is gone."""
    try:
        text = (folder / "stat").read_text()
    except OSError:
        return []
    return [0, *map(int, text.rpartition(")")[2].split()[1:])]


@contextlib.contextmanager
def postgres(folder: Path) -> Iterator[Postgres]:
    """A server while it is needed, with its files in this folder; raise `Missing` where there is none."""
    programs, data, port = _programs(), folder / "data", free_port()
    if os.geteuid() == 0:
        for each in (folder.parent, folder):
            each.chmod(0o755)
        shutil.chown(folder, "nobody")
    made = _as_nobody(
        programs / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C"
    )
    subprocess.run(made, check=True, stdout=subprocess.DEVNULL, cwd="/")
    settings = [word for each in (f"port={port}", *SETTINGS) for word in ("-c", each)]
    with (
        (folder / "log").open("wb") as log,
        running(_as_nobody(programs / "postgres", "-D", data, *settings), None, errors=log) as process,
    ):
        wait_until_it_listens(process, port)
        yield Postgres(process, port)


def _programs() -> Path:
    found = shutil.which("initdb")
    folders = [Path(found).resolve().parent] if found else sorted(DEBIAN.glob("*/bin"))
    if not folders:
        raise Missing("there is no PostgreSQL (apt-get install postgresql)")
    return folders[-1]


def _as_nobody(*command: str | Path) -> list[str]:
    """Return the command as one that does not run as root, which PostgreSQL refuses to."""
    words = [str(word) for word in command]
    return ["setpriv", "--reuid", "nobody", "--clear-groups", *words] if os.geteuid() == 0 else words
