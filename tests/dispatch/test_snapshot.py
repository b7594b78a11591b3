"""A dispatcher that was saved and restored does what the other one does, from any moment on."""

from __future__ import annotations

import json

import pytest
from dispatch_history import history

from gridws.dispatch import Dispatcher, check
from gridws.dispatch.snapshot import restored, saved


@pytest.mark.parametrize("moment", [0, 1, 137, 1_000, 2_503, 4_999])
def test_a_restored_dispatcher_goes_on_as_the_other_one(moment: int) -> None:
    one = Dispatcher(3, repair_timeout=200.0, place_kept_for=300.0)
    events = list(history())
    for event, now in events[:moment]:
        one.tell(event, now)

    other = restored(json.loads(json.dumps(saved(one))))

    check(other)
    for event, now in events[moment:]:
        assert other.tell(event, now) == one.tell(event, now)
        assert other.next_deadline() == one.next_deadline()
    assert saved(other) == saved(one)


def test_everything_that_a_dispatcher_keeps_is_saved() -> None:
    """Something new that it keeps belongs into a snapshot, or among what follows from the rest."""
    kept = set(vars(Dispatcher(1, repair_timeout=1.0, place_kept_for=1.0)))

    assert kept == {
        "_repair_timeout",
        "_place_kept_for",
        "_last_assignment_id",
        "_wall_clock",
        "_roster",
        "_is_roster_said",
        "_holds",
        "_turbines",
        "_breakdowns",
        "_assignments",
        "_line",
        "_repairs",
        "_offline",
    }
