"""A stream has one owner: what becomes of readings when a turbine changes monitors, at any moment of a commit."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from asyncpg import Connection

from gridws.storage import Written
from gridws.storage.batches import Batch
from gridws.storage.postgres.store import PostgresStore
from gridws.storage.rows import StatusChange

from ..conftest import NOW
from ..rows import ALWAYS, moved, reading
from .conftest import until, waiting_for_locks

STREAM = (7, "s")
REFUSED = frozenset({STREAM})
HELLO = Batch(wanted=[STREAM])


def numbered(*sequences: int, turbine_number: int = 7) -> Batch:
    """Return a batch of such readings of the turbine's stream, each measured as many ms after the beginning."""
    rows = [reading(turbine_number, sequence) for sequence in sequences]
    return Batch(rows, moved({(turbine_number, "s"): max(sequences)}), numbered=len(rows))


async def sequences_in(store: PostgresStore, turbine_number: int = 7) -> list[int]:
    return [row.measured_at - NOW for row in reversed(await store.readings(turbine_number, **ALWAYS))]


async def test_a_batch_queued_before_the_takeover_is_refused(
    ours: PostgresStore, theirs: PostgresStore
) -> None:
    await ours.write(HELLO)
    await ours.write(numbered(1, 2))
    welcomed = await theirs.write(HELLO)
    await theirs.write(numbered(3, 4))

    late = await ours.write(numbered(3))

    assert welcomed.cursors == {STREAM: 2}
    assert (late.refused, late.refused_readings) == (REFUSED, 1)
    assert await sequences_in(ours) == [1, 2, 3, 4]


async def test_a_batch_under_way_is_waited_for_by_the_takeover(
    ours: PostgresStore, theirs: PostgresStore, outside: Connection
) -> None:
    await ours.write(HELLO)
    # Whoever holds this table holds the commit in its middle: its cursor has moved, its statuses are yet to come.
    holder = outside.transaction()
    await holder.start()
    await outside.execute("LOCK TABLE statuses")
    batch = replace(numbered(1, 2), statuses=[StatusChange(7, NOW, "ok", None)])
    under_way = asyncio.create_task(ours.write(batch))
    await until(outside, waiting_for_locks(1))
    takeover = asyncio.create_task(theirs.write(HELLO))
    await until(outside, waiting_for_locks(2))

    await holder.rollback()

    written, welcomed = await under_way, await takeover
    assert written.refused == frozenset()
    assert welcomed.cursors == {STREAM: 2}


async def test_what_is_not_numbered_is_stored_whoever_owns_the_stream(
    ours: PostgresStore, theirs: PostgresStore
) -> None:
    await theirs.write(HELLO)
    plain = reading(7, 50)

    late = await ours.write(
        Batch([plain, reading(7, 1), reading(8, 1)], moved({STREAM: 1, (8, "s"): 1}), numbered=2)
    )

    assert (late.refused, late.refused_readings) == (REFUSED, 1)
    assert await sequences_in(ours) == [50]
    assert await sequences_in(ours, 8) == [1]


async def test_a_turbine_that_comes_back_is_welcomed_behind_what_it_sent_elsewhere(
    ours: PostgresStore, theirs: PostgresStore
) -> None:
    await ours.write(HELLO)
    await theirs.write(HELLO)
    await theirs.write(numbered(1, 2, 3))
    stale = numbered(1)
    stale.wanted.append(STREAM)  # its `hello` stands behind what was queued before

    back = await ours.write(stale)
    await ours.write(numbered(4))

    assert (back.refused, back.cursors) == (REFUSED, {STREAM: 3})
    assert await sequences_in(ours) == [1, 2, 3, 4]


async def test_a_refused_stream_takes_no_other_of_its_turbine_along_unsaid(
    ours: PostgresStore, theirs: PostgresStore
) -> None:
    await theirs.write(HELLO)
    rows = [reading(7, 1), reading(7, 2)]

    late = await ours.write(Batch(rows, moved({STREAM: 1, (7, "t"): 2}), numbered=2))

    assert late.refused == {STREAM, (7, "t")}
    assert await sequences_in(ours) == []


async def test_two_monitors_that_exchange_streams_lose_nothing(
    ours: PostgresStore, theirs: PostgresStore
) -> None:
    """Each round the turbine says `hello` at one, sends what is not committed yet, and is gone."""
    for place in range(20):
        here, there = (ours, theirs) if place % 2 else (theirs, ours)
        stale, fresh = numbered(place + 1), Batch(wanted=[STREAM])
        _, welcomed = await asyncio.gather(there.write(stale), here.write(fresh))
        at = welcomed.cursors[STREAM] or 0
        if at <= place:
            await here.write(numbered(*range(at + 1, place + 2)))

    assert await sequences_in(ours) == list(range(1, 21))


async def test_a_writer_that_was_taken_for_dead_begins_anew_and_owns_nothing(
    ours: PostgresStore, outside: Connection
) -> None:
    await ours.write(HELLO)
    await ours.write(numbered(1))
    await outside.execute("UPDATE writers SET ended = true")
    with pytest.raises(Exception, match="took this one for dead"):
        await ours.write(numbered(2))

    again: Written = await ours.write(numbered(2))

    assert again.opened is not None
    assert again.refused == REFUSED
    assert await sequences_in(ours) == [1]
