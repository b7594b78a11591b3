"""`--database` as it is typed: the same answers from a file and from PostgreSQL, and plain words for what is wrong."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from an_hour import BEGIN, REPAIRS, STATUSES, at, readings
from postgres import Server, free_port

from gridws import cli
from gridws.settings import MonitorSettings
from gridws.storage.batches import Batch
from gridws.storage.postgres.store import PostgresStore
from gridws.storage.postgres.urls import without_password
from gridws.storage.rows import Event, LinkRow
from gridws.storage.sqlite.store import SqliteStore

pytestmark = pytest.mark.slow

HOUR = ("--from", "2023-11-14T22:13Z", "--to", "2023-11-14T23:13Z")
TENTHS = [n / 10 for n in range(10 * 60)]
KEEPING = MonitorSettings(retain_readings=None)
Run = Callable[..., int]


async def record_the_hour(store: SqliteStore | PostgresStore) -> None:
    await store.open(now=BEGIN)
    await store.write(
        Batch(
            links=[LinkRow(1, 7, at(-30)), LinkRow(2, 8, at(-30), at(50), "silent")],
            statuses=[*STATUSES[7], *STATUSES[8]],
            repairs=[*REPAIRS[7], *REPAIRS[8]],
            # 3,600 kW over whole seconds: sums are exact in whatever order they are made.
            readings=[row for number in (7, 8) for row in readings(number, *TENTHS, power=3600.0)],
            events=[Event(at(1), "name", 7, name="Anna", site="north"), Event(at(2), "hold", 8, until=at(9))],
        )
    )
    await store.maintain(now=at(60))
    await store.close()


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """Return a function that runs a command in this process and returns its exit code."""

    def run(*words: str) -> int:
        monkeypatch.setattr(sys, "argv", ["gridws", *words])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        return int(ended.value.code or 0)

    monkeypatch.chdir(tmp_path)
    return run


@pytest.mark.parametrize(
    "words",
    [
        ("report", *HOUR),
        ("report", *HOUR, "--json", "--site", "north"),
        ("report", *HOUR, "--csv", "--turbine", "8"),
        ("export", "metrics"),
        ("export", "metrics", *HOUR, "--turbine", "7"),
        ("export", "repairs"),
        ("plan", *HOUR, "--engineers", "1-2", "--precision", "50", "--json"),
    ],
    ids=" ".join,
)
def test_a_command_says_the_same_of_both(
    run: Run, postgres_url: str, capsys: pytest.CaptureFixture[str], words: tuple[str, ...]
) -> None:
    asyncio.run(record_the_hour(SqliteStore(Path("gridws.db"), settings=KEEPING)))
    asyncio.run(record_the_hour(PostgresStore(postgres_url, settings=KEEPING)))
    said = []

    for database in ("gridws.db", postgres_url):
        assert run(*words, "--database", database) == 0
        said.append(capsys.readouterr().out)

    assert said[0].replace("gridws.db", without_password(postgres_url)) == said[1]
    assert said[0]


@pytest.mark.parametrize("words", [("report",), ("export", "repairs"), ("plan",)], ids=" ".join)
@pytest.mark.parametrize(
    ("url", "code", "sentence"),
    [
        (
            "postgresql://anna:tell-nobody@127.0.0.1:{closed}/grid",
            1,
            "cannot use the database postgresql://anna@127.0.0.1:{closed}/grid: connection refused",
        ),
        (
            "postgresql://anna:tell-nobody@localhost:{closed}/grid",
            1,
            "cannot use the database postgresql://anna@localhost:{closed}/grid: connection refused",
        ),
        (
            "postgresql://anna:tell-nobody@127.0.0.1:{port}/grid?sslmode=verify-full&sslrootcert=none.pem",
            1,
            "there is no certificate, or no socket, where its URL says",
        ),
        (
            "postgresql://gridws:tell-nobody@127.0.0.1:{port}/template_gridws?sslmode=require",
            1,
            "rejected SSL upgrade",
        ),
        (
            "postgresql://gridws:wr0ng@127.0.0.1:{port}/template_gridws",
            1,
            'postgresql://gridws@127.0.0.1:{port}/template_gridws: password authentication failed for user "gridws"',
        ),
        (
            "postgresql://gridws:tell-nobody@127.0.0.1:{port}/nothing",
            1,
            'cannot use the database postgresql://gridws@127.0.0.1:{port}/nothing: database "nothing" does not exist',
        ),
        (
            "postgresql://gridws:tell-nobody@127.0.0.1:{port}/postgres",
            1,
            "cannot use the database postgresql://gridws@127.0.0.1:{port}/postgres: there is no gridws database in it",
        ),
        (
            "postgresql://gridws:tell/nobody@127.0.0.1/grid",
            2,
            "postgresql://… is no URL of a database: write",
        ),
    ],
)
def test_what_is_wrong_with_a_url_is_one_sentence_without_its_password(
    run: Run,
    postgres_server: Server,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    *,
    words: tuple[str, ...],
    url: str,
    code: int,
    sentence: str,
) -> None:
    ports = {"port": postgres_server.port, "closed": free_port()}
    monkeypatch.setenv("GRIDWS_DATABASE", url.format(**ports))

    assert run(*words) == code

    (line,) = capsys.readouterr().err.splitlines()
    assert sentence.format(**ports) in line
    assert "tell" not in line
    assert "wr0ng" not in line


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://gridws@127.0.0.1:{port}/template_gridws",
        "postgresql://gridws@127.0.0.1:{closed},127.0.0.1:{port}/template_gridws?target_session_attrs=read-write",
    ],
)
def test_a_password_may_lie_in_a_file_and_the_primary_be_one_of_several_hosts(
    run: Run, postgres_server: Server, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    passwords = Path("passwords")
    passwords.write_text(f"127.0.0.1:*:*:gridws:{postgres_server.password}\n", encoding="utf-8")
    passwords.chmod(0o600)
    monkeypatch.setenv("PGPASSFILE", str(passwords))
    monkeypatch.setenv("GRIDWS_DATABASE", url.format(port=postgres_server.port, closed=free_port()))

    assert run("report") == 0


def test_without_asyncpg_it_is_said_how_to_get_it(
    run: Run, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delitem(sys.modules, "gridws.storage.postgres.records", raising=False)
    for name in ("connections", "schema", "events"):
        monkeypatch.delitem(sys.modules, f"gridws.storage.postgres.{name}", raising=False)
    monkeypatch.setitem(sys.modules, "asyncpg", None)

    assert run("report", "--database", "postgresql://db/grid") == 2

    assert capsys.readouterr().err == (
        "gridws: PostgreSQL takes one more package: pip install 'gridws[postgres]'\n"
    )


def test_a_backup_of_a_server_is_its_own_matter(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("backup", "copy.db", "--database", "postgresql://db/grid") == 2

    assert capsys.readouterr().err == (
        "gridws: PostgreSQL copies its databases by itself: see pg_dump and pg_basebackup\n"
    )
    assert not Path("copy.db").exists()


def test_the_options_in_force_have_no_password_in_them(
    run: Run, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GRIDWS_DATABASE", "postgresql://anna:tell-nobody@db/grid?password=tell-nobody")

    assert run("config", "report") == 0

    printed = capsys.readouterr().out
    assert 'database = "postgresql://anna@db/grid"' in printed
    assert "tell-nobody" not in printed
