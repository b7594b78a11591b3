"""Pool time goes forward, whatever the wall clocks say, and is about the same everywhere."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gridws.several.pool_clock import PoolClock


def test_the_largest_lead_that_was_seen_counts() -> None:
    clock = PoolClock()
    clock.learn(100.0, 10.0)
    clock.learn(100.0, 15.0)  # it was long on its way

    assert clock.pool(20.0) == 110.0
    assert clock.local(110.0) == 20.0


def test_time_in_which_nobody_lived_is_skipped() -> None:
    clock = PoolClock()
    clock.learn(100.0, 10.0)
    clock.skip(3_600.0)
    clock.skip(-5.0)

    assert clock.pool(10.0) == 3_700.0


def test_what_was_before_anything_was_known_is_not_older_than_that() -> None:
    clock = PoolClock()
    clock.learn(100.0, 50.0)  # it stood still for long: nobody lived

    assert clock.pool(20.0) == 100.0
    assert clock.pool(50.0) == 100.0


@given(st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 1_000)), min_size=1))
def test_pool_time_never_goes_back(seen: list[tuple[int, int]]) -> None:
    clock, local, last = PoolClock(), 0, float("-inf")
    for seconds, passed in seen:
        local += passed
        if clock.is_set:
            assert clock.pool(local) >= last
        clock.learn(seconds, local)
        last = clock.pool(local)
        assert last >= seconds
