"""Names that are said, recalled, and told of."""

from __future__ import annotations

import asyncio

from doubles import HandClock
from watching_world import drained_into

from gridws.dispatch import Naming
from gridws.monitor.monitor import GridMonitor
from gridws.storage.rows import Name, Names
from gridws.viewers.replica import Replica


async def texts_of(monitor: GridMonitor) -> list[str]:
    await asyncio.sleep(0)  # people are told in the next step
    replica = Replica()
    drained_into(replica, monitor.watch.open())
    return [event.text for event in replica.events]


def test_what_is_recalled_late_takes_back_nothing_that_was_said_since() -> None:
    monitor = GridMonitor(clock=HandClock())
    now = monitor.clock.now()
    monitor.remarks.recall(Names({9: Name("old", None)}, {}))
    monitor.remarks.name([Naming(7, None, "new", None), Naming(9, None, None, None)], now)

    monitor.remarks.recall(Names({7: Name("old", None), 8: Name("West 4", None), 9: Name("old", None)}, {}))

    names = monitor.fleet_state.names.turbines
    assert names == {7: Name("new", None), 8: Name("West 4", None), 9: Name(None, None)}


async def test_many_names_are_told_in_one_sentence_and_one_is_told_whole() -> None:
    monitor = GridMonitor(clock=HandClock())
    now = monitor.clock.now()

    monitor.remarks.name([Naming(n, None, f"West {n}", None) for n in range(1, 1_001)], now, by="ann")
    monitor.remarks.name([Naming(None, 2, "Bob", "Norden")], now)
    monitor.remarks.name([Naming(7, None, None, None)], now)
    monitor.remarks.note("crane on Tuesday", now, turbine_number=7, by="ann")
    monitor.remarks.note("storm ahead", now)

    assert await texts_of(monitor) == [
        "1,000 turbines and engineers have new names, by ann",
        "engineer 2 is called Bob, at Norden, now",
        "turbine 7 has no name now",
        "note on turbine 7, by ann: crane on Tuesday",
        "note: storm ahead",
    ]
