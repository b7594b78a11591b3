"""`gridws copy`: a file's rows arrive as they are, however often it is broken off, and nothing is mixed."""

from __future__ import annotations

import asyncio
import shutil
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest
from an_hour import BEGIN, REPAIRS, STATUSES, at, readings
from asyncpg import Connection

from gridws import cli
from gridws.commands import copy as command
from gridws.errors import StoreUnusable
from gridws.settings import MonitorSettings
from gridws.storage.batches import Batch
from gridws.storage.postgres.connections import connect
from gridws.storage.postgres.store import PostgresStore
from gridws.storage.postgres.target import Target
from gridws.storage.postgres.urls import without_password
from gridws.storage.rows import Cursor, Event, LinkRow, Repair
from gridws.storage.sqlite.store import SqliteStore

pytestmark = pytest.mark.slow

HOUR = ("--from", "2023-11-14T22:13Z", "--to", "2023-11-14T23:13Z")
ASKED = [("report", *HOUR, "--json"), ("export", "metrics"), ("export", "repairs"), ("export", "links")]
KEEPING = MonitorSettings(retain_readings=None)
Run = Callable[..., int]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """Return a function that runs a command in this process and returns its exit code."""

    def run(*words: str) -> int:
        monkeypatch.setattr(sys, "argv", ["gridws", *words])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        return int(ended.value.code or 0)

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(command, "ROWS", 100)
    return run


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Return a file whose monitor died: some of its readings are in no minute yet, and things are open."""
    path = tmp_path / "gridws.db"
    asyncio.run(record_and_die(path))
    return path


async def record_and_die(path: Path) -> None:
    store = SqliteStore(path.with_suffix(".live"), settings=KEEPING)
    await store.open(now=BEGIN)
    tenths = [n / 10 for n in range(600)]
    await store.write(
        Batch(
            # 3,600 kW over whole seconds: sums are exact in whatever order they are made.
            readings=[row for number in (7, 8) for row in readings(number, *tenths[:550], power=3600.0)],
            links=[LinkRow(1, 7, at(-30)), LinkRow(2, 8, at(-30), at(50), "silent")],
            statuses=[*STATUSES[7], *STATUSES[8]],
            repairs=[*REPAIRS[7], *REPAIRS[8], Repair(9, 7, 1, at(58), at(59))],
            events=[
                Event(at(1), "name", 7, name="Anna", site="north"),
                Event(at(2), "hold", 8, until=at(9)),
                Event(at(3), "name", engineer_id=2, name="Bob"),
                Event(at(4), "roster", engineers=4),
            ],
            cursors={Cursor((7, "a")): 600, Cursor((8, "b")): 600},
        )
    )
    await store.maintain(now=at(56))
    await store.write(Batch(readings=[*readings(7, *tenths[550:], power=3600.0)]))
    for end in ("", "-wal"):
        shutil.copyfile(f"{path.with_suffix('.live')}{end}", f"{path}{end}")
    await store.close()


def in_database(url: str, ask: Callable[[Connection], Coroutine[Any, Any, Any]]) -> Any:
    async def asked() -> Any:
        connection = await connect(url)
        found = await ask(connection)
        connection.terminate()
        return found

    return asyncio.run(asked())


def answers(run: Run, capsys: pytest.CaptureFixture[str], database: str) -> list[str]:
    capsys.readouterr()
    codes = [run(*words, "--database", database) for words in ASKED]
    assert codes == [0] * len(ASKED)
    return capsys.readouterr().out.splitlines()


def break_off_after(monkeypatch: pytest.MonkeyPatch, slices: int) -> None:
    """Have a copy end after so many slices, as if it were killed behind a COMMIT."""
    take, left = Target.take, iter(range(slices))

    async def taken(self: Target, *rest: Any) -> None:
        await take(self, *rest)
        next(left)

    monkeypatch.setattr(Target, "take", taken)


def test_all_is_told_of_the_copy_and_a_monitor_begins_on_it_as_on_the_file(
    run: Run, file: Path, empty_postgres_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("copy", "--from", str(file), "--to", empty_postgres_url) == 0
    said = capsys.readouterr().out
    before = [answers(run, capsys, each) for each in (empty_postgres_url, str(file))]

    async def begin(store: SqliteStore | PostgresStore) -> tuple[Any, ...]:
        opened = await store.open(now=at(70))
        written = await store.write(Batch(wanted=[(7, "a"), (8, "b"), (8, "c")]))
        await store.maintain(now=at(80))
        minutes = [await store.minutes(number, since=0, until=at(100)) for number in (7, 8)]
        events = await store.events(limit=10)
        await store.close()
        return opened.last_assignment_id, opened.last_readings, opened.last_seen_at, opened.engineers, \
            opened.holds, opened.names, opened.belief, written.cursors, minutes, events  # fmt: skip

    ours = asyncio.run(begin(SqliteStore(file, settings=KEEPING)))
    theirs = asyncio.run(begin(PostgresStore(empty_postgres_url, settings=KEEPING)))

    assert said == (
        f"{without_password(empty_postgres_url)} holds what {file} does: 1,150 readings, 4 repairs, and all else"
        " (checked)\n"
    )
    assert before[0] == before[1]
    assert theirs[0] >= ours[0]
    assert theirs[1:] == ours[1:]
    assert answers(run, capsys, empty_postgres_url) == answers(run, capsys, str(file))


@pytest.mark.parametrize("slices", [0, 13])
def test_a_copy_that_was_broken_off_goes_on(
    run: Run, file: Path, postgres_url: str, capsys: pytest.CaptureFixture[str], slices: int
) -> None:
    with pytest.MonkeyPatch.context() as broken:
        break_off_after(broken, slices)
        with pytest.raises(RuntimeError):
            run("copy", "--from", str(file), "--to", postgres_url)

    with pytest.raises(StoreUnusable, match="gridws copy is not done with it"):
        asyncio.run(PostgresStore(postgres_url, settings=KEEPING).open(now=at(70)))
    assert run("report", "--database", postgres_url) == 1
    assert run("copy", "--from", str(file), "--to", postgres_url) == 0

    assert answers(run, capsys, postgres_url) == answers(run, capsys, str(file))


def test_a_file_that_a_monitor_went_on_with_is_not_mixed_with_what_was_copied_before(
    run: Run, file: Path, postgres_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.MonkeyPatch.context() as broken:
        break_off_after(broken, 3)
        with pytest.raises(RuntimeError):
            run("copy", "--from", str(file), "--to", postgres_url)

    async def go_on() -> None:
        store = SqliteStore(file, settings=KEEPING)
        await store.open(now=at(70))
        await store.close()

    asyncio.run(go_on())

    assert run("copy", "--from", str(file), "--to", postgres_url) == 1

    assert "it holds the beginning of a copy of another file, or of this one" in capsys.readouterr().err


def test_a_database_that_a_monitor_was_at_gets_no_rows(
    run: Run, file: Path, postgres_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    async def use() -> None:
        store = PostgresStore(postgres_url, settings=KEEPING)
        await store.open(now=at(0))
        await store.close()

    asyncio.run(use())

    assert run("copy", "--from", str(file), "--to", postgres_url) == 1

    assert "it has rows already; a copy wants a database of its own" in capsys.readouterr().err
    assert in_database(postgres_url, lambda each: each.fetchval("SELECT count(*) FROM repairs")) == 0


def test_a_file_that_a_monitor_runs_on_is_refused(
    run: Run, file: Path, postgres_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with asyncio.Runner() as runner:
        store = SqliteStore(file, settings=KEEPING)
        runner.run(store.open(now=at(70)))
        code = run("copy", "--from", str(file), "--to", postgres_url)
        runner.run(store.close())

    assert code == 1

    assert f"cannot use the database {file}: a monitor is running on it; stop it" in capsys.readouterr().err


@pytest.mark.parametrize(
    "loss",
    [
        "NEW.engineer_id := NEW.engineer_id + 1; RETURN NEW",
        "NEW.outcome := 'gone'; RETURN NEW",
        "RETURN NULL",
    ],
)
def test_what_arrives_otherwise_than_it_was_is_noticed(
    run: Run, file: Path, postgres_url: str, capsys: pytest.CaptureFixture[str], loss: str
) -> None:
    change = f"""
        CREATE FUNCTION lose() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {loss}; END $$;
        CREATE TRIGGER lose BEFORE INSERT ON repairs FOR EACH ROW EXECUTE FUNCTION lose();
    """
    in_database(postgres_url, lambda each: each.execute(change))

    assert run("copy", "--from", str(file), "--to", postgres_url) == 1

    assert "the copy of repairs is not the same" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("source", "target", "code", "sentence"),
    [
        ("none.db", "postgresql://db/grid", 1, "cannot use the database none.db: there is no such file"),
        (
            "gridws.db",
            "other.db",
            2,
            "--to names no database of PostgreSQL: write postgresql://USER@HOST/NAME",
        ),
        ("gridws.db", "", 2, "--to names no database of PostgreSQL"),
        ("text.db", "postgresql://db/grid", 1, "text.db: the file is not an SQLite database"),
    ],
)
def test_what_cannot_be_copied_is_said(
    run: Run,
    file: Path,
    capsys: pytest.CaptureFixture[str],
    *,
    source: str,
    target: str,
    code: int,
    sentence: str,
) -> None:
    Path("text.db").write_text("no database" * 100, encoding="utf-8")

    assert run("copy", "--from", source, "--to", target) == code

    assert sentence in capsys.readouterr().err
    assert sorted(each.name for each in file.parent.glob("*.db*")) == [
        "gridws.db",
        "gridws.db-wal",
        "text.db",
    ]
