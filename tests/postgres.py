"""A pytest plug-in: PostgreSQL of the tests' own, a server for the session and a database for each test that wants one.

`initdb` makes it in a folder of ours, as a user who is not root, and it listens on the loopback on a port of its own.
Nothing of it is left behind, and no other server is ever touched. Durability is off: tests kill monitors, not machines.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import pytest

NOBODY = "nobody"
_serial = count(1)
FAST = (
    "fsync=off",
    "synchronous_commit=off",
    "full_page_writes=off",
    "max_connections=60",
    "shared_buffers=64MB",
)


def find_programs() -> Path | None:
    """Return the folder of PostgreSQL's programs: of the newest version where Debian has several."""
    found = shutil.which("initdb")
    if found:
        return Path(found).resolve().parent
    folders = sorted(
        Path("/usr/lib/postgresql").glob("*/bin"), key=lambda each: int(each.parent.name.split(".")[0])
    )
    return next((each for each in reversed(folders) if (each / "initdb").exists()), None)


def as_nobody(*command: str | Path) -> list[str]:
    """Return the command as one that does not run as root, which PostgreSQL refuses to."""
    words = [str(word) for word in command]
    return ["setpriv", "--reuid", NOBODY, "--clear-groups", *words] if os.geteuid() == 0 else words


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


class Server:
    """A running PostgreSQL; `url(name)` is that of a database, with the password of its only user."""

    def __init__(self, programs: Path, folder: Path) -> None:
        self._programs = programs
        self._data = folder / "data"
        self._log = folder / "log"
        self.port = free_port()
        self.password = "tell-nobody"
        (folder / "password").write_text(self.password)
        (folder / "password").chmod(0o644)
        self._run("initdb", "-D", self._data, "-U", "gridws", "-A", "scram-sha-256", "-N", "-E", "UTF8", "--locale=C",
                  f"--pwfile={folder / 'password'}")  # fmt: skip

    def start(self) -> None:
        options = " ".join(f"-c {each}" for each in (f"port={self.port}", "listen_addresses=127.0.0.1",
                                                    f"unix_socket_directories={self._data}", *FAST))  # fmt: skip
        self._run("pg_ctl", "-D", self._data, "-l", self._log, "-o", options, "-w", "-t", "60", "start")

    def stop(self, how: str = "immediate") -> None:
        self._run("pg_ctl", "-D", self._data, "-m", how, "-w", "stop")

    def url(self, name: str) -> str:
        return f"postgresql://gridws:{self.password}@127.0.0.1:{self.port}/{name}"

    async def create(self, name: str, template: str = "template0") -> str:
        """Create a database and return its URL."""
        await self._do(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy")
        return self.url(name)

    async def drop(self, name: str) -> None:
        await self._do(f"DROP DATABASE {name} WITH (FORCE)")

    async def _do(self, sql: str) -> None:
        import asyncpg

        connection = await asyncpg.connect(self.url("postgres"))
        await connection.execute(sql)
        await connection.close()

    def _run(self, program: str, *arguments: str | Path) -> None:
        command = as_nobody(self._programs / program, *arguments)
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd="/")


@contextmanager
def serving() -> Iterator[Server]:
    """Give a running server; it and its folder are gone afterwards."""
    programs = find_programs()
    assert programs is not None
    memory = Path("/dev/shm")  # databases are made and dropped ten times as fast as on a disk
    with tempfile.TemporaryDirectory(
        prefix="gridws-postgres-", dir=memory if os.access(memory, os.W_OK) else None
    ) as name:
        folder = Path(name)
        if os.geteuid() == 0:
            shutil.chown(folder, NOBODY)
        server = Server(programs, folder)
        server.start()
        try:
            yield server
        finally:
            server.stop()


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Server]:
    """Return a server for all tests, with a template that has our tables."""
    from gridws.storage.postgres.connections import connect
    from gridws.storage.postgres.schema import migrate

    async def make_template() -> None:
        connection = await connect(await server.create("template_gridws"))
        await migrate(connection, "the template")
        await connection.close()

    with serving() as server:
        asyncio.run(make_template())
        yield server


def a_database(server: Server, template: str) -> Iterator[str]:
    name = f"test_{next(_serial)}"
    yield asyncio.run(server.create(name, template))
    asyncio.run(server.drop(name))


@pytest.fixture
def postgres_url(postgres_server: Server) -> Iterator[str]:
    """Return the URL of a database of the test's own, with our tables."""
    yield from a_database(postgres_server, "template_gridws")


@pytest.fixture
def empty_postgres_url(postgres_server: Server) -> Iterator[str]:
    """Return the URL of a database of the test's own that is empty."""
    yield from a_database(postgres_server, "template0")
