"""An hour of two turbines, small enough to be worked out by hand. Times are minutes after its beginning.

Turbine 7 is ok, breaks at 10, is ok again at 25, without a link from 40 to 45, then ok. Engineer 1 is there
from 12 to 16 and gives up, engineer 2 from 20 to 25. It made 1,200 kW before it broke.
Turbine 8 broke 5 minutes before the hour and is ok at 5. Engineer 3 is there from 1 before the hour to 5. It
made 600 kW before it broke.
"""

from __future__ import annotations

from gridws.spans import Span
from gridws.storage.records import Collected, TurbineRows
from gridws.storage.rows import Reading, Repair, StatusChange

MINUTE = 60_000
BEGIN = 28_333_333 * MINUTE


def at(minutes: float) -> int:
    """Return the moment so many minutes after the hour began."""
    return BEGIN + round(minutes * MINUTE)


HOUR = Span(BEGIN, at(60))
COLLECTED = Collected(at(-30), at(60))

STATUSES = {
    7: [
        StatusChange(7, at(-20), "ok", None),
        StatusChange(7, at(10), "broken", 1200.0),
        StatusChange(7, at(25), "ok", 1200.0),
        StatusChange(7, at(40), None, 1200.0),
        StatusChange(7, at(45), "ok", 1200.0),
    ],
    8: [
        StatusChange(8, at(-20), "ok", None),
        StatusChange(8, at(-5), "broken", 600.0),
        StatusChange(8, at(5), "ok", 600.0),
    ],
}
REPAIRS = {
    7: [
        Repair(2, 7, 1, at(10), at(12), at(16), "timed_out"),
        Repair(3, 7, 2, at(10), at(20), at(25), "repaired"),
    ],
    8: [Repair(1, 8, 3, at(-5), at(-1), at(5), "repaired")],
}
ROWS = [TurbineRows(number, STATUSES[number], REPAIRS[number], 100.0) for number in (7, 8)]


def readings(number: int, *moments: float, power: float = 1200.0) -> list[Reading]:
    """Return readings of a steady turbine."""
    return [Reading(number, at(moment), 8.0, power, "ok", at(moment)) for moment in moments]
