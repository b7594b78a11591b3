"""How readings of several writers get into the sums of minutes, a step at a time."""

from __future__ import annotations

import pytest
from asyncpg import Connection

from gridws.storage.batches import Batch
from gridws.storage.postgres import rollup
from gridws.storage.postgres.store import PostgresStore

from ..conftest import NOW
from ..rows import reading

MINUTE = 60_000
COMMITS = rollup.MOST + 3
ALL = {"since": 0, "until": NOW + 60 * MINUTE}


async def commit(store: PostgresStore, turbine_number: int) -> None:
    for place in range(COMMITS):
        await store.write(Batch([reading(turbine_number, place * 1_000)]))


async def readings_in(store: PostgresStore, turbine_number: int) -> int:
    return sum(each.readings for each in await store.minutes(turbine_number, **ALL))


async def test_what_is_too_much_for_one_step_is_rolled_up_in_the_next(ours: PostgresStore) -> None:
    await commit(ours, 7)
    sums, energies = [], []

    for seconds in (11, 12, 13):
        await ours.maintain(now=NOW + seconds * 1_000)
        sums.append(await readings_in(ours, 7))
        energies.append(sum(each.energy_in_kwh for each in await ours.minutes(7, **ALL)))

    assert sums == [rollup.MOST, COMMITS, COMMITS]
    assert energies[-1] == pytest.approx(1250.25 * (COMMITS - 1) / 3_600)


async def test_a_writer_does_not_wait_for_one_that_rolls_up(ours: PostgresStore, outside: Connection) -> None:
    await commit(ours, 7)
    await outside.execute("SELECT pg_advisory_lock($1)", rollup.FLUSHING)
    await ours.maintain(now=NOW + 11_000)
    before = await readings_in(ours, 7)
    await outside.execute("SELECT pg_advisory_unlock_all()")

    await ours.maintain(now=NOW + 12_000)

    assert before == 0
    assert await readings_in(ours, 7) == rollup.MOST


async def test_all_that_is_left_is_rolled_up_at_the_end(ours: PostgresStore, theirs: PostgresStore) -> None:
    await commit(ours, 7)

    await ours.close()

    assert await readings_in(theirs, 7) == COMMITS
