"""What goes wrong with the database, or on the way to it, and how the store mends itself."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import pytest
from asyncpg import Connection
from postgres import Server, free_port

from gridws.errors import StoreFailed, StoreUnusable
from gridws.settings import MonitorSettings
from gridws.storage.batches import Batch
from gridws.storage.postgres.connections import session_of
from gridws.storage.postgres.store import PostgresStore
from gridws.storage.rows import Event, LinkRow, Repair, StatusChange

from ..conftest import NOW
from ..rows import ALWAYS, moved, reading
from .conftest import until, waiting_for_locks

pytestmark = pytest.mark.slow

END_SESSIONS = "SELECT pg_terminate_backend(pid, 60000) FROM pg_stat_activity WHERE application_name = $1"


async def test_a_database_that_is_away_lets_the_monitor_start_degraded() -> None:
    store = PostgresStore(
        f"postgresql://gridws:tell-nobody@127.0.0.1:{free_port()}/x", settings=MonitorSettings()
    )

    opened = await store.open(now=NOW)

    assert opened.trouble is not None
    assert "tell-nobody" not in opened.trouble
    with pytest.raises(StoreFailed):
        await store.write(Batch())
    await store.close()


async def test_after_its_sessions_were_ended_the_next_write_works_as_the_same_writer(
    ours: PostgresStore, outside: Connection
) -> None:
    await ours.write(Batch(cursors=moved({(7, "s"): 1}), wanted=[(7, "s")]))
    await outside.fetch(END_SESSIONS, session_of(ours.writer_id))
    with pytest.raises(StoreFailed):
        await ours.write(Batch([reading(7)]))

    written = await ours.write(Batch([reading(7, 1)], moved({(7, "s"): 2}), numbered=1))

    assert written.refused == frozenset()
    assert await ours.readings(7, **ALWAYS) == [reading(7, 1)]


async def test_a_password_that_is_changed_meanwhile_is_trouble_and_ends_nobody(
    ours: PostgresStore, outside: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(url: str, *, name: str) -> Connection:
        raise StoreUnusable(url, f"password authentication failed for {name}")

    await outside.fetch(END_SESSIONS, session_of(ours.writer_id))
    with suppress(StoreFailed):  # which notices that its session was ended
        await ours.write(Batch())
    with monkeypatch.context() as changed:
        changed.setattr("gridws.storage.postgres.store.connect", refuse)
        with pytest.raises(StoreFailed, match="password"):
            await ours.write(Batch())

    await ours.write(Batch([reading(7)]))

    assert await ours.readings(7, **ALWAYS) == [reading(7)]


async def test_a_commit_whose_answer_was_lost_is_not_written_twice(
    ours: PostgresStore, outside: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = Batch(
        [reading(7)], statuses=[StatusChange(7, NOW, "ok", None)], events=[Event(NOW, "note", text="ice")]
    )
    streams = ours._cursors
    take = streams.take

    async def lose_the_answer(*_: object) -> dict[tuple[int, str], int | None]:
        monkeypatch.setattr(streams, "take", take)
        raise ConnectionResetError("cut")

    monkeypatch.setattr(streams, "take", lose_the_answer)
    with pytest.raises(StoreFailed, match="cut"):
        await ours.write(rows)

    again = Batch([*rows.readings, reading(7, 1)], statuses=rows.statuses, events=rows.events)
    await ours.write(again)

    assert await ours.readings(7, **ALWAYS) == [reading(7, 1), reading(7)]
    assert await outside.fetchval("SELECT count(*) FROM statuses") == 1
    assert len(await ours.events(limit=9)) == 1


async def test_a_transaction_that_deadlocks_is_tried_again(ours: PostgresStore, outside: Connection) -> None:
    await ours.write(Batch(cursors=moved({(7, "s"): 1}), repairs=[Repair(1, 7, 1, NOW, NOW)]))
    await outside.execute("SET deadlock_timeout = '60s'")
    holder = outside.transaction()
    await holder.start()
    await outside.execute("UPDATE repairs SET engineer_id = 1")
    writing = asyncio.create_task(
        ours.write(
            Batch(cursors=moved({(7, "s"): 2}), repairs=[Repair(1, 7, 1, NOW, NOW, NOW + 5, "repaired")])
        )
    )
    await until(outside, waiting_for_locks(1))
    await outside.execute(
        "UPDATE cursors SET last_sequence = 1"
    )  # the store finds the deadlock first, and gives way
    await holder.commit()

    await writing

    assert [row.outcome for row in await ours.repairs(limit=1)] == ["repaired"]


async def test_a_late_row_takes_no_end_back(ours: PostgresStore, theirs: PostgresStore) -> None:
    begun, link = Repair(1, 7, 1, NOW, NOW), LinkRow(1, 7, NOW)
    ended, lost = begun._replace(ended_at=NOW + 5, outcome="repaired"), link._replace(disconnected_at=NOW + 5)
    await theirs.write(Batch(repairs=[ended], links=[lost]))

    await ours.write(Batch(repairs=[begun], links=[link]))

    assert await ours.repairs(limit=9) == [ended]


async def test_what_a_living_monitor_has_open_stays_open_when_another_starts(
    ours: PostgresStore, postgres_url: str, outside: Connection
) -> None:
    store = PostgresStore(postgres_url, settings=MonitorSettings())
    opened = await ours.maintain(now=NOW)
    link = LinkRow(1 * 2**32 + 1, 7, NOW)
    await ours.write(
        Batch(repairs=[Repair(1, 7, 1, NOW, NOW)], links=[link], statuses=[StatusChange(7, NOW, "ok", 1.0)])
    )

    await store.open(now=NOW + 9_000)

    assert opened is None
    assert await outside.fetchval("SELECT count(*) FROM repairs WHERE ended_at IS NULL") == 1
    assert await outside.fetchval("SELECT count(*) FROM links WHERE disconnected_at IS NULL") == 1
    assert await outside.fetchval("SELECT count(*) FROM statuses") == 1
    await store.close()


async def test_what_a_dead_monitor_left_is_rolled_up_and_ended_by_the_next(
    postgres_url: str, ours: PostgresStore, outside: Connection
) -> None:
    dead = PostgresStore(postgres_url, settings=MonitorSettings())
    begun = await dead.open(now=NOW)
    link = LinkRow(begun.last_link_id + 1, 8, NOW)
    await dead.write(Batch([reading(8)], links=[link], statuses=[StatusChange(8, NOW, "ok", 1.0)]))
    dead._throw_away()
    await until(outside, "SELECT count(*) = 1 FROM pg_locks WHERE locktype = 'advisory'")

    store = PostgresStore(postgres_url, settings=MonitorSettings())
    opened = await store.open(now=NOW + 9_000)

    assert opened.last_readings == {8: reading(8)}
    assert await outside.fetchval("SELECT reason FROM links WHERE id = $1", link.id) == "monitor_stopped"
    assert await outside.fetchval("SELECT operational_status FROM statuses ORDER BY id DESC LIMIT 1") is None
    await store.close()


async def test_a_client_frozen_in_a_transaction_gives_its_rows_back(
    ours: PostgresStore, outside: Connection, postgres_server: Server
) -> None:
    frozen = outside.transaction()
    await outside.execute("SET idle_in_transaction_session_timeout = 100")
    await ours.write(Batch(cursors=moved({(7, "s"): 1})))
    await frozen.start()
    await outside.execute("UPDATE cursors SET last_sequence = 9")

    written = await ours.write(Batch(cursors=moved({(7, "s"): 2}), wanted=[(7, "s")]))

    assert written.cursors == {(7, "s"): 2}
