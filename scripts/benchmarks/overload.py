"""What a monitor does with twice as much as it can store: `scripts/bench --overload`.

First the rate that it stores at its best is looked for, then twice that is offered for as long as is wanted, with
busy neighbours on the cores, then the load falls. Each second the monitor is asked how it is, as an operator would.
"""

from __future__ import annotations

import re
import statistics
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from gridws.storage.sqlite.reader import open_reader

from .capacity import Second, Stand, rates, stand
from .figures import percentile, print_facts
from .file_watch import COMMITTED, changes_in, longest_pause
from .processes import LOAD_CORE, MEASURED_CORE

CALM_WITHIN: Final = 10.0
"""Seconds after the load fell within which all has to be well."""
NUMBER: Final = re.compile(r"\d[\d,.]*")
MODES: Final = {
    "numbered, the core to itself": (True, [LOAD_CORE]),
    "numbered, a third of the core": (True, [LOAD_CORE, MEASURED_CORE, MEASURED_CORE]),
    "plain, a third of the core": (False, [LOAD_CORE, MEASURED_CORE, MEASURED_CORE]),
}


def print_overload(seconds: float, links: int) -> dict[str, list[dict[str, object]]]:
    """Print what came of each way to be overloaded, and return it."""
    tables = {}
    for what, (numbered, busy) in MODES.items():
        with stand(links=links, numbered=numbered, busy=busy) as where:
            found = overload(where, seconds)
            known = where.flood.ask(do="acked")
            if numbered:
                found["acknowledged and lost"] = lost(where.database, known["acked"])
        tables[what] = print_facts(f"{what}, {links:,} links, {seconds:g} s", found)
    return tables


def overload(where: Stand, seconds: float) -> dict[str, object]:
    """Offer twice the best for `seconds`; return what came of it."""
    watching, best = where.watching, where.best()
    where.send(best / 10, CALM_WITHIN)
    first = len(watching.seconds)
    where.probe.tell(do="probe", seconds=seconds)
    with changes_in(where.database, COMMITTED) as commits:
        flood = where.send(2 * best, seconds)
    last = len(watching.seconds)
    times = [took for _, took in where.probe.answer()]
    calm = CALM_WITHIN + flood["on_the_way"] / best
    where.send(best / 10, calm)
    well = len(watching.seconds)
    again = where.step(best).stored
    during, after = watching.seconds[first:last], watching.seconds[well - 2 : well]
    stored = rates(during)
    return {
        "offered of the best": round(flood["offered"] / best, 2),
        "best a second": round(best),
        "and afterwards": round(again),
        "stored of the best": round(statistics.mean(stored) / statistics.mean((best, again)), 2),
        "worst second of the best": round(min(stored) / statistics.mean((best, again)), 2),
        "longest without a commit s": longest_pause(commits),
        "dispatch p50 ms": percentile(times, 0.5),
        "dispatch p99 ms": percentile(times, 0.99),
        "slowest health and metrics s": round(max(each.answered_in for each in during), 2),
        "said": said(during),
        "memory MiB": round(max(each.memory for each in during) / 2**20),
        "memory MiB at its begin": round(during[0].memory / 2**20),
        "resyncs": flood["resyncs"],
        "links lost": flood["links_lost"],
        "on the way at its end": flood["on_the_way"],
        "ok again after s": round(watching.ok_since(last - 1), 1),
        f"{CALM_WITHIN:g} s after all of it": sorted({each.status for each in after}),
    }


def said(seconds: Sequence[Second]) -> dict[str, int]:
    """Return what health said, with N for each number, and in how many of the looks."""
    words = (f"{each.status}: {each.reason}" if each.reason else each.status for each in seconds)
    return dict(Counter(NUMBER.sub("N", each) for each in words).most_common())


def lost(database: Path, acked: Sequence[int], *, all_kept: bool = True) -> int:
    """Return how many acknowledged readings (`acked` has the last one of turbine 1, 2, …) are not in the file.

    Each is looked for by its stream's cursor, and by the count of its turbine's readings unless some were deleted.
    """
    with open_reader(database) as connection:
        cursors = dict(connection.execute("SELECT turbine_number, last_sequence FROM streams"))
        counts = "SELECT turbine_number, count(*) FROM metrics GROUP BY 1"
        stored = dict(connection.execute(counts)) if all_kept else cursors
    return sum(
        max(0, last - min(cursors.get(number, 0), stored.get(number, 0)))
        for number, last in enumerate(acked, start=1)
    )
