"""The dispatcher's state as values that JSON holds exactly, and a dispatcher made of them that goes on the same way.

What follows from the rest (who waits in which order, which deadline is the next) is not in it. Whoever changes what
the dispatcher keeps changes this too; a test compares what both do from then on.
"""

from __future__ import annotations

from typing import Any

from ..moments import Moment
from .dispatcher import Dispatcher
from .events import Assignment, Hold
from .states import Breakdown, State, Turbine

Saved = dict[str, Any]
"""Whole numbers, fractions that are finite, texts, None, and lists and objects of them."""


def saved(pool: Dispatcher) -> Saved:
    """Return all that the dispatcher knows."""
    roster, line = pool._roster, pool._line
    return {
        "repair_timeout": pool._repair_timeout,
        "place_kept_for": pool._place_kept_for,
        "last_assignment_id": pool._last_assignment_id,
        "wall_clock": pool._wall_clock,
        "engineer_count": roster.engineer_count,
        "is_roster_said": pool._is_roster_said,
        "free": [[engineer, since] for engineer, since in roster._free.items()],
        "assignments": [
            [a.id, a.turbine_number, a.session_id, a.engineer_id, a.broken_at, a.assigned_at, a.assigned_seconds]
            for a in pool._assignments.values()
        ],
        "holds": sorted(pool._holds),
        "places": [line.first_place, line.last_place],
        "turbines": [[n, t.session_id, t.state.name, t.until] for n, t in pool._turbines.items()],
        "breakdowns": [[n, b.place, b.broken, b.engineer_seconds] for n, b in pool._breakdowns.items()],
    }  # fmt: skip


def restored(state: Saved) -> Dispatcher:
    """Return a dispatcher that knows what was saved, also where that has been JSON meanwhile."""
    pool = Dispatcher(
        0,
        repair_timeout=state["repair_timeout"],
        place_kept_for=state["place_kept_for"],
        started=Moment(*state["wall_clock"]),
    )
    pool._last_assignment_id = state["last_assignment_id"]
    pool._is_roster_said = state["is_roster_said"]
    pool._line.first_place, pool._line.last_place = state["places"]
    for number, place, broken, engineer_seconds in state["breakdowns"]:
        pool._breakdowns[number] = Breakdown(place, Moment(*broken), engineer_seconds)
    for number, since, until, reason, by in state["holds"]:
        pool._holds.begin(Hold(number, since, Moment(*until) if until else None, reason, by))
    _restore_engineers(pool, state)
    _restore_turbines(pool, state)
    return pool


def _restore_engineers(pool: Dispatcher, state: Saved) -> None:
    roster = pool._roster
    roster.engineer_count = state["engineer_count"]
    for engineer_id, since in state["free"]:
        roster._free[engineer_id] = Moment(*since)
    for values in state["assignments"]:
        assignment = Assignment(*values)
        pool._assignments[assignment.turbine_number] = assignment
        roster._at_work[assignment.engineer_id] = assignment


def _restore_turbines(pool: Dispatcher, state: Saved) -> None:
    for number, session_id, name, until in state["turbines"]:
        turbine = pool._turbines[number] = Turbine(number, session_id, State[name], until)
        if turbine.state is State.waiting:
            pool._line.join(pool._breakdowns[number].place, number)
        elif turbine.state is State.offline:
            pool._offline.append((until, number))
        elif turbine.state is State.assigned:
            pool._repairs.append((until, pool._assignments[number].id, number))
    pool._offline.sort()
    pool._repairs.sort()
