"""The invariants of the dispatcher, looked at from inside: what must hold after every event."""

from __future__ import annotations

from collections.abc import Iterator

from .dispatcher import Dispatcher
from .states import State


def check(dispatcher: Dispatcher) -> None:
    """Raise `AssertionError` with a sentence when the dispatcher breaks one of the invariants."""
    for invariants in (_who_is_where, _who_goes_next, _what_is_kept):
        for holds, sentence in invariants(dispatcher):
            if not holds:
                raise AssertionError(sentence)


def _who_is_where(pool: Dispatcher) -> Iterator[tuple[bool, str]]:
    engineers, assigned = pool.engineers(), _in_state(pool, State.assigned)
    at_work = {e.assignment.turbine_number: e.assignment for e in engineers if e.assignment}
    busy, roster = len(engineers) - pool.free_count, max(pool.engineer_count, len(at_work))
    yield len({e.engineer_id for e in engineers}) == len(engineers), "I1: an engineer is in two places"
    yield len(at_work) == busy, "I2: a turbine has two engineers"
    yield at_work == pool._assignments, "I2: engineers and turbines disagree on who is where"
    sessions = {n: pool._turbines[n].session_id for n in assigned}
    served = {n: each.session_id for n, each in at_work.items()}
    yield sessions == served, "I3: an engineer is not on a live session"
    yield len(engineers) == roster, "I4: free and assigned engineers are not the roster"
    yield all(n == t.number for n, t in pool._turbines.items()), "I5: a session is another turbine's"
    repairs = sorted((pool._turbines[n].until, each.id, n) for n, each in at_work.items())
    yield pool._repairs == repairs, "I7: a repair has no deadline, or a deadline no repair"


def _who_goes_next(pool: Dispatcher) -> Iterator[tuple[bool, str]]:
    waiting, held = _in_state(pool, State.waiting), _in_state(pool, State.held)
    places = {n: b.place for n, b in pool._breakdowns.items()}
    yield not (pool.free_count and pool._line), "I6: an engineer is free while a turbine waits"
    yield all(n in pool._holds for n in held), "I6: a turbine is left alone, but nobody holds it"
    served = waiting | _in_state(pool, State.assigned)
    yield not any(n in pool._holds for n in served), "I6: a held turbine waits, or an engineer is there"
    line = [number for _, number in sorted((places.get(n, 0), n) for n in waiting)]
    yield pool.waiting() == line, "I7: the line is not in order of place"
    yield len({*places.values(), 0}) == len(places) + 1, "I7: two turbines have the same place"
    given = range(pool._line.first_place, pool._line.last_place + 1)
    yield all(place in given for place in places.values()), "I7: a place was never given"


def _what_is_kept(pool: Dispatcher) -> Iterator[tuple[bool, str]]:
    offline, places = _in_state(pool, State.offline), pool._breakdowns.keys()
    broken = _in_state(pool, State.waiting) | _in_state(pool, State.held) | _in_state(pool, State.assigned)
    yield broken | offline <= places, "I7: a broken or offline turbine has no place"
    yield not (places & _in_state(pool, State.ok)), "I7: a turbine that is ok has a place"
    yield places <= pool._turbines.keys(), "I10: a turbine that is gone has a place"
    ends = sorted((pool._turbines[n].until, n) for n in offline)
    yield pool._offline == ends, "I10: a place stays on"


def _in_state(pool: Dispatcher, state: State) -> set[int]:
    return {number for number, turbine in pool._turbines.items() if turbine.state is state}
