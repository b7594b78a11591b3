"""The newest readings that others wrote, as a page shows them of turbines that are linked elsewhere."""

from __future__ import annotations

from gridws.storage.batches import Batch
from gridws.storage.postgres.store import PostgresStore

from ..conftest import NOW
from ..rows import reading

LATER = NOW + 60_000


async def newest(store: PostgresStore, *, slow_ones: bool = False) -> list[tuple[int, int]]:
    found = await store.newest_of_others(now=LATER, slow_ones=slow_ones)
    return [(each.turbine_number, each.measured_at - LATER) for each in found]


async def test_of_each_turbine_the_newest_of_the_last_seconds_is_found_unless_it_is_our_own(
    ours: PostgresStore, theirs: PostgresStore
) -> None:
    await ours.write(Batch([reading(6, 60_000)]))
    await theirs.write(
        Batch([reading(7, 58_000), reading(7, 59_000), reading(8, 60_500), reading(9, 20_000)])
    )

    assert await newest(ours) == [(7, -1_000), (8, 500)]
    assert await newest(theirs) == [(6, 0)]


async def test_what_a_clock_far_ahead_measures_is_none_of_the_last_seconds(
    ours: PostgresStore, theirs: PostgresStore
) -> None:
    await theirs.write(Batch([reading(7, 59_000), reading(7, 3_600_000)]))

    assert await newest(ours) == [(7, -1_000)]


async def test_the_slow_ones_are_known_from_the_last_roll_up(
    ours: PostgresStore, theirs: PostgresStore
) -> None:
    await theirs.write(Batch([reading(7, 59_000), reading(9, 20_000)]))
    await theirs.maintain(now=LATER)

    assert sorted(await newest(ours, slow_ones=True)) == [(7, -1_000), (7, -1_000), (9, -40_000)]
