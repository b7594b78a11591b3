"""The lease: nobody is taken for dead who may still send."""

from __future__ import annotations

from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridws.several.lease import BEATS, Lease, Standstill, Still

LEASE = 6.0


def looks(standstill: Standstill, beats: dict[int, int], times: list[float]) -> list[dict[int, int]]:
    return [standstill.look(still(beats), sent=time, received=time) for time in times]


def still(beats: dict[int, int]) -> dict[int, Still]:
    return {member: Still(beat, LEASE) for member, beat in beats.items()}


def test_a_beat_that_stands_still_for_a_whole_lease_of_looks_is_a_dead_ones() -> None:
    found = looks(Standstill(LEASE), {1: 5}, [float(second) for second in range(7)])

    assert found[:-1] == [{}] * 6
    assert found[-1] == {1: 5}


@given(st.floats(0.0, 1e9), st.floats(1.0, 120.0))
def test_six_waits_of_a_sixth_are_a_lease(booted: float, lease: float) -> None:
    standstill, beats = Standstill(lease), {1: Still(5, lease)}
    times = [booted]
    for _ in range(BEATS):
        times.append(times[-1] + lease / BEATS)

    found = [standstill.look(beats, sent=time, received=time) for time in times]

    assert found == [{}] * BEATS + [{1: 5}]


def test_a_beat_that_moves_is_a_living_ones() -> None:
    standstill = Standstill(LEASE)
    beats = count()

    found = [standstill.look(still({1: next(beats) // 5}), sent=t, received=t) for t in map(float, range(60))]

    assert found == [{}] * 60


def test_who_was_frozen_takes_nobody_for_dead() -> None:
    standstill = Standstill(LEASE)
    looks(standstill, {1: 5}, [0.0, 1.0])

    assert looks(standstill, {1: 5}, [61.0, 62.0]) == [{}, {}]


def test_an_outage_of_the_database_makes_nobody_dead() -> None:
    standstill = Standstill(LEASE)
    looks(standstill, {1: 5, 2: 8}, [0.0, 1.0, 2.0])
    standstill.miss()

    assert looks(standstill, {1: 5, 2: 8}, [90.0, 91.0, 92.0]) == [{}, {}, {}]


def test_an_answer_that_came_late_counts_no_time_that_the_database_slept() -> None:
    standstill = Standstill(LEASE)
    standstill.look(still({1: 5}), sent=0.0, received=0.0)

    assert standstill.look(still({1: 5}), sent=1.0, received=90.0) == {}
    assert standstill.look(still({1: 5}), sent=90.0, received=90.0) == {}


def test_a_member_that_is_new_begins_with_a_whole_lease() -> None:
    standstill = Standstill(LEASE)
    looks(standstill, {}, [0.0, 1.0, 2.0])

    assert looks(standstill, {1: 0}, [3.0, 4.0, 5.0, 6.0, 7.0, 8.0]) == [{}] * 6


def test_a_member_with_a_longer_lease_is_given_as_long() -> None:
    standstill = Standstill(LEASE)
    beats = {1: Still(5, 2 * LEASE), 2: Still(8, LEASE)}

    found = [standstill.look(beats, sent=time, received=time) for time in map(float, range(13))]

    assert found[6:12] == [{2: 8}] * 6
    assert found[12] == {1: 5, 2: 8}


@pytest.mark.parametrize(("now", "holds"), [(104.9, True), (105.0, False)])
def test_a_lease_ends_a_sixth_before_others_may_evict(now: float, *, holds: bool) -> None:
    lease = Lease(LEASE)

    lease.renew(100.0)

    assert lease.holds(now) is holds
    assert lease.period == 1.0


def test_without_a_beat_there_is_no_lease() -> None:
    lease = Lease(LEASE)

    assert not lease.holds(0.0)


@given(data=st.data())
def test_nobody_is_evicted_before_its_own_lease_has_ended(data: st.DataObject) -> None:
    """However long its beats take to arrive, and the looks of the other to be answered."""
    lease, standstill = Lease(LEASE), Standstill(LEASE)
    waits, gaps = st.floats(0.0, 3.0), st.floats(0.1, 4.0)
    beats, time = [], 0.0
    for _ in range(data.draw(st.integers(1, 4))):
        arrived = time + data.draw(waits)
        beats.append((time, arrived))
        time = max(arrived, time + data.draw(gaps))
    for sent, _ in beats:
        lease.renew(sent)
    now = data.draw(waits)
    for _ in range(60):
        done, received = (now := now + data.draw(gaps)), now + data.draw(waits)
        beat = sum(arrived <= done for _, arrived in beats)
        dead = standstill.look(still({1: beat}), sent=done, received=received)
        if dead and beat == len(beats):
            assert not lease.holds(done)
            return
        now = received
